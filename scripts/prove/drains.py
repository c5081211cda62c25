"""Hosts that have to go at random moments, by Spot notice or scale-in, while jobs are worked on.

Each host is a real supervisord with the real annotator and lifecycle programs and a metadata service of its own, in an
autoscaling group of the stand-in. Times are a tenth of production's or less: a Spot notice comes twelve seconds before
the end instead of 120, and a stopping annotator has two for what it has in hand.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from gas import fleet, supervision
from gas.config import Settings
from gas.job import Job, JobStatus
from gas.jobs import JobStore
from gas.messages import JobRequest
from gas.storage import Storage, input_key
from gas.submissions import Announcer
from gas.topology import resource_name
from scripts.local import fleet as groups
from scripts.local import metadata
from scripts.local.environment import ACCESS_KEY, BUNDLE, BUNDLES, REGION, SECRET_KEY
from scripts.local.stack import Stack
from scripts.local.supervision import Supervisor

ROLE = "annotator"
PROGRAMS = ("annotator", "lifecycle")
NOTICE_SECONDS = 12.0
PATIENCE_SECONDS = 120.0
LONGEST_LIFE_SECONDS = 5.0
LOOK_SECONDS = 0.2
# The proportions of production, shortened.
TIMES = {
    "GAS_LEASE_SECONDS": "10",
    "GAS_HEARTBEAT_SECONDS": "3",
    "GAS_VISIBILITY_SECONDS": "10",
    "GAS_PROGRESS_SECONDS": "0.3",
    "GAS_SWEEP_SECONDS": "1",
    "GAS_OUTBOX_SECONDS": "10",
    "GAS_POLL_SECONDS": "1",
    "GAS_GRACE_SECONDS": "2",
    "GAS_LIFECYCLE_SECONDS": "0.25",
    "GAS_HOOK_HEARTBEAT_SECONDS": "0.5",
}
# Of the mitochondrion's possible SNVs, so many times all of them: done within the grace, perhaps, and not.
SIZES = (0.02, 0.3, 1.0, 2.0)


class Broken(AssertionError):
    """A promise was not kept."""


@dataclass
class Tally:
    """What was seen."""

    rounds: dict[str, int] = field(default_factory=lambda: {"spot": 0, "scale-in": 0})
    in_mid_job: int = 0
    seconds: list[float] = field(default_factory=list)
    jobs: int = 0
    given_back: int = 0
    failed: int = 0
    faults: int = 0


@dataclass
class Host:
    """One place in the group, taken by one instance after the other."""

    supervisor: Supervisor
    folder: Path
    imds: metadata.Metadata
    instance_id: str
    lives: int = 0

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    def await_work(self) -> None:
        """Until the annotator of this life takes jobs."""
        self.lives += 1
        self.supervisor.await_running(PROGRAMS, time.monotonic() + PATIENCE_SECONDS)
        log = self.folder / "annotator-0.log"
        await_true(lambda: log.read_text("utf-8").count('"consumer_started"') >= self.lives, "an annotator to start")

    def working(self) -> bool:
        """Whether an annotator has a job in hand."""
        return any(self.scratch.glob("*-*"))


class Fleet:
    """A stack with so many hosts beside it. Ends with the block."""

    def __init__(self, folder: Path, hosts: int) -> None:
        self.stack = Stack(folder, TIMES, programs=("sweeper",))
        self.hosts: list[Host] = []
        self._count = hosts
        self._exit = ExitStack()
        self._replacing = threading.Lock()

    def __enter__(self) -> "Fleet":
        with ExitStack() as opening:
            opening.enter_context(self.stack)
            self.settings = settings_of(self.stack.env)
            self.autoscaling, self.ec2 = self.stack.client("autoscaling"), self.stack.client("ec2")
            ids = groups.create_group(self.ec2, self.autoscaling, self.settings.name_prefix, ROLE, self._count)
            for number, instance_id in enumerate(ids):
                self.hosts.append(self._host(opening, number, instance_id))
            for host in self.hosts:
                host.await_work()
            self._exit = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _host(self, opening: ExitStack, number: int, instance_id: str) -> Host:
        directory = self.stack.directory / f"host-{number}"
        run = Path(self.stack.env["GAS_RUN_DIR"]) / str(number)
        for folder in (directory, run, directory / "scratch"):
            folder.mkdir(parents=True, exist_ok=True)
        imds = opening.enter_context(metadata.serving(self._says(instance_id)))
        supervisor = Supervisor(
            {
                **self.stack.env,
                "GAS_RUN_DIR": str(run),
                "GAS_LOG_DIR": str(directory),
                "GAS_SCRATCH_DIR": str(directory / "scratch"),
                "GAS_PROGRAM_FILES": " ".join(f"{name}.conf" for name in PROGRAMS),
                "GAS_AUTOSTART": "true",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url,
            }
        )
        supervisor.start()
        opening.callback(supervisor.stop, [PROGRAMS], PATIENCE_SECONDS)
        return Host(supervisor, directory, imds, instance_id)

    def _says(self, instance_id: str) -> dict[str, str]:
        tags = {fleet.ROLE_TAG: ROLE, fleet.PREFIX_TAG: self.settings.name_prefix}
        return metadata.instance(tags, instance_id=instance_id)

    def members(self) -> set[str]:
        """The group's instances, also those that wait to go."""
        found = groups.describe(self.autoscaling, self.settings.name_prefix, ROLE)
        return {instance["InstanceId"] for instance in found}

    def take(self, host: Host, kind: str) -> float:
        """Have the host go; returns how long its drain took. Raises Broken if it was not over in time."""
        began = time.monotonic()
        if kind == "scale-in":
            self.autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=host.instance_id, ShouldDecrementDesiredCapacity=False
            )
            host.imds.scale_in()
            await_true(lambda: host.instance_id not in self.members(), f"{host.instance_id} to be let go")
        else:
            host.imds.spot_notice(NOTICE_SECONDS)
            await_true(lambda: not _annotators_run(host), f"{host.instance_id} to be empty")
        seconds = time.monotonic() - began
        if _annotators_run(host) or host.working():
            raise Broken(f"{host.instance_id} was let go by {kind}, and still worked.")
        if seconds > NOTICE_SECONDS:
            raise Broken(f"{host.instance_id} was empty {seconds:.1f} s after the {kind}, not within {NOTICE_SECONDS}.")
        return seconds

    def replace(self, host: Host) -> None:
        """Another instance comes in its place, with everything started anew."""
        if host.instance_id in self.members():
            # EC2 takes back what it gave notice of.
            self.ec2.terminate_instances(InstanceIds=[host.instance_id])
        with self._replacing:
            (new, *_) = self.members() - {other.instance_id for other in self.hosts}
            host.instance_id = new
        supervision.ask(host.supervisor.address, "stopProcess", "lifecycle")
        host.imds.says = self._says(new)
        host.supervisor.start_groups(PROGRAMS)
        host.await_work()


