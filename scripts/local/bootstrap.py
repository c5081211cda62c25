"""Creates in the AWS stand-in what `gas/topology.json` names, as Terraform does in an account.

`python -m scripts.local.bootstrap` reads the same environment as every process. Run twice, it changes nothing.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from email.utils import parseaddr
from functools import cached_property
from typing import Any, TypeVar

import click
from botocore.exceptions import ClientError

from gas import aws, config, topology
from gas.aws import Secrets
from gas.config import Settings
from gas.topology import Bucket, Queue, Table, Topology
from gas.uploads import UNCLAIMED, UNCLAIMED_TAG
from scripts.local import loopback

# https://docs.aws.amazon.com/amazonglacier/latest/dev/api-vault-notifications-put.html
# Whoever asks for an inventory waits for it; nobody reads a notice of it.
VAULT_EVENTS = ["ArchiveRetrievalCompleted"]
CORS_SECONDS = 3000
NOT_FOUND = {
    "NoSuchLifecycleConfiguration",
    "404",
    "NoSuchBucket",
    "NoSuchCORSConfiguration",
    "NotFound",
    "NotFoundException",
    "ResourceNotFoundException",
}

T = TypeVar("T")


@dataclass
class Account:
    """Where to create, what, and the sentences that say what was changed."""

    settings: Settings
    topology: Topology
    changes: list[str] = field(default_factory=list)

    def name(self, short: str) -> str:
        return topology.resource_name(self.settings.name_prefix, short)

    def topic_arn(self, short: str) -> str:
        return topology.topic_arn(self.settings.region, self.settings.account_id, self.settings.name_prefix, short)

    def queue_arn(self, short: str) -> str:
        return topology.queue_arn(self.settings.region, self.settings.account_id, self.settings.name_prefix, short)

    @cached_property
    def sns(self) -> Any:
        return aws.client(self.settings, "sns")

    @cached_property
    def sqs(self) -> Any:
        return aws.client(self.settings, "sqs")

    @cached_property
    def dynamodb(self) -> Any:
        return aws.client(self.settings, "dynamodb")

    @cached_property
    def s3(self) -> Any:
        return aws.client(self.settings, "s3")


def apply(settings: Settings, secrets: Secrets) -> list[str]:
    """Create or mend everything; returns one sentence for each change. Raises botocore's errors."""
    account = Account(settings, topology.load())
    for short in account.topology.topics:
        _topic(account, short)
    for queue in account.topology.queues.values():
        _queue_with_dead_letters(account, queue)
    for table in account.topology.tables.values():
        _table(account, table)
    buckets = {"inputs": settings.inputs_bucket, "results": settings.results_bucket}
    for bucket in account.topology.buckets.values():
        _bucket(account, buckets[bucket.name], bucket)
        _lifecycle(account, buckets[bucket.name], bucket)
    _vault(account)
    _restore_events(account)
    _sender(account)
    _secret(account, secrets)
    return account.changes


def _topic(account: Account, short: str) -> None:
    if _missing(lambda: account.sns.get_topic_attributes(TopicArn=account.topic_arn(short))):
        account.sns.create_topic(Name=account.name(short))
        account.changes.append(f"Created topic {account.name(short)}.")


def _queue_with_dead_letters(account: Account, queue: Queue) -> None:
    retention = str(account.topology.message_retention_seconds)
    arn, dead_arn = account.queue_arn(queue.name), account.queue_arn(queue.dead_letter_name)
    _queue(
        account,
        queue.dead_letter_name,
        {
            "MessageRetentionPeriod": retention,
            "RedriveAllowPolicy": json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn]}),
        },
    )
    _queue(
        account,
        queue.name,
        {
            "MessageRetentionPeriod": retention,
            # Whoever shortens the window to try things out means the archive too.
            "DelaySeconds": str(min(queue.delay_seconds, account.settings.free_window)),
            "VisibilityTimeout": str(queue.visibility_seconds),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": queue.max_receives}),
            "Policy": json.dumps(_may_send(account.topic_arn(queue.topic), arn)),
        },
    )
    _subscription(account, account.topic_arn(queue.topic), arn)


