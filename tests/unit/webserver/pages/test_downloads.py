import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace

import pytest

from gas.job import Job, JobStatus, ResultTier
from gas.users import Role
from tests.unit.webserver.conftest import FILES, Clock, Member
from webserver.pages import downloads
from webserver.services import Services

JobIn = Callable[..., Job]
JSON = {"Accept": "application/json"}


def fetch(url: str) -> tuple[bytes, str]:
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.read(), response.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("what", "body", "name"),
    [
        ("input", b"##fileformat=VCFv4.3\n", "sample.vcf"),
        ("result", FILES["annotated.vcf.gz"], "sample.annotated.vcf.gz"),
        ("index", FILES["annotated.vcf.gz.tbi"], "sample.annotated.vcf.gz.tbi"),
        ("log", FILES["log.txt"], "sample.log.txt"),
        ("receipt", FILES["receipt.json"], "sample.receipt.json"),
    ],
)
def test_each_file_comes_under_the_name_that_the_user_knows(
    member: Member, job_in: JobIn, what: str, body: bytes, name: str
) -> None:
    job = job_in(member.user)
    answer = member.browser.get(f"/annotations/{job.job_id}/download/{what}")
    assert answer.status == 303
    content, disposition = fetch(answer.location)
    assert content == body
    assert f'filename="{name}"' in disposition


def test_an_index_of_the_other_format_keeps_its_suffix(member: Member, job_in: JobIn) -> None:
    held = replace(job_in(member.user), s3_key_index_file="u/j/result/1/annotated.vcf.gz.csi")
    assert downloads._objects(held)["index"].name == "sample.annotated.vcf.gz.csi"


def test_the_address_is_good_for_a_minute(member: Member, job_in: JobIn) -> None:
    url = member.browser.get(f"/annotations/{job_in(member.user).job_id}/download/result").location
    assert f"X-Amz-Expires={downloads.DOWNLOAD_SECONDS}" in url
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=86400"))


def test_the_input_is_the_version_that_was_annotated(member: Member, services: Services, job_in: JobIn) -> None:
    job = job_in(member.user)
    first = services.storage.head(job.s3_inputs_bucket, job.s3_key_input_file)
    assert first is not None
    services.storage.s3.put_object(Bucket=job.s3_inputs_bucket, Key=job.s3_key_input_file, Body=b"swapped")
    held = downloads._objects(replace(job, input_version=first.version))["input"]
    url = services.storage.presign_get(str(held.bucket), str(held.key), held.name, held.content_type, held.version)
    assert fetch(url)[0] == b"##fileformat=VCFv4.3\n"


@pytest.mark.parametrize("what", ["summary", "result/", "..", "archive", ""])
def test_there_are_no_other_downloads(member: Member, job_in: JobIn, what: str) -> None:
    assert member.browser.get(f"/annotations/{job_in(member.user).job_id}/download/{what}").status == 404


@pytest.mark.parametrize("what", ["result", "index", "log", "receipt"])
def test_what_is_not_made_yet_is_not_found(member: Member, job_in: JobIn, what: str) -> None:
    job = job_in(member.user, JobStatus.RUNNING)
    assert member.browser.get(f"/annotations/{job.job_id}/download/{what}").status == 404


def test_an_object_that_is_gone_is_said_plainly(member: Member, services: Services, job_in: JobIn) -> None:
    job = job_in(member.user)
    services.storage.delete(str(job.s3_results_bucket), str(job.s3_key_result_file))
    answer = member.browser.get(f"/annotations/{job.job_id}/download/result")
    assert answer.status == 404
    assert "no longer in storage" in answer.text


@pytest.mark.parametrize("what", ["result", "index"])
def test_a_free_users_window_closes_by_the_clock(
    member: Member, job_in: JobIn, clock: Clock, services: Services, what: str
) -> None:
    job = job_in(member.user)
    path = f"/annotations/{job.job_id}/download/{what}"
    assert job.complete_time is not None
    closes = job.complete_time + services.settings.free_window - clock()
    clock.moved = closes - 5
    assert member.browser.get(path).status == 303
    clock.moved = closes + 1
    answer = member.browser.get(path, **JSON)
    assert (answer.status, answer.json["code"]) == (403, "expired")
    assert "/subscribe" in member.browser.get(path).text


@pytest.mark.parametrize("what", ["input", "log", "receipt"])
def test_input_log_and_receipt_stay(member: Member, job_in: JobIn, clock: Clock, what: str) -> None:
    job = job_in(member.user)
    clock.moved = 3600
    assert member.browser.get(f"/annotations/{job.job_id}/download/{what}").status == 303


def test_subscribing_opens_an_expired_result_again(member: Member, job_in: JobIn, clock: Clock) -> None:
    job = job_in(member.user)
    clock.moved = 3600
    path = f"/annotations/{job.job_id}/download/result"
    assert member.browser.get(path).status == 403
    member.browser.post("/subscribe")
    assert member.browser.get(path).status == 303
    member.browser.post("/unsubscribe")
    assert member.browser.get(path).status == 403


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        (ResultTier.ARCHIVED, "about to be asked back"),
        (ResultTier.RESTORING, "being restored from the archive, expected within <strong>"),
    ],
    ids=["archived", "restoring"],
)
def test_a_premium_users_archived_result_is_on_its_way(
    member: Member, services: Services, job_in: JobIn, monkeypatch: pytest.MonkeyPatch, tier: ResultTier, words: str
) -> None:
    services.users.set_role(member.user.user_id, Role.PREMIUM)
    due = int(services.clock()) + 300 if tier is ResultTier.RESTORING else None
    job = replace(job_in(member.user), result_tier=tier, retrieval_due=due)
    monkeypatch.setattr(type(services.jobs), "owned", lambda *_: job)
    for path in ("download/result", "genome", "genome/addresses"):
        answer = member.browser.get(f"/annotations/{job.job_id}/{path}", **JSON)
        assert (answer.status, answer.json["code"]) == (409, "restoring")
    page = member.browser.get(f"/annotations/{job.job_id}").text
    assert words in page
    assert "download/result" not in page


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.vcf", "a"),
        ("a.VCF.GZ", "a"),
        ("a.b.vcf.bgz", "a.b"),
        ("a.bcf", "a"),
        ("nosuffix", "nosuffix"),
        (".vcf", "annotation"),
        ("x.vcf.gz.vcf", "x.vcf.gz"),
    ],
)
def test_downloads_are_named_after_the_input(name: str, stem: str) -> None:
    assert downloads.stem(name) == stem
