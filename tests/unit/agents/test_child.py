import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents import child
from agents.child import ChildFailed, Files, Refused, Stopped
from gas.config import Settings
from tests.deployment import settings_of, until
from tests.genome import vcf
from tests.unit.agents.conftest import PROGRAM, script

BUNDLE = "test-bundle"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    folder = tmp_path / "attempt"
    folder.mkdir()
    return Files(folder)


@pytest.fixture
def settings(tmp_path: Path, bundles: Path) -> Settings:
    return settings_of(tmp_path, bundles_dir=bundles)


@pytest.fixture
def run(settings: Settings, files: Files) -> Callable[..., list[tuple[int, int | None]]]:
    """Runs the test's own program on these commands; returns the progress it told."""

    def start(*commands: Any, stops: tuple[threading.Event, ...] = ()) -> list[tuple[int, int | None]]:
        files.input.write_bytes(script(*commands))
        told: list[tuple[int, int | None]] = []
        child.annotate(settings, files, BUNDLE, lambda *progress: told.append(progress), *stops, program=PROGRAM)
        return told

    return start


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# The real program


def test_a_vcf_is_annotated(settings: Settings, files: Files) -> None:
    files.input.write_bytes(vcf(500))
    told: list[tuple[int, int | None]] = []
    child.annotate(settings, files, BUNDLE, lambda *progress: told.append(progress))
    for path in (files.result, files.index, files.log, files.receipt, files.summary):
        assert path.stat().st_size > 0, path.name
    assert json.loads(files.receipt.read_text())["records"]["annotated"] == 500
    assert told[-1][0] == 500


@pytest.mark.parametrize(
    "content",
    [b"", b"Dear Sir or Madam,\n", b"\x00\x01\x02", b"##fileformat=VCFv4.3\n", b"\x1f\x8b\x08\x00 truncated"],
    ids=["empty", "letter", "binary", "no columns", "broken gzip"],
)
def test_what_is_no_vcf_is_refused_in_one_sentence(settings: Settings, files: Files, content: bytes) -> None:
    files.input.write_bytes(content)
    with pytest.raises(Refused) as refused:
        child.annotate(settings, files, BUNDLE, lambda *_: None)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert str(files.folder) not in sentence


def test_a_missing_bundle_is_our_fault_not_the_user_s(settings: Settings, files: Files) -> None:
    files.input.write_bytes(vcf(1))
    with pytest.raises(ChildFailed, match=r"ended with 1: .*no-such-bundle"):
        child.annotate(settings, files, "no-such-bundle", lambda *_: None)


def test_a_child_beyond_its_cpu_time_is_our_fault(settings: Settings, files: Files) -> None:
    files.input.write_bytes(vcf(400_000))
    with pytest.raises(ChildFailed, match=f"ended with -{signal.SIGKILL}|ended with -{signal.SIGXCPU}"):
        child.annotate(settings.model_copy(update={"annotator_cpu_seconds": 1}), files, BUNDLE, lambda *_: None)


@pytest.mark.parametrize("limit", ["annotator_memory", "annotator_output_bytes"])
def test_a_child_beyond_its_memory_or_file_size_is_our_fault(settings: Settings, files: Files, limit: str) -> None:
    too_little = {"annotator_memory": 80_000_000, "annotator_output_bytes": 1000}
    files.input.write_bytes(vcf(2000))
    with pytest.raises(ChildFailed, match="ended with"):
        child.annotate(settings.model_copy(update={limit: too_little[limit]}), files, BUNDLE, lambda *_: None)


# How it is started


def test_the_child_knows_nothing_of_ours(
    run: Callable[..., Any], files: Files, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("GAS_SECRETS_NAME", "gas/web")
    run(["tell", "told.json"])
    told = json.loads((files.folder / "told.json").read_text())
    # Python itself adds LC_CTYPE where the locale is C.
    assert set(told["environment"]) <= {"PATH", "LANG", "TMPDIR", "LC_CTYPE"}
    assert told["environment"]["TMPDIR"] == told["folder"] == str(files.folder)
    assert told["arguments"][:7] == [
        *("--memory", str(settings.annotator_memory)),
        *("--cpu", str(settings.annotator_cpu_seconds)),
        *("--fsize", str(settings.annotator_output_bytes)),
        "--",
    ]


def test_progress_is_told_as_it_comes(run: Callable[..., Any]) -> None:
    told = run(["progress", [1, None], [5, 10]], ["progress", [10, 10]])
    # Of what comes at once the last counts.
    assert told[-1] == (10, 10)
    assert (1, None) not in told


# How it ends


def test_a_refusal_is_the_last_line_that_the_child_said(run: Callable[..., Any]) -> None:
    with pytest.raises(Refused) as refused:
        run(["say", "some warning"], ["say", "Line 3 has no POS."], ["exit", 2])
    assert str(refused.value) == "Line 3 has no POS."


def test_a_refusal_without_words_gets_some(run: Callable[..., Any]) -> None:
    with pytest.raises(Refused, match="cannot be read as a VCF"):
        run(["exit", 2])


def test_a_failure_carries_what_the_child_said_up_to_a_limit(run: Callable[..., Any]) -> None:
    with pytest.raises(ChildFailed) as failed:
        run(["say", "x" * 100_000], ["exit", 1])
    assert str(failed.value).startswith("annotation ended with 1: xxx")
    assert len(str(failed.value)) < 2 * child.LONGEST_COMPLAINT


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGXCPU])
def test_a_killed_child_is_our_fault(run: Callable[..., Any], number: int) -> None:
    with pytest.raises(ChildFailed, match=f"ended with -{int(number)}"):
        run(["kill", number])


def test_a_child_that_dies_before_its_workers_is_noticed_and_they_end(run: Callable[..., Any], files: Files) -> None:
    with pytest.raises(ChildFailed, match="ended with -9"):
        run(["worker", "worker.pid"], ["kill", 9])
    worker = int((files.folder / "worker.pid").read_text())
    until(lambda: not alive(worker))


def test_garbled_progress_is_our_fault_and_ends_the_child(run: Callable[..., Any], files: Files) -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        run(["worker", "worker.pid"], ["garble"], ["hang"])
    until(lambda: not alive(int((files.folder / "worker.pid").read_text())))


@pytest.mark.parametrize("before", [[], [["close"]]], ids=["pipe open", "pipe closed"])
@pytest.mark.parametrize("which", [0, 1])
def test_any_stop_ends_the_child_and_its_workers(
    run: Callable[..., Any], files: Files, before: list[list[str]], which: int
) -> None:
    stops = (threading.Event(), threading.Event())
    started = files.folder / "started"

    def stop() -> None:
        until(started.exists)
        stops[which].set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Stopped):
        run(["worker", "worker.pid"], *before, ["touch", "started"], ["hang"], stops=stops)
    stopper.join()
    until(lambda: not alive(int((files.folder / "worker.pid").read_text())))


def test_a_stop_that_was_set_before_starts_nothing_that_lasts(run: Callable[..., Any]) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        run(["hang"], stops=(stop,))