def _queue(account: Account, short: str, wanted: dict[str, str]) -> None:
    """See that it exists with these attributes."""
    name = account.name(short)
    try:
        url = account.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except account.sqs.exceptions.QueueDoesNotExist:
        account.sqs.create_queue(QueueName=name, Attributes=wanted)
        account.changes.append(f"Created queue {name}.")
        return
    found = account.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    differing = {name: value for name, value in wanted.items() if not _same_attribute(found.get(name), value)}
    if differing:
        account.sqs.set_queue_attributes(QueueUrl=url, Attributes=differing)
        account.changes.append(f"Set {', '.join(sorted(differing))} of queue {name}.")


def _same_attribute(found: str | None, wanted: str) -> bool:
    """Policies are compared as JSON: the service may write them with other spaces."""
    if found is None or not wanted.startswith("{"):
        return found == wanted
    return bool(json.loads(found) == json.loads(wanted))


def _may_send(topic_arn: str, queue_arn: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html"""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
            }
        ],
    }


def _subscription(account: Account, topic_arn: str, queue_arn: str) -> None:
    pages = account.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    if any(found["Endpoint"] == queue_arn for page in pages for found in page["Subscriptions"]):
        return
    account.sns.subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"}
    )
    account.changes.append(f"Subscribed {queue_arn.rsplit(':', 1)[-1]} to {topic_arn.rsplit(':', 1)[-1]}.")


def _table(account: Account, table: Table) -> None:
    name = account.name(table.name)
    if _missing(lambda: account.dynamodb.describe_table(TableName=name)):
        indexes = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.hash_key, index.range_key),
                "Projection": {"ProjectionType": "ALL"}
                if index.includes is None
                else {"ProjectionType": "INCLUDE", "NonKeyAttributes": index.includes},
            }
            for index in table.indexes
        ]
        made = account.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_key_schema(table.hash_key),
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in table.attributes.items()],
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
        if made["TableDescription"]["TableStatus"] != "ACTIVE":
            account.dynamodb.get_waiter("table_exists").wait(TableName=name)
        account.changes.append(f"Created table {name}.")
    if table.ttl_attribute:
        found = account.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if found.get("AttributeName") != table.ttl_attribute:
            account.dynamodb.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute}
            )
            account.changes.append(f"Set the time to live of table {name}.")


def _key_schema(hash_key: str, range_key: str | None = None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return schema if range_key is None else [*schema, {"AttributeName": range_key, "KeyType": "RANGE"}]


def _bucket(account: Account, name: str, bucket: Bucket) -> None:
    if _missing(lambda: account.s3.head_bucket(Bucket=name)):
        # us-east-1 is the one region that may not be named here.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        elsewhere = {} if account.settings.region == "us-east-1" else {"LocationConstraint": account.settings.region}
        account.s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": elsewhere} if elsewhere else {}))
        account.changes.append(f"Created bucket {name}.")
    if account.s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
        account.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        account.changes.append(f"Switched versioning on for bucket {name}.")
    rules = [
        {
            "AllowedOrigins": [account.settings.site_url],
            "AllowedMethods": list(bucket.browser_methods),
            "AllowedHeaders": ["*"],
            "ExposeHeaders": list(bucket.browser_headers),
            "MaxAgeSeconds": CORS_SECONDS,
        }
    ]
    if _found(lambda: account.s3.get_bucket_cors(Bucket=name)["CORSRules"]) != rules:
        account.s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
        account.changes.append(f"Let {account.settings.site_url} reach bucket {name} from a browser.")


def _lifecycle(account: Account, name: str, bucket: Bucket) -> None:
    rules: list[Any] = [
        {
            "ID": "abandoned-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": bucket.abort_multipart_days},
        }
    ]
    if bucket.expire_unclaimed_days is not None:
        rules.append(
            {
                "ID": "unclaimed-uploads",
                "Status": "Enabled",
                "Filter": {"Tag": {"Key": UNCLAIMED_TAG, "Value": UNCLAIMED}},
                "Expiration": {"Days": bucket.expire_unclaimed_days},
                "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
            }
        )
    if _found(lambda: account.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) != rules:
        account.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        account.changes.append(f"Set the lifecycle of bucket {name}.")


def _vault(account: Account) -> None:
    glacier = aws.client(account.settings, "glacier")
    name = account.name(account.topology.vault)
    if _missing(lambda: glacier.describe_vault(vaultName=name)):
        glacier.create_vault(vaultName=name)
        account.changes.append(f"Created vault {name}.")
    wanted = {"SNSTopic": account.topic_arn("job-thaws"), "Events": VAULT_EVENTS}
    if _found(lambda: glacier.get_vault_notifications(vaultName=name)["vaultNotificationConfig"]) != wanted:
        glacier.set_vault_notifications(vaultName=name, vaultNotificationConfig=wanted)
        account.changes.append(f"Set the notifications of vault {name}.")


def _restore_events(account: Account) -> None:
    """S3 tells the topic of thaws when a restored copy is there, as the vault does of its retrievals."""
    bucket = account.settings.results_bucket
    if "results" in account.topology.buckets:
        wanted = [{"TopicArn": account.topic_arn("job-thaws"), "Events": ["s3:ObjectRestore:Completed"]}]
        found = account.s3.get_bucket_notification_configuration(Bucket=bucket).get("TopicConfigurations", [])
        if [{name: each[name] for name in ("TopicArn", "Events")} for each in found] != wanted:
            account.s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"TopicConfigurations": wanted}
            )
            account.changes.append(f"Let bucket {bucket} tell of restored objects.")


def _sender(account: Account) -> None:
    ses = aws.client(account.settings, "sesv2")
    address = parseaddr(account.settings.mail_from)[1]
    if _missing(lambda: ses.get_email_identity(EmailIdentity=address)):
        ses.create_email_identity(EmailIdentity=address)
        account.changes.append(f"Verified the sender {address}.")


def _secret(account: Account, secrets: Secrets) -> None:
    manager = aws.client(account.settings, "secretsmanager")
    name = account.settings.secrets_name
    wanted = asdict(secrets)
    found = _found(lambda: json.loads(manager.get_secret_value(SecretId=name)["SecretString"]))
    if found is None:
        manager.create_secret(Name=name, SecretString=json.dumps(wanted))
    elif found != wanted:
        manager.put_secret_value(SecretId=name, SecretString=json.dumps(wanted))
    else:
        return
    account.changes.append(f"Wrote the secret {name}.")


def _found(ask: Callable[[], T]) -> T | None:
    """The answer, or None where the service says that there is no such thing."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_FOUND:
            return None
        raise


def _missing(ask: Callable[[], object]) -> bool:
    return _found(ask) is None


def await_standin(url: str, patience: float) -> None:
    """Until the stand-in answers. Raises OSError when it does not within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            loopback.get(f"{url}/_standin/health")
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@click.command()
@click.option("--wait", "patience", default=0.0, help="Wait this many seconds for the stand-in to answer.")
@click.option("--client-id", envvar="GAS_STANDIN_CLIENT_ID", required=True)
@click.option("--client-secret", envvar="GAS_STANDIN_CLIENT_SECRET", required=True)
@click.option("--session-key", envvar="GAS_STANDIN_SESSION_KEY", required=True)
def main(patience: float, client_id: str, client_secret: str, session_key: str) -> None:
    """Create in the AWS stand-in what GAS needs. It refuses to touch a real account: that is Terraform's."""
    url = os.environ.get("AWS_ENDPOINT_URL", "")
    if not url.startswith("http://127.0.0.1:"):
        sys.exit("AWS_ENDPOINT_URL must name the stand-in, http://127.0.0.1:PORT: an AWS account is made by Terraform.")
    try:
        await_standin(url, patience)
    except OSError as error:
        sys.exit(f"The AWS stand-in at {url} does not answer: {error}")
    changes = apply(config.load(), Secrets(client_id, client_secret, session_key))
    print("\n".join(changes) or "Nothing to change.")


if __name__ == "__main__":
    main()
