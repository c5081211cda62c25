"""One whole life of a result, with one effect failing once in one way."""

from collections.abc import Callable

from gas import effects
from gas.users import Role
from scripts.prove.world import Broken, Killed, World

# Every effect of the agents in such a life; a test compares this with their source.
LABELS = (
    "annotator.claim",
    "annotator.upload",
    "annotator.commit",
    "annotator.announce",
    "notifier.claim",
    "notifier.send",
    "notifier.note",
    "archiver.claim",
    "archiver.store",
    "archiver.draft",
    "archiver.seal",
    "archiver.commit",
    "archiver.delete",
    "archiver.settle",
    "restorer.claim",
    "restorer.request",
    "restorer.note",
    "restorer.send-on",
    "restorer.carried-out",
    "thawer.claim",
    "thawer.put",
    "thawer.commit",
    "thawer.discard",
    "thawer.settle",
    "sweeper.tend",
    "sweeper.role",
    "role.change",
    "deletion.mark",
    "deletion.shares",
    "deletion.objects",
    "deletion.archives",
    "deletion.item",
)
# These happen only when something has gone wrong already; the explorer and the chaos reach them.
RARE = ("archiver.abandon", "archiver.stay-hot", "archiver.discard")


# Where the mail may be out and nothing says so.
UNSURE = {
    ("notifier.send", "kill-after"),
    ("notifier.send", "timeout"),
    ("notifier.note", "kill-before"),
    ("notifier.note", "error"),
}


def labels(backend: str) -> tuple[str, ...]:
    """Every effect; those that are the same whatever the backend, only with the vault."""
    if backend == "glacier-vault":
        return LABELS
    return tuple(label for label in LABELS if label.startswith(("archiver.", "restorer.", "thawer.", "deletion.")))


def live(world: World, label: str, mode: str) -> bool:
    """A free job is archived, its user subscribes, unsubscribes, and deletes it. True when the fault happened.

    Raises Broken when a promise was not kept on the way or at the end.
    """
    struck: list[str] = []

    def hook(reached: str, when: str) -> None:
        if when == "after":
            world.check_bytes()
        if not struck and reached == label and when == effects.MODES[mode]:
            struck.append(reached)
            if mode.startswith("kill"):
                raise Killed
            effects.fail(mode, label)

    effects.arm(hook)
    try:
        user = world.user()
        job = world.submit(user)
        _settle(world)
        _settle(world, lambda: world.change_role(user, Role.PREMIUM))
        _settle(world, lambda: world.change_role(user, Role.FREE))
        mails = world.mails[job.job_id]
        # SES cannot be asked whether a mail was sent: where its answer or the note of it is lost, there are two.
        unsure = (label, mode) in UNSURE
        if not 1 <= mails <= (2 if unsure else 1):
            raise Broken(f"{mails} mails")
        world.delete(job.job_id)
        _settle(world)
    finally:
        effects.arm(None)
    return bool(struck)


def _settle(world: World, act: Callable[[], object] = lambda: None) -> None:
    act()
    world.quiesce()
    world.check_rest()
    world.check_retrievals()
