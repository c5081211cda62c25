"""Links to a job: what they give, to whom, for how long, and that their secret stays where it belongs."""

import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from boto3.dynamodb.conditions import Attr

from gas import erasure
from gas.job import Job, JobStatus, ResultTier
from gas.shares import DAY, MOST_LINKS, Share, share_id_of
from tests.explored import Annotated, annotated
from tests.unit.webserver.api.programs import new_program
from tests.unit.webserver.browser import Answer, Browser
from tests.unit.webserver.conftest import FILES, SITE_URL, Clock, Member
from webserver.services import Services

__all__ = ["annotated"]

JobIn = Callable[..., Job]
JSON = {"Accept": "application/json"}
READS = ("", "/status", "/download/result", "/download/index", "/download/receipt", "/variants", "/variants/1")


@dataclass
class Shared:
    """A job of somebody's, a link to it, and a browser that has used it."""

    owner: Member
    job: Job
    token: str
    guest: Browser
    services: Services

    @property
    def path(self) -> str:
        return f"/shared/{share_id_of(self.token)}"

    @property
    def shares(self) -> str:
        return f"/annotations/{self.job.job_id}/shares"

    def get(self, more: str = "", **headers: str) -> Answer:
        return self.guest.get(f"{self.path}{more}", **headers)

    def share(self) -> Share:
        found = self.services.shares.get(share_id_of(self.token))
        assert found is not None
        return found

    def revoke(self) -> Answer:
        return self.owner.browser.post(f"{self.shares}/{share_id_of(self.token)}/revoke")


def make_link(owner: Member, job: Job, days: str = "7", note: str = "") -> str:
    """The token of a new link, as the owner's browser makes one."""
    answer = owner.browser.post(f"/annotations/{job.job_id}/shares", {"days": days, "note": note})
    assert answer.status == 200, answer.text
    (token,) = re.findall(rf'value="{SITE_URL}/shared#([\w-]+)"', answer.text)
    return str(token)


def share_job(owner: Member, job: Job, services: Services, app: Any) -> Shared:
    shared = Shared(owner, job, make_link(owner, job), Browser(app, SITE_URL), services)
    entered = shared.guest.post("/shared", {"token": shared.token})
    assert (entered.status, entered.location) == (303, shared.path)
    return shared


@pytest.fixture
def shared(app: Any, member: Member, services: Services, job_in: JobIn) -> Shared:
    return share_job(member, job_in(member.user), services, app)


@pytest.fixture
def explored(app: Any, member: Member, services: Services, job_in: JobIn, annotated: Annotated) -> Shared:
    files = {
        "annotated.vcf.gz": annotated.vcf.read_bytes(),
        "variants.parquet": annotated.table.read_bytes(),
        "summary.json": annotated.summary.read_bytes(),
    }
    return share_job(member, job_in(member.user, files=files), services, app)


# What a link gives


def test_a_link_shows_what_its_owner_sees_and_nothing_to_press(explored: Shared) -> None:
    page = explored.get().text
    assert page.count('<svg role="img"') == 6
    assert f'href="{explored.path}/variants?impact=HIGH"' in page
    assert f'href="{explored.path}/download/result"' in page
    assert "You read this by a link" in page
    for hidden in (explored.owner.user.email, explored.owner.user.user_id, "/annotations/", "/subscribe", "method="):
        assert hidden not in page
    data = explored.get(**JSON).json
    own = explored.owner.browser.get(f"/annotations/{explored.job.job_id}", **JSON).json
    assert (data["job"], data["receipt"]) == (own["job"], own["receipt"])
    assert data["can"] == {"cancel": False, "retry": False, "delete": False, "share": False, "download": True}
    assert explored.get("/status").text.strip().startswith("<")


def test_a_link_gives_the_explorer_as_it_is(explored: Shared) -> None:
    own = f"/annotations/{explored.job.job_id}/variants"
    for more in ("?impact=HIGH&sort=QUAL", "/1"):
        theirs = explored.get(f"/variants{more}", **JSON)
        assert theirs.json == explored.owner.browser.get(f"{own}{more}", **JSON).json
        page = explored.get(f"/variants{more}").text
        assert f'href="{explored.path}' in page
        assert "/annotations" not in page
    pushed = explored.get("/variants?impact=HIGH", HX_Request="true").header("HX-Push-Url")
    assert pushed == f"{explored.path}/variants?impact=HIGH"
    exported = explored.get("/variants/export/tsv?impact=HIGH")
    assert exported.body == explored.owner.browser.get(f"{own}/export/tsv?impact=HIGH").body


