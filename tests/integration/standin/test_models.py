"""What the stand-in answers has the form that botocore's own descriptions of the services promise.

botocore reads answers leniently: what it does not find is just absent, and what it does not know it drops, so a fake
can be wrong without anybody noticing. Here each raw answer is held against the described one: its status, every member
of its body and its headers by name and type, and for a refusal a code that the operation may give.
"""

import json
import os
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, OperationModel, StructureShape

from gas.archives import Archive
from gas.archives.glacier_vault import GlacierVault
from gas.archives.s3_glacier import S3Glacier
from tests.conftest import AwsStandIn
from tests.deployment import until
from tests.vault import archives_in

TYPES = {
    "string": str,
    "timestamp": str | int | float,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": int | float,
    "float": int | float,
    "blob": str,
}


class Answers:
    """Listens to a client, and holds each of its answers against the service's description."""

    def __init__(self, client: Any) -> None:
        self.wrong: list[str] = []
        self.seen: dict[str, set[int]] = {}
        client.meta.events.register("after-call.*.*", self._after)

    def _after(self, http_response: Any, parsed: dict[str, Any], model: OperationModel, **_: Any) -> None:
        status = http_response.status_code
        self.seen.setdefault(model.name, set()).add(status)
        if status >= 300:
            self._refusal(parsed, model)
            return
        expected = int(model.http.get("responseCode", 200))
        # A range of an output comes as 206: https://docs.aws.amazon.com/amazonglacier/latest/dev/api-job-output-get.html
        # A restore that is new as 202: https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
        if status != expected and (model.name, status) not in {("GetJobOutput", 206), ("RestoreObject", 202)}:
            self.wrong.append(f"{model.name}: status {status} where {expected} is described")
        shape = model.output_shape
        if not isinstance(shape, StructureShape):
            return
        headers = {member.serialization["name"].lower(): name for name, member in shape.members.items() if _in(member)}
        for header in http_response.headers:
            if header.lower().startswith("x-amz-") and header.lower() not in {*headers, *GENERAL, *ECHOED}:
                self.wrong.append(f"{model.name}: header {header} is not described")
        if "payload" not in shape.serialization and "json" in model.metadata["protocol"]:
            body = {name: member for name, member in shape.members.items() if not member.serialization.get("location")}
            self._structure(model.name, body, json.loads(http_response.content or b"{}"))

    def _refusal(self, parsed: dict[str, Any], model: OperationModel) -> None:
        code = parsed["Error"]["Code"]
        known = {shape.name for shape in model.error_shapes} | UNDESCRIBED.get(model.name, set())
        if code not in known:
            self.wrong.append(f"{model.name}: refused with {code}; described are {sorted(known)}")

    def _structure(self, where: str, members: dict[str, Any], value: dict[str, Any]) -> None:
        for name, found in value.items():
            by_name = {member.serialization.get("name", key): member for key, member in members.items()}
            if name not in by_name:
                self.wrong.append(f"{where}.{name} is not described")
            elif found is not None:
                self._value(f"{where}.{name}", by_name[name], found)

    def _value(self, where: str, shape: Any, value: Any) -> None:
        if isinstance(shape, StructureShape):
            self._structure(where, shape.members, value)
        elif isinstance(shape, ListShape):
            for entry in value:
                self._value(f"{where}[]", shape.member, entry)
        elif isinstance(shape, MapShape):
            for entry in value.values():
                self._value(f"{where}{{}}", shape.value, entry)
        elif not isinstance(value, TYPES[shape.type_name]):
            self.wrong.append(f"{where} is {value!r}, not of type {shape.type_name}")
        elif shape.type_name == "string" and shape.enum and value not in shape.enum:
            self.wrong.append(f"{where} is {value!r}, not one of {shape.enum}")


# https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html
GENERAL = {"x-amzn-requestid", "x-amz-request-id", "x-amz-id-2", "x-amz-bucket-region"}
# moto sends headers of the request that stored an object back with it, which S3 does not. Nobody reads them.
ECHOED = {"x-amz-checksum-algorithm", "x-amz-content-sha256", "x-amz-sdk-checksum-algorithm"}
# botocore describes no such refusal of these, AWS's pages do.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
UNDESCRIBED = {
    "HeadObject": {"404"},
    "RestoreObject": {"RestoreAlreadyInProgress", "NoSuchKey", "InvalidObjectState"},
    "GetObject": {"NoSuchKey"},
}


def _in(member: Any) -> bool:
    return member.serialization.get("location") in ("header", "headers")


def refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ClientError):
        call()


