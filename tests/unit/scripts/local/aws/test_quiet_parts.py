"""The gate, the timers, the bodies and the settings."""

import threading
from pathlib import Path

import pytest

from scripts.local.aws import settings
from scripts.local.aws.app import may_change_something
from scripts.local.aws.files import SMALL_BYTES, Body, Store, join, keep, store
from scripts.local.aws.gate import Gate
from scripts.local.aws.timers import Timers


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "_folder", tmp_path)
    monkeypatch.setattr(store, "keep", False)
    return tmp_path


# --- gate


def test_a_closed_gate_finds_nobody_working_and_lets_nobody_in() -> None:
    gate, entered = Gate(), threading.Event()

    def work() -> None:
        with gate.working():
            entered.set()

    with gate.closed(1) as quiet:
        assert quiet
        worker = threading.Thread(target=work)
        worker.start()
        assert not entered.wait(0.05)
    assert entered.wait(5)
    worker.join()


def test_a_gate_does_not_wait_for_ever_for_a_slow_one() -> None:
    gate = Gate()
    with gate.working(), gate.closed(0.01) as quiet:
        assert not quiet
    with gate.closed(0) as quiet:
        assert quiet


def test_a_rest_inside_work_counts_as_quiet() -> None:
    gate = Gate()
    with gate.working():
        with gate.resting(), gate.closed(0) as quiet:
            assert quiet
        with gate.closed(0) as quiet:
            assert not quiet


# --- timers


def test_timers_run_what_is_due_once_and_in_order() -> None:
    clock = [0.0]
    timers, ran = Timers(lambda: clock[0]), []
    timers.handlers["note"] = lambda what: ran.append(what)
    timers.schedule(20, "note", what="late")
    timers.schedule(10, "note", what="early")
    assert timers.run_due() == 0
    clock[0] = 15
    assert (timers.run_due(), timers.run_due(), ran) == (1, 0, ["early"])
    kept = timers.pending()
    after = Timers(lambda: 1000.0)
    after.handlers = timers.handlers
    after.load(kept)
    assert (after.run_due(), ran) == (1, ["early", "late"])


def test_a_timer_that_fails_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    timers, ran = Timers(lambda: 0.0), []
    timers.handlers = {"fail": lambda: 1 / 0, "note": lambda: ran.append(1)}
    timers.schedule(0, "fail")
    timers.schedule(0, "note")
    assert timers.run_due() == 2
    assert ran == [1]
    assert "ZeroDivisionError" in capsys.readouterr().err


# --- bodies


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, 3_000_000])
def test_a_body_is_its_bytes_and_its_slices(folder: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    body = keep(data)
    assert (bytes(body), len(body), bool(body)) == (data, size, size > 0)
    assert len(list(folder.iterdir())) == (size > SMALL_BYTES)
    for first, last in ((0, size), (size // 3, size // 2), (size, size + 5), (size // 2, None)):
        assert bytes(body[first:last]) == data[first:last]
    part = body[size // 3 :][: size // 3]
    assert bytes(part) == data[size // 3 :][: size // 3]
    assert bytes(keep(part)) == bytes(part)


def test_a_copy_lives_without_its_original_and_costs_no_space(folder: Path) -> None:
    body = keep(b"x" * 100_000)
    copy = keep(body)
    assert (folder / body.name).samefile(folder / copy.name)
    body.drop()
    assert bytes(copy) == b"x" * 100_000
    copy.drop()
    assert list(folder.iterdir()) == []


def test_joined_parts(folder: Path) -> None:
    parts = [b"a" * 100_000, b"", b"b" * 10, b"c" * 70_000]
    assert bytes(join(keep(part) for part in parts)) == b"".join(parts)
    assert join([Body(b"a"), Body(b"b")]).name == ""


def test_dropped_files_wait_for_the_snapshot(tmp_path: Path) -> None:
    own = Store()
    own.open(tmp_path / "objects")
    own.keep = True
    path = own.new()
    path.write_bytes(b"x")
    own.drop(path)
    assert path.exists()
    assert own.take_dropped() == [path]
    assert own.take_dropped() == []


# --- settings and reading requests


def test_times_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.seconds("STANDARD") == settings.DEFAULTS["STANDARD"]
    monkeypatch.setenv("AWS_STANDIN_STANDARD_SECONDS", "0.5")
    assert settings.seconds("STANDARD") == 0.5


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_a_time_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AWS_STANDIN_BULK_SECONDS", text)
    with pytest.raises(ValueError, match="AWS_STANDIN_BULK_SECONDS"):
        settings.check()


@pytest.mark.parametrize(
    ("method", "target", "changes"),
    [
        ("GET", "", False),
        ("HEAD", "", False),
        ("PUT", "", True),
        ("POST", "", True),
        ("POST", "DynamoDB_20120810.GetItem", False),
        ("POST", "DynamoDB_20120810.UpdateItem", True),
        ("POST", "AmazonSQS.ReceiveMessage", False),
        ("POST", "AmazonSQS.SendMessage", True),
    ],
)
def test_what_may_change_something(method: str, target: str, changes: bool) -> None:
    environ = {"REQUEST_METHOD": method, "HTTP_X_AMZ_TARGET": target}
    assert may_change_something(environ) is changes
