from collections.abc import Callable

import pytest

from gas.users import Role
from tests.unit.webserver.conftest import Member
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
