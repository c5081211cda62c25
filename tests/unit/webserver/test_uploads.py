import html
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from gas.config import Settings
from gas.jobs import JobStatus
from gas.storage import input_key
from gas.users import Role
from tests.unit.webserver.browser import Answer, Browser
from tests.unit.webserver.conftest import SITE_URL, Clock, Member
from webserver import tickets
from webserver.app import make_app
from webserver.services import Services, build
from webserver.tickets import TICKET_SECONDS, Ticket

KEY = "session-key-of-the-tests"
PART = 8 * 1024**2
VCF = b"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"

# The oracle's list of names that have broken other programs.
NAMES = [
    "../../etc/passwd.vcf",
    "a b.vcf",
    "-rf.vcf",
    "a;rm -rf x.vcf",
    "$(id).vcf",
    "x\n.vcf",
    "\u00e9.vcf",
    "e\u0301.vcf",
    ".vcf",
    "CON.vcf",
    "a~b.vcf",
    "x" * 251 + ".vcf",
    "x.vcf.gz.vcf",
    "x.VCF.GZ",
    "nosuffix",
    "<img src=x>.vcf",
    "a\u200fb.vcf",
    "%2e%2e%2f.vcf",
    '"><script>alert(1)</script>',
]


@pytest.fixture(scope="module")
def built(deployment: Settings) -> tuple[Clock, Services]:
    """Services that the tests of this file share: making the SDK's clients takes longer than most of the tests."""
    clock = Clock()
    return clock, build(deployment, clock)


@pytest.fixture
def clock(built: tuple[Clock, Services]) -> Iterator[Clock]:
    yield built[0]
    built[0].moved = 0


@pytest.fixture
def services(built: tuple[Clock, Services], clock: Clock) -> Services:
    return built[1]


@pytest.fixture
def faulty(aws_standin: Any) -> Iterator[Any]:
    yield aws_standin
    aws_standin.clear_faults()


def put(url: str, body: bytes) -> int:
    return requests.put(url, body, headers={"Content-Type": "application/octet-stream"}, timeout=30).status_code


def begin(browser: Browser, size: int, name: str = "x.vcf") -> Any:
    answer = browser.post_json("/annotate/uploads", {"name": name, "size": size})
    assert answer.status == 201, answer.text
    return answer.json


def upload(browser: Browser, body: bytes, name: str = "x.vcf") -> str:
    """All of a small upload as the script on the page does it; returns the ticket."""
    begun = begin(browser, len(body), name)
    assert put(begun["addresses"]["1"], body) == 200
    assert browser.post_json("/annotate/uploads/complete", {"ticket": begun["ticket"]}).json == {"size": len(body)}
    return str(begun["ticket"])


def submit(browser: Browser, ticket: object) -> Answer:
    return browser.post_json("/annotate/job", {"ticket": ticket})


def opened(text: str, member: Member) -> Ticket:
    return tickets.read(text, member.user.user_id, KEY, 0)


# The way of a file, with JavaScript


def test_a_file_becomes_a_job_that_remembers_which_object_it_was(member: Member, services: Services) -> None:
    ticket = upload(member.browser, VCF, "my sample.vcf")
    answer = submit(member.browser, ticket)
    assert answer.status == 201
    job = services.jobs.owned(answer.json["job_id"], member.user.user_id)
    assert job is not None
    assert answer.json["location"] == f"/annotations/{job.job_id}"
    found = services.storage.head(job.s3_inputs_bucket, job.s3_key_input_file)
    assert found is not None
    assert (job.input_size, job.input_etag, job.input_version) == (len(VCF), found.etag, found.version)
    assert job.s3_key_input_file == input_key(member.user.user_id, job.job_id)
    assert (job.input_file_name, job.user_email) == ("my sample.vcf", member.user.email)
    assert (job.job_status, job.bundle) == (JobStatus.PENDING, services.settings.bundle)
    tagged = services.storage.s3.get_object_tagging(Bucket=job.s3_inputs_bucket, Key=job.s3_key_input_file)
    assert tagged["TagSet"] == []


