import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import EndpointConnectionError

from gas.job import Job, JobStatus, ResultTier
from gas.storage import ObjectMissing
from gas.users import Role
from tests.unit.webserver.conftest import RECEIPT, Clock, Member
from webserver.pages import annotations
from webserver.services import Services

JobIn = Callable[..., Job]
JSON = {"Accept": "application/json"}

A_RECEIPT = {
    "input": {"name": "sample.vcf", "format": "plain", "sha256": "ab" * 32},
    "result": {"sha256": "cd" * 32},
    "bundle": {"name": "mitochondrion", "assembly": "GRCh38", "sources": [{"name": "MITOMAP", "version": "2026-02"}]},
    "software": {"gas": "0.1.0"},
    "records": {"read": 3, "annotated": 1, "passed": {"symbolic allele": 1}, "rejected": {"bad REF": 1}},
    "rejects": [{"line": 7, "reason": "bad REF: <script>alert(1)</script>"}],
    "notes": ["The header names no contigs."],
    "seconds": {"annotate": 0.25},
    "counts": {"by_consequence": {"missense_variant": 1}},
}


def show(member: Member, job: Job, part: str = "") -> str:
    answer = member.browser.get(f"/annotations/{job.job_id}{part}")
    assert answer.status == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


# The list


def test_an_empty_list_says_what_to_do(member: Member) -> None:
    page = member.browser.get("/annotations").text
    assert "Nothing annotated yet" in page
    assert 'href="/annotate"' in page


def test_pages_follow_each_other_without_gaps_or_repeats(member: Member, services: Services, job_in: JobIn) -> None:
    now = services.jobs.now()
    # Two share a second, so that only the whole key can tell where a page ended.
    made = [job_in(member.user, JobStatus.PENDING, submit_time=now - age) for age in (0, 10, 20, 20, 30, 40, 50)]
    seen: list[str] = []
    path = "/annotations?limit=3"
    for _ in range(3):
        page = member.browser.get(path, **JSON).json
        seen += [job["job_id"] for job in page["jobs"]]
        path = f"/annotations?limit=3&after={page['next']}"
    assert page["next"] is None
    assert sorted(seen) == sorted(job.job_id for job in made)
    times = [services.jobs.get(job_id).submit_time for job_id in seen]  # type: ignore[union-attr]
    assert times == sorted(times, reverse=True)


def test_the_last_page_of_just_enough_jobs_has_no_next(member: Member, job_in: JobIn) -> None:
    for _ in range(3):
        job_in(member.user, JobStatus.PENDING)
    assert member.browser.get("/annotations?limit=3", **JSON).json["next"] is None


def test_a_filter_holds_over_pages(member: Member, job_in: JobIn) -> None:
    for status in (JobStatus.PENDING, JobStatus.FAILED, JobStatus.PENDING, JobStatus.FAILED, JobStatus.FAILED):
        job_in(member.user, status)
    first = member.browser.get("/annotations?status=FAILED&limit=2", **JSON).json
    second = member.browser.get(f"/annotations?status=FAILED&limit=2&after={first['next']}", **JSON).json
    assert [job["status"] for job in first["jobs"] + second["jobs"]] == ["FAILED"] * 3
    page = member.browser.get("/annotations?status=FAILED&limit=2").text
    assert f"/annotations?status=FAILED&amp;after={first['next']}" in page


def test_a_filter_that_finds_nothing_says_so(member: Member, job_in: JobIn) -> None:
    job_in(member.user, JobStatus.PENDING)
    assert "No job of yours is cancelled" in member.browser.get("/annotations?status=CANCELLED").text


