"""What a host is for: its role, which the tags of its launch template say."""

import importlib.metadata
from dataclasses import dataclass

from ec2_metadata import EC2Metadata

from gas.fleet import PREFIX_TAG, ROLE_TAG, VERSION_TAG
from gas.host.failures import NotReady, in_words
from gas.host.metadata import asking


@dataclass(frozen=True)
class Role:
    """`programs` are files of ami/supervisor; `memory_watch` is what memmon is told.

    Who `annotates` needs the reference bundle; who `shows` genomes has its sequence and genes, if they are there.

    Limits are resident memory. The annotator's children, whose reference is mapped memory, have limits of their own.
    """

    programs: tuple[str, ...]
    memory_watch: str
    annotates: bool = False
    shows: bool = False


UTILITIES = ("notifier", "caller", "archiver", "restorer", "thawer", "sweeper")
ROLES = {
    "web": Role(("web", "lifecycle", "memmon"), "-c -p web=2GB -p lifecycle=512MB", shows=True),
    "annotator": Role(("annotator", "lifecycle", "memmon"), "-g annotator=1GB -p lifecycle=512MB", annotates=True),
    "utility": Role((*UTILITIES, "lifecycle", "memmon"), "-a 1GB"),
}


@dataclass(frozen=True)
class Identity:
    """This instance. `release` is what its tags say, `version` what is installed."""

    instance_id: str
    region: str
    role: str
    name_prefix: str
    release: str
    version: str


def identify(metadata: EC2Metadata) -> Identity:
    """Ask the metadata service who this is. Raises NotReady."""
    with in_words("Asking what this instance is"), asking(metadata):
        tags = metadata.tags
        role = _tag(tags.get(ROLE_TAG), ROLE_TAG)
        if role not in ROLES:
            known = ", ".join(ROLES)
            raise NotReady(f"The tag {ROLE_TAG} of this instance is {role!r}; it must be one of: {known}.")
        return Identity(
            instance_id=metadata.instance_id,
            region=metadata.region,
            role=role,
            name_prefix=_tag(tags.get(PREFIX_TAG), PREFIX_TAG),
            release=tags.get(VERSION_TAG, ""),
            version=importlib.metadata.version("gas-genomics"),
        )


def _tag(value: str | None, name: str) -> str:
    if not value:
        raise NotReady(
            f"This instance has no tag {name}. The launch template sets it, and must allow tags in instance metadata."
        )
    return value