def test_one_ticket_makes_one_job(member: Member, services: Services) -> None:
    ticket = upload(member.browser, VCF)
    first, second = submit(member.browser, ticket), submit(member.browser, ticket)
    assert first.json == second.json
    by_form = member.browser.post("/annotate/job", {"ticket": ticket})
    assert (by_form.status, by_form.location) == (303, first.json["location"])
    shown = member.browser.get(f"/annotate/job?ticket={ticket}")
    assert (shown.status, shown.location) == (303, first.json["location"])
    assert len(services.jobs.page(member.user.user_id, 10)[0]) == 1


def test_a_job_once_deleted_does_not_come_back(member: Member, services: Services) -> None:
    ticket = upload(member.browser, VCF)
    job_id = submit(member.browser, ticket).json["job_id"]
    services.jobs.cancel(job_id)
    services.jobs.mark_deleted(services.jobs.get(job_id))
    assert submit(member.browser, ticket).status == 410
    services.storage.delete_job(member.user.user_id, job_id)
    services.jobs.remove(job_id)
    assert submit(member.browser, ticket).status == 410


def test_large_files_go_in_parts_and_continue_after_an_interruption(member: Member, services: Services) -> None:
    body = bytes(PART) + b"the rest"
    begun = begin(member.browser, len(body))
    assert (begun["part_size"], begun["part_count"]) == (PART, 2)
    assert sorted(begun["addresses"]) == ["1", "2"]
    assert put(begun["addresses"]["2"], body[PART:]) == 200
    ticket = {"ticket": begun["ticket"]}

    unfinished = member.browser.post_json("/annotate/uploads/complete", ticket)
    assert (unfinished.status, unfinished.json["code"]) == (409, "parts_missing")
    assert submit(member.browser, begun["ticket"]).status == 410

    known = member.browser.post_json("/annotate/uploads/parts", ticket).json
    assert known == {"part_size": PART, "part_count": 2, "uploaded": [2]}
    asked = member.browser.post_json("/annotate/uploads/parts", {**ticket, "numbers": [1]}).json
    assert put(asked["addresses"]["1"], body[:PART]) == 200
    for _ in range(2):
        assert member.browser.post_json("/annotate/uploads/complete", ticket).json == {"size": len(body)}
    assert member.browser.post_json("/annotate/uploads/parts", ticket).json["uploaded"] == [1, 2]
    job = services.jobs.get(submit(member.browser, begun["ticket"]).json["job_id"])
    assert job is not None
    assert job.input_size == len(body)


def test_an_upload_of_the_largest_size_stays_within_the_limits_of_s3(member: Member, services: Services) -> None:
    services.users.set_role(member.user.user_id, Role.PREMIUM)
    begun = begin(member.browser, services.settings.premium_size_limit)
    assert begun["part_count"] <= 10_000
    last = member.browser.post_json(
        "/annotate/uploads/parts", {"ticket": begun["ticket"], "numbers": [1, begun["part_count"]]}
    )
    assert sorted(map(int, last.json["addresses"])) == [1, begun["part_count"]]


def test_cancelling_leaves_nothing_behind(member: Member, services: Services) -> None:
    half, whole = begin(member.browser, 100)["ticket"], upload(member.browser, VCF)
    for ticket in (half, whole, half):
        assert member.browser.post_json("/annotate/uploads/abort", {"ticket": ticket}).json == {"aborted": True}
    by_form = member.browser.post("/annotate/uploads/abort", {"ticket": whole})
    assert (by_form.status, by_form.location) == (303, "/annotate")
    bucket = services.settings.inputs_bucket
    prefix = f"{member.user.user_id}/"
    assert "Versions" not in services.storage.s3.list_object_versions(Bucket=bucket, Prefix=prefix)
    assert "Uploads" not in services.storage.s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    for path in ("/annotate/uploads/parts", "/annotate/uploads/complete", "/annotate/job"):
        answer = member.browser.post_json(path, {"ticket": half})
        assert (answer.status, answer.json["code"]) == (410, "upload_gone")


def test_what_is_a_job_is_not_cancelled_as_an_upload(member: Member, services: Services) -> None:
    ticket = upload(member.browser, VCF)
    job_id = submit(member.browser, ticket).json["job_id"]
    assert member.browser.post_json("/annotate/uploads/abort", {"ticket": ticket}).status == 409
    assert services.storage.head(services.settings.inputs_bucket, input_key(member.user.user_id, job_id))


# Sizes


