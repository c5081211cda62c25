from collections.abc import Callable

import pytest

from gas import aws
from gas.users import INDEX_LAG_SECONDS, Role, User
from tests.unit.webserver.browser import Browser
from tests.unit.webserver.conftest import SITE_URL, Clock, Member
from webserver.pages.account import MAX_INSTITUTION_LETTERS
from webserver.services import Services

JSON = {"Accept": "application/json"}


def test_the_profile_shows_what_globus_says(member: Member) -> None:
    data = member.browser.get("/profile", **JSON).json
    assert data["email"] == member.user.email
    assert data["name"] == member.user.name
    assert data["institution"] == "Example Institute"
    page = member.browser.get("/profile").text
    assert member.user.email in page
    assert 'value="Example Institute"' in page


def test_the_institution_can_be_changed(member: Member) -> None:
    assert member.browser.post("/profile", {"institution": "  Institut   für Ärzte "}).location == "/profile?done=saved"
    page = member.browser.get("/profile?done=saved").text
    assert 'value="Institut für Ärzte"' in page
    assert "Your profile is saved." in page


def test_the_institution_can_be_cleared_and_sent_as_json(member: Member) -> None:
    assert member.browser.post_json("/profile", {"institution": ""}).json == {"institution": ""}
    assert member.browser.get("/profile", **JSON).json["institution"] == ""


@pytest.mark.parametrize("institution", ["x" * (MAX_INSTITUTION_LETTERS + 1), "a\x00b", "a\u202eb"])
def test_an_institution_that_is_no_plain_text_is_refused(member: Member, institution: str) -> None:
    answer = member.browser.post("/profile", {"institution": institution})
    assert answer.status == 400
    assert member.browser.get("/profile", **JSON).json["institution"] == "Example Institute"


def test_markup_in_the_institution_is_shown_as_text(member: Member) -> None:
    member.browser.post("/profile", {"institution": '"><script>alert(1)</script>'})
    assert "<script>alert(1)" not in member.browser.get("/profile").text


def test_name_mail_and_role_cannot_be_set_by_the_form(member: Member, services: Services) -> None:
    member.browser.post("/profile", {"institution": "x", "role": "premium_user", "email": "evil@example.org"})
    user = services.users.get(member.user.user_id)
    assert user is not None
    assert (user.role, user.email) == (Role.FREE, member.user.email)


def test_subscribing_and_unsubscribing(member: Member, services: Services) -> None:
    assert member.browser.post("/subscribe").location == "/subscribe?done=subscribed"
    upgraded = services.users.get(member.user.user_id)
    assert upgraded is not None
    assert (upgraded.role, upgraded.tier_epoch) == (Role.PREMIUM, 1)
    # It was published; until it is carried out the sweeper looks again.
    assert (upgraded.announcements, upgraded.attention_at is None) == (1, False)
    assert "Unsubscribe" in member.browser.get("/subscribe?done=subscribed").text
    assert member.browser.post("/unsubscribe", **JSON).json == {"role": "free_user"}
    downgraded = services.users.get(member.user.user_id)
    assert downgraded is not None
    assert (downgraded.role, downgraded.tier_epoch) == (Role.FREE, 2)


def test_subscribing_twice_is_the_same_as_once(member: Member, services: Services) -> None:
    for _ in range(2):
        assert member.browser.post("/subscribe").status == 303
    user = services.users.get(member.user.user_id)
    assert user is not None
    assert user.tier_epoch == 1


def test_what_subscribing_means_is_explained(member: Member) -> None:
    for path in ("/subscribe", "/unsubscribe"):
        page = member.browser.get(path).text
        for words in ("Files of up to 50 MB", "5 min", "Files of up to 500 GB", "comes back"):
            assert words in page


def test_one_users_changes_leave_the_others_alone(member_of: Callable[[], Member]) -> None:
    first, second = member_of(), member_of()
    first.browser.post("/subscribe")
    first.browser.post("/profile", {"institution": "Mine"})
    data = second.browser.get("/profile", **JSON).json
    assert (data["role"], data["institution"]) == ("free_user", "Example Institute")


