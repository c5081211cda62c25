import io
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.utils import calculate_tree_hash

from gas import archives, aws, messages
from gas.archives import Archive, Corrupted, Draft, Progress, protocol
from gas.archives.glacier_vault import FETCH_TRIES, GlacierVault
from gas.config import Settings
from gas.messages import JobThaw
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
    with_body,
)
from tests.vault import archives_in, retrievals_in, uploads_in

# Three parts of a mebibyte, the last one short.
DATA = random.Random(1).randbytes(2 * MEBIBYTE + 12_345)


@pytest.fixture(scope="module")
def settings(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings_of(tmp_path_factory.mktemp("vault"))
    create(made)
    return made


@pytest.fixture(scope="module")
def glacier(settings: Settings) -> Any:
    """A client that tries once, so that a test meets the faults it has ordered."""
    return aws.client(settings, "glacier", aws.ONCE)


@pytest.fixture(scope="module")
def name(settings: Settings) -> str:
    return f"{settings.name_prefix}-archive"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "USUAL_PART_BYTES", MEBIBYTE)


@pytest.fixture
def vault(glacier: Any, name: str) -> GlacierVault:
    return GlacierVault(glacier, name)


@pytest.fixture
def label() -> str:
    return f"{uuid.uuid4()}/{uuid.uuid4()}/1"


@pytest.fixture
def stored(vault: GlacierVault, label: str) -> Archive:
    return vault.store(label, len(DATA), in_chunks(DATA), Notes())


@pytest.fixture
def retrieval(vault: GlacierVault, stored: Archive, label: str) -> str:
    """A retrieval that is done."""
    begun = vault.request(stored, label, "Expedited")
    until(lambda: vault.status(stored, begun.retrieval_id) is Progress.READY)
    return begun.retrieval_id


def test_the_settings_choose_the_vault(settings: Settings, label: str, glacier: Any, name: str) -> None:
    vault = archives.of(settings)
    assert isinstance(vault, GlacierVault)
    stored = vault.store(label, 3, [b"abc"], Notes())
    assert archives_in(glacier, name)[stored.archive_id] == label


# Storing


@pytest.mark.parametrize("size", [1, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 3 * MEBIBYTE, 5 * MEBIBYTE + 7])
def test_what_is_stored_comes_back(vault: GlacierVault, label: str, size: int) -> None:
    data = random.Random(size).randbytes(size)
    stored = vault.store(label, size, in_chunks(data), Notes())
    assert stored.size == size
    begun = vault.request(stored, label, "Expedited")
    until(lambda: vault.status(stored, begun.retrieval_id) is Progress.READY)
    assert b"".join(vault.fetch(stored, begun.retrieval_id)) == data


def test_the_whole_has_one_tree_hash_however_it_was_cut(stored: Archive) -> None:
    assert stored.tree_hash == calculate_tree_hash(io.BytesIO(DATA))


def test_an_upload_is_noted_as_it_begins_and_before_it_becomes_an_archive(
    vault: GlacierVault, glacier: Any, name: str, label: str
) -> None:
    uploads: list[bool] = []

    class Looking(Notes):
        def __call__(self, draft: Draft) -> None:
            uploads.append(label in uploads_in(glacier, name))
            super().__call__(draft)

    notes = Looking()
    stored = vault.store(label, len(DATA), in_chunks(DATA), notes)
    first, last = notes.drafts
    assert first == Draft(first.upload)
    assert last == Draft(first.upload, len(DATA), stored.tree_hash)
    assert uploads == [True, True]
    assert label not in uploads_in(glacier, name)


@pytest.mark.parametrize("said", [len(DATA) - 1, len(DATA) + 1])
def test_another_size_than_was_said_makes_no_archive(
    vault: GlacierVault, glacier: Any, name: str, label: str, said: int
) -> None:
    notes = Notes()
    with pytest.raises(Corrupted, match=f"{len(DATA)} bytes came where {said}"):
        vault.store(label, said, in_chunks(DATA), notes)
    assert [draft.tree_hash for draft in notes.drafts] == [None]
    assert label not in archives_in(glacier, name).values()


