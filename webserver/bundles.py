"""The reference bundles that this host has on its disk, opened when somebody first needs one."""

from functools import cache
from pathlib import Path

from gas.annotation import reference
from gas.annotation.reference import Bundle, BundleError
from gas.telemetry import logger

log = logger(__name__)


def local_bundle(folder: Path, name: str) -> Bundle | None:
    """The bundle of that name in `folder`; None where there is none that can be used, and the log says why."""
    try:
        return _opened(folder / name)
    except BundleError as error:
        log.warning("bundle_not_here", bundle=name, reason=str(error))
        return None


@cache
def _opened(path: Path) -> Bundle:
    # What could not be opened is not remembered, and may be there the next time.
    return reference.load(path)