def test_unknown_words_in_the_address_are_not_shown(member: Member) -> None:
    page = member.browser.get("/profile?done=%3Cscript%3Ehello").text
    assert "hello" not in page


# The end of an account


@pytest.fixture
def closed(member: Member) -> Member:
    answer = member.browser.post("/profile/delete", {"confirm": " Delete "})
    assert (answer.status, answer.location) == (303, "/profile/deleted")
    return member


def in_table(services: Services, user: User) -> User:
    found = services.users.get(user.user_id)
    assert found is not None
    return found


def test_closing_an_account_ends_the_session_and_says_what_comes(closed: Member, services: Services) -> None:
    assert closed.browser.cookies == {}
    page = closed.browser.get("/profile/deleted").text
    for words in ("Your account is closed", "You are signed out", "In about 3 minutes", "also one in the archive"):
        assert words in page
    gone = in_table(services, closed.user)
    assert gone.delete_time is not None
    assert gone.attention_at is not None
    assert (gone.role, gone.tier_epoch) == (closed.user.role, closed.user.tier_epoch)


def test_closing_an_account_by_json(member: Member, services: Services) -> None:
    answer = member.browser.post_json("/profile/delete", {"confirm": "delete"})
    assert answer.status == 202
    assert answer.json == {
        "user_id": member.user.user_id,
        "delete_time": in_table(services, member.user).delete_time,
        "goes": ["uploads", "results", "archives", "logs", "receipts", "profile"],
        "receipt_to": member.user.email,
    }


@pytest.mark.parametrize("word", ["", "yes", "delete it"])
def test_without_the_word_nothing_is_closed(member: Member, services: Services, word: str) -> None:
    answer = member.browser.post("/profile/delete", {"confirm": word})
    assert answer.status == 400
    assert "Nothing was changed." in answer.text
    assert in_table(services, member.user) == member.user
    assert member.browser.get("/profile").status == 200


def test_the_form_needs_no_javascript(member: Member) -> None:
    page = member.browser.get("/profile").text
    assert '<form method="post" action="/profile/delete">' in page
    assert "<summary>Delete this account</summary>" in page
    assert member.browser.get("/profile/deleted").location == "/profile"


def test_no_session_of_a_closed_account_is_worth_anything(
    member: Member, services: Services, app: object, clock: Clock
) -> None:
    other = Browser(app, SITE_URL, cookies={"gas": services.sessions.open(member.user.user_id)})
    assert other.get("/profile").status == 200
    member.browser.post("/profile/delete", {"confirm": "delete"})
    assert other.get("/profile").location == "/login?next=%2Fprofile"
    assert other.get("/annotations", **JSON).status == 401


def test_signing_in_while_it_goes_says_so(closed: Member, services: Services) -> None:
    login = closed.user.email
    answer = closed.browser.sign_in(login)
    assert answer.status == 409
    assert "Your account is being deleted" in answer.text
    assert "gas" not in closed.browser.cookies
    assert in_table(services, closed.user).delete_time is not None


def test_afterwards_signing_in_makes_a_new_account(
    closed: Member, services: Services, app: object, clock: Clock
) -> None:
    stale = Browser(app, SITE_URL, cookies={"gas": services.sessions.open(closed.user.user_id)})
    clock.moved += INDEX_LAG_SECONDS
    # As the sweeper does at last.
    aws.table(services.settings, "users").delete_item(Key={"user_id": closed.user.user_id})
    assert closed.browser.sign_in(closed.user.email).status == 303
    assert closed.browser.get("/profile").status == 200
    anew = in_table(services, closed.user)
    assert anew.created_time >= closed.user.created_time + INDEX_LAG_SECONDS
    assert anew.delete_time is None
    # A browser that was left signed in on another desk does not come with it.
    assert stale.get("/profile").status == 303