def another_hash(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "checksum": "0" * 64}


@pytest.mark.parametrize("operation", ["upload_multipart_part", "complete_multipart_upload"])
def test_a_service_that_has_other_bytes_is_noticed(glacier: Any, name: str, label: str, operation: str) -> None:
    lying = Through(glacier, **{operation: another_hash})
    with pytest.raises(Corrupted, match="0000 where"):
        GlacierVault(lying, name).store(label, len(DATA), in_chunks(DATA), Notes())


def test_the_service_notices_bytes_that_changed_on_the_way(glacier: Any, name: str, label: str) -> None:
    class Noisy:
        def __getattr__(self, operation: str) -> Any:
            return getattr(glacier, operation)

        def upload_multipart_part(self, body: bytes, **parameters: Any) -> Any:
            return glacier.upload_multipart_part(body=flipped(body), **parameters)

    with pytest.raises(ClientError, match="Checksum mismatch"):
        GlacierVault(Noisy(), name).store(label, len(DATA), in_chunks(DATA), Notes())  # type: ignore[arg-type]


@pytest.mark.parametrize(("parts", "mebibytes"), [(6, 8), (60, 1)])
def test_memory_does_not_grow_with_the_archive(
    vault: GlacierVault, label: str, monkeypatch: pytest.MonkeyPatch, parts: int, mebibytes: int
) -> None:
    monkeypatch.setattr(protocol, "USUAL_PART_BYTES", mebibytes * MEBIBYTE)
    size = parts * mebibytes * MEBIBYTE
    chunk = random.Random(2).randbytes(MEBIBYTE)
    with peak() as storing:
        stored = vault.store(label, size, (chunk for _ in range(size // MEBIBYTE)), Notes())
    begun = vault.request(stored, label, "Expedited")
    until(lambda: vault.status(stored, begun.retrieval_id) is Progress.READY)
    with peak() as fetching:
        fetched = sum(len(part) for part in vault.fetch(stored, begun.retrieval_id))
    assert fetched == size
    # A part, the request's copies of it, and a chunk or two.
    assert storing[0] < (4 * mebibytes + 4) * MEBIBYTE
    assert fetching[0] < (4 * mebibytes + 4) * MEBIBYTE


def test_parts_grow_with_the_archive_so_that_there_are_never_too_many() -> None:
    assert protocol.part_bytes(10_000 * MEBIBYTE, 10_000) == MEBIBYTE
    assert protocol.part_bytes(10_000 * MEBIBYTE + 1, 10_000) == 2 * MEBIBYTE
    assert protocol.part_bytes(40 * 1024**4, 10_000) == 8 * 1024 * MEBIBYTE


# Clearing away what was begun


@pytest.mark.parametrize("stage", ["begun", "half sent", "sent", "sealed"])
def test_a_draft_is_abandoned_at_every_stage(
    vault: GlacierVault, glacier: Any, name: str, label: str, stage: str
) -> None:
    """Wherever a process dies, what it noted last is enough to clear away."""
    chunks = in_chunks(DATA, MEBIBYTE)
    match stage:
        case "begun":
            notes, error = Notes(stop_at=1), Stop
        case "half sent":
            notes, chunks, error = Notes(), broken_off(chunks, MEBIBYTE), Stop
        case "sent":
            notes, chunks, error = Notes(), broken_off([DATA, b""], len(DATA)), Stop
        case _:
            # All parts are there and the hash is noted, but the upload was not completed.
            notes, error = Notes(stop_at=2), Stop
    with pytest.raises(error):
        vault.store(label, len(DATA), chunks, notes)
    assert label in uploads_in(glacier, name)
    for _ in range(2):
        vault.abandon(notes.drafts[-1])
        assert label not in uploads_in(glacier, name)
        assert label not in archives_in(glacier, name).values()


def test_a_draft_that_became_an_archive_takes_the_archive_with_it(
    vault: GlacierVault, glacier: Any, name: str, label: str
) -> None:
    notes = Notes()
    stored = vault.store(label, len(DATA), in_chunks(DATA), notes)
    for _ in range(2):
        vault.abandon(notes.drafts[-1])
        assert stored.archive_id not in archives_in(glacier, name)


def test_an_upload_that_never_was_is_abandoned_too(vault: GlacierVault) -> None:
    vault.abandon(Draft("x" * 92))
    vault.abandon(Draft("x" * 92, 5, "0" * 64))


def begin(glacier: Any, name: str, label: str) -> str:
    """An upload of that label, known to the vault alone."""
    begun = glacier.initiate_multipart_upload(vaultName=name, archiveDescription=label, partSize=str(MEBIBYTE))
    return str(begun["uploadId"])


def test_what_earlier_attempts_of_the_job_have_begun_goes_and_nothing_else(
    vault: GlacierVault, glacier: Any, name: str
) -> None:
    user, job = uuid.uuid4(), uuid.uuid4()
    earlier = [f"{user}/{job}/{attempt}" for attempt in (2, 9, 9)]
    others = [
        *(f"{user}/{job}/{attempt}" for attempt in (10, 11)),
        *(f"{user}/{job}{end}" for end in ("", "/", "/x", "0/3")),
        f"{user}/{uuid.uuid4()}/2",
        f"{uuid.uuid4()}/{job}/2",
        "backup of my photos",
    ]
    # More than fit on a page of the list.
    others += [f"{uuid.uuid4()}/{uuid.uuid4()}/1" for _ in range(50)]
    for label in (*others, *earlier):
        begin(glacier, name, label)
    glacier.initiate_multipart_upload(vaultName=name, partSize=str(MEBIBYTE))
    for _ in range(2):
        vault.abandon_unnoted(f"{user}/{job}/10")
        left = uploads_in(glacier, name)
        assert set(others) <= set(left)
        assert not set(earlier) & set(left)


def test_an_archive_is_discarded_and_discarded_again(
    vault: GlacierVault, glacier: Any, name: str, stored: Archive
) -> None:
    assert stored.archive_id in archives_in(glacier, name)
    for _ in range(2):
        vault.discard(stored.archive_id)
        assert stored.archive_id not in archives_in(glacier, name)
    vault.discard("y" * 138)


def test_a_refusal_is_no_success(vault: GlacierVault, stored: Archive, faulty: AwsStandIn) -> None:
    faulty.fault(service="glacier", kind="error", code="AccessDeniedException")
    for attempt in (
        lambda: vault.discard(stored.archive_id),
        lambda: vault.abandon(Draft("x" * 92)),
        lambda: vault.status(stored, "z" * 92),
        lambda: vault.request(stored, "label", "Expedited"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


# Asking back


def test_an_archive_is_asked_back_by_the_tier_that_is_wanted(
    vault: GlacierVault, glacier: Any, name: str, stored: Archive, label: str
) -> None:
    for tier in ("Expedited", "Standard", "Bulk"):
        begun = vault.request(stored, label, tier)
        assert begun.tier == tier
        job = glacier.describe_job(vaultName=name, jobId=begun.retrieval_id)
        assert (job["Tier"], job["ArchiveId"], job["JobDescription"]) == (tier, stored.archive_id, label)


def test_without_capacity_for_expedited_it_is_standard(
    vault: GlacierVault, glacier: Any, name: str, stored: Archive, label: str, faulty: AwsStandIn, lines: Lines
) -> None:
    faulty.fault(
        service="glacier", operation="InitiateJob", kind="error", code="InsufficientCapacityException", count=1
    )
    begun = vault.request(stored, label, "Expedited")
    assert begun.tier == "Standard"
    assert glacier.describe_job(vaultName=name, jobId=begun.retrieval_id)["Tier"] == "Standard"
    assert lines.of("no_expedited_capacity")


@pytest.mark.parametrize(
    ("tier", "code"), [("Standard", "InsufficientCapacityException"), ("Expedited", "LimitExceeded")]
)
def test_another_refusal_is_told(
    vault: GlacierVault, stored: Archive, label: str, faulty: AwsStandIn, tier: str, code: str
) -> None:
    faulty.fault(service="glacier", operation="InitiateJob", kind="error", code=code, count=1)
    with pytest.raises(ClientError, match=code):
        vault.request(stored, label, tier)


def test_a_large_archive_is_not_even_asked_for_as_expedited(
    glacier: Any, name: str, stored: Archive, label: str
) -> None:
    listening = Through(glacier)
    vault = GlacierVault(listening, name)  # type: ignore[arg-type]
    for size, tier in ((250 * 10**6, "Standard"), (250 * 10**6 - 1, "Expedited")):
        assert vault.request(replace(stored, size=size), label, "Expedited").tier == tier
        assert listening.calls[-1][1]["jobParameters"]["Tier"] == tier
    assert vault.request(replace(stored, size=10**12), label, "Bulk").tier == "Bulk"
    assert listening.count("initiate_job") == 3


def test_a_retrieval_whose_answer_was_lost_is_begun_once_and_found(
    settings: Settings, glacier: Any, name: str, stored: Archive, label: str, faulty: AwsStandIn
) -> None:
    vault = GlacierVault.of(settings)
    assert vault.requested(stored) is None
    faulty.fault(service="glacier", operation="InitiateJob", kind="timeout_after_effect", count=1)
    with pytest.raises(HTTPClientError):
        vault.request(stored, label, "Standard")
    (begun,) = [job for job in retrievals_in(glacier, name) if job["ArchiveId"] == stored.archive_id]
    found = vault.requested(stored)
    assert found is not None
    assert (found.retrieval_id, found.tier) == (begun["JobId"], "Standard")


def test_a_retrieval_is_found_among_many(vault: GlacierVault, glacier: Any, name: str, label: str) -> None:
    """The vault lists fifty at a time, those of other archives and inventories too."""
    other = vault.store(label, 1, [b"1"], Notes())
    mine = vault.store(label, 1, [b"2"], Notes())
    for _ in range(60):
        vault.request(other, label, "Bulk")
    begun = vault.request(mine, label, "Bulk")
    assert vault.requested(mine) == begun


# Where a retrieval stands


def test_a_retrieval_waits_and_is_ready(vault: GlacierVault, stored: Archive, label: str) -> None:
    begun = vault.request(stored, label, "Bulk")
    assert vault.status(stored, begun.retrieval_id) is Progress.WAITING
    until(lambda: vault.status(stored, begun.retrieval_id) is Progress.READY)
    assert vault.requested(stored) == begun


def test_an_unknown_retrieval_is_gone(vault: GlacierVault, stored: Archive) -> None:
    assert vault.status(stored, "z" * 92) is Progress.GONE


def test_a_retrieval_that_failed_is_gone_and_not_found_again(vault: GlacierVault, stored: Archive, label: str) -> None:
    begun = vault.request(stored, label, "Expedited")
    vault.discard(stored.archive_id)
    until(lambda: vault.status(stored, begun.retrieval_id) is Progress.GONE)
    assert vault.requested(stored) is None


def test_the_vaults_notice_names_the_job(deploy: Callable[..., Deployment], label: str) -> None:
    place = deploy(queues=["thaw"])
    vault = GlacierVault.of(place.settings)
    stored = vault.store(label, 3, [b"abc"], Notes())
    vault.request(stored, label, "Expedited")
    (body,) = until(lambda: [message["Body"] for message in place.receive("thaw")])
    user_id, job_id, _ = label.split("/")
    assert messages.parse(body) == JobThaw(user_id=user_id, job_id=job_id)


# Fetching


def test_a_range_that_came_wrong_is_fetched_again(
    glacier: Any, name: str, stored: Archive, retrieval: str, lines: Lines
) -> None:
    for wrong in (flipped, lambda body: body[:-1], lambda body: b""):
        noisy = Through(glacier, get_job_output=times(FETCH_TRIES - 1, with_body(wrong)))
        vault = GlacierVault(noisy, name)  # type: ignore[arg-type]
        assert b"".join(vault.fetch(stored, retrieval)) == DATA
        assert noisy.count("get_job_output") == 3 + FETCH_TRIES - 1
    assert len(lines.of("range_fetched_again")) == 3 * (FETCH_TRIES - 1)


def test_a_range_that_comes_wrong_again_and_again_is_an_error(
    glacier: Any, name: str, stored: Archive, retrieval: str
) -> None:
    noisy = Through(glacier, get_job_output=with_body(flipped))
    with pytest.raises(Corrupted, match="tree hash"):
        list(GlacierVault(noisy, name).fetch(stored, retrieval))  # type: ignore[arg-type]
    assert noisy.count("get_job_output") == FETCH_TRIES


@pytest.mark.parametrize("length", ["short", "long"])
def test_a_range_of_another_length_is_an_error(
    glacier: Any, name: str, stored: Archive, retrieval: str, length: str
) -> None:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        wrong = with_body(lambda body: body[:-1] if length == "short" else body + b"x")(answer)
        return {name: value for name, value in wrong.items() if name != "checksum"}

    noisy = Through(glacier, get_job_output=change)
    with pytest.raises(Corrupted, match="bytes came for the range 0-"):
        list(GlacierVault(noisy, name).fetch(stored, retrieval))  # type: ignore[arg-type]


def test_without_the_services_hash_the_whole_is_compared(
    glacier: Any, name: str, stored: Archive, retrieval: str
) -> None:
    def unhashed(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name != "checksum"}

    plain = Through(glacier, get_job_output=unhashed)
    assert b"".join(GlacierVault(plain, name).fetch(stored, retrieval)) == DATA  # type: ignore[arg-type]
    noisy = Through(glacier, get_job_output=lambda answer: unhashed(with_body(flipped)(answer)))
    with pytest.raises(Corrupted, match="tree hash"):
        list(GlacierVault(noisy, name).fetch(stored, retrieval))  # type: ignore[arg-type]


def test_another_archives_output_is_an_error(vault: GlacierVault, stored: Archive, retrieval: str) -> None:
    with pytest.raises(Corrupted, match="tree hash"):
        list(vault.fetch(replace(stored, tree_hash="0" * 64), retrieval))


class Breaking:
    def read(self) -> bytes:
        raise IncompleteReadError(actual_bytes=10, expected_bytes=20)


def test_a_connection_that_breaks_is_made_again(
    glacier: Any, name: str, stored: Archive, retrieval: str, faulty: AwsStandIn
) -> None:
    torn = Through(glacier, get_job_output=times(2, lambda answer: {**answer, "body": Breaking()}))
    assert b"".join(GlacierVault(torn, name).fetch(stored, retrieval)) == DATA  # type: ignore[arg-type]
    faulty.fault(service="glacier", operation="GetJobOutput", kind="timeout", count=FETCH_TRIES - 1)
    assert b"".join(GlacierVault(glacier, name).fetch(stored, retrieval)) == DATA


def test_a_connection_that_keeps_breaking_is_an_error(
    vault: GlacierVault, stored: Archive, retrieval: str, faulty: AwsStandIn
) -> None:
    faulty.fault(service="glacier", operation="GetJobOutput", kind="timeout", count=FETCH_TRIES)
    with pytest.raises(HTTPClientError):
        next(vault.fetch(stored, retrieval))


def test_a_retrieval_whose_output_is_gone_is_no_archive(vault: GlacierVault, stored: Archive) -> None:
    with pytest.raises(ClientError, match="ResourceNotFound"):
        next(vault.fetch(stored, "z" * 92))


def test_threads_may_share_a_vault(vault: GlacierVault) -> None:
    results: dict[int, Archive] = {}

    def store(number: int) -> None:
        data = bytes([number]) * (MEBIBYTE + number)
        results[number] = vault.store(f"u/{number}/1", len(data), in_chunks(data), Notes())

    threads = [threading.Thread(target=store, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: archive.size for number, archive in results.items()} == {n: MEBIBYTE + n for n in range(4)}
    assert len({archive.archive_id for archive in results.values()}) == 4
