"""The runbook's sections Release and Rollback, followed word by word, on booted hosts.

Whoever edits a command there has to come by here: each is looked up in the section before it is typed. Three things are
AWS's or another program's, and are not done here. Packer's bake: the image comes from `tests.image.bake`, and is named
with `--image`, as the runbook allows. The checkout and Terraform's output: `Desk` has the settings that it prints.
`terraform.tfvars`: there is no Terraform here to go back by it.
"""

import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gas.fleet import ROLES, VERSION_TAG
from gas.job import JobStatus
from scripts.local.environment import ROOT
from scripts.local.fleet import IMAGE
from scripts.local.site import Visitor
from tests.deployment import until
from tests.image import bake
from tests.image.cloud import SITE, Cloud, answers, cloud, version
from tests.image.conftest import SLOW_RECORDS
from tests.image.desk import Desk, desk_of
from tests.image.follower import Follower, following
from tests.image.traffic import Traffic, traffic

SAMPLE = ROOT / "var/sample/mitochondrial.vcf.gz"
# Bounds for a machine that has other things to do; what it took is in the figures.
BOOT_SECONDS, RELEASE_SECONDS, JOB_SECONDS = 180, 500, 240
# The first two are what `Desk` stands for.
COMMANDS = (
    "git checkout v1.2.3",
    'eval "$(terraform -chdir=terraform output -raw shell)"',
    "gas ops hosts",
    "gas ops release",
)
# Nothing but hosts may end a refresh: the stand-in would act in their place after an hour.
NEVER = "3600"


def section(title: str) -> str:
    """A section of the runbook."""
    found = re.search(rf"(?ms)^## {title}\n(.*?)^## ", (ROOT / "docs/runbook.md").read_text())
    assert found, title
    return " ".join(found[1].split())


@pytest.fixture(scope="module")
def account(layers: list[Path], folder: Path) -> Iterator[Cloud]:
    with cloud(layers, folder, dict.fromkeys(ROLES, 1), AWS_STANDIN_REFRESH_SECONDS=NEVER) as made:
        yield made


@pytest.fixture(scope="module")
def image(account: Cloud) -> str:
    """The next release's image, as `make image` leaves it: with the version in its tag."""
    ec2 = account.standin.client("ec2")
    registered = str(ec2.register_image(Name=f"gas-{bake.NEXT_VERSION}", Architecture="arm64")["ImageId"])
    ec2.create_tags(Resources=[registered], Tags=[{"Key": VERSION_TAG, "Value": bake.NEXT_VERSION}])
    return registered


@pytest.fixture(scope="module")
def hosts(account: Cloud, image: str) -> Iterator[Follower]:
    """One host of each role, in service."""
    next_layers = bake.next_layers()
    assert version(next_layers) == bake.NEXT_VERSION
    with following(account, {IMAGE: account.layers, image: next_layers}) as hosts:
        until(lambda: len(account.machines) == len(ROLES), BOOT_SECONDS)
        for machine in list(account.machines.values()):
            machine.until(machine.all_running, BOOT_SECONDS, "every program runs")
        until(lambda: answers(f"{SITE}/readyz"), BOOT_SECONDS)
        yield hosts


@pytest.fixture(scope="module")
def desk(hosts: Follower) -> Desk:
    return desk_of(hosts.cloud)


@pytest.fixture(scope="module")
def users(hosts: Follower) -> Iterator[Traffic]:
    """From before the first release until after the last rollback."""
    visitor = Visitor(SITE)
    visitor.sign_in("grace@example.org")
    with traffic(SAMPLE, visitor) as users:
        yield users


