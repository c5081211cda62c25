"""The command line under limits, as the annotator starts it: no environment, pipes, a descriptor for progress."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gas.annotation import sandbox
from gas.annotation.reference import Bundle
from tests.unit.gas.annotation.agreement import SYNTHETIC

ROOT = Path(__file__).parents[4]
GENEROUS = ["--memory", str(2 << 30), "--cpu", "600", "--fsize", str(1 << 30)]


def sandboxed(
    limits: list[str], *arguments: object, pass_fds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gas.annotation.sandbox", *limits, "--", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, pass_fds=pass_fds, check=False
    )


def annotation(bundle: Bundle, folder: Path) -> list[object]:
    return ["annotate", SYNTHETIC / "input.vcf.gz", "--bundle", bundle.path, "-o", folder / "out.vcf.gz"]


def test_annotates_within_the_limits_and_reports_progress(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    done = sandboxed(
        GENEROUS,
        *annotation(synthetic_bundle, tmp_path),
        *("--workers", 2, "--receipt", tmp_path / "receipt.json", "--progress-fd", writer),
        pass_fds=(writer,),
    )
    os.close(writer)
    with os.fdopen(reader) as progress:
        told = [json.loads(line) for line in progress]
    assert (done.returncode, done.stdout) == (0, "")
    assert told[-1] == {"done": 6000, "total": 6000}
    assert json.loads((tmp_path / "receipt.json").read_text())["records"]["balanced"]


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (["--fsize", "20000"], "File too large"),
        (["--memory", str(150 << 20)], ""),
    ],
    ids=["file size", "memory"],
)
def test_a_limit_is_our_fault_and_leaves_nothing(
    synthetic_bundle: Bundle, tmp_path: Path, limits: list[str], sentence: str
) -> None:
    done = sandboxed(limits, *annotation(synthetic_bundle, tmp_path))
    assert done.returncode not in (0, 2)
    assert sentence in done.stderr
    assert not (tmp_path / "out.vcf.gz").exists()


def test_limits_hold_and_are_not_raised() -> None:
    shown = "import resource; print(resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_CORE))"
    code = f"from gas.annotation.sandbox import limit; limit({{'--cpu': 50}}); limit({{'--cpu': 70}}); {shown}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split("\n")[0] == "(50, 50) (0, 0)"


def test_zero_is_no_limit() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    limits, _ = sandbox.parse(["--fsize", "0", "--", "annotate"])
    assert limits["--fsize"] == 0
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before


@pytest.mark.parametrize("arguments", [["--memory"], ["--memory", "much", "--"], ["--disk", "1", "--"], ["annotate"]])
def test_what_cannot_be_understood(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        sandbox.parse(arguments)
    assert end.value.code == 1
    assert "usage" in capsys.readouterr().err


def test_the_command_s_own_arguments_are_left_alone() -> None:
    limits, rest = sandbox.parse(["--cpu", "5", "--", "annotate", "--memory", "--", "x"])
    assert limits == {"--cpu": 5, "--files": sandbox.OPEN_FILES}
    assert rest == ["annotate", "--memory", "--", "x"]
