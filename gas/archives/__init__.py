"""Where results go that nobody may read for now, and how they come back: one protocol, two backends.

`of(settings)` picks the backend; nothing else knows which it is.
"""

from gas import aws
from gas.archives.glacier_vault import GlacierVault
from gas.archives.protocol import TIER_SECONDS, Archive, ArchiveStore, Corrupted, Draft, Progress, Retrieval
from gas.archives.s3_glacier import S3Glacier
from gas.config import Settings

__all__ = ["TIER_SECONDS", "Archive", "ArchiveStore", "Corrupted", "Draft", "Progress", "Retrieval", "of"]


def of(settings: Settings) -> ArchiveStore:
    """The backend that the settings name."""
    if settings.archive_backend == "s3-glacier":
        return S3Glacier(aws.client(settings, "s3"), settings.results_bucket)
    return GlacierVault.of(settings)