def ops(desk: Desk, words: str, title: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Type a command that the section has, and wait for its end."""
    assert words in section(title)
    return desk.gas(*words.removeprefix("gas ").split(), *more, patience=RELEASE_SECONDS)


def known_to_work(desk: Desk, release: str) -> None:
    """Each host has the version, only RUNNING programs, and a job of your own comes through."""
    assert "the version on every host, `gas ops status` only RUNNING, and a job of your own comes" in section("Release")
    shown = [line.split()[1:4:2] for line in ops(desk, "gas ops hosts", "Release").stdout.splitlines()[1:]]
    assert shown == [[role, release] for role in ROLES]
    status = ops(desk, "gas ops status", "Release")
    assert status.returncode == 0, status.stdout + status.stderr
    states = [line.split()[1:4:2] for line in status.stdout.splitlines()[1:]]
    assert {role for role, _ in states} == set(ROLES)
    assert {state for _, state in states} == {"RUNNING"}
    for line in desk.gas("ops", "hosts").stdout.splitlines()[1:]:
        assert desk.gas("ops", "ssh", line.split()[0], "gas", "--version").stdout == f"gas, version {release}\n"
    own = desk.cloud.visitor
    assert own.wait(desk.cloud.upload(SAMPLE), JOB_SECONDS)["job"]["status"] == "COMPLETED"


def in_hand(hosts: Follower, old: str, slow: Path) -> list[str]:
    """Submit jobs that take a while until the old host has one in hand; returns them all."""
    cloud, submitted = hosts.cloud, list[str]()
    while True:
        submitted.append(cloud.upload(slow))
        claimed = until(lambda: (job := cloud.jobs.get(submitted[-1])) and job.lease_owner, 60)
        if str(claimed).startswith(f"{old}:"):
            return submitted
        assert len(submitted) < 6, "the old annotator takes no more jobs"


@pytest.mark.timeout(900)
def test_a_release(
    hosts: Follower,
    desk: Desk,
    image: str,
    users: Traffic,
    slow: Path,
    folder: Path,
    figure: dict[str, float | str],
) -> None:
    assert f"``` {' '.join(COMMANDS)} ```" in section("Release")
    before = ops(desk, "gas ops hosts", "Release").stdout
    assert [line.split()[3] for line in before.splitlines()[1:]] == [version(hosts.cloud.layers)] * len(ROLES)
    (old,) = hosts.hosts("annotator")
    hosts.held.add(old)
    began, said = time.monotonic(), folder / "release.log"
    assert "is named with `--image`" in section("Release")
    with desk.typing("ops", "release", "--image", image, log=said) as release:
        until(
            lambda: hosts.members().get(old) == "Terminating:Wait" or release.poll() is not None, RELEASE_SECONDS, 0.3
        )
        jobs = in_hand(hosts, old, slow)
        hosts.held.clear()
        status = release.wait(RELEASE_SECONDS)
    figure["release of three roles, s"] = time.monotonic() - began
    lines = said.read_text().splitlines()
    assert status == 0, lines
    assert "Each role says `Successful 100 %`, the exit status is 0" in section("Release")
    assert {f"{role}: Successful 100 %" for role in ROLES} <= set(lines)
    known_to_work(desk, bake.NEXT_VERSION)
    for job_id in jobs:
        ended = hosts.cloud.visitor.wait(job_id, JOB_SECONDS)
        assert ended["job"]["status"] == "COMPLETED"
        assert ended["receipt"]["records"]["read"] == SLOW_RECORDS
    last = hosts.cloud.jobs.get(jobs[-1])
    assert last is not None
    assert last.faults == 0
    figure["job in hand on the old annotator, attempts"] = float(last.attempt)


@pytest.mark.timeout(900)
def test_a_rollback_of_a_release_that_is_over(
    hosts: Follower, desk: Desk, users: Traffic, figure: dict[str, float | str]
) -> None:
    began = time.monotonic()
    done = ops(desk, "gas ops release --rollback", "Rollback")
    figure["rollback of a release that is over, s"] = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    assert "`RollbackSuccessful` or `Successful` for each role" in section("Rollback")
    assert {f"{role}: Successful 100 %" for role in ROLES} <= set(done.stdout.splitlines())
    known_to_work(desk, version(hosts.cloud.layers))


@pytest.mark.timeout(900)
def test_a_rollback_of_a_release_under_way(
    hosts: Follower, desk: Desk, image: str, users: Traffic, folder: Path, figure: dict[str, float | str]
) -> None:
    """Taken back when its first new host is in service, and others begin to boot."""
    old, said = set(hosts.members()), folder / "under-way.log"
    with desk.typing("ops", "release", "--image", image, log=said) as release:
        until(
            lambda: any(state == "InService" and name not in old for name, state in hosts.members().items()), 300, 0.3
        )
        assert "Ctrl-C stops only the watching" in section("Release")
        release.send_signal(signal.SIGINT)
        assert release.wait(30) != 0
    assert any(": InProgress " in line for line in said.read_text().splitlines())
    began = time.monotonic()
    done = ops(desk, "gas ops release --rollback", "Rollback")
    figure["rollback of a release under way, s"] = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    assert "takes back the release that is under way" in done.stdout
    ends = re.findall(r"(?m)^(\w+): (?:Rollback)?Successful 100 %$", done.stdout)
    assert sorted(ends) == sorted(ROLES), done.stdout
    known_to_work(desk, version(hosts.cloud.layers))


@pytest.mark.timeout(600)
def test_nobody_has_noticed(hosts: Follower, users: Traffic, figure: dict[str, float | str]) -> None:
    """Of all that users did during the release and both rollbacks, nothing failed and nothing is left."""
    users.ends.set()
    figure["requests to the site meanwhile: pages"] = float(users.pages)
    figure["requests to the site meanwhile: jobs"] = float(len(users.jobs))
    figure["requests to the site meanwhile: failed"] = float(len(users.failures))
    figure["longest time without a page, s"] = users.gap
    assert not users.failures, "\n".join(users.failures)
    assert len(users.jobs) > 10
    cloud = hosts.cloud
    for job_id in users.jobs:
        assert users.visitor.wait(job_id, JOB_SECONDS)["job"]["status"] == JobStatus.COMPLETED
    until(lambda: set(users.jobs) <= set(mailed(cloud)), 60, 0.5)
    assert set(mailed(cloud).values()) == {1}
    assert cloud.dead_letters() == 0


def mailed(cloud: Cloud) -> Counter[str]:
    """Jobs → how many mails name them."""
    pattern = r"/annotations/([0-9a-f-]{36})"
    return Counter(job for mail in cloud.standin.outbox() for job in set(re.findall(pattern, mail["text"])))
