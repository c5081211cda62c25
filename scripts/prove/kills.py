"""The kill matrix with real processes: each effect of each agent fails once in each way, and its job ends as it should.

Who is killed is gone (SIGKILL); a new process finds what it has left.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from botocore.exceptions import BotoCoreError, ClientError

from gas import effects, erasure, submissions
from gas.archives import Draft
from gas.items import Conflict
from gas.job import Job, JobStatus, ResultTier
from gas.messages import JobResult
from gas.storage import input_key
from gas.users import Role, User
from scripts.local.environment import BUNDLES
from scripts.prove.doors import settings_of
from scripts.prove.fleet import TIMES, Fleet, ready, standin
from scripts.prove.matrix import UNSURE
from scripts.prove.outside import INPUT, Outside, until
from scripts.prove.world import Broken

FLEETS = 6
UNSURE_RECEIPT = {
    ("erasure.receipt", "kill-after"),
    ("erasure.receipt", "timeout"),
    ("erasure.account", "kill-before"),
    ("erasure.account", "error"),
}


@dataclass(frozen=True)
class Cell:
    """One effect that fails in one way."""

    label: str
    mode: str

    def __str__(self) -> str:
        return f"{self.label} {self.mode}"

    @property
    def most_mails(self) -> int:
        """SES cannot be asked whether a mail was sent: where its answer or the note of it is lost, there may be two."""
        return 2 if (self.label, self.mode) in UNSURE | UNSURE_RECEIPT else 1


@dataclass(frozen=True)
class Trial:
    """One cell in one deployment."""

    outside: Outside
    fleet: Fleet
    cell: Cell

    def arm(self) -> None:
        """From now on the next process that comes to the effect fails."""
        self.fleet.arm(self.cell.label, self.cell.mode)


@dataclass
class Report:
    """What became of the cells: how many, how many processes died in them, and a sentence for each broken one."""

    cells: int
    deaths: int
    broken: list[str]


# What a life needs for an effect to be reached. Each arms the fault and returns when all is at rest again.


def _annotate(t: Trial) -> None:
    o = t.outside
    user = o.user(Role.PREMIUM)
    t.arm()
    job = submissions.submit(o.jobs, o.announcer, o.new(user))
    _at_rest(o, job, lambda now: now.job_status is JobStatus.COMPLETED and now.mail_time is not None)
    o.check_hot(job)
    _check_mails(t, job.user_email)


def _archive(t: Trial) -> None:
    o = t.outside
    t.arm()
    job = o.finished(o.user())
    o.announcer.publish(JobResult(user_id=job.user_id, job_id=job.job_id))
    _archived(o, job)


def _archive_again(t: Trial) -> None:
    o = t.outside
    job = _half_archived(o, o.user())
    t.arm()
    o.announcer.publish(JobResult(user_id=job.user_id, job_id=job.job_id))
    _archived(o, job)


def _archive_no_more(t: Trial) -> None:
    o = t.outside
    user = o.user()
    job = _half_archived(o, user)
    t.arm()
    submissions.set_role(o.users, o.announcer, user.user_id, Role.PREMIUM)
    o.announcer.publish(JobResult(user_id=job.user_id, job_id=job.job_id))
    _restored(o, user, job)


def _restore(t: Trial) -> None:
    o = t.outside
    user = o.user()
    job = o.archived(user)
    t.arm()
    submissions.set_role(o.users, o.announcer, user.user_id, Role.PREMIUM)
    _restored(o, user, job)
    if o.settings.archive_backend == "glacier-vault" and o.retrievals().count(str(job.results_file_archive_id)) != 1:
        raise Broken(f"retrieved {o.retrievals().count(str(job.results_file_archive_id))} times")


def _send_on(t: Trial) -> None:
    o = t.outside
    user = o.user(Role.PREMIUM)
    job = o.finished(user)
    t.arm()
    submissions.set_role(o.users, o.announcer, user.user_id, Role.FREE)
    _archived(o, job)


def _unheard_job(t: Trial) -> None:
    o = t.outside
    t.arm()
    _archived(o, o.finished(o.user()))


def _unheard_role(t: Trial) -> None:
    o = t.outside
    user = o.user()
    job = o.archived(user)
    t.arm()
    o.users.set_role(user.user_id, Role.PREMIUM)
    _restored(o, user, job)


def _delete(t: Trial) -> None:
    o = t.outside
    job = o.archived(o.user())
    t.arm()
    o.jobs.mark_deleted(o.now(job))
    until(lambda: o.jobs.get(job.job_id) is None, "the job to be deleted")
    o.check_gone(job)


def _delete_account(t: Trial) -> None:
    o = t.outside
    user = o.user()
    jobs = [o.archived(user), o.finished(user)]
    o.storage.s3.put_object(Bucket=o.settings.inputs_bucket, Key=input_key(user.user_id, "unused"), Body=INPUT)
    t.arm()
    erasure.begin(o.users, user.user_id)
    until(lambda: o.users.get(user.user_id) is None, "the account to be deleted")
    for job in jobs:
        o.check_gone(job)
    _check_mails(t, user.email)
    if left := o.storage.s3.list_objects_v2(Bucket=o.settings.inputs_bucket, Prefix=f"{user.user_id}/")["KeyCount"]:
        raise Broken(f"{left} uploads of a deleted account are left")


# Steps and looks that they share


def _half_archived(o: Outside, user: User) -> Job:
    """A result whose archiver has died in the middle of its upload, some time ago."""
    job = o.finished(user)
    mine = o.tiers.claim_archiving(o.now(job), "host:3")

    class Dead(Exception):
        pass

    def note(draft: Draft) -> None:
        o.tiers.note_draft(mine, draft)
        if draft.tree_hash is not None:
            raise Dead

    label = f"{user.user_id}/{job.job_id}/{mine.tier_attempt}"
    with suppress(Dead):
        o.archives.store(label, len(INPUT), iter([INPUT]), note)
    return o.tiers.release(mine)


def _at_rest(o: Outside, job: Job, ended: Callable[[Job], bool]) -> None:
    def rests() -> bool:
        now = o.now(job)
        return now.attention_at is None and ended(now)

    until(rests, "the job to come to rest")


def _archived(o: Outside, job: Job) -> None:
    _at_rest(o, job, lambda now: now.result_tier is ResultTier.ARCHIVED)
    o.check_archived(job)


def _restored(o: Outside, user: User, job: Job) -> None:
    _at_rest(o, job, lambda now: now.result_tier is ResultTier.HOT)

    def told() -> bool:
        now = o.users.get(user.user_id)
        return now is not None and now.attention_at is None

    until(told, "the change of role to be carried out")
    o.check_hot(job)


def _check_mails(t: Trial, address: str) -> None:
    mails = t.outside.mails_to(address)
    if not 1 <= mails <= t.cell.most_mails:
        raise Broken(f"{mails} mails")


LIVES: dict[Callable[[Trial], None], tuple[str, ...]] = {
    _annotate: (
        "annotator.claim",
        "annotator.upload",
        "annotator.commit",
        "annotator.announce",
        "notifier.claim",
        "notifier.send",
        "notifier.note",
    ),
    _archive: (
        "archiver.claim",
        "archiver.draft",
        "archiver.seal",
        "archiver.store",
        "archiver.commit",
        "archiver.delete",
        "archiver.settle",
    ),
    _archive_again: ("archiver.abandon",),
    _archive_no_more: ("archiver.stay-hot",),
    _restore: (
        "restorer.claim",
        "restorer.request",
        "restorer.note",
        "restorer.carried-out",
        "thawer.claim",
        "thawer.put",
        "thawer.commit",
        "thawer.discard",
        "thawer.settle",
    ),
    _send_on: ("restorer.send-on",),
    _unheard_job: ("sweeper.tend",),
    _unheard_role: ("sweeper.role",),
    _delete: ("deletion.shares", "deletion.objects", "deletion.archives", "deletion.item"),
    _delete_account: (
        "erasure.claim",
        "erasure.job",
        "erasure.pause",
        "erasure.webhooks",
        "erasure.uploads",
        "erasure.last-claim",
        "erasure.receipt",
        "erasure.account",
    ),
}
# These do not know where archives are kept.
SAME_FOR_BOTH = (_annotate, _send_on, _unheard_job, _unheard_role, _delete_account)


def cells(backend: str) -> list[tuple[Callable[[Trial], None], Cell]]:
    """Every cell with the vault; with S3 the deaths of those that know where archives are kept."""
    vault = backend == "glacier-vault"
    lives = [life for life in LIVES if vault or life not in SAME_FOR_BOTH]
    modes = [mode for mode in effects.MODES if vault or mode.startswith("kill")]
    return [(life, Cell(label, mode)) for mode in modes for life in lives for label in LIVES[life]]


def run(backend: str, folder: Path, fleets: int = FLEETS, only: str = "") -> Report:
    """Every cell with one backend, on some fleets side by side. `only`: those whose name begins so."""
    ready()
    waiting: SimpleQueue[tuple[Callable[[Trial], None], Cell]] = SimpleQueue()
    chosen = [(life, cell) for life, cell in cells(backend) if str(cell).startswith(only)]
    for entry in chosen:
        waiting.put(entry)
    with (
        standin(EXPEDITED=0.3, RESTORE_EXPEDITED=0.3, INVENTORY=0),
        ThreadPoolExecutor(fleets) as pool,
    ):
        begun = [pool.submit(_work, backend, folder / str(number), waiting) for number in range(fleets)]
        reports = [future.result() for future in begun]
    return Report(
        len(chosen), sum(report.deaths for report in reports), [b for report in reports for b in report.broken]
    )


def _work(backend: str, folder: Path, waiting: SimpleQueue[tuple[Callable[[Trial], None], Cell]]) -> Report:
    """Take cells until there is none, all in one deployment."""
    settings = settings_of(folder, archive_backend=backend, bundles_dir=BUNDLES, **TIMES)
    outside = Outside(settings)
    broken: list[str] = []
    with Fleet(settings, folder) as fleet:
        while not waiting.empty():
            with suppress(Empty):
                life, cell = waiting.get_nowait()
                began = time.monotonic()
                sentence = _try(life, Trial(outside, fleet, cell))
                broken += [sentence] if sentence else []
                how = "BROKEN" if sentence else "as it should be"
                print(f"  {backend}, {cell}: {how}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return Report(0, fleet.deaths, broken)


def _try(life: Callable[[Trial], None], trial: Trial) -> str | None:
    """One cell; the sentence that says what went wrong."""
    try:
        life(trial)
        if not trial.fleet.struck(trial.cell.label, trial.cell.mode):
            raise Broken("the effect was never reached")
        until(lambda: trial.outside.waiting() == 0, "the queues to be empty, the dead letters' too")
    except (Broken, Conflict, BotoCoreError, ClientError) as error:
        return f"{trial.cell}: {error}\n{trial.fleet.log_end()}"
    finally:
        trial.fleet.disarm()
    return None
