"""From a call that the stand-in has noted to the permissions that AWS asks for it."""

import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.conftest import REGION
from tests.deployment import ACCOUNT

HERE = f"{REGION}:{ACCOUNT}"
KEY = f"arn:aws:kms:{HERE}:key/00000000-0000-0000-0000-000000000000"
# Secrets Manager adds six characters of its own to a name.
SECRET_SUFFIX = "-AbC123"

# The operations of S3 and SES are named otherwise than the permissions for them; all others are `service:Operation`.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
S3_ACTIONS = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "PostObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
}
# With a version, these ask for the permission that ends in it.
VERSIONED = {"GetObject", "DeleteObject", "DeleteObjectTagging", "GetObjectTagging", "PutObjectTagging"}
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
TRANSACTION_ACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
}

# What the caller needs of the key that encrypts what it reads or writes.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html, "Multipart upload API and permissions"
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
READS, WRITES, BOTH = ("kms:Decrypt",), ("kms:GenerateDataKey",), ("kms:Decrypt", "kms:GenerateDataKey")
KEY_USE = {
    "s3:GetObject": READS,
    "s3:PutObject": WRITES,
    "s3:PostObject": WRITES,
    "s3:CreateMultipartUpload": WRITES,
    "s3:UploadPart": BOTH,
    "s3:CompleteMultipartUpload": READS,
    "sns:Publish": BOTH,
    "sqs:SendMessage": BOTH,
    "sqs:ReceiveMessage": READS,
    "sqs:StartMessageMoveTask": BOTH,
    "secretsmanager:GetSecretValue": READS,
}


@dataclass(frozen=True)
class Need:
    """One permission that one call needs; `context` are the values of the condition keys that AWS fills in."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Noted:
    """One line of the stand-in's list of calls (`scripts/local/aws/calls.py`)."""

    app: str
    signed: str
    service: str
    operation: str
    path: str
    status: int
    tagged: bool = False
    query: dict[str, str] = field(default_factory=dict)
    parameters: Any = None

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"


def read(path: Path) -> list[Noted]:
    """The calls of the file."""
    return [Noted(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def needs(call: Noted) -> Iterator[Need]:
    """The permissions that the caller needs. Raises KeyError for a service that this does not know."""
    yield from SERVICES[call.service](call)
    for action in KEY_USE.get(call.name, ()):
        yield Need(action, KEY, (("kms:ViaService", f"{call.service}.{REGION}.amazonaws.com"),))


def _s3(call: Noted) -> Iterator[Need]:
    bucket, _, key = call.path.lstrip("/").partition("/")
    action = S3_ACTIONS.get(call.operation, call.operation)
    arn = f"arn:aws:s3:::{bucket}"
    if call.operation == "DeleteObjects":
        yield from _deleted(arn, call.parameters)
    elif call.operation == "PostObject":
        yield Need("s3:PutObject", f"arn:aws:s3:::{call.parameters['bucket']}/{call.parameters['key']}")
        yield Need("s3:PutObjectTagging", f"arn:aws:s3:::{call.parameters['bucket']}/{call.parameters['key']}")
    elif key:
        version = "Version" if "versionId" in call.query and action in VERSIONED else ""
        verb, tagging = (action.removesuffix("Tagging"), "Tagging") if action.endswith("Tagging") else (action, "")
        yield Need(f"s3:{verb}{version}{tagging}", f"{arn}/{key}")
        if call.tagged:
            yield Need("s3:PutObjectTagging", f"{arn}/{key}")
        if call.status == 404 and action == "GetObject":
            # To whoever may not list, S3 says 403 instead of 404.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
            yield Need("s3:ListBucket", arn)
    else:
        yield Need(f"s3:{action}", arn, (("s3:prefix", call.query.get("prefix", "")),))


def _deleted(arn: str, document: str) -> Iterator[Need]:
    root = ElementTree.fromstring(document)
    for entry in root.iter():
        if entry.tag.endswith("}Object") or entry.tag == "Object":
            parts = {child.tag.rpartition("}")[2]: child.text or "" for child in entry}
            version = "Version" if "VersionId" in parts else ""
            yield Need(f"s3:DeleteObject{version}", f"{arn}/{parts['Key']}")


def _dynamodb(call: Noted) -> Iterator[Need]:
    if call.operation == "TransactWriteItems":
        for item in call.parameters["TransactItems"]:
            for kind, write in item.items():
                yield Need(f"dynamodb:{TRANSACTION_ACTIONS[kind]}", _table(write["TableName"]))
        return
    index = call.parameters.get("IndexName")
    suffix = f"/index/{index}" if index else ""
    yield Need(call.name, _table(call.parameters["TableName"]) + suffix)


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{HERE}:table/{name}"


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
MOVES = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def _sqs(call: Noted) -> Iterator[Need]:
    if source := call.parameters.get("SourceArn"):
        yield from (Need(action, source) for action in (call.name, *MOVES))
        if destination := call.parameters.get("DestinationArn"):
            yield Need("sqs:SendMessage", destination)
        return
    name = call.parameters.get("QueueName") or call.parameters["QueueUrl"].rsplit("/", 1)[-1]
    # A batch needs what each of it needs.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    yield Need(call.name.removesuffix("Batch"), f"arn:aws:sqs:{HERE}:{name}")


def _sns(call: Noted) -> Iterator[Need]:
    yield Need(call.name, call.parameters["TopicArn"])


def _glacier(call: Noted) -> Iterator[Need]:
    vault = re.fullmatch(r"/[^/]+/vaults/([^/]+).*", call.path)
    assert vault, call
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonglacier.html
    yield Need(call.name, f"arn:aws:glacier:{HERE}:vaults/{vault[1]}")


def _ses(call: Noted) -> Iterator[Need]:
    address = parseaddr(call.parameters["FromEmailAddress"])[1]
    # Terraform makes an identity of the domain, from which every address of it may send.
    identity = f"arn:aws:ses:{HERE}:identity/{address.rpartition('@')[2]}"
    yield Need(call.name, identity, (("ses:FromAddress", address),))


def _secrets(call: Noted) -> Iterator[Need]:
    yield Need(call.name, f"arn:aws:secretsmanager:{HERE}:secret:{call.parameters['SecretId']}{SECRET_SUFFIX}")


def _ssm(call: Noted) -> Iterator[Need]:
    yield Need(call.name, f"arn:aws:ssm:{HERE}:parameter{call.parameters['Path']}")


def _ec2(call: Noted) -> Iterator[Need]:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    assert call.operation.startswith("Describe"), call
    yield Need(call.name, "*")


def _autoscaling(call: Noted) -> Iterator[Need]:
    if call.operation.startswith("Describe"):
        yield Need(call.name, "*")
        return
    group = urllib.parse.unquote(call.parameters["AutoScalingGroupName"])
    yield Need(call.name, f"arn:aws:autoscaling:{HERE}:autoScalingGroup:any:autoScalingGroupName/{group}")


SERVICES = {
    "s3": _s3,
    "dynamodb": _dynamodb,
    "sqs": _sqs,
    "sns": _sns,
    "glacier": _glacier,
    "ses": _ses,
    "secretsmanager": _secrets,
    "ssm": _ssm,
    "autoscaling": _autoscaling,
    "ec2": _ec2,
}