def test_chosen_columns_are_remembered_for_the_link_only(explored: Shared) -> None:
    answer = explored.get("/variants?columns=QUAL")
    (cookie,) = answer.all("Set-Cookie")
    assert f"Path={explored.path}" in cookie


def test_a_link_gives_the_result_and_neither_input_nor_log(shared: Shared) -> None:
    for what, name in (("result", "annotated.vcf.gz"), ("index", "annotated.vcf.gz.tbi"), ("receipt", "receipt.json")):
        answer = shared.get(f"/download/{what}")
        assert answer.status == 303
        with urllib.request.urlopen(answer.location, timeout=30) as response:
            assert response.read() == FILES[name]
    for more in ("/download/input", "/download/log", "/log", "/cancel", "/delete", "/shares"):
        assert shared.get(more).status == 404
        assert shared.guest.post(f"{shared.path}{more}").status == 404


@pytest.mark.parametrize("moved", [301, None])
def test_what_the_owner_cannot_have_now_the_link_does_not_give(shared: Shared, clock: Clock, moved: int | None) -> None:
    services, job = shared.services, shared.job
    if moved:
        clock.moved = moved
        status, code, words = 403, "expired", "its owner can bring it back"
    else:
        services.users.set_role(job.user_id, type(shared.owner.user.role)("premium_user"))
        services.jobs.change(job.job_id, Attr("job_id").exists(), result_tier=ResultTier.ARCHIVED)
        status, code, words = 409, "restoring", "about to be asked back"
    page = shared.get()
    assert page.status == 200
    assert words in re.sub(r"\s+", " ", page.text)
    assert "/download/result" not in page.text
    for more in ("/download/result", "/download/index", "/variants", "/variants/1", "/variants/export/vcf"):
        refused = shared.get(more, **JSON)
        assert (refused.status, refused.json["code"]) == (status, code)
        assert "subscribe and" not in refused.json["detail"]
        assert f'href="{shared.path}"' in shared.get(more).text
    # The receipt stays readable, as it does for the owner.
    assert shared.get("/download/receipt").status == 303


# To whom


def assert_nothing_there(browser: Browser, path: str) -> None:
    """Word for word what is said of a link that has never been."""
    for accept in ("text/html", "application/json"):
        given = browser.get(path, Accept=accept)
        never = Browser(browser.app, SITE_URL).get("/shared/" + "0" * 64, Accept=accept)
        assert (given.status, _body(given)) == (404, _body(never))


def _body(answer: Answer) -> str:
    return answer.text


def test_the_address_without_the_token_opens_nothing(shared: Shared, member_of: Callable[[], Member]) -> None:
    for browser in (Browser(shared.guest.app, SITE_URL), member_of().browser):
        for more in READS:
            assert browser.get(f"{shared.path}{more}").status == 404
        browser.cookies["gas-shared"] = "x" * 43
        assert browser.get(shared.path).status == 404
    # The hash itself is no token.
    stranger = Browser(shared.guest.app, SITE_URL)
    stranger.cookies["gas-shared"] = share_id_of(shared.token)
    assert stranger.get(shared.path).status == 404
    assert_nothing_there(Browser(shared.guest.app, SITE_URL), shared.path)


def test_one_link_does_not_open_another_job(
    app: Any, shared: Shared, services: Services, member_of: Callable[[], Member], job_in: JobIn
) -> None:
    other = member_of()
    others = share_job(other, job_in(other.user), services, app)
    for more in READS:
        assert shared.guest.get(f"{others.path}{more}").status == 404
    assert shared.guest.get(f"/annotations/{shared.job.job_id}", **JSON).status == 401


@pytest.mark.parametrize("how", ["revoked", "expired", "deleted", "closed"])
def test_a_link_that_has_ended_is_as_one_that_never_was(shared: Shared, clock: Clock, how: str) -> None:
    assert shared.get().status == 200
    if how == "revoked":
        assert shared.revoke().location == f"{shared.shares}?done=revoked"
    elif how == "expired":
        clock.moved = 7 * DAY + 1
    elif how == "deleted":
        shared.owner.browser.post(f"/annotations/{shared.job.job_id}/delete")
    else:
        erasure.begin(shared.services.users, shared.owner.user.user_id)
    for more in (*READS, "/variants/export/tsv"):
        assert shared.get(more).status == 404, more
    assert_nothing_there(shared.guest, shared.path)
    entered = Browser(shared.guest.app, SITE_URL).post("/shared", {"token": shared.token})
    if how != "closed":
        assert (entered.status, entered.header("Set-Cookie")) == (404, None)


