"""Booted hosts: a web server, two annotators and the utility host, in one network with the stand-ins."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gas.job import Job, JobStatus
from scripts.local import loopback
from scripts.local.environment import BUNDLE, ROOT
from tests.conftest import SECRET_KEY
from tests.deployment import until
from tests.image.cloud import SECRETS, SITE, Cloud, answers, cloud
from tests.image.conftest import SLOW_RECORDS
from tests.image.desk import Desk, desk_of
from tests.image.machine import Machine

# The issue's own limits.
RUNNING_SECONDS, FIRST_JOB_SECONDS = 10, 90
BOOT_SECONDS, READY_SECONDS = 60, 30
HOSTS = {"web1": "web", "annotator1": "annotator", "annotator2": "annotator", "utility1": "utility"}


@pytest.fixture(scope="module")
def account(layers: list[Path], folder: Path) -> Iterator[Cloud]:
    """The account, with no host in it yet."""
    with cloud(layers, folder, {"web": 1, "annotator": 2, "utility": 1}) as made:
        yield made


@pytest.fixture(scope="module")
def fleet(account: Cloud, figure: dict[str, float | str]) -> Cloud:
    """All hosts up. One more has a tag that is wrong, and fails for good by the time that its turn comes."""
    account.launch("stray1", "wEb")
    for name, role in HOSTS.items():
        host = account.launch(name, role)
        host.until_active(BOOT_SECONDS)
        active = time.monotonic()
        host.until(host.all_running, RUNNING_SECONDS, "every program runs")
        running = time.monotonic()
        figure[f"{name}: from start to active, s"] = active - host.started
        figure[f"{name}: from active to every program RUNNING, s"] = running - active
    return account


def status(fleet: Cloud, job_id: str) -> Job:
    job = fleet.jobs.get(job_id)
    assert job is not None
    return job


def owner(fleet: Cloud, job_id: str, after_attempt: int = 0) -> Machine:
    """The host that has the job in hand, once one has, in a later attempt than that."""

    def look() -> Machine | None:
        job = status(fleet, job_id)
        assert not job.finished, f"the job ended before it could be interrupted: {job.job_status}"
        held = job.job_status is JobStatus.RUNNING and job.attempt > after_attempt and (job.progress_done or 0) > 0
        return fleet.machines[str(job.lease_owner).split(":")[0]] if held else None

    return until(look, 120, every=0.2)


def learned(host: Machine) -> bool:
    """Whether an annotator of the host has found that a job it had is no longer its own, whatever it did then."""
    lines = "".join(path.read_text() for path in (host.root / "var/log/gas").glob("gas-annotator-*.log"))
    return "job_taken_away" in lines or "claim_not_released" in lines


def test_the_web_server_answers(fleet: Cloud) -> None:
    web = fleet.machines["web1"]
    web.until(lambda: answers(f"{SITE}/readyz"), READY_SECONDS, "the pages are ready")
    assert "GAS" in loopback.get(f"{SITE}/").text


def test_a_job_runs_from_sign_in_to_mail(fleet: Cloud, figure: dict[str, float | str]) -> None:
    began = time.monotonic()
    job_id = fleet.upload(ROOT / "var/sample/mitochondrial.vcf.gz")
    ended = fleet.visitor.wait(job_id, 60)
    assert ended["job"]["status"] == "COMPLETED"
    assert ended["receipt"]["records"]["read"] > 900
    until(lambda: fleet.standin.outbox(), 30)
    figure["a small job from upload to end, s"] = time.monotonic() - began


def test_from_running_to_the_first_job(fleet: Cloud, figure: dict[str, float | str]) -> None:
    """With the other annotators away: whatever this one does, it does from a cold start."""
    first, second = fleet.machines["annotator1"], fleet.machines["annotator2"]
    for host in (first, second):
        host.tell("systemctl", "stop", "gas-supervisor.service")
    job_id = fleet.upload(ROOT / "var/sample/mitochondrial.vcf.gz")
    first.stop()
    shutil.rmtree(first.root / "var/lib/gas/bundles" / BUNDLE)
    first.start()
    assert fleet.visitor.wait(job_id, FIRST_JOB_SECONDS)["job"]["status"] == "COMPLETED"
    figure["from running to the end of its first job, s"] = time.monotonic() - first.started
    second.tell("systemctl", "start", "gas-supervisor.service")
    for host in (first, second):
        host.until(host.all_running, BOOT_SECONDS, "every program runs")
    assert "bundle_fetching" in first.journal("gas-boot")


@pytest.mark.parametrize("name", HOSTS)
def test_what_is_killed_comes_back(fleet: Cloud, name: str) -> None:
    host = fleet.machines[name]
    for program in host.programs():
        killed = host.pid(program)
        host.kill(program)
        host.until(lambda p=program, k=killed: host.pid(p) not in (0, k), 20, f"{program} is started again")
    host.until(host.all_running, 20, "every program runs again")
    supervisord = host.state("gas-supervisor.service", "MainPID")
    host.tell("kill", "-9", supervisord)
    host.until(
        lambda: host.state("gas-supervisor.service", "MainPID") not in ("0", supervisord), 30, "supervisord is back"
    )
    host.until(host.all_running, 20, "every program runs again")


def test_the_unit_is_hardened(fleet: Cloud, figure: dict[str, float | str]) -> None:
    for unit in ("gas-supervisor.service", "gas-boot.service"):
        said = fleet.machines["annotator1"].tell("systemd-analyze", "security", "--no-pager", unit)
        exposure = re.search(r"exposure level for \S+: ([\d.]+)", said)
        assert exposure is not None, said
        figure[f"systemd-analyze security {unit}"] = float(exposure[1])
        assert float(exposure[1]) < 2.5, said


def test_nothing_of_ours_runs_as_root(fleet: Cloud) -> None:
    for host in fleet.machines.values():
        owners = host.tell("ps", "-e", "-o", "user:20=,args=").splitlines()
        ours = [line.split()[0] for line in owners if "/opt/gas/venv" in line]
        assert set(ours) <= {"gas"} or host.place.name == "stray1", owners


@pytest.fixture(scope="module")
def desk(fleet: Cloud) -> Desk:
    return desk_of(fleet)


def ssh(desk: Desk, fleet: Cloud, host: Machine, user: str, *command: str) -> subprocess.CompletedProcess[str]:
    options = ["-i", str(fleet.key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    quiet = ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
    whole = desk.place.inside("ssh", *options, *quiet, f"{user}@{host.place.address}", *command)
    return subprocess.run(whole, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)


def test_an_operator_asks_supervisorctl_over_ssh(fleet: Cloud, desk: Desk) -> None:
    for name in ("annotator1", "annotator2"):
        done = ssh(desk, fleet, fleet.machines[name], "gas-ops", "supervisorctl", "status")
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[:2] == ["annotator:annotator-0", "RUNNING"]


def test_gas_ops_status_shows_both_annotators(fleet: Cloud, desk: Desk) -> None:
    done = desk.gas("ops", "status", "annotator")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = {tuple(line.split()[:4]) for line in done.stdout.splitlines()[1:]}
    for name in ("annotator1", "annotator2"):
        for program in fleet.machines[name].programs():
            assert (fleet.ids[name], "annotator", program, "RUNNING") in shown, done.stdout


def test_an_operator_is_not_root_and_nobody_else_comes_in(fleet: Cloud, desk: Desk) -> None:
    host = fleet.machines["annotator1"]
    assert ssh(desk, fleet, host, "gas-ops", "cat", "/run/gas/host.env").returncode == 1
    assert ssh(desk, fleet, host, "gas-ops", "cat", "/var/log/gas/gas-boot.log").returncode == 0
    for user in ("root", "gas", "admin"):
        refused = ssh(desk, fleet, host, user, "true")
        assert refused.returncode == 255, user
        assert "Permission denied (publickey)" in refused.stderr


def test_hosts_share_no_key_and_no_id(fleet: Cloud) -> None:
    for path in ("/etc/ssh/ssh_host_ed25519_key.pub", "/etc/machine-id"):
        found = {host.tell("cat", path) for host in fleet.machines.values()}
        assert len(found) == len(fleet.machines), path


@pytest.mark.timeout(600)
def test_a_stopped_host_gives_back_and_a_lost_one_loses_nothing(
    fleet: Cloud, slow: Path, figure: dict[str, float | str]
) -> None:
    """One job, three hosts' worth of trouble: its first is stopped, its second cut off, its third finishes it."""
    job_id = fleet.upload(slow)
    first = owner(fleet, job_id)
    attempt = status(fleet, job_id).attempt
    began = time.monotonic()
    first.tell("systemctl", "stop", "gas-supervisor.service")
    figure["systemctl stop with a job in hand, s"] = time.monotonic() - began
    assert first.state("gas-supervisor.service", "Result") == "success"
    second = owner(fleet, job_id, attempt)
    assert second is not first
    assert status(fleet, job_id).faults == 0
    attempt = status(fleet, job_id).attempt
    second.place.cut()
    cut = time.monotonic()
    first.tell("systemctl", "start", "gas-supervisor.service")
    third = owner(fleet, job_id, attempt)
    assert third is first
    figure["from the cut to the next host's first records, s"] = time.monotonic() - cut
    ended = fleet.visitor.wait(job_id, 240)
    assert ended["job"]["status"] == "COMPLETED"
    assert ended["receipt"]["records"]["read"] == SLOW_RECORDS
    second.place.mend()
    second.until(lambda: learned(second), 150, "the host that was cut off learns that its job is another's")
    assert status(fleet, job_id).attempt == attempt + 1
    assert fleet.dead_letters() == 0