@pytest.mark.parametrize(
    "query",
    [
        *("status=DONE", "limit=0", "limit=101", "limit=-1", "limit=x", "limit=99999999999999999999"),
        *("after=", "after=x", "after=1.2", "after=99999999999999.x", f"after=1.{'0' * 37}"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_in_words(member: Member, query: str) -> None:
    answer = member.browser.get(f"/annotations?{query}", **JSON)
    assert answer.status == 400
    assert answer.json["detail"].endswith(".")


def test_another_users_cursor_leads_only_to_ones_own_jobs(member_of: Callable[[], Member], job_in: JobIn) -> None:
    mine, other = member_of(), member_of()
    own = job_in(mine.user, JobStatus.PENDING, submit_time=100)
    theirs = [job_in(other.user, JobStatus.PENDING, submit_time=time) for time in (300, 200)]
    cursor = other.browser.get("/annotations?limit=1", **JSON).json["next"]
    assert cursor.endswith(theirs[0].job_id)
    page = mine.browser.get(f"/annotations?after={cursor}", **JSON).json
    assert [job["job_id"] for job in page["jobs"]] == [own.job_id]


def test_the_list_renews_itself_only_while_something_is_under_way(member: Member, job_in: JobIn) -> None:
    job_in(member.user, JobStatus.COMPLETED)
    assert "data-hx-trigger" not in member.browser.get("/annotations").text
    job_in(member.user, JobStatus.RUNNING)
    page = member.browser.get("/annotations").text
    assert "data-hx-trigger" in page
    assert "25 %" in page


def test_file_names_are_shown_as_text(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user, JobStatus.PENDING, input_file_name="<img src=x>.vcf")
    for page in (member.browser.get("/annotations").text, show(member, job)):
        assert "<img src=x>" not in page
        assert "&lt;img src=x&gt;" in page


# One job


def test_a_waiting_job_tells_its_place_in_the_queue(member: Member, services: Services, job_in: JobIn) -> None:
    # Before everything else in the table, so that other tests' jobs do not count.
    jobs = [job_in(member.user, JobStatus.PENDING, submit_time=time) for time in (1, 2, 3)]
    data = member.browser.get(f"/annotations/{jobs[2].job_id}/status", **JSON).json
    assert data["queue_position"] == 3
    assert "next in the queue" in show(member, jobs[0])
    assert "number 3 in the queue" in show(member, jobs[2])
    for job in jobs:
        services.jobs.cancel(job.job_id)


def test_a_running_job_shows_how_far_it_is(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user, JobStatus.RUNNING)
    page = show(member, job)
    assert "250 of 1000 variants" in page
    assert '<progress aria-label="Variants done" max="1000" value="250">' in page
    data = member.browser.get(f"/annotations/{job.job_id}/status", **JSON).json
    assert data["job"]["progress"] == {"done": 250, "total": 1000}
    assert data["can"] == {"cancel": True, "retry": False, "delete": False, "share": False, "download": False}


def test_without_javascript_an_unfinished_job_renews_itself(member: Member, job_in: JobIn) -> None:
    refresh = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    assert refresh in show(member, job_in(member.user, JobStatus.RUNNING))
    assert refresh not in show(member, job_in(member.user, JobStatus.COMPLETED))


def test_the_live_part_is_a_fragment_of_the_page(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user, JobStatus.RUNNING)
    fragment = show(member, job, "/status").strip()
    assert "<html" not in fragment
    assert f'data-hx-get="/annotations/{job.job_id}/status"' in fragment
    assert "data-hx-get" not in show(member, job_in(member.user, JobStatus.FAILED), "/status")


def test_the_live_part_of_an_ended_session_sends_the_page_to_sign_in(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user, JobStatus.RUNNING)
    member.browser.cookies.clear()
    answer = member.browser.get(f"/annotations/{job.job_id}/status", HX_Request="true")
    assert (answer.status, answer.header("HX-Refresh")) == (401, "true")


def test_a_failure_is_told_in_the_jobs_own_words(member: Member, job_in: JobIn) -> None:
    page = show(member, job_in(member.user, JobStatus.FAILED))
    assert "Line 3 has no POS column." in page
    assert "REF123" in page
    assert "Try again" in page


def test_the_receipt_is_told_in_words(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user, files={RECEIPT: json.dumps(A_RECEIPT).encode()})
    page = show(member, job)
    for words in ("symbolic allele", "bad REF", "The header names no contigs.", "MITOMAP", "2026-02", "gas 0.1.0"):
        assert words in page
    for words in ("annotate 0.25 s", "ab" * 32, "cd" * 32, "assembly GRCh38"):
        assert words in page
    assert "<script>alert(1)</script>" not in page
    data = member.browser.get(f"/annotations/{job.job_id}", **JSON).json
    assert data["receipt"] == A_RECEIPT
    assert data["job"]["records"] == {"read": 3, "annotated": 1, "passed": 1, "rejected": 1}


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"[]", b'{"records": 3}', b'{"records": {"passed": {"x": "y"}}}', b"\xff"]
)
def test_a_damaged_receipt_does_not_break_the_page(member: Member, job_in: JobIn, damaged: bytes) -> None:
    page = show(member, job_in(member.user, files={RECEIPT: damaged}))
    assert "cannot be read at the moment" in page
    assert "<dd>3</dd>" in page


def test_a_job_is_found_only_under_its_exact_id(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user)
    for wrong in (job.job_id.upper(), job.job_id[:-1], f"{job.job_id}0", "x", "%2e%2e", str(uuid.uuid4())):
        assert member.browser.get(f"/annotations/{wrong}").status == 404


# The log


def test_the_log_is_shown_as_text(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user)
    page = member.browser.get(f"/annotations/{job.job_id}/log").text
    assert "Line 7 rejected: &lt;b&gt;REF&lt;/b&gt;" in page
    data = member.browser.get(f"/annotations/{job.job_id}/log", **JSON).json
    assert data["log"].startswith("Read 3 records.\n")
    assert data["complete"] is True


def test_a_long_log_is_cut_and_says_so(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user, files={"log.txt": b"x" * (annotations.MAX_LOG_BYTES + 1)})
    data = member.browser.get(f"/annotations/{job.job_id}/log", **JSON).json
    assert len(data["log"]) == annotations.MAX_LOG_BYTES
    assert data["complete"] is False
    assert "the download has all of it" in show(member, job, "/log")


def test_before_there_is_a_log_the_page_says_so(member: Member, job_in: JobIn) -> None:
    assert "No log yet" in show(member, job_in(member.user, JobStatus.RUNNING), "/log")


def test_the_log_stays_when_the_window_is_over(member: Member, job_in: JobIn, clock: Clock) -> None:
    job = job_in(member.user)
    clock.moved = 3600
    assert "Read 3 records." in show(member, job, "/log")


# What can be done with a job


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.RUNNING])
def test_an_unfinished_job_can_be_cancelled(
    member: Member, services: Services, job_in: JobIn, status: JobStatus
) -> None:
    job = job_in(member.user, status)
    assert (
        member.browser.post(f"/annotations/{job.job_id}/cancel").location == f"/annotations/{job.job_id}?done=cancelled"
    )
    assert services.jobs.get(job.job_id).job_status is JobStatus.CANCELLED  # type: ignore[union-attr]