def test_a_deleted_job_leaves_no_link_behind(shared: Shared) -> None:
    shared.owner.browser.post(f"/annotations/{shared.job.job_id}/delete")
    assert shared.services.shares.get(share_id_of(shared.token)) is None


def test_only_the_owner_sees_makes_and_revokes_links(shared: Shared, member_of: Callable[[], Member]) -> None:
    other = member_of().browser
    revoking = f"{shared.shares}/{share_id_of(shared.token)}/revoke"
    assert other.get(shared.shares).status == 404
    assert other.post(shared.shares, {"days": "7"}).status == 404
    assert other.post(revoking).status == 404
    assert shared.guest.post(revoking).status == 401
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert shared.owner.browser.post(revoking, **foreign).status == 403
    assert shared.get().status == 200


def test_a_link_is_revoked_at_its_own_job_only(shared: Shared, job_in: JobIn) -> None:
    another = job_in(shared.owner.user)
    path = f"/annotations/{another.job_id}/shares/{share_id_of(shared.token)}/revoke"
    assert shared.owner.browser.post(path).status == 404
    assert shared.get().status == 200


# The secret


def test_the_token_is_in_no_log_no_address_and_no_page(explored: Shared) -> None:
    with structlog.testing.capture_logs() as lines:
        guest = Browser(explored.guest.app, SITE_URL)
        answers = [guest.post("/shared", {"token": f"{SITE_URL}/shared#{explored.token}"})]
        answers += [guest.get(f"{explored.path}{more}") for more in (*READS, "/variants/export/tsv", "/variants?x=%")]
        listed = explored.owner.browser.get(explored.shares)
    assert [answer.status for answer in answers[:3]] == [303, 200, 200]
    assert len([line for line in lines if line["event"] == "request"]) == len(answers) + 1
    assert explored.token not in repr(lines)
    assert explored.token not in listed.text
    for answer in answers:
        assert explored.token not in answer.text
        assert explored.token not in answer.location
        assert answer.header("X-Robots-Tag") == "noindex, nofollow"
        assert answer.header("Cache-Control") == "no-store"
        # Another site learns nothing of where its visitor comes from.
        assert answer.header("Referrer-Policy") == "same-origin"


def test_the_cookie_of_a_link_is_for_its_path_and_its_time(shared: Shared) -> None:
    guest = Browser(shared.guest.app, SITE_URL)
    (cookie,) = guest.post("/shared", {"token": shared.token}).all("Set-Cookie")
    assert f"Path={shared.path}" in cookie
    for flag in ("HttpOnly", "SameSite=lax"):
        assert flag in cookie
    assert 7 * DAY - 60 < int(re.findall(r"Max-Age=(\d+)", cookie)[0]) <= 7 * DAY


def test_the_link_is_shown_once(shared: Shared) -> None:
    page = shared.owner.browser.get(shared.shares).text
    assert "/shared#" not in page
    assert "Your new link" not in page


def test_the_entrance_needs_no_javascript_and_tells_nothing(shared: Shared) -> None:
    page = shared.guest.get("/shared")
    assert page.status == 200
    assert 'method="post" action="/shared"' in page.text
    assert "shared.js" in page.text
    for pasted in (shared.token, f"  {SITE_URL}/shared#{shared.token} "):
        assert Browser(shared.guest.app, SITE_URL).post("/shared", {"token": pasted}).status == 303
    for wrong in ("", "#", "x" * 300, "é", "\x00"):
        assert Browser(shared.guest.app, SITE_URL).post("/shared", {"token": wrong}).status == 404


def test_a_foreign_page_can_enter_nobody(shared: Shared) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = Browser(shared.guest.app, SITE_URL).post("/shared", {"token": shared.token}, **foreign)
    assert (answer.status, answer.header("Set-Cookie")) == (403, None)


# What the owner sees


