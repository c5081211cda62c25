"""`python -m scripts.local.globus`: serve until SIGTERM or Ctrl-C."""

import json
import signal
import threading

import click

from scripts.local.globus.server import serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=0, show_default=True, help="0 takes a free one.")
@click.option("--client-id", envvar="GAS_STANDIN_CLIENT_ID", required=True)
@click.option("--client-secret", envvar="GAS_STANDIN_CLIENT_SECRET", required=True)
@click.option("--native-client-id", envvar="GAS_STANDIN_NATIVE_CLIENT_ID", required=True)
@click.option(
    "--redirect", "redirects", envvar="GAS_STANDIN_REDIRECTS", multiple=True, required=True, help="May be repeated."
)
def main(
    host: str, port: int, client_id: str, client_secret: str, native_client_id: str, redirects: tuple[str, ...]
) -> None:
    """A stand-in for Globus Auth. Prints one line of JSON with its URL when it is ready."""
    try:
        server, url = serve(
            host,
            port,
            client_id=client_id,
            client_secret=client_secret,
            native_client_id=native_client_id,
            redirect_uris=redirects,
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--host") from error
    except OSError as error:
        raise click.ClickException(f"Port {port} of {host} cannot be used: {error.strerror}.") from error
    print(json.dumps({"url": url}), flush=True)
    # `shutdown` waits for the serving loop to end, so it may not run in the loop's own thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