@pytest.mark.parametrize("size", [50_000_001, 10**15, 2**63 - 1])
def test_a_free_user_is_offered_the_upgrade_before_anything_is_sent(member: Member, size: int) -> None:
    answer = member.browser.post_json("/annotate/uploads", {"name": "x.vcf", "size": size})
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert re.search(r"up to (50 MB|50\W000\W000 bytes)\.", answer.json["detail"])
    assert "Premium" in answer.json["detail"]


def test_a_premium_user_may_send_more_but_not_everything(member: Member, services: Services) -> None:
    services.users.set_role(member.user.user_id, Role.PREMIUM)
    assert begin(member.browser, 50_000_001)["part_count"] == 6
    beyond = services.settings.premium_size_limit + 1
    answer = member.browser.post_json("/annotate/uploads", {"name": "x.vcf", "size": beyond})
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert "Split" in answer.json["detail"]


def test_an_empty_file_is_refused_in_a_sentence(member: Member) -> None:
    answer = member.browser.post_json("/annotate/uploads", {"name": "x.vcf", "size": 0})
    assert (answer.status, answer.json["code"]) == (422, "empty")
    assert "empty" in answer.json["detail"]


def test_more_bytes_than_declared_are_not_taken(member: Member) -> None:
    begun = begin(member.browser, 10)
    assert put(begun["addresses"]["1"], b"eleven bytes") == 403
    assert put(begun["addresses"]["1"], b"nine byte") == 403
    assert member.browser.post_json("/annotate/uploads/complete", {"ticket": begun["ticket"]}).status == 409


@pytest.fixture
def shrunk(services: Services) -> Services:
    """The same site, its limit for free users lowered meanwhile to 20 bytes."""
    return replace(services, settings=services.settings.model_copy(update={"free_size_limit": 20}))


def elsewhere(member: Member, services: Services) -> Browser:
    """The member's browser, talking to another process of the site."""
    return Browser(make_app(services), SITE_URL, member.browser.cookies)


def test_the_true_size_is_checked_when_the_parts_are_joined(
    member: Member, services: Services, shrunk: Services
) -> None:
    begun = begin(member.browser, len(VCF))
    assert put(begun["addresses"]["1"], VCF) == 200
    answer = elsewhere(member, shrunk).post_json("/annotate/uploads/complete", {"ticket": begun["ticket"]})
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert member.browser.post_json("/annotate/uploads/parts", {"ticket": begun["ticket"]}).status == 410


def test_the_true_size_is_checked_when_the_job_is_created(member: Member, services: Services, shrunk: Services) -> None:
    ticket = upload(member.browser, VCF)
    page = elsewhere(member, shrunk).post("/annotate/job", {"ticket": ticket})
    assert page.status == 413
    assert 'href="/subscribe"' in page.text
    # The object is gone, so that a refused file costs nothing.
    assert submit(member.browser, ticket).status == 410
    assert services.jobs.get(opened(ticket, member).job_id) is None


def test_an_empty_object_never_becomes_a_job(member: Member, services: Services) -> None:
    ticket = Ticket(member.user.user_id, str(uuid.uuid4()), int(services.clock()) + 60)
    services.storage.s3.put_object(Bucket=services.settings.inputs_bucket, Key=ticket.key, Body=b"")
    answer = submit(member.browser, tickets.sign(ticket, KEY))
    assert (answer.status, answer.json["code"]) == (422, "empty")
    assert services.storage.head(services.settings.inputs_bucket, ticket.key) is None


# Tickets


def forged(ticket: Ticket) -> str:
    return tickets.sign(ticket, "another key")


def cut(ticket: Ticket) -> str:
    return tickets.sign(ticket, KEY)[:-1]


def swapped(ticket: Ticket) -> str:
    other = tickets.sign(replace(ticket, job_id=str(uuid.uuid4())), KEY)
    return other.rpartition(".")[0] + "." + tickets.sign(ticket, KEY).rpartition(".")[2]


def of_another_form(ticket: Ticket) -> str:
    return str(tickets._serializer(KEY).dumps({"user_id": ticket.user_id}))


def no_object(ticket: Ticket) -> str:
    return str(tickets._serializer(KEY).dumps([ticket.user_id]))


