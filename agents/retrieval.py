"""The one way in which an archive is asked back."""

from botocore.exceptions import BotoCoreError, ClientError

from gas.archives import ArchiveStore
from gas.effects import effect
from gas.faults import explain
from gas.job import Job, ResultTier
from gas.jobs import Conflict
from gas.telemetry import logger
from gas.tiers import Tiers, archive_of, label_of

log = logger(__name__)


def begin(tiers: Tiers, archives: ArchiveStore, job: Job, owner: str, tier: str) -> Job:
    """ARCHIVED → RESTORING with a retrieval under way; so too for a claim whose owner died before it noted one.

    The item names the retrieval before this returns, and one that was begun but not noted is found again: however
    often it is interrupted, an archive is asked back once. Raises `Conflict` where someone else is at it.
    """
    with effect("restorer.claim"):
        mine = tiers.claim_restoring(job, owner)
    archive = archive_of(mine)
    try:
        begun = archives.requested(archive) if job.result_tier is ResultTier.RESTORING else None
        with effect("restorer.request"):
            retrieval = begun or archives.request(archive, label_of(mine), tier)
    except Exception:
        _release(tiers, mine)
        raise
    log.info("retrieval_begun", retrieval_tier=retrieval.tier, again=begun is not None)
    with effect("restorer.note"):
        return tiers.retrieving(mine, retrieval)


def _release(tiers: Tiers, mine: Job) -> None:
    try:
        tiers.release(mine)
    except (Conflict, BotoCoreError, ClientError) as error:
        # The lease lapses by itself.
        log.warning("claim_not_released", reason=explain(error))