def test_the_vault_answers_as_described(aws_standin: AwsStandIn) -> None:
    glacier = aws_standin.client("glacier", config=Config(retries={"total_max_attempts": 1}))
    answers = Answers(glacier)
    name = f"v{uuid.uuid4().hex[:8]}"
    glacier.create_vault(vaultName=name)
    vault = GlacierVault(glacier, name)
    archive = vault.store("u/j/1", 3_000_000, iter([os.urandom(3_000_000)]), lambda _: None)
    retrieval = vault.request(archive, "u/j/1", "Expedited")
    until(lambda: vault.status(archive, retrieval.retrieval_id) == "READY")
    assert sum(len(part) for part in vault.fetch(archive, retrieval.retrieval_id)) == 3_000_000
    assert vault.requested(archive) == retrieval
    assert archives_in(glacier, name) == {archive.archive_id: "u/j/1"}
    upload = glacier.initiate_multipart_upload(vaultName=name, partSize="1048576")["uploadId"]
    glacier.list_multipart_uploads(vaultName=name)
    glacier.list_parts(vaultName=name, uploadId=upload)
    glacier.abort_multipart_upload(vaultName=name, uploadId=upload)
    glacier.describe_vault(vaultName=name)
    glacier.list_vaults()
    vault.discard(archive.archive_id)
    refused(lambda: vault.request(archive, "u/j/1", "Expedited"))
    refused(lambda: glacier.describe_job(vaultName=name, jobId="none"))
    refused(lambda: glacier.delete_archive(vaultName=name, archiveId="none"))
    refused(lambda: glacier.initiate_multipart_upload(vaultName=name, partSize="7"))
    refused(lambda: glacier.initiate_job(vaultName=name, jobParameters={"Type": "none"}))
    assert not answers.wrong, "\n".join(sorted(set(answers.wrong)))
    assert answers.seen["InitiateJob"] == {202, 404, 400}
    assert answers.seen["GetJobOutput"] == {200, 206}
    assert answers.seen["UploadMultipartPart"] == {204}


def test_restores_answer_as_described(aws_standin: AwsStandIn) -> None:
    s3 = aws_standin.client("s3", config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}))
    answers = Answers(s3)
    bucket = f"b{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    shelf = S3Glacier(s3, bucket)
    archive = shelf.store("u/j/1", 3_000_000, iter([os.urandom(3_000_000)]), lambda _: None)
    refused(lambda: s3.get_object(Bucket=bucket, Key=archive.archive_id))
    retrieval = shelf.request(archive, "u/j/1", "Expedited")
    refused(lambda: s3.restore_object(Bucket=bucket, Key=archive.archive_id, RestoreRequest=_asked("Standard")))
    until(lambda: shelf.status(archive, retrieval.retrieval_id) == "READY")
    # A repeat only prolongs the copy's life, and says so by another status.
    s3.restore_object(Bucket=bucket, Key=archive.archive_id, RestoreRequest=_asked("Expedited"))
    assert sum(len(part) for part in shelf.fetch(archive, retrieval.retrieval_id)) == 3_000_000
    shelf.discard(archive.archive_id)
    assert shelf.status(Archive(archive.archive_id, 1, ""), "none") == "GONE"
    refused(lambda: s3.restore_object(Bucket=bucket, Key="none", RestoreRequest=_asked("Expedited")))
    assert not answers.wrong, "\n".join(sorted(set(answers.wrong)))
    assert answers.seen["RestoreObject"] == {202, 409, 200, 404}


def _asked(tier: str) -> dict[str, Any]:
    return {"Days": 1, "GlacierJobParameters": {"Tier": tier}}


def test_mail_answers_as_described(aws_standin: AwsStandIn) -> None:
    ses = aws_standin.client("sesv2", config=Config(retries={"total_max_attempts": 1}))
    answers = Answers(ses)
    domain = f"d{uuid.uuid4().hex[:8]}.example"
    ses.create_email_identity(EmailIdentity=domain)
    ses.get_email_identity(EmailIdentity=domain)
    text = {"Data": "text"}
    mail = {
        "Destination": {"ToAddresses": ["ada@reader.example"]},
        "Content": {"Simple": {"Subject": text, "Body": {"Text": text}}},
    }
    ses.send_email(FromEmailAddress=f"no-reply@{domain}", **mail)
    refused(lambda: ses.send_email(FromEmailAddress="no-reply@stranger.example", **mail))
    ses.delete_email_identity(EmailIdentity=domain)
    refused(lambda: ses.get_email_identity(EmailIdentity=domain))
    assert not answers.wrong, "\n".join(sorted(set(answers.wrong)))
    assert answers.seen["SendEmail"] == {200, 400}
