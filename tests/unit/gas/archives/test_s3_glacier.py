import base64
import hashlib
import io
import json
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from botocore.utils import calculate_tree_hash

from gas import archives, aws, messages
from gas.archives import Archive, Corrupted, Draft, Progress, protocol
from gas.archives.s3_glacier import S3Glacier
from gas.config import Settings
from gas.messages import JobThaw
from gas.storage import ObjectMissing, ObjectsRemain
from tests.conftest import AwsStandIn
from tests.deployment import Deployment, create, settings_of, until
from tests.fixtures import Lines
from tests.unit.gas.archives.through import (
    MEBIBYTE,
    Notes,
    Stop,
    Through,
    broken_off,
    flipped,
    in_chunks,
    peak,
    times,
)

# S3 takes no part below five mebibytes but the last.
PART = 8 * MEBIBYTE
DATA = random.Random(1).randbytes(PART + 12_345)


@pytest.fixture(scope="module")
def settings(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings_of(tmp_path_factory.mktemp("s3-glacier"), archive_backend="s3-glacier")
    create(made, buckets=["results"])
    return made


@pytest.fixture(scope="module")
def s3(settings: Settings) -> Any:
    """A client that tries once, so that a test meets the faults it has ordered."""
    return aws.client(settings, "s3", aws.ONCE)


@pytest.fixture(scope="module")
def bucket(settings: Settings) -> str:
    return settings.results_bucket


@pytest.fixture
def glacier(s3: Any, bucket: str) -> S3Glacier:
    return S3Glacier(s3, bucket)


@pytest.fixture
def label() -> str:
    return f"{uuid.uuid4()}/{uuid.uuid4()}/1"


@pytest.fixture
def stored(glacier: S3Glacier, label: str) -> Archive:
    return glacier.store(label, 3, [b"abc"], Notes())


@pytest.fixture
def retrieval(glacier: S3Glacier, stored: Archive, label: str) -> str:
    """A retrieval that is done."""
    begun = glacier.request(stored, label, "Expedited")
    until(lambda: glacier.status(stored, begun.retrieval_id) is Progress.READY)
    return begun.retrieval_id


def left(s3: Any, bucket: str, label: str) -> tuple[int, int]:
    """How many object versions and unfinished uploads a label's job has."""
    prefix = label.rpartition("/")[0]
    versions = s3.list_object_versions(Bucket=bucket, Prefix=prefix)
    uploads = s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    objects = len(versions.get("Versions", [])) + len(versions.get("DeleteMarkers", []))
    return objects, len(uploads.get("Uploads", []))


def test_the_settings_choose_s3(settings: Settings, s3: Any, bucket: str, label: str) -> None:
    glacier = archives.of(settings)
    assert isinstance(glacier, S3Glacier)
    glacier.store(label, 3, [b"abc"], Notes())
    assert left(s3, bucket, label) == (1, 0)


# Storing


def test_an_archive_is_an_object_of_the_class_glacier_that_cannot_be_read(
    stored: Archive, s3: Any, bucket: str, label: str
) -> None:
    user_id, job_id, _ = label.split("/")
    assert stored.archive_id == f"{user_id}/{job_id}/archive/1.tar"
    head = s3.head_object(Bucket=bucket, Key=stored.archive_id)
    assert (head["StorageClass"], head["ContentLength"], head["ContentType"]) == ("GLACIER", 3, "application/x-tar")
    with pytest.raises(ClientError, match="InvalidObjectState"):
        s3.get_object(Bucket=bucket, Key=stored.archive_id)


@pytest.mark.parametrize("size", [1, PART, len(DATA)])
def test_what_is_stored_comes_back(glacier: S3Glacier, label: str, size: int) -> None:
    stored = glacier.store(label, size, in_chunks(DATA[:size]), Notes())
    assert (stored.size, stored.tree_hash) == (size, calculate_tree_hash(io.BytesIO(DATA[:size])))
    begun = glacier.request(stored, label, "Expedited")
    until(lambda: glacier.status(stored, begun.retrieval_id) is Progress.READY)
    assert b"".join(glacier.fetch(stored, begun.retrieval_id)) == DATA[:size]


def test_what_will_exist_is_noted_before_anything_does(glacier: S3Glacier, s3: Any, bucket: str, label: str) -> None:
    seen: list[tuple[int, int]] = []

    class Looking(Notes):
        def __call__(self, draft: Draft) -> None:
            seen.append(left(s3, bucket, label))
            super().__call__(draft)

    notes = Looking()
    stored = glacier.store(label, len(DATA), in_chunks(DATA), notes)
    assert notes.drafts == [Draft(stored.archive_id), Draft(stored.archive_id, len(DATA), stored.tree_hash)]
    assert seen == [(0, 0), (0, 1)]
    assert left(s3, bucket, label) == (1, 0)


@pytest.mark.parametrize("said", [len(DATA) - 1, len(DATA) + 1])
def test_another_size_than_was_said_makes_no_archive(
    glacier: S3Glacier, s3: Any, bucket: str, label: str, said: int
) -> None:
    notes = Notes()
    with pytest.raises(Corrupted, match=f"{len(DATA)} bytes came where {said}"):
        glacier.store(label, said, in_chunks(DATA), notes)
    assert [draft.tree_hash for draft in notes.drafts] == [None]
    assert left(s3, bucket, label) == (0, 1)


@pytest.mark.parametrize("wrong", ["", "short"])
def test_an_object_that_is_not_what_was_stored_is_noticed(
    s3: Any, bucket: str, label: str, glacier: S3Glacier, wrong: str
) -> None:
    def replaced(answer: Any) -> Any:
        glacier.discard(f"{label.rpartition('/')[0]}/archive/1.tar")
        if wrong:
            s3.put_object(Bucket=bucket, Key=f"{label.rpartition('/')[0]}/archive/1.tar", Body=b"ab")
        return answer

    fickle = Through(s3, complete_multipart_upload=replaced)
    with pytest.raises(Corrupted, match=f"has {2 if wrong else 0} bytes where 3"):
        S3Glacier(fickle, bucket).store(label, 3, [b"abc"], Notes())  # type: ignore[arg-type]


def test_s3_notices_bytes_that_changed_on_the_way(s3: Any, bucket: str, label: str) -> None:
    """The part's SHA-256 is computed from what we read, and goes with it."""

    class Noisy:
        def __getattr__(self, operation: str) -> Any:
            return getattr(s3, operation)

        def upload_part(self, **parameters: Any) -> Any:
            digest = hashlib.sha256(parameters["Body"]).digest()
            body = flipped(parameters.pop("Body"))
            return s3.upload_part(**parameters, Body=body, ChecksumSHA256=base64.b64encode(digest).decode())

    with pytest.raises(ClientError, match=r"BadDigest|checksum"):
        S3Glacier(Noisy(), bucket).store(label, len(DATA), in_chunks(DATA), Notes())  # type: ignore[arg-type]


def test_memory_does_not_grow_with_the_archive(glacier: S3Glacier, label: str) -> None:
    size = 6 * PART
    chunk = random.Random(2).randbytes(MEBIBYTE)
    with peak() as storing:
        stored = glacier.store(label, size, (chunk for _ in range(size // MEBIBYTE)), Notes())
    begun = glacier.request(stored, label, "Expedited")
    until(lambda: glacier.status(stored, begun.retrieval_id) is Progress.READY)
    with peak() as fetching:
        fetched = sum(len(part) for part in glacier.fetch(stored, begun.retrieval_id))
    assert fetched == size
    assert storing[0] < 4 * PART
    assert fetching[0] < 4 * PART


# Clearing away what was begun


@pytest.mark.parametrize("stage", ["noted", "half sent", "sealed", "stored"])
def test_a_draft_is_abandoned_at_every_stage(glacier: S3Glacier, s3: Any, bucket: str, label: str, stage: str) -> None:
    """Wherever a process dies, what it noted last is enough to clear away."""
    match stage:
        case "noted":
            notes, chunks = Notes(stop_at=1), in_chunks(DATA)
        case "half sent":
            notes, chunks = Notes(), broken_off(in_chunks(DATA, PART), PART)
        case "sealed":
            notes, chunks = Notes(stop_at=2), in_chunks(DATA)
        case _:
            notes, chunks = Notes(), in_chunks(DATA)
    with suppress(Stop):
        glacier.store(label, len(DATA), chunks, notes)
    assert left(s3, bucket, label) == {"noted": (0, 0), "stored": (1, 0)}.get(stage, (0, 1))
    for _ in range(2):
        glacier.abandon(notes.drafts[-1])
        assert left(s3, bucket, label) == (0, 0)


def test_an_archive_is_discarded_and_discarded_again(
    glacier: S3Glacier, s3: Any, bucket: str, stored: Archive, label: str
) -> None:
    """In all versions, and without leaving a delete marker; its neighbours stay."""
    other = glacier.store(f"{label[:-1]}11", 1, [b"x"], Notes())
    assert left(s3, bucket, label) == (2, 0)
    for _ in range(2):
        glacier.discard(stored.archive_id)
        assert left(s3, bucket, label) == (1, 0)
    assert s3.head_object(Bucket=bucket, Key=other.archive_id)["ContentLength"] == 1


def test_a_refusal_is_no_success(glacier: S3Glacier, stored: Archive, faulty: AwsStandIn) -> None:
    faulty.fault(service="s3", kind="error", code="AccessDenied")
    for attempt in (
        lambda: glacier.discard(stored.archive_id),
        lambda: glacier.abandon(Draft(stored.archive_id)),
        lambda: glacier.status(stored, "restore"),
        lambda: glacier.request(stored, "label", "Expedited"),
    ):
        with pytest.raises((ClientError, ObjectsRemain), match=r"AccessDenied|403"):
            attempt()


# Asking back


def restores(s3: Any, bucket: str, archive: Archive) -> str:
    return str(s3.head_object(Bucket=bucket, Key=archive.archive_id).get("Restore", ""))


def test_an_archive_is_asked_back_by_the_tier_that_is_wanted(s3: Any, bucket: str, stored: Archive, label: str) -> None:
    for tier in ("Bulk", "Standard", "Expedited"):
        listening = Through(s3)
        begun = S3Glacier(listening, bucket).request(stored, label, tier)  # type: ignore[arg-type]
        assert begun.tier == tier
        (parameters,) = [parameters for called, parameters in listening.calls if called == "restore_object"]
        assert parameters["RestoreRequest"]["GlacierJobParameters"] == {"Tier": tier}


def test_without_capacity_for_expedited_it_is_standard(
    glacier: S3Glacier, s3: Any, bucket: str, stored: Archive, label: str, faulty: AwsStandIn, lines: Lines
) -> None:
    code = "GlacierExpeditedRetrievalNotAvailable"
    faulty.fault(service="s3", operation="RestoreObject", kind="error", code=code, status=503, count=1)
    assert glacier.request(stored, label, "Expedited").tier == "Standard"
    assert restores(s3, bucket, stored) == 'ongoing-request="true"'
    assert lines.of("no_expedited_capacity")


@pytest.mark.parametrize(
    ("tier", "code"), [("Standard", "GlacierExpeditedRetrievalNotAvailable"), ("Expedited", "SlowDown")]
)
def test_another_refusal_is_told(
    glacier: S3Glacier, stored: Archive, label: str, faulty: AwsStandIn, tier: str, code: str
) -> None:
    faulty.fault(service="s3", operation="RestoreObject", kind="error", code=code, status=503, count=1)
    with pytest.raises(ClientError, match=code):
        glacier.request(stored, label, tier)


def test_a_large_archive_is_not_even_asked_for_as_expedited(s3: Any, bucket: str, stored: Archive, label: str) -> None:
    listening = Through(s3)
    glacier = S3Glacier(listening, bucket)  # type: ignore[arg-type]
    for size, tier in ((250 * 10**6, "Standard"), (250 * 10**6 - 1, "Expedited")):
        assert glacier.request(replace(stored, size=size), label, "Expedited").tier == tier
        asked = [parameters for called, parameters in listening.calls if called == "restore_object"][-1]
        assert asked["RestoreRequest"]["GlacierJobParameters"]["Tier"] == tier


def test_a_restore_under_way_is_asked_for_again_without_harm(
    glacier: S3Glacier, s3: Any, bucket: str, stored: Archive, label: str
) -> None:
    """S3 answers RestoreAlreadyInProgress, so there is no need to look for what was begun."""
    first = glacier.request(stored, label, "Standard")
    assert glacier.requested(stored) is None
    assert glacier.request(stored, label, "Standard") == first
    assert restores(s3, bucket, stored) == 'ongoing-request="true"'
    until(lambda: glacier.status(stored, first.retrieval_id) is Progress.READY)
    # Of a copy that is there it prolongs the life.
    assert glacier.request(stored, label, "Standard") == first
    assert glacier.status(stored, first.retrieval_id) is Progress.READY


# Where a retrieval stands


def test_a_retrieval_waits_and_is_ready(glacier: S3Glacier, stored: Archive, label: str) -> None:
    assert glacier.status(stored, "restore") is Progress.GONE
    begun = glacier.request(stored, label, "Bulk")
    assert glacier.status(stored, begun.retrieval_id) is Progress.WAITING
    until(lambda: glacier.status(stored, begun.retrieval_id) is Progress.READY)


def test_the_retrieval_of_an_archive_that_is_deleted_is_gone(
    glacier: S3Glacier, stored: Archive, retrieval: str
) -> None:
    assert glacier.status(stored, retrieval) is Progress.READY
    glacier.discard(stored.archive_id)
    assert glacier.status(stored, retrieval) is Progress.GONE


def test_s3s_event_names_the_job(deploy: Callable[..., Deployment], label: str) -> None:
    place = deploy(queues=["thaw"], buckets=["results"])
    settings, s3 = place.settings, place.storage.s3
    topic = f"arn:aws:sns:{settings.region}:{settings.account_id}:{settings.name_prefix}-job-thaws"
    s3.put_bucket_notification_configuration(
        Bucket=settings.results_bucket,
        NotificationConfiguration={
            "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectRestore:Completed"]}]
        },
    )
    place.receive("thaw")
    glacier = S3Glacier(s3, settings.results_bucket)
    glacier.request(glacier.store(label, 3, [b"abc"], Notes()), label, "Expedited")
    (body,) = until(lambda: [message["Body"] for message in place.receive("thaw")])
    assert json.loads(body)["Records"][0]["eventName"] == "ObjectRestore:Completed"
    user_id, job_id, _ = label.split("/")
    assert messages.parse(body) == JobThaw(user_id=user_id, job_id=job_id)


# Fetching


class Body:
    """A body of S3's whose bytes pass through a change."""

    def __init__(self, body: Any, change: Callable[[bytes], bytes]) -> None:
        self._body, self._change = body, change

    def iter_chunks(self, size: int) -> Any:
        yield self._change(self._body.read())

    def close(self) -> None:
        self._body.close()


@pytest.mark.parametrize(
    "wrong",
    [flipped, lambda data: data[:-1], lambda data: data + b"x", lambda data: b""],
    ids=["flipped", "short", "long", "empty"],
)
def test_what_came_wrong_is_an_error_in_place_of_the_end(
    s3: Any, bucket: str, stored: Archive, retrieval: str, wrong: Callable[[bytes], bytes]
) -> None:
    noisy = Through(s3, get_object=lambda answer: {**answer, "Body": Body(answer["Body"], wrong)})
    with pytest.raises(Corrupted, match="tree hash"):
        list(S3Glacier(noisy, bucket).fetch(stored, retrieval))  # type: ignore[arg-type]


def test_a_connection_that_breaks_is_made_again_where_it_broke(
    s3: Any, bucket: str, glacier: S3Glacier, label: str
) -> None:
    stored = glacier.store(label, len(DATA), in_chunks(DATA), Notes())
    begun = glacier.request(stored, label, "Expedited")
    until(lambda: glacier.status(stored, begun.retrieval_id) is Progress.READY)

    class Torn(Body):
        def iter_chunks(self, size: int) -> Any:
            yield self._body.read(1000)
            raise HTTPClientError(error="torn")

    torn = Through(s3, get_object=times(3, lambda answer: {**answer, "Body": Torn(answer["Body"], flipped)}))
    assert b"".join(S3Glacier(torn, bucket).fetch(stored, begun.retrieval_id)) == DATA  # type: ignore[arg-type]
    ranges = [parameters.get("Range") for called, parameters in torn.calls if called == "get_object"]
    assert ranges == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]


def test_an_archive_that_is_not_there_or_not_restored_is_not_fetched(glacier: S3Glacier, stored: Archive) -> None:
    with pytest.raises(ClientError, match="InvalidObjectState"):
        list(glacier.fetch(stored, "restore"))
    glacier.discard(stored.archive_id)
    with pytest.raises(ObjectMissing):
        list(glacier.fetch(stored, "restore"))


def test_the_usual_part_is_one_that_s3_takes() -> None:
    assert protocol.USUAL_PART_BYTES == PART
