import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from gas import effects
from gas.effects import effect

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
from gas import effects
effects.arm_from_environment()
for label in ("a.first", "a.second", "a.first"):
    try:
        with effects.effect(label):
            print(label, flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
print("end", flush=True)
"""


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    effects.arm(None)


def test_unarmed_an_effect_does_nothing() -> None:
    with effect("archiver.commit"):
        pass


def test_a_hook_is_called_before_and_after_each_effect() -> None:
    seen: list[tuple[str, str]] = []
    effects.arm(lambda label, phase: seen.append((label, phase)))
    with effect("archiver.claim"):
        seen.append(("", "inside"))
    effects.arm(None)
    with effect("archiver.commit"):
        pass
    assert seen == [("archiver.claim", "before"), ("", "inside"), ("archiver.claim", "after")]


def test_an_effect_that_failed_has_no_after() -> None:
    seen: list[str] = []
    effects.arm(lambda _, phase: seen.append(phase))
    with pytest.raises(ValueError, match="no"), effect("archiver.claim"):
        raise ValueError("no")
    assert seen == ["before"]


def test_a_hook_may_end_itself_in_the_middle() -> None:
    effects.arm(lambda _, __: effects.arm(None))
    with effect("archiver.claim"):
        pass


def test_failures_are_what_aws_would_raise() -> None:
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        effects.fail("error", "archiver.claim")
    with pytest.raises(ReadTimeoutError, match=r"archiver\.claim"):
        effects.fail("timeout", "archiver.claim")


def run(folder: Path | None, *faults: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "GAS_FAULTS"}
    if folder is not None:
        environment["GAS_FAULTS"] = str(folder)
        for fault in faults:
            (folder / fault).touch()
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("ordered", [False, True], ids=["unset", "empty"])
def test_without_an_order_nothing_fails(tmp_path: Path, ordered: bool) -> None:
    ran = run(tmp_path if ordered else None)
    assert (ran.returncode, ran.stdout.split()) == (0, ["a.first", "a.second", "a.first", "end"])


@pytest.mark.parametrize(
    ("mode", "printed"),
    [
        ("kill-before", ["a.first"]),
        ("kill-after", ["a.first", "a.second"]),
        ("error", ["a.first", "ClientError", "a.first", "end"]),
        ("timeout", ["a.first", "a.second", "ReadTimeoutError", "a.first", "end"]),
    ],
)
def test_a_process_fails_once_as_it_was_told(tmp_path: Path, mode: str, printed: list[str]) -> None:
    ran = run(tmp_path, f"a.second {mode}")
    assert ran.returncode == (-signal.SIGKILL if mode.startswith("kill") else 0), ran.stderr
    assert ran.stdout.split() == printed
    assert list(tmp_path.iterdir()) == []
    # Whoever comes after it is spared.
    again = run(tmp_path)
    assert (again.returncode, again.stdout.split()) == (0, ["a.first", "a.second", "a.first", "end"])


def test_only_the_first_of_two_effects_of_a_name_fails(tmp_path: Path) -> None:
    ran = run(tmp_path, "a.first error")
    assert ran.stdout.split() == ["ClientError", "a.second", "a.first", "end"]