def test_a_reboot_comes_back(fleet: Cloud, figure: dict[str, float | str]) -> None:
    host = fleet.machines["annotator2"]
    began = time.monotonic()
    host.reboot()
    host.until_active(BOOT_SECONDS)
    host.until(host.all_running, RUNNING_SECONDS, "every program runs")
    figure["reboot until every program RUNNING, s"] = time.monotonic() - began
    # The bundle is there already.
    assert "bundle_fetching" not in host.journal("gas-boot")


def test_a_host_with_a_wrong_role_says_so_and_stays_out(fleet: Cloud) -> None:
    host = fleet.machines["stray1"]
    host.until(lambda: host.state("gas-boot.service", "ActiveState") == "failed", 240, "it gives up")
    assert host.state("gas-supervisor.service", "ActiveState") == "inactive"
    lines = host.journal("gas-boot")
    assert lines.count('"event": "boot_try_failed"') == 6
    assert "The tag gas:role of this instance is 'wEb'; it must be one of: web, annotator, utility." in lines
    assert '"event": "boot_failed"' in lines
    assert '"BootFailed": 1' in (host.root / "var/log/gas/gas-boot.log").read_text()


def test_no_secret_and_nothing_open_to_all_is_on_a_disk(fleet: Cloud) -> None:
    secrets = [SECRETS.session_key.encode(), SECRETS.globus_client_secret.encode(), SECRET_KEY.encode()]
    for host in fleet.machines.values():
        looked = 0
        for path in host.upper.rglob("*"):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            mode = path.stat().st_mode
            assert not mode & 0o002 or mode & 0o1000, f"{host.place.name}: anybody may write to {path}"
            if path.is_file():
                looked += 1
                content = path.read_bytes()
                assert not [secret for secret in secrets if secret in content], f"{host.place.name}: {path}"
        assert looked > 10


def test_each_process_has_a_log_file(fleet: Cloud) -> None:
    for name, expected in {
        "web1": "gas-web.log",
        "annotator1": "gas-annotator-0.log",
        "utility1": "gas-sweeper.log",
    }.items():
        host = fleet.machines[name]
        text = (host.root / "var/log/gas" / expected).read_text()
        assert text.startswith(("{", "[")), text[:200]


@pytest.fixture(scope="module", autouse=True)
def shut_down(fleet: Cloud, figure: dict[str, float | str]) -> Iterator[None]:
    """At the end every host shuts down in order, and in time."""
    yield
    for name, host in fleet.machines.items():
        began = time.monotonic()
        host.stop()
        figure[f"{name}: shutdown, s"] = time.monotonic() - began
