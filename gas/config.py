"""Settings: every GAS_* variable that a process reads, typed, read once.

The table in `docs/settings.md` lists the same fields; a test compares the two.
"""

import sys
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One process's settings. Sizes in bytes and times in seconds unless a field says otherwise."""

    model_config = SettingsConfigDict(env_prefix="GAS_", frozen=True, extra="ignore")

    region: str = Field(description="AWS region of every resource")
    account_id: str = Field(pattern=r"^\d{12}$", description="AWS account of every resource, 12 digits")
    name_prefix: str = Field(default="gas", description="First part of every topic, queue, table and vault name")
    site_url: str = Field(pattern=r"^https?://[^/]+$", description="Where users reach the site; no path")
    inputs_bucket: str = Field(description="S3 bucket that takes uploads")
    results_bucket: str = Field(description="S3 bucket that keeps results")
    mail_from: str = Field(description="Sender of mail; an identity that SES has verified")
    secrets_name: str = Field(
        description="Secrets Manager secret, JSON: globus_client_id, globus_client_secret, session_key"
    )
    globus_issuer: str = Field(default="https://auth.globus.org", description="`iss` that an ID token must carry")
    globus_native_client_id: str = Field(default="", description="Globus client of `gas login`; empty: no command line")
    admins: str = Field(
        default="",
        pattern=r"^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?: |$))*$",
        description="Globus identities (UUIDs) that see the operator's page, separated by spaces; empty: nobody",
    )
    api_calls_a_minute: int = Field(default=600, gt=0, description="API calls of one user and web worker in a minute")

    bundles_dir: Path = Field(description="Folder of reference bundles, one folder each")
    bundle: str = Field(default="mitochondrion", description="Reference bundle that jobs are annotated with")
    scratch_dir: Path = Field(description="Local disk for what is only needed for a while")
    explorer_bytes: int = Field(
        default=5_000_000_000, gt=0, description="Local disk that looked-at parts of results may take on a web host"
    )

    free_size_limit: int = Field(default=50_000_000, gt=0, description="Largest upload of a free user")
    premium_size_limit: int = Field(default=500_000_000_000, gt=0, description="Largest upload of a premium user")
    free_window: int = Field(default=300, ge=0, description="How long a free user's result can be downloaded")

    archive_backend: Literal["glacier-vault", "s3-glacier"] = Field(
        default="glacier-vault",
        description="Where free users' results are archived: a Glacier vault, or objects of S3's class GLACIER",
    )
    retrieval_tier: Literal["Expedited", "Standard", "Bulk"] = Field(
        default="Expedited", description="How fast archives come back; what cannot be Expedited becomes Standard"
    )

    annotator_concurrency: int = Field(default=1, gt=0, description="Jobs that one annotator process runs at a time")
    annotator_workers: int = Field(default=1, gt=0, description="Processes that annotate one job")
    annotator_memory: int = Field(default=4_000_000_000, gt=0, description="Memory limit of each annotating process")
    annotator_cpu_seconds: int = Field(default=86_400, gt=0, description="CPU time limit of each annotating process")
    annotator_output_bytes: int = Field(default=2_000_000_000_000, gt=0, description="Largest file a job may write")

    lease_seconds: int = Field(default=90, gt=0, description="A claim lapses this long after its last heartbeat")
    heartbeat_seconds: float = Field(default=60, gt=0, description="Time between two extensions of a message")
    progress_seconds: float = Field(default=3, gt=0, description="Time between two notes of a job's progress")
    visibility_seconds: int = Field(default=120, gt=0, description="How long an extension hides a message")
    poll_seconds: int = Field(default=20, ge=1, le=20, description="How long one receive waits for messages")
    grace_seconds: float = Field(default=90, ge=0, description="How long a stopping process lets handlers finish")
    sweep_seconds: float = Field(default=30, gt=0, description="Time between two looks of the sweeper")
    outbox_seconds: int = Field(default=30, gt=0, description="A message unsent for this long is sent by the sweeper")
    max_faults: int = Field(default=5, gt=0, description="Our own faults after which a job is given up")

    lifecycle_seconds: float = Field(default=5, gt=0, description="Time between two looks at the instance's metadata")
    hook_heartbeat_seconds: float = Field(
        default=30, gt=0, description="Time between two heartbeats to the group that waits for a drain"
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged")


def load() -> Settings:
    """Read the environment. A missing or wrong variable ends the process with a line that names it."""
    try:
        return Settings()
    except ValidationError as error:
        sys.exit(explain(error))


def explain(error: ValidationError) -> str:
    """The sentence for a person: one line a variable, by its name in the environment."""
    lines = []
    for problem in error.errors():
        name = f"GAS_{'_'.join(str(part) for part in problem['loc']).upper()}"
        wrong = "is not set" if problem["type"] == "missing" else f"is {problem['input']!r}: {problem['msg']}"
        lines.append(f"{name} {wrong}")
    return "The settings cannot be used (docs/settings.md explains each):\n  " + "\n  ".join(lines)
