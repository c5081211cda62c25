"""`python -m scripts.globus_client CLIENT_ID`: put the Globus client into the secret that Terraform made.

The session key that is there stays, so nobody is signed out. The client's secret is asked for, or read from standard
input; it is never an argument, which other users of the machine could read.
"""

import json
import sys
from getpass import getpass
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError


def put(manager: Any, name: str, client_id: str, client_secret: str) -> None:
    """Write both into the secret `name`; `manager` is a boto3 client of Secrets Manager. Raises ClientError."""
    current = json.loads(manager.get_secret_value(SecretId=name)["SecretString"])
    changed = {**current, "globus_client_id": client_id, "globus_client_secret": client_secret}
    manager.put_secret_value(SecretId=name, SecretString=json.dumps(changed))


@click.command()
@click.argument("client_id")
@click.option("--secret", "name", default="gas/web", show_default=True, help="Terraform's output secret_name")
def main(client_id: str, name: str) -> None:
    """Put the Globus client CLIENT_ID into the web server's secret. It asks for the client's own secret."""
    value = (getpass("Client secret: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not value:
        sys.exit("No client secret was given; nothing was changed.")
    try:
        put(boto3.session.Session().client("secretsmanager"), name, client_id, value)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The secret {name} could not be changed: {error}")
    print(f"Wrote the Globus client into {name}. Web servers that run read it when they are restarted.")


if __name__ == "__main__":
    main()
