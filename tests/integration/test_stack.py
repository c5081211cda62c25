"""The stack as `make run` uses it: start, restart with what was kept, stop without a trace."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.local import loopback
from scripts.local.environment import ROOT
from scripts.local.site import Visitor
from scripts.local.stack import Busy, Stack
from scripts.local.supervision import NotReady

PATIENCE_SECONDS = 60
# What a stack needs to be signed in to and to keep what it is given; the agents are not what is tried here.
FEW = ("web",)


def until(check: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def processes_of(folder: Path) -> list[int]:
    """The processes of this machine whose environment names the stack's folder; this one's children or not."""
    needle = f"GAS_SCRATCH_DIR={folder}/scratch".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and needle in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A stack's folder; whatever a failed test leaves running from it is ended."""
    yield tmp_path / "stack"
    for pid in processes_of(tmp_path / "stack"):
        os.kill(pid, signal.SIGKILL)


def test_a_restart_keeps_users_uploads_and_sessions_and_a_stop_leaves_no_process(folder: Path, tmp_path: Path) -> None:
    sample = tmp_path / "in.vcf"
    sample.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t3243\t.\tA\tG\t.\t.\t.\n"
    )
    with Stack(folder, programs=FEW) as stack:
        visitor = Visitor(stack.url)
        visitor.sign_in("ada")
        job_id = visitor.create_job(visitor.upload(sample))
        assert visitor.status(job_id)["job"]["status"] == "PENDING"
        session = visitor.cookies
        assert processes_of(folder)
    assert processes_of(folder) == []

    with Stack(folder, programs=FEW) as stack:
        again = Visitor(stack.url)
        again.cookies = session
        kept = again.status(job_id)
        assert kept["job"]["input_file_name"] == "in.vcf"
        assert again.download(job_id, "input", tmp_path / "out.vcf").read_bytes() == sample.read_bytes()
    assert processes_of(folder) == []


def test_two_stacks_run_side_by_side_and_one_folder_has_one(tmp_path: Path) -> None:
    with Stack(tmp_path / "one", programs=()) as one, Stack(tmp_path / "two", programs=()) as two:
        assert len({one.aws_url, two.aws_url, one.globus_url, two.globus_url}) == 4
        assert one.env["GAS_STANDIN_CLIENT_SECRET"] != two.env["GAS_STANDIN_CLIENT_SECRET"]
        with pytest.raises(Busy, match="already runs"):
            Stack(tmp_path / "one", programs=()).start()
        # The refused start took nothing from the one that runs.
        assert loopback.get(f"{one.aws_url}/_standin/health").ok


def test_supervisorctl_sees_the_processes_and_a_killed_one_comes_back(folder: Path) -> None:
    with Stack(folder, programs=FEW) as stack:
        before = {process.name: process.pid for process in stack.supervisor.processes()}
        assert set(before) == {"aws", "globus", "web"}
        os.kill(before["web"], signal.SIGKILL)

        def came_back() -> bool:
            status = stack.supervisorctl("status", "web")
            return status.returncode == 0 and f"pid {before['web']}," not in status.stdout

        until(came_back, "supervisor did not start the web again")
        until(lambda: answers(f"{stack.url}/readyz"), "the restarted web does not answer")


def answers(url: str) -> bool:
    try:
        return loopback.get(url).ok
    except OSError:
        return False


def test_a_killed_supervisord_takes_its_programs_with_it_at_the_stop(folder: Path) -> None:
    stack = Stack(folder, programs=())
    stack.start()
    assert len(stack.supervisor.processes()) == 2
    os.kill(int((Path(stack.env["GAS_RUN_DIR"]) / "supervisord.pid").read_text()), signal.SIGKILL)
    until(lambda: not stack.supervisor.alive, "supervisord outlived SIGKILL")
    assert processes_of(folder)
    stack.stop()
    until(lambda: not processes_of(folder), "programs outlived the stop")


def test_a_long_folder_name_still_has_room_for_its_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("name with spaces" * 4)
    with Stack(folder, programs=()) as stack:
        assert stack.supervisorctl("status", "aws").returncode == 0
        run_directory = Path(stack.env["GAS_RUN_DIR"])
        assert run_directory != folder / "run"
    assert not run_directory.exists()


def test_a_program_that_cannot_start_is_named_with_its_own_words(folder: Path) -> None:
    stack = Stack(folder, {"GAS_FREE_WINDOW": "soon"}, programs=("sweeper",))
    with pytest.raises(NotReady, match="GAS_FREE_WINDOW") as caught:
        stack.start()
    assert str(folder) in str(caught.value)
    assert processes_of(folder) == []


def test_what_a_killed_run_left_behind_is_cleared_by_the_next(folder: Path) -> None:
    script = "import sys, time, pathlib\nfrom scripts.local.stack import Stack\n"
    script += "Stack(pathlib.Path(sys.argv[1]), programs=()).start()\nprint('up', flush=True)\ntime.sleep(600)\n"
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert run.stdout.readline() == "up\n"
        run.kill()
    left = set(processes_of(folder))
    assert left
    with Stack(folder, programs=()) as stack:
        assert loopback.get(f"{stack.aws_url}/_standin/health").ok
        assert not left & set(processes_of(folder))
    assert processes_of(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_run_s_program_serves_until_it_is_told_to_stop(folder: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "scripts.local.run", str(folder)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout
        said = ""
        while "Ctrl-C stops everything" not in said:
            line = run.stdout.readline()
            assert line, said
            said += line
        url = said.split("Pages")[1].split()[0]
        assert "<html" in loopback.get(url).text
        run.send_signal(number)
        assert "Stopped." in run.stdout.read()
        assert run.wait(PATIENCE_SECONDS) == 0
    assert processes_of(folder) == []
