"""`python -m gas.host.boot`: make of this instance a host of its role, before supervisord starts.

It tries a bounded number of times, each with a line that says why it failed. Then the unit has failed, supervisord is
not started, the lifecycle agent never says that the host is ready, and the autoscaling group replaces it.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gas import aws, telemetry
from gas.config import Settings
from gas.host import bundle, environment, logs, roles
from gas.host.failures import NotReady, in_words
from gas.host.metadata import connect
from gas.telemetry import logger, metric

log = logger(__name__)

RUN_DIR = Path("/run/gas")
# Seconds between two tries; about five minutes in all, the time that a group gives a host to start (modules/fleet).
WAITS = (5, 10, 20, 40, 80)
ENVIRONMENT, LOGS, OPS_KEYS = "host.env", "cloudwatch-agent.json", "ops-keys"


def main(run_dir: Path = RUN_DIR, waits: tuple[float, ...] = WAITS, sleep: Callable[[float], None] = time.sleep) -> int:
    """Try until it is done or there are no tries left; returns the exit status."""
    telemetry.configure("boot")
    tries = len(waits) + 1
    for number, wait in enumerate((*waits, None), start=1):
        try:
            prepare(run_dir)
            return 0
        except NotReady as failure:
            log.warning("boot_try_failed", reason=str(failure), number=number, tries=tries, next_seconds=wait)
            reason = str(failure)
        if wait is not None:
            sleep(wait)
    log.error("boot_failed", reason=reason)
    metric("BootFailed", 1)
    return 1


def prepare(run_dir: Path) -> None:
    """Everything that the processes of this host need. Done again, it changes nothing. Raises NotReady."""
    began = time.monotonic()
    identity = roles.identify(connect())
    telemetry.configure("boot", name_prefix=identity.name_prefix)
    logs.write(run_dir / LOGS, identity)
    own = environment.derive(identity, cores=os.cpu_count() or 1)
    given = environment.read(aws.regional(identity.region, "ssm"), identity)
    whole = {**os.environ, **own, **given}
    settings = environment.check(whole, identity)
    _bring_bundle(identity, given, settings)
    with in_words("Writing the operators' keys"):
        (run_dir / OPS_KEYS).write_text(given.get("GAS_OPS_KEYS", "") + "\n", encoding="utf-8")
    processes = {name: value for name, value in {**own, **given}.items() if name not in environment.OWN}
    environment.write(run_dir / ENVIRONMENT, processes)
    seconds = round(time.monotonic() - began, 1)
    log.info("boot_done", role=identity.role, release=identity.release, version=identity.version, seconds=seconds)


def _bring_bundle(identity: roles.Identity, given: Mapping[str, str], settings: Settings) -> None:
    role = roles.ROLES[identity.role]
    if not (role.annotates or role.shows):
        return
    bucket = given.get("GAS_REFERENCE_BUCKET", "")
    try:
        if not bucket:
            raise NotReady(f"GAS_REFERENCE_BUCKET is not set under {environment.paths(identity)[0]}.")
        only = None if role.annotates else bundle.SHOWN
        opened = bundle.fetch(aws.client(settings, "s3"), bucket, settings.bundle, settings.bundles_dir, only=only)
    except NotReady as failure:
        if role.annotates:
            raise
        # The site is more than its pictures, and says by itself that the reference is not here.
        log.warning("bundle_not_here", bundle=settings.bundle, reason=str(failure))
    else:
        log.info("bundle_open", bundle=opened.name, assembly=opened.assembly)


if __name__ == "__main__":
    sys.exit(main())
