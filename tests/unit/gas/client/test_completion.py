"""Completion as a shell asks for it: commands, options, and the ids of one's own jobs, or nothing."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gas.job import Job, JobStatus
from tests.unit.gas.client.test_commands import GAS, VCF, Gas, environment, gas, home, owner, signed_in, site
from webserver.services import Services

__all__ = ["gas", "home", "signed_in", "site"]


@pytest.fixture
def offered(home: Path, services: Services) -> Callable[..., list[str]]:
    """What zsh is told for the last of these words: `type`, word, and what is said of it, for each."""

    def ask(*words: str, **variables: str) -> list[str]:
        told = {"_GAS_COMPLETE": "zsh_complete", "COMP_WORDS": "gas " + " ".join(words), "COMP_CWORD": str(len(words))}
        ran = subprocess.run(
            [GAS], env={**environment(home, services), **told, **variables}, capture_output=True, text=True, timeout=60
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout.splitlines()[1::3]

    return ask


@pytest.mark.parametrize(
    ("shell", "word"), [("bash", "COMPREPLY"), ("zsh", "compdef"), ("fish", "complete --no-files")]
)
def test_each_shell_gets_its_script(gas: Gas, shell: str, word: str) -> None:
    ran = gas("completion", shell)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert word in ran.stdout
    assert "_GAS_COMPLETE" in ran.stdout


def test_bash_takes_the_script_and_completes_a_command(gas: Gas, home: Path, services: Services) -> None:
    script = gas("completion", "bash").stdout
    script += "\nCOMP_WORDS=(gas downl); COMP_CWORD=1; _gas_completion gas downl gas; echo ${COMPREPLY[@]}\n"
    path = f"{Path(GAS).parent}:{os.environ['PATH']}"
    env = {**environment(home, services), "PATH": path}
    ran = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("download\n", "")


def test_commands_and_options(offered: Callable[..., list[str]]) -> None:
    assert {"annotate", "query", "completion", "ops"} <= set(offered(""))
    assert offered("query", "x", "--max") == ["--max-af"]


def test_who_is_not_signed_in_is_offered_nothing(offered: Callable[..., list[str]], site: str) -> None:
    assert offered("status", "") == []
    assert offered("status", "", GAS_SITE=site) == []
    assert offered("status", "", GAS_SITE="http://127.0.0.1:9") == []


@pytest.mark.usefixtures("signed_in")
def test_each_command_is_offered_the_jobs_that_it_is_for(
    gas: Gas, home: Path, services: Services, job_in: Callable[..., Job], offered: Callable[..., list[str]]
) -> None:
    user = owner(services, gas, home)
    (waiting,) = offered("cancel", "")
    assert (home / "own.vcf").read_bytes() == VCF
    done, failed = job_in(user, input_file_name="a\nb.vcf"), job_in(user, JobStatus.FAILED)
    assert set(offered("status", "")) == {waiting, done.job_id, failed.job_id}
    assert offered("status", done.job_id[:9]) == [done.job_id]
    assert offered("query", "") == [done.job_id]
    assert set(offered("delete", "")) == {done.job_id, failed.job_id}
    assert offered("delete", done.job_id, "") == [failed.job_id]
    assert offered("cancel", "") == [waiting]
