"""What a deployment in one process consists of, and how it is made."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gas import archives, aws
from gas.archives import ArchiveStore
from gas.aws import Secrets
from gas.config import Settings
from scripts.local import bootstrap
from scripts.local.environment import ACCOUNT, REGION


class Clock:
    """Stands until it is moved."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Doors:
    """One deployment: its settings and what leads into it. Making a client takes long, so worlds share them."""

    settings: Settings
    annotations: Any
    users: Any
    shares: Any
    s3: Any
    archives: ArchiveStore


def settings_of(folder: Path, **changes: Any) -> Settings:
    """Settings of a deployment whose names nothing else in the stand-in has."""
    name = f"p{uuid.uuid4().hex[:8]}"
    values: dict[str, Any] = {
        "region": REGION,
        "account_id": ACCOUNT,
        "name_prefix": name,
        "site_url": "http://127.0.0.1:8080",
        "inputs_bucket": f"{name}-inputs",
        "results_bucket": f"{name}-results",
        "mail_from": "GAS <no-reply@gas.example>",
        "secrets_name": f"{name}/web",
        "bundles_dir": folder,
        "scratch_dir": folder,
    }
    return Settings(**{**values, **changes})


def deployment(folder: Path, backend: str) -> Doors:
    """Create the tables, buckets and the vault of one deployment. Inside `inprocess.aws`."""
    settings = settings_of(folder, archive_backend=backend)
    bootstrap.apply(settings, Secrets("client", "secret", "key"))
    tables = [aws.table(settings, name) for name in ("annotations", "users", "shares")]
    return Doors(settings, *tables, aws.client(settings, "s3"), archives.of(settings))
