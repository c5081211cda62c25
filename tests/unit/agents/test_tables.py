"""A damaged table is made again from the VCF; nothing that is right is ever replaced."""

import io
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from agents import child, tables
from agents.annotator import Annotator
from agents.tables import TableMaker
from gas import effects
from gas.job import Job, ResultTier
from gas.messages import JobRequest, JobResult, TableRequest
from gas.queues import GiveBack, Reject
from tests.deployment import Deployment, delivery
from tests.genome import vcf


@pytest.fixture
def annotator(place: Deployment, annotator_of: Callable[..., Annotator]) -> Annotator:
    return annotator_of(place, child.PROGRAM)


def finished(place: Deployment, annotator: Annotator) -> Job:
    job = place.job(vcf(20))
    annotator.handle(delivery(JobRequest(user_id=job.user_id, job_id=job.job_id)))
    return now(place, job)


def now(place: Deployment, job: Job) -> Job:
    found = place.jobs.get(job.job_id)
    assert found is not None
    return found


def request(job: Job, table: str | None = None) -> Any:
    return delivery(TableRequest(user_id=job.user_id, job_id=job.job_id, table=table or job.s3_key_table_file))


def read(place: Deployment, job: Job) -> bytes:
    return b"".join(place.storage.stream(str(job.s3_results_bucket), str(job.s3_key_table_file)))


def objects(place: Deployment, job: Job) -> list[str]:
    prefix = f"{job.user_id}/{job.job_id}/result/"
    listed = place.storage.s3.list_objects_v2(Bucket=place.settings.results_bucket, Prefix=prefix)
    return [entry["Key"].rsplit("/")[-1] for entry in listed["Contents"]]


def damage(place: Deployment, job: Job) -> None:
    place.storage.s3.put_object(Bucket=str(job.s3_results_bucket), Key=str(job.s3_key_table_file), Body=b"damaged")


def test_a_damaged_table_is_made_again(place: Deployment, annotator: Annotator) -> None:
    job = finished(place, annotator)
    before = pq.read_table(io.BytesIO(read(place, job)))
    assert before.num_rows == 20
    damage(place, job)
    asked = request(job)
    annotator.handle(asked)
    mended = now(place, job)
    assert pq.read_table(io.BytesIO(read(place, mended))).equals(before)
    assert mended.s3_key_table_file != job.s3_key_table_file
    assert mended.s3_key_result_file == job.s3_key_result_file
    assert sum(name.endswith(".parquet") for name in objects(place, job)) == 1
    # The message once more, and one that comes late.
    annotator.handle(asked)
    assert now(place, job) == mended


def test_a_result_without_a_table_gets_one(place: Deployment, annotator: Annotator) -> None:
    from boto3.dynamodb.conditions import Attr

    job = finished(place, annotator)
    bare = place.jobs.change(job.job_id, Attr("job_id").exists(), s3_key_table_file=None)
    annotator.handle(request(bare))
    assert pq.read_table(io.BytesIO(read(place, now(place, job)))).num_rows == 20


def test_what_moves_meanwhile_wins(place: Deployment, annotator: Annotator, monkeypatch: pytest.MonkeyPatch) -> None:
    from boto3.dynamodb.conditions import Attr

    job = finished(place, annotator)
    real = child.retable

    def slow(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        place.jobs.change(job.job_id, Attr("job_id").exists(), result_tier=ResultTier.ARCHIVING)

    monkeypatch.setattr(tables.child, "retable", slow)
    annotator.handle(request(job))
    assert now(place, job).s3_key_table_file == job.s3_key_table_file
    assert sum(name.endswith(".parquet") for name in objects(place, job)) == 1
    # And what is not in S3 is left alone.
    monkeypatch.setattr(tables.child, "retable", None)
    annotator.handle(request(job))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("label", ["tables.upload", "tables.commit"])
def test_what_fails_is_made_by_the_next(place: Deployment, annotator: Annotator, label: str, when: str) -> None:
    job = finished(place, annotator)
    damage(place, job)
    asked = request(job)

    def fail(at: str, moment: str) -> None:
        if (at, moment) == (label, when):
            raise TimeoutError(label)

    effects.arm(fail)
    try:
        with pytest.raises(TimeoutError):
            annotator.handle(asked)
    finally:
        effects.arm(None)
    annotator.handle(asked)
    mended = now(place, job)
    assert mended.s3_key_table_file != job.s3_key_table_file
    assert pq.read_table(io.BytesIO(read(place, mended))).num_rows == 20


def test_the_slower_of_two_leaves_the_other_s_table(
    place: Deployment, annotator: Annotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished(place, annotator)
    damage(place, job)
    real = child.retable

    def slow(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        monkeypatch.setattr(tables.child, "retable", real)
        annotator.handle(request(job))

    monkeypatch.setattr(tables.child, "retable", slow)
    annotator.handle(request(job))
    assert pq.read_table(io.BytesIO(read(place, now(place, job)))).num_rows == 20


def test_without_the_vcf_nothing_is_made(place: Deployment, annotator: Annotator) -> None:
    job = finished(place, annotator)
    place.storage.delete(str(job.s3_results_bucket), str(job.s3_key_result_file))
    annotator.handle(request(job))
    assert now(place, job) == job


def test_a_host_that_stops_gives_it_back(place: Deployment, annotator: Annotator) -> None:
    job = finished(place, annotator)
    asked = request(job)
    asked.abandon.set()
    with pytest.raises(GiveBack):
        annotator.handle(asked)
    assert now(place, job) == job


def test_a_job_that_is_gone_has_no_table(place: Deployment, annotator: Annotator) -> None:
    job = place.job(b"")
    annotator.handle(request(job, "some/key"))
    assert now(place, job).s3_key_table_file is None


def test_another_message_is_refused(place: Deployment) -> None:
    maker = TableMaker(place.settings, place.jobs, place.storage)
    job = place.job(b"")
    with pytest.raises(Reject):
        maker.handle(delivery(JobResult(user_id=job.user_id, job_id=job.job_id)))