def test_a_failed_job_can_be_tried_again(member: Member, services: Services, job_in: JobIn) -> None:
    job = job_in(member.user, JobStatus.FAILED)
    assert member.browser.post_json(f"/annotations/{job.job_id}/retry", {}).json["status"] == "PENDING"
    again = services.jobs.get(job.job_id)
    assert again is not None
    assert (again.job_status, again.error_message) == (JobStatus.PENDING, None)
    assert again.announcements == 1


def test_deleting_removes_everything(member: Member, services: Services, job_in: JobIn) -> None:
    job = job_in(member.user)
    answer = member.browser.post(f"/annotations/{job.job_id}/delete")
    assert answer.location == "/annotations?done=deleted&goes=input.result.log.receipt"
    page = member.browser.get(answer.location).text
    assert "with the file you uploaded, the result, the log and the receipt. Nothing of it is left." in page
    assert services.jobs.get(job.job_id) is None
    assert services.storage.head(job.s3_inputs_bucket, job.s3_key_input_file) is None
    with pytest.raises(ObjectMissing):
        list(services.storage.stream(str(job.s3_results_bucket), str(job.s3_key_result_file)))
    assert member.browser.get(f"/annotations/{job.job_id}").status == 404


def test_the_receipt_of_a_deletion_tells_programs_what_goes_and_by_when(
    member: Member, services: Services, job_in: JobIn
) -> None:
    job = job_in(member.user)
    receipt = member.browser.post_json(f"/annotations/{job.job_id}/delete", {}).json
    goes = ["input", "result", "log", "receipt"]
    assert receipt == {"job_id": job.job_id, "deleted": True, "goes": goes, "gone_by": None}
    failed = job_in(member.user, JobStatus.FAILED)
    assert member.browser.post_json(f"/annotations/{failed.job_id}/delete", {}).json["goes"] == ["input"]