def test_uses_are_counted_and_listed_without_whole_addresses(explored: Shared) -> None:
    address = {"X_Forwarded_For": "198.51.100.1, 203.0.113.77"}
    for more in ("", "", "/status", "/variants", "/download/result", "/variants/export/tsv"):
        explored.get(more, **address)
    share = explored.share()
    assert share.uses == 5
    whats = ["page", "explorer", "download of result", "export as tsv"]
    assert [(look.what, look.network, look.times) for look in share.looks] == [
        (what, "203.0.113.0/24", 2 if what == "page" else 1) for what in whats
    ]
    page = explored.owner.browser.get(explored.shares).text
    for words in ("203.0.113.0/24", "export as tsv", "Revoke", "Holds"):
        assert words in page
    for stored in (page, repr(share)):
        assert "203.0.113.77" not in stored
        assert "198.51.100" not in stored
    (listed,) = explored.owner.browser.get(explored.shares, **JSON).json["shares"]
    assert (listed["uses"], listed["state"], len(listed["looks"])) == (5, "open", 4)


def test_so_many_readers_at_once_that_one_gets_no_turn(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gas.shares.MOST_TRIES", 0)
    answer = shared.get(**JSON)
    assert (answer.status, answer.header("Retry-After")) == (503, "2")
    assert "job" not in answer.json


def test_a_link_revoked_between_two_looks_shows_nothing(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    store = type(shared.services.shares)
    holding = store.holding

    def revoked_right_after(self: Any, share_id: str) -> Share | None:
        found = holding(self, share_id)
        if found is not None:
            self.revoke(found)
        return found

    monkeypatch.setattr(store, "holding", revoked_right_after)
    assert shared.get().status == 404


def test_notes_are_shown_as_text_and_bounded(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user)
    make_link(member, job, note="<b>for  Grace</b>")
    assert "&lt;b&gt;for Grace&lt;/b&gt;" in member.browser.get(f"/annotations/{job.job_id}/shares").text
    for form in ({"days": "7", "note": "x" * 101}, {"days": "7", "note": "\x07"}, {"days": "365"}, {}):
        answer = member.browser.post(f"/annotations/{job.job_id}/shares", form, **JSON)
        assert answer.status == 400
    (only,) = member.browser.get(f"/annotations/{job.job_id}/shares", **JSON).json["shares"]
    assert only["note"] == "<b>for Grace</b>"


def test_only_a_completed_job_is_shared(member: Member, job_in: JobIn) -> None:
    job = job_in(member.user, JobStatus.RUNNING)
    answer = member.browser.post(f"/annotations/{job.job_id}/shares", {"days": "1"}, **JSON)
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert "nothing to share" in member.browser.get(f"/annotations/{job.job_id}/shares").text
    assert "Make a link" not in member.browser.get(f"/annotations/{job.job_id}").text
    assert "Make a link" in member.browser.get(f"/annotations/{job_in(member.user).job_id}").text


def test_a_job_with_the_most_links_says_what_to_do(
    member: Member, job_in: JobIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gas.shares.MOST_LINKS", 1)
    job = job_in(member.user)
    make_link(member, job)
    answer = member.browser.post(f"/annotations/{job.job_id}/shares", {"days": "1"}, **JSON)
    assert answer.status == 409
    assert f"{MOST_LINKS} links that hold" in answer.json["detail"]


def test_a_job_that_goes_in_that_moment_gets_no_link(
    member: Member, services: Services, job_in: JobIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_in(member.user)
    monkeypatch.setattr(services.jobs, "owned", lambda *_: job)
    services.jobs.mark_deleted(job)
    answer = member.browser.post(f"/annotations/{job.job_id}/shares", {"days": "1"}, **JSON)
    assert (answer.status, answer.json["code"]) == (409, "conflict")


# For programs


def test_programs_make_list_and_revoke_links(app: Any, services: Services, job_in: JobIn) -> None:
    program = new_program(app, services)
    user = services.users.get(program.user_id)
    assert user is not None
    path = f"/api/v1/jobs/{job_in(user).job_id}/shares"
    made = program.call("POST", path, {"days": 30, "note": "pipeline"})
    assert made.status == 201
    token = made.json["url"].removeprefix(f"{SITE_URL}/shared#")
    share_id = made.json["share"]["share_id"]
    assert share_id == share_id_of(token)
    listed = program.call("GET", path)
    assert [share["note"] for share in listed.json["shares"]] == ["pipeline"]
    assert token not in json.dumps(listed.json)
    guest = Browser(app, SITE_URL)
    guest.cookies["gas-shared"] = token
    assert guest.get(f"/shared/{share_id}", **JSON).json["job"]["status"] == "COMPLETED"
    assert program.call("POST", f"{path}/{share_id}/revoke").json == {"share_id": share_id, "state": "revoked"}
    assert guest.get(f"/shared/{share_id}").status == 404
    assert program.call("POST", path, {"days": 2}).status == 400