BAD: list[Callable[[Ticket], object]] = [
    forged,
    cut,
    swapped,
    of_another_form,
    no_object,
    lambda ticket: "",
    lambda ticket: "é",
    lambda ticket: ".",
    lambda ticket: None,
    lambda ticket: {"user_id": ticket.user_id},
]
POSTS = ["/annotate/uploads/parts", "/annotate/uploads/complete", "/annotate/uploads/abort", "/annotate/job"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("spoil", BAD)
def test_a_bad_ticket_leads_nowhere(member: Member, path: str, spoil: Callable[[Ticket], object]) -> None:
    good = opened(begin(member.browser, 10)["ticket"], member)
    answer = member.browser.post_json(path, {"ticket": spoil(good)})
    assert answer.status == 404, answer.text


@pytest.mark.parametrize("path", POSTS)
def test_another_users_ticket_leads_nowhere(member_of: Callable[[], Member], services: Services, path: str) -> None:
    owner, other = member_of(), member_of()
    ticket = upload(owner.browser, VCF)
    assert other.browser.post_json(path, {"ticket": ticket}).status == 404
    assert other.browser.get(f"/annotate/job?ticket={ticket}").status == 404
    assert services.jobs.get(opened(ticket, owner).job_id) is None
    assert submit(owner.browser, ticket).status == 201
    assert other.browser.post_json(path, {"ticket": ticket}).status == 404


@pytest.mark.parametrize("path", POSTS)
def test_an_old_ticket_says_what_to_do(member: Member, clock: Clock, path: str) -> None:
    ticket = upload(member.browser, VCF)
    clock.moved += TICKET_SECONDS - 60
    # Sessions end earlier than tickets: the user signs in again and goes on.
    assert member.browser.post_json(path, {"ticket": ticket}).status == 401
    member.browser.cookies.clear()
    member.browser.sign_in(member.user.email)
    clock.moved += 120
    answer = member.browser.post_json(path, {"ticket": ticket})
    assert (answer.status, answer.json["code"]) == (410, "upload_gone")
    assert "choose it again" in answer.json["detail"]


def test_an_upload_survives_the_session_it_was_begun_in(member: Member) -> None:
    ticket = upload(member.browser, VCF)
    member.browser.post("/logout")
    assert submit(member.browser, ticket).status == 401
    member.browser.sign_in(member.user.email)
    assert submit(member.browser, ticket).status == 201


@pytest.mark.parametrize("path", ["/annotate/uploads", *POSTS])
def test_strangers_and_other_sites_are_refused(member: Member, browser: Browser, path: str) -> None:
    assert browser.post_json(path, {"ticket": "x"}).status == 401
    assert member.browser.post_json(path, {"ticket": "x"}, Sec_Fetch_Site="cross-site").status == 403


def test_a_form_ticket_has_no_parts(member: Member, services: Services) -> None:
    ticket = tickets.sign(Ticket(member.user.user_id, str(uuid.uuid4()), int(services.clock()) + 60), KEY)
    for path in ("/annotate/uploads/parts", "/annotate/uploads/complete"):
        assert member.browser.post_json(path, {"ticket": ticket}).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x.vcf"},
        {"size": 1},
        {"name": 1, "size": 1},
        {"name": "x.vcf", "size": "1"},
        {"name": "x.vcf", "size": 1.5},
        {"name": "x.vcf", "size": True},
        {"name": "x.vcf", "size": -1},
        {"name": "x.vcf", "size": 2**63},
        [],
        "x",
    ],
)
def test_a_malformed_start_is_refused(member: Member, body: Any) -> None:
    assert member.browser.post_json("/annotate/uploads", body).status == 400


@pytest.mark.parametrize("numbers", ["1", [0], [3], [-1], ["1"], [1.0], [True], [None], [1] * 101, {"1": 1}])
def test_malformed_part_numbers_are_refused(member: Member, numbers: Any) -> None:
    ticket = begin(member.browser, PART + 1)["ticket"]
    answer = member.browser.post_json("/annotate/uploads/parts", {"ticket": ticket, "numbers": numbers})
    assert answer.status == 400