def test_an_archived_result_is_gone_within_a_minute(member: Member, services: Services, job_in: JobIn) -> None:
    job = job_in(member.user)
    archived = {"result_tier": ResultTier.ARCHIVED, "results_file_archive_id": "some-archive"}
    services.jobs.change(job.job_id, Attr("job_id").exists(), **archived)
    answer = member.browser.post(f"/annotations/{job.job_id}/delete")
    assert answer.location == "/annotations?done=deleted&goes=input.archive.log.receipt&minutes=1"
    page = member.browser.get(answer.location).text
    assert "the result in the archive, the log and the receipt. What is not gone yet is gone within a minute." in page
    # The web server may not touch archives: the item stays for the sweeper.
    hidden = services.jobs.get(job.job_id)
    assert hidden is not None
    assert hidden.delete_time is not None


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (JobStatus.COMPLETED, "cancel"),
        (JobStatus.FAILED, "cancel"),
        (JobStatus.CANCELLED, "cancel"),
        (JobStatus.COMPLETED, "retry"),
        (JobStatus.PENDING, "retry"),
        (JobStatus.CANCELLED, "retry"),
        (JobStatus.PENDING, "delete"),
        (JobStatus.RUNNING, "delete"),
    ],
)
def test_what_the_state_does_not_allow_is_refused_and_changes_nothing(
    member: Member, services: Services, job_in: JobIn, status: JobStatus, action: str
) -> None:
    job = job_in(member.user, status)
    answer = member.browser.post_json(f"/annotations/{job.job_id}/{action}", {})
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert services.jobs.get(job.job_id).job_status is status  # type: ignore[union-attr]


def test_actions_succeed_while_messages_cannot_be_sent(
    member: Member, services: Services, job_in: JobIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_in(member.user, JobStatus.FAILED)

    def unreachable(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="sns")

    monkeypatch.setattr(services.announcer.sns, "publish", unreachable)
    assert member.browser.post(f"/annotations/{job.job_id}/retry").status == 303
    waiting = services.jobs.get(job.job_id)
    assert waiting is not None
    assert waiting.attention_at is not None


# Whether the result is there, by the clock


def test_a_free_users_page_follows_the_clock(member: Member, job_in: JobIn, clock: Clock, services: Services) -> None:
    job = job_in(member.user)
    page = show(member, job)
    assert "You can download the result for another" in page
    assert "/download/result" in page
    clock.moved = services.settings.free_window + 1
    page = show(member, job)
    assert "subscribe</a> and it comes back" in page
    assert "/download/result" not in page
    data = member.browser.get(f"/annotations/{job.job_id}/status", **JSON).json
    assert data["job"]["result"]["access"] == "expired"


def test_a_premium_users_result_stays(member: Member, job_in: JobIn, clock: Clock, services: Services) -> None:
    services.users.set_role(member.user.user_id, Role.PREMIUM)
    job = job_in(member.user)
    clock.moved = 10 * 3600
    page = show(member, job)
    assert "/download/result" in page
    assert "for another" not in page
