"""A Glacier vault as its documentation states it: hashes, parts, jobs by tier, notices, ranges, inventory."""

import hashlib
import io
import json
import os
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.utils import calculate_tree_hash

from tests.conftest import AwsStandIn, start_standin, stop_standin

MIB = 2**20


@dataclass
class Vault:
    glacier: Any
    name: str

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self.glacier, operation)
        return lambda **asked: method(accountId="-", vaultName=self.name, **asked)

    def store(self, body: bytes = b"archive", **asked: Any) -> str:
        return self.upload_archive(body=body, **asked)["archiveId"]

    def begin(self, archive: str, **parameters: Any) -> str:
        asked = {"Type": "archive-retrieval", "ArchiveId": archive, "Tier": "Expedited", **parameters}
        return self.initiate_job(jobParameters=asked)["jobId"]

    def finished(self, job: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while not (description := self.describe_job(jobId=job))["Completed"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return description

    def parts(self, body: bytes, size: int) -> str:
        upload = self.initiate_multipart_upload(partSize=str(size), archiveDescription="parts")["uploadId"]
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            self.upload_multipart_part(uploadId=upload, range=f"bytes {start}-{start + len(piece) - 1}/*", body=piece)
        return upload

    def complete(self, upload: str, body: bytes, checksum: str | None = None) -> str:
        return self.complete_multipart_upload(
            uploadId=upload, archiveSize=str(len(body)), checksum=checksum or tree_hash(body)
        )["archiveId"]


def tree_hash(body: bytes) -> str:
    return calculate_tree_hash(io.BytesIO(body))


@pytest.fixture
def vault(aws_standin: AwsStandIn) -> Vault:
    glacier = aws_standin.client("glacier")
    name = f"v{uuid.uuid4().hex[:10]}"
    glacier.create_vault(accountId="-", vaultName=name)
    return Vault(glacier, name)


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


@pytest.mark.parametrize("size", [1, MIB - 1, MIB, MIB + 1, 3 * MIB, 5 * MIB + 7])
def test_the_tree_hash_is_botocores(vault: Vault, size: int) -> None:
    body = os.urandom(size)
    answer = vault.upload_archive(body=body, archiveDescription="d")
    assert answer["checksum"] == tree_hash(body)
    assert len(answer["archiveId"]) == 138
    job = vault.begin(answer["archiveId"])
    assert vault.finished(job)["SHA256TreeHash"] == tree_hash(body)
    output = vault.get_job_output(jobId=job)
    assert (output["body"].read(), output["checksum"], output["status"]) == (body, tree_hash(body), 200)
    assert output["archiveDescription"] == "d"


def test_the_same_body_gets_another_id(vault: Vault) -> None:
    assert vault.store(b"same") != vault.store(b"same")


def test_wrong_hashes_and_empty_archives_are_refused(vault: Vault) -> None:
    assert refused(lambda: vault.store(b"x", checksum=tree_hash(b"y")))[0] == "InvalidParameterValueException"
    assert refused(lambda: vault.store(b""))[0] == "InvalidParameterValueException"
    assert refused(lambda: vault.store(b"x", archiveDescription="d" * 1025))[0] == "InvalidParameterValueException"


def test_multipart(vault: Vault) -> None:
    body = os.urandom(5 * MIB + 1234)
    upload = vault.parts(body, 2 * MIB)
    listed = vault.list_parts(uploadId=upload)
    assert [part["RangeInBytes"] for part in listed["Parts"]] == [
        f"0-{2 * MIB - 1}",
        f"{2 * MIB}-{4 * MIB - 1}",
        f"{4 * MIB}-{len(body) - 1}",
    ]
    assert listed["Parts"][1]["SHA256TreeHash"] == tree_hash(body[2 * MIB : 4 * MIB])
    assert [each["MultipartUploadId"] for each in vault.list_multipart_uploads()["UploadsList"]] == [upload]
    archive = vault.complete(upload, body)
    assert vault.complete(upload, body) == archive
    assert vault.list_multipart_uploads()["UploadsList"] == []
    assert refused(lambda: vault.list_parts(uploadId=upload))[0] == "ResourceNotFoundException"
    job = vault.begin(archive)
    vault.finished(job)
    assert vault.get_job_output(jobId=job)["body"].read() == body
    assert vault.describe_vault()["NumberOfArchives"] == 1


@pytest.mark.parametrize("size", ["0", "1000000", str(MIB - 1), str(3 * MIB), str(8192 * MIB), "many"])
def test_part_sizes_are_powers_of_two_mebibytes(vault: Vault, size: str) -> None:
    code, _ = refused(lambda: vault.initiate_multipart_upload(partSize=size))
    assert code == "InvalidParameterValueException"


def test_parts_must_fit(vault: Vault) -> None:
    upload = vault.initiate_multipart_upload(partSize=str(MIB))["uploadId"]

    def part(start: int, size: int, told: int | None = None, **more: Any) -> Any:
        end = start + (size if told is None else told) - 1
        return vault.upload_multipart_part(uploadId=upload, range=f"bytes {start}-{end}/*", body=b"x" * size, **more)

    for wrong in (lambda: part(100, MIB), lambda: part(0, MIB + 1), lambda: part(0, 10, told=11)):
        assert refused(wrong)[0] == "InvalidParameterValueException"
    assert refused(lambda: part(0, 10, checksum=tree_hash(b"y")))[0] == "InvalidParameterValueException"
    part(0, 10)
    part(MIB, MIB)
    whole = b"x" * (10 + MIB)
    code, words = refused(lambda: vault.complete(upload, whole))
    assert (code, "not the last" in words) == ("InvalidParameterValueException", True)
    part(0, MIB)
    whole = b"x" * 2 * MIB
    assert refused(lambda: vault.complete(upload, whole[:-1]))[0] == "InvalidParameterValueException"
    assert "Checksum mismatch" in refused(lambda: vault.complete(upload, whole, tree_hash(b"z")))[1]
    vault.complete(upload, whole)


def test_a_missing_part_is_named(vault: Vault) -> None:
    upload = vault.initiate_multipart_upload(partSize=str(MIB))["uploadId"]
    vault.upload_multipart_part(uploadId=upload, range=f"bytes {MIB}-{MIB}/*", body=b"x")
    assert "starts at 0" in refused(lambda: vault.complete(upload, b"x" * (MIB + 1)))[1]


def test_abort_may_be_repeated(vault: Vault) -> None:
    upload = vault.parts(b"x" * MIB, MIB)
    vault.abort_multipart_upload(uploadId=upload)
    vault.abort_multipart_upload(uploadId=upload)
    assert refused(lambda: vault.complete(upload, b"x" * MIB))[0] == "ResourceNotFoundException"
    assert refused(lambda: vault.abort_multipart_upload(uploadId="none"))[0] == "ResourceNotFoundException"


def test_jobs_take_their_time_by_tier(vault: Vault) -> None:
    archive = vault.store()
    jobs = {tier: vault.begin(archive, Tier=tier) for tier in ("Bulk", "Standard", "Expedited")}
    assert vault.describe_job(jobId=jobs["Bulk"])["StatusCode"] == "InProgress"
    code, words = refused(lambda: vault.get_job_output(jobId=jobs["Bulk"]))
    assert (code, "not currently available" in words) == ("InvalidParameterValueException", True)
    assert {job["JobId"] for job in vault.list_jobs(completed="false")["JobList"]} >= {jobs["Bulk"]}
    done = {tier: vault.finished(job)["CompletionDate"] for tier, job in jobs.items()}
    assert done["Expedited"] < done["Standard"] < done["Bulk"]
    assert {job["StatusCode"] for job in vault.list_jobs(completed="true")["JobList"]} == {"Succeeded"}


def test_jobs_that_cannot_be(aws_standin: AwsStandIn, vault: Vault) -> None:
    archive = vault.store()
    assert refused(lambda: vault.begin("A" * 138))[0] == "ResourceNotFoundException"
    assert refused(lambda: vault.begin(archive, Tier="Fast"))[0] == "InvalidParameterValueException"
    assert refused(lambda: vault.begin(archive, Type="select"))[0] == "InvalidParameterValueException"
    assert refused(lambda: vault.begin(archive, SNSTopic="topic"))[0] == "InvalidParameterValueException"
    assert refused(lambda: vault.describe_job(jobId="none"))[0] == "ResourceNotFoundException"
    other = Vault(vault.glacier, "no-such-vault")
    assert refused(lambda: other.begin(archive))[0] == "ResourceNotFoundException"
    aws_standin.fault(
        service="glacier",
        operation="InitiateJob",
        kind="error",
        code="InsufficientCapacityException",
        match="Expedited",
    )
    try:
        assert refused(lambda: vault.begin(archive))[0] == "InsufficientCapacityException"
        vault.begin(archive, Tier="Standard")
    finally:
        aws_standin.clear_faults()


def test_completion_is_told_to_both_topics(aws_standin: AwsStandIn, vault: Vault) -> None:
    sns, sqs = aws_standin.client("sns"), aws_standin.client("sqs")
    queues = []
    for name in ("vault", "job"):
        topic = sns.create_topic(Name=f"{name}-{vault.name}")["TopicArn"]
        queue = sqs.create_queue(QueueName=f"{name}-{vault.name}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        queues.append((topic, queue))
    configuration = {"SNSTopic": queues[0][0], "Events": ["ArchiveRetrievalCompleted"]}
    vault.set_vault_notifications(vaultNotificationConfig=configuration)
    archive = vault.store()
    job = vault.begin(archive, SNSTopic=queues[1][0], Description="job 7")
    for _, queue in queues:
        (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
        told = json.loads(message["Body"])
        assert told["JobId"] == job
        assert (told["Action"], told["ArchiveId"]) == ("ArchiveRetrieval", archive)
        assert (told["StatusCode"], told["Completed"], told["JobDescription"]) == ("Succeeded", True, "job 7")


def test_ranges_carry_a_hash_where_aws_gives_one(vault: Vault) -> None:
    body = os.urandom(3 * MIB + 500)
    job = vault.begin(vault.store(body))
    vault.finished(job)
    for start, end, hashed in (
        (0, MIB - 1, True),
        (MIB, 3 * MIB - 1, True),
        (3 * MIB, len(body) - 1, True),
        (2 * MIB, len(body) + 99, True),
        (10, MIB - 1, False),
        (0, 999, False),
    ):
        output = vault.get_job_output(jobId=job, range=f"bytes={start}-{end}")
        piece = body[start : end + 1]
        assert output["body"].read() == piece
        assert (output["status"], output.get("checksum")) == (206, tree_hash(piece) if hashed else None)
        assert output["contentRange"] == f"bytes {start}-{min(end, len(body) - 1)}/{len(body)}"
    assert refused(lambda: vault.get_job_output(jobId=job, range=f"bytes={len(body)}-"))[0] == (
        "InvalidParameterValueException"
    )


def test_a_part_of_an_archive_is_retrieved(vault: Vault) -> None:
    body = os.urandom(4 * MIB)
    archive = vault.store(body)
    job = vault.begin(archive, RetrievalByteRange=f"{2 * MIB}-{4 * MIB - 1}")
    assert vault.finished(job)["SHA256TreeHash"] == tree_hash(body[2 * MIB :])
    assert vault.get_job_output(jobId=job)["body"].read() == body[2 * MIB :]
    odd = vault.begin(archive, RetrievalByteRange=f"{MIB}-{3 * MIB - 1}")
    assert vault.finished(odd).get("SHA256TreeHash") is None
    wrong = "1-100"
    assert refused(lambda: vault.begin(archive, RetrievalByteRange=wrong))[0] == "InvalidParameterValueException"


def test_deleting_is_idempotent_and_output_survives_it(vault: Vault) -> None:
    archive = vault.store(b"x" * 100_000)
    done = vault.begin(archive)
    vault.finished(done)
    under_way = vault.begin(archive, Tier="Bulk")
    vault.delete_archive(archiveId=archive)
    vault.delete_archive(archiveId=archive)
    assert refused(lambda: vault.delete_archive(archiveId="A" * 138))[0] == "ResourceNotFoundException"
    assert vault.get_job_output(jobId=done)["body"].read() == b"x" * 100_000
    assert vault.finished(under_way)["StatusCode"] == "Failed"
    assert refused(lambda: vault.get_job_output(jobId=under_way))[0] == "InvalidParameterValueException"
    assert refused(lambda: vault.begin(archive))[0] == "ResourceNotFoundException"


def test_inventory(vault: Vault) -> None:
    archive = vault.store(b"listed", archiveDescription='with "quotes", and commas')
    job = vault.initiate_job(jobParameters={"Type": "inventory-retrieval"})["jobId"]
    assert vault.finished(job)["Action"] == "InventoryRetrieval"
    listed = json.load(vault.get_job_output(jobId=job)["body"])
    assert [(entry["ArchiveId"], entry["Size"]) for entry in listed["ArchiveList"]] == [(archive, 6)]
    assert listed["ArchiveList"][0]["SHA256TreeHash"] == hashlib.sha256(b"listed").hexdigest()
    job = vault.initiate_job(jobParameters={"Type": "inventory-retrieval", "Format": "CSV"})["jobId"]
    vault.finished(job)
    assert vault.get_job_output(jobId=job)["body"].read().count(archive.encode()) == 1


def test_the_inventory_lags(tmp_path: Any) -> None:
    standin = start_standin(AWS_STANDIN_INVENTORY_LAG_SECONDS="3600", AWS_STANDIN_INVENTORY_SECONDS="0")
    try:
        vault = Vault(standin.client("glacier"), "lagging")
        vault.create_vault()
        archive = vault.store()
        described = vault.describe_vault()
        assert (described["NumberOfArchives"], described.get("LastInventoryDate")) == (0, None)
        asked = {"Type": "inventory-retrieval"}
        assert refused(lambda: vault.initiate_job(jobParameters=asked))[0] == "ResourceNotFoundException"
        vault.delete_archive(archiveId=archive)
        assert "recently written" in refused(vault.delete_vault)[1]
    finally:
        stop_standin(standin)


def test_a_vault_is_deleted_when_empty(vault: Vault) -> None:
    archive = vault.store()
    assert "not empty" in refused(vault.delete_vault)[1]
    vault.delete_archive(archiveId=archive)
    vault.delete_vault()
    vault.delete_vault()
    assert refused(vault.describe_vault)[0] == "ResourceNotFoundException"


def test_what_terraform_sets_comes_back(vault: Vault) -> None:
    assert refused(vault.get_vault_notifications)[0] == "ResourceNotFoundException"
    vault.add_tags_to_vault(Tags={"a": "1", "b": "2"})
    vault.remove_tags_from_vault(TagKeys=["a"])
    assert vault.list_tags_for_vault()["Tags"] == {"b": "2"}
    vault.set_vault_access_policy(policy={"Policy": "{}"})
    assert vault.get_vault_access_policy()["policy"] == {"Policy": "{}"}
    vault.delete_vault_access_policy()
    assert refused(vault.get_vault_access_policy)[0] == "ResourceNotFoundException"
    lock = vault.initiate_vault_lock(policy={"Policy": "{}"})["lockId"]
    assert vault.get_vault_lock()["State"] == "InProgress"
    vault.complete_vault_lock(lockId=lock)
    assert vault.get_vault_lock()["State"] == "Locked"
    assert refused(vault.abort_vault_lock)[0] == "InvalidParameterValueException"
    assert vault.name in [each["VaultName"] for each in all_vaults(vault)]


def all_vaults(vault: Vault) -> list[dict[str, Any]]:
    pages = vault.glacier.get_paginator("list_vaults").paginate(accountId="-")
    return [each for page in pages for each in page["VaultList"]]


def test_listings_come_in_pages(vault: Vault) -> None:
    archive = vault.store()
    jobs = {vault.begin(archive) for _ in range(5)}
    pages = list(vault.glacier.get_paginator("list_jobs").paginate(accountId="-", vaultName=vault.name, limit="2"))
    assert [len(page["JobList"]) for page in pages] == [2, 2, 1]
    assert {job["JobId"] for page in pages for job in page["JobList"]} == jobs


def test_a_job_goes_on_after_a_restart(tmp_path: Any) -> None:
    times = {"AWS_STANDIN_STANDARD_SECONDS": "1", "AWS_STANDIN_SNAPSHOT_SECONDS": "0.2"}
    first = start_standin("--data", str(tmp_path), **times)
    vault = Vault(first.client("glacier"), "kept")
    vault.create_vault()
    body = os.urandom(200_000)
    job = vault.begin(vault.store(body), Tier="Standard")
    stop_standin(first)
    second = start_standin("--data", str(tmp_path), **times)
    try:
        vault = Vault(second.client("glacier"), "kept")
        assert vault.finished(job)["StatusCode"] == "Succeeded"
        assert vault.get_job_output(jobId=job)["body"].read() == body
    finally:
        stop_standin(second)