# When S3 does not do what it should


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("CreateMultipartUpload", "/annotate/uploads"),
        ("ListParts", "/annotate/uploads/parts"),
        ("ListParts", "/annotate/uploads/complete"),
        ("CompleteMultipartUpload", "/annotate/uploads/complete"),
        ("HeadObject", "/annotate/job"),
        ("ListObjectVersions", "/annotate/uploads/abort"),
    ],
)
def test_a_refusal_by_s3_is_a_pause_and_not_a_loss(
    member: Member, services: Services, faulty: Any, operation: str, path: str
) -> None:
    if path == "/annotate/job":
        ticket = upload(member.browser, VCF)
    else:
        begun = begin(member.browser, len(VCF))
        assert put(begun["addresses"]["1"], VCF) == 200
        ticket = begun["ticket"]
    body = {"ticket": ticket, "name": "x.vcf", "size": 5}
    rule = {"service": "s3", "operation": operation, "kind": "error"}
    faulty.fault(**rule, code="AccessDenied", match=services.settings.inputs_bucket)
    answer = member.browser.post_json(path, body)
    assert answer.status == 503, answer.text
    assert answer.json["reference"]
    assert "safe" in answer.json["detail"]
    faulty.clear_faults()
    assert member.browser.post_json(path, body).status in (200, 201)


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "CreateMultipartUpload"])
def test_an_answer_that_was_lost_changes_nothing(member: Member, faulty: Any, operation: str) -> None:
    faulty.fault(service="s3", operation=operation, kind="timeout_after_effect", count=1)
    assert submit(member.browser, upload(member.browser, VCF)).status == 201


# The way of a file, without JavaScript


@dataclass
class PlainForm:
    """The form of the page, as a browser without scripts sees it."""

    action: str
    fields: dict[str, str]

    def send(self, name: str, body: bytes, **changed: str) -> requests.Response:
        # Browsers write these three so into a file's name: https://html.spec.whatwg.org/#multipart-form-data
        sent = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        boundary = uuid.uuid4().hex
        pieces = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
            for field, value in {**self.fields, **changed}.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{sent}"\r\n'
        pieces += [head.encode("utf-8", "replace"), b"Content-Type: text/plain\r\n\r\n", body]
        pieces.append(f"\r\n--{boundary}--\r\n".encode())
        content_type = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return requests.post(self.action, b"".join(pieces), headers=content_type, allow_redirects=False, timeout=30)


def plain_form(browser: Browser) -> PlainForm:
    page = browser.get("/annotate")
    assert page.status == 200, page.text
    action = re.search(r'<form[^>]*action="([^"]+)"[^>]*enctype="multipart/form-data"', page.text)
    assert action is not None
    inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    return PlainForm(html.unescape(action[1]), {name: html.unescape(value) for name, value in inputs})


def returned(answer: requests.Response) -> str:
    assert answer.status_code == 303, answer.text
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}" == SITE_URL
    return f"{target.path}?{target.query}"


def test_a_plain_form_uploads_and_a_button_begins_the_job(member: Member, services: Services) -> None:
    back = returned(plain_form(member.browser).send("plain.vcf", VCF))
    for _ in range(2):
        page = member.browser.get(back)
        assert page.status == 200, page.text
        assert "plain.vcf" in page.text
        assert services.jobs.page(member.user.user_id, 10)[0] == []
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert ticket is not None
    begun = member.browser.post("/annotate/job", {"ticket": ticket[1]})
    assert begun.status == 303
    (job,) = services.jobs.page(member.user.user_id, 10)[0]
    assert begun.location == f"/annotations/{job.job_id}"
    assert (job.input_file_name, job.input_size) == ("plain.vcf", len(VCF))


def test_bucket_and_key_in_the_address_are_not_read(member_of: Callable[[], Member], services: Services) -> None:
    victim, thief = member_of(), member_of()
    theirs = opened(upload(victim.browser, VCF + b"secret"), victim)
    back = returned(plain_form(thief.browser).send("mine.vcf", VCF))
    ticket = re.search(r"ticket=([^&]+)", back)
    assert ticket is not None
    query = f"bucket={services.settings.results_bucket}&key={quote(theirs.key)}&etag=%22x%22&ticket={ticket[1]}"
    page = thief.browser.get(f"/annotate/job?{query}")
    assert "mine.vcf" in page.text
    answer = thief.browser.post("/annotate/job", {"ticket": ticket[1], "key": theirs.key, "job_id": theirs.job_id})
    job = services.jobs.get(answer.location.removeprefix("/annotations/"))
    assert job is not None
    assert (job.s3_key_input_file, job.input_size) == (input_key(thief.user.user_id, job.job_id), len(VCF))