def _annotators_run(host: Host) -> bool:
    return any(process.group == "annotator" and not process.ended for process in host.supervisor.processes())


def await_true(holds: Callable[[], bool], what: str, patience: float = PATIENCE_SECONDS) -> None:
    """Raises Broken when it does not come true."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise Broken(f"Waited {patience:.0f} s for {what}.")
        time.sleep(LOOK_SECONDS)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that a process with this environment reads."""
    names = Settings.model_fields
    given = {name: environment[key] for name in names if (key := f"GAS_{name.upper()}") in environment}
    return Settings.model_validate(given)


class Jobs:
    """Submits jobs past the web server, and looks what became of them."""

    def __init__(self, stack: Stack, settings: Settings) -> None:
        dynamodb = boto3.session.Session().resource(
            "dynamodb",
            endpoint_url=stack.aws_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        self.store = JobStore(dynamodb.Table(resource_name(settings.name_prefix, "annotations")), time.time)
        self.s3, self.sns = stack.client("s3"), stack.client("sns")
        self.settings = settings
        self.ids: dict[str, int] = {}
        self.unfinished: set[str] = set()

    def submit(self, size: float) -> None:
        """One job of `size` times all SNVs of the mitochondrion."""
        body, records = vcf(size)
        job_id, user_id = str(uuid.uuid4()), str(uuid.uuid4())
        bucket, key = self.settings.inputs_bucket, input_key(user_id, job_id)
        put = self.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/plain")
        job = Job(
            job_id=job_id,
            user_id=user_id,
            user_email="ada@example.org",
            input_file_name="sample.vcf",
            s3_inputs_bucket=bucket,
            s3_key_input_file=key,
            submit_time=int(time.time()),
            input_size=len(body),
            input_etag=put["ETag"],
            input_version=put["VersionId"],
            bundle=BUNDLE,
        )
        self.store.create(job)
        settings = self.settings
        announcer = Announcer(self.sns, settings.region, settings.account_id, settings.name_prefix)
        announcer.publish(JobRequest(user_id=user_id, job_id=job_id))
        self.ids[job_id] = records
        self.unfinished.add(job_id)

    def count_unfinished(self) -> int:
        """How many jobs have not come to their end yet. Raises Broken for one that is gone."""
        self.unfinished = {job_id for job_id in self.unfinished if not self._get(job_id).finished}
        return len(self.unfinished)

    def _get(self, job_id: str) -> Job:
        job = self.store.get(job_id)
        if job is None:
            raise Broken(f"The item of {job_id} is gone.")
        return job

    def check(self, tally: Tally) -> None:
        """Every job has come to its end, whole. Raises Broken with the first that has not."""
        storage = Storage(self.s3, self.settings.inputs_bucket, self.settings.results_bucket)
        for job in map(self._get, self.ids):
            tally.jobs += 1
            tally.given_back += job.attempt > 1
            tally.failed += job.job_status is JobStatus.FAILED
            tally.faults += job.faults
            if job.job_status is not JobStatus.COMPLETED or job.records_annotated != self.ids[job.job_id]:
                raise Broken(
                    f"{job.job_id} is {job.job_status} with {job.records_annotated} records: {job.error_message}"
                )
            if job.faults:
                raise Broken(f"{job.job_id} has {job.faults} faults: its host was gone with it in hand.")
            if not storage.head(str(job.s3_results_bucket), str(job.s3_key_result_file)):
                raise Broken(f"{job.job_id} has no result.")


def vcf(size: float) -> tuple[bytes, int]:
    """A VCF and how many records it has."""
    sequence = (BUNDLES / BUNDLE / "sequence.bin").read_bytes().decode("ascii")
    sequence = sequence[: int(len(sequence) * min(size, 1))]
    lines = [
        f"MT\t{position}\t.\t{reference}\t{base}\t.\t.\t."
        for position, reference in enumerate(sequence, start=1)
        for base in "ACGT"
        if base != reference != "N"
        for _ in range(max(int(size), 1))
    ]
    head = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    return ("\n".join([*head, *lines]) + "\n").encode(), len(lines)


def run(folder: Path, rounds: int, seed: str, hosts: int = 3) -> Tally:
    """So many drains on so many hosts, with more jobs than the hosts can do. Raises Broken."""
    tally = Tally()
    with Fleet(folder, hosts) as running:
        jobs = Jobs(running.stack, running.settings)
        turns = iter(range(rounds))
        lock = threading.Lock()
        problems: list[BaseException] = []

        def drain(host: Host, rng: random.Random) -> None:
            try:
                while not problems:
                    with lock:
                        if next(turns, None) is None:
                            return
                    time.sleep(rng.uniform(0, LONGEST_LIFE_SECONDS))
                    kind = rng.choice(list(tally.rounds))
                    tally.in_mid_job += host.working()
                    seconds = running.take(host, kind)
                    with lock:
                        tally.rounds[kind] += 1
                        tally.seconds.append(seconds)
                    running.replace(host)
            except BaseException as error:
                problems.append(error)

        threads = [
            threading.Thread(target=drain, args=(host, random.Random(f"{seed} {number}")))
            for number, host in enumerate(running.hosts)
        ]
        for thread in threads:
            thread.start()
        rng = random.Random(f"{seed} jobs")
        while any(thread.is_alive() for thread in threads):
            for _ in range(2 * hosts - jobs.count_unfinished()):
                jobs.submit(rng.choice(SIZES))
            time.sleep(0.3)
        for problem in problems:
            raise problem
        await_true(lambda: not jobs.count_unfinished(), "the last jobs to end")
        jobs.check(tally)
    return tally
