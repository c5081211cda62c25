import uuid
from collections.abc import Callable

import pytest

from tests.unit.webserver.conftest import Clock
from webserver import sessions
from webserver.services import Services
from webserver.sessions import SessionStore


@pytest.fixture
def store(services: Services) -> SessionStore:
    return services.sessions


def test_a_session_is_found_by_its_cookie_alone(store: SessionStore) -> None:
    user_id = str(uuid.uuid4())
    cookie = store.open(user_id)
    found = store.find(cookie)
    assert found is not None
    assert found.user_id == user_id
    # The id of the row is of no use as a cookie.
    assert store.find(found.session_id) is None
    assert store.find(f"{cookie}x") is None
    assert store.find("") is None


def test_cookies_cannot_be_guessed(store: SessionStore) -> None:
    cookies = {store.open("u") for _ in range(3)}
    assert len(cookies) == 3
    assert all(len(cookie) >= 43 for cookie in cookies)


def test_a_sign_in_is_taken_once(store: SessionStore) -> None:
    cookie, begun = store.begin_sign_in("/profile")
    assert store.take_sign_in(cookie) == begun
    assert store.take_sign_in(cookie) is None


def test_a_sign_in_is_too_old_by_the_clock_and_not_by_dynamodbs_clean_up(store: SessionStore, clock: Clock) -> None:
    cookie, _ = store.begin_sign_in("/")
    clock.moved = sessions.SIGN_IN_SECONDS + 1
    assert store.take_sign_in(cookie) is None


@pytest.mark.parametrize("make", [lambda store: store.open("u"), lambda store: store.begin_sign_in("/")[0]])
def test_one_kind_is_never_taken_for_the_other(store: SessionStore, make: Callable[[SessionStore], str]) -> None:
    cookie = make(store)
    assert (store.find(cookie) is None) != (store.take_sign_in(cookie) is None)


def test_use_keeps_a_session_alive_but_is_seldom_written(store: SessionStore, clock: Clock) -> None:
    cookie = store.open("u")
    first = store.find(cookie)
    clock.moved = sessions.TOUCH_SECONDS - 5
    assert store.find(cookie) == first
    clock.moved = sessions.TOUCH_SECONDS + 5
    store.find(cookie)
    touched = store.find(cookie)
    assert first is not None
    assert touched is not None
    assert touched.seen_at > first.seen_at
    clock.moved = sessions.IDLE_SECONDS + 60
    assert store.find(cookie) is not None


def test_a_session_that_ends_while_it_is_used_stays_ended(store: SessionStore, clock: Clock) -> None:
    cookie = store.open("u")
    found = store.find(cookie)
    assert found is not None
    store.end(cookie)
    store._touch(found, int(clock()))
    assert store.find(cookie) is None


def test_ending_what_is_not_there_is_harmless(store: SessionStore) -> None:
    store.end("nothing")