def test_the_form_takes_no_other_key_no_empty_file_and_no_more_than_the_limit(
    member: Member, services: Services, shrunk: Services
) -> None:
    form = plain_form(elsewhere(member, shrunk))
    elsewhere_key = input_key(str(uuid.uuid4()), str(uuid.uuid4()))
    assert form.send("x.vcf", b"x", key=elsewhere_key).status_code == 403
    assert form.send("x.vcf", b"x", success_action_redirect="https://evil.example/").status_code == 403
    assert form.send("x.vcf", b"").status_code == 400
    assert form.send("x.vcf", b"x" * 21).status_code == 400
    returned(form.send("x.vcf", b"x" * 20))
    assert services.storage.head(services.settings.inputs_bucket, elsewhere_key) is None


def test_a_file_swapped_after_the_job_was_created_is_not_what_is_annotated(member: Member, services: Services) -> None:
    form = plain_form(member.browser)
    back = returned(form.send("x.vcf", VCF))
    ticket = re.search(r"ticket=([^&]+)", back)
    assert ticket is not None
    job_id = member.browser.post("/annotate/job", {"ticket": ticket[1]}).location.removeprefix("/annotations/")
    job = services.jobs.get(job_id)
    assert job is not None
    services.storage.s3.put_object(Bucket=job.s3_inputs_bucket, Key=job.s3_key_input_file, Body=b"something else")
    newest = services.storage.head(job.s3_inputs_bucket, job.s3_key_input_file)
    assert newest is not None
    assert newest.etag != job.input_etag
    recorded = services.storage.stream(job.s3_inputs_bucket, job.s3_key_input_file, job.input_version, job.input_etag)
    assert b"".join(recorded) == VCF


def test_a_confirmation_without_ticket_or_object_says_what_to_do(member: Member) -> None:
    assert member.browser.get("/annotate/job").location == "/annotate"
    nothing = tickets.sign(Ticket(member.user.user_id, str(uuid.uuid4()), 2**40), KEY)
    page = member.browser.get(f"/annotate/job?ticket={nothing}")
    assert page.status == 410
    assert 'href="/annotate"' in page.text


def test_a_stranger_signs_in_and_comes_back_to_the_confirmation(browser: Browser) -> None:
    answer = browser.get("/annotate/job?ticket=abc")
    assert answer.status == 303
    assert answer.location.startswith("/login?next=")
    assert "ticket" in answer.location


def test_the_page_as_data_tells_the_limit(member: Member, services: Services) -> None:
    answer = member.browser.get("/annotate", Accept="application/json").json
    assert answer == {"size_limit": services.settings.free_size_limit, "bundle": services.settings.bundle}


def test_the_policy_of_the_page_lets_uploads_go_to_storage_alone(member: Member, services: Services) -> None:
    page = member.browser.get("/annotate")
    policy = page.header("Content-Security-Policy") or ""
    (origin,) = services.uploads.origins()
    assert f"connect-src 'self' {origin};" in policy
    assert f"form-action 'self' {origin};" in policy
    assert not re.search(r"<[^>]+\son[a-z]+=|javascript:|<style", page.text)
    nonces = re.findall(r"<script[^>]*nonce=\"([^\"]+)\"", page.text)
    assert nonces
    assert all(f"'nonce-{nonce}'" in policy for nonce in nonces)


# Names


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_kept_as_data_and_never_chooses_a_key(member: Member, services: Services, name: str) -> None:
    job = services.jobs.get(submit(member.browser, upload(member.browser, VCF, name)).json["job_id"])
    assert job is not None
    assert job.input_file_name == name
    assert job.s3_key_input_file == input_key(member.user.user_id, job.job_id)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_plain_form_is_shown_escaped(member: Member, name: str) -> None:
    page = member.browser.get(returned(plain_form(member.browser).send(name, VCF)))
    assert page.status == 200, page.text
    for markup in ("<img src=x", "<script>alert"):
        assert markup not in page.text
    # Without folders (S3 drops them), and with a browser's own escapes for quotes and line ends.
    plain = name.rsplit("/")[-1].replace('"', "%22").replace("\n", "%0A")
    assert plain in html.unescape(page.text)


def test_a_name_is_cut_to_255_bytes(member: Member, services: Services) -> None:
    job = services.jobs.get(submit(member.browser, upload(member.browser, VCF, "é" * 200)).json["job_id"])
    assert job is not None
    assert job.input_file_name == "é" * 127
