"""The environment of a stack's processes: what `docs/settings.md` lists, filled in for this machine."""

import grp
import json
import os
import pwd
import secrets
import sys
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.local.globus.identities import OPERATOR
from scripts.local.ports import LOOPBACK

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT / "var" / "bundles"
BUNDLE = "mitochondrion"
REGION = "us-east-1"
# The account of every access key that the stand-in does not know, and such a key: AWS's own example.
ACCOUNT = "123456789012"
ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PROGRAMS = ("web", "annotator", "notifier", "caller", "archiver", "restorer", "thawer", "sweeper")
STAND_INS = ("aws", "globus")
# Nothing else of the caller's environment reaches the stack: a profile or a proxy of this machine's owner
# would send it to a real account.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
INHERITED_PREFIX = "COVERAGE_"
SETTINGS_PREFIXES = ("GAS_", "AWS_STANDIN_")


@dataclass(frozen=True)
class Keys:
    """What is made up once for a folder and kept there, so that a restart signs nobody out."""

    client_id: str
    client_secret: str
    native_client_id: str
    session_key: str


@dataclass(frozen=True)
class Ports:
    """Where the three servers of a stack listen."""

    web: int
    aws: int
    globus: int


def load_keys(path: Path) -> Keys:
    """Read the keys, or make them and write them for this user's eyes only."""
    if path.is_file():
        return Keys(**json.loads(path.read_text("utf-8")))
    keys = Keys(str(uuid.uuid4()), secrets.token_urlsafe(32), str(uuid.uuid4()), secrets.token_urlsafe(48))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(keys), file)
    return keys


def inherited(caller: Mapping[str, str]) -> dict[str, str]:
    """What of the caller's environment the stack takes over."""
    return {name: value for name, value in caller.items() if name in INHERITED or name.startswith(INHERITED_PREFIX)}


def settings_of(caller: Mapping[str, str]) -> dict[str, str]:
    """The caller's own settings, for where a person chooses them: `GAS_FREE_WINDOW=60 make run`."""
    return {name: value for name, value in caller.items() if name.startswith(SETTINGS_PREFIXES)}


def build(
    directory: Path,
    run_directory: Path,
    ports: Ports,
    keys: Keys,
    programs: tuple[str, ...],
    chosen: Mapping[str, str],
    stand_ins: tuple[str, ...] = STAND_INS,
) -> dict[str, str]:
    """The whole environment. `chosen` (GAS_… and AWS_STANDIN_… settings) wins over what is filled in here."""
    url = f"http://{LOOPBACK}:"
    site = f"{url}{ports.web}"
    defaults = {
        "GAS_REGION": REGION,
        "GAS_ACCOUNT_ID": ACCOUNT,
        "GAS_ADMINS": OPERATOR.sub,
        "GAS_INPUTS_BUCKET": "gas-inputs",
        "GAS_RESULTS_BUCKET": "gas-results",
        "GAS_MAIL_FROM": "GAS <no-reply@gas.example>",
        "GAS_SECRETS_NAME": "gas/web",
        "GAS_BUNDLES_DIR": str(BUNDLES),
        "GAS_BUNDLE": BUNDLE,
        "GAS_SCRATCH_DIR": str(directory / "scratch"),
        # Ctrl-C should not keep anybody waiting: work that is not done by then goes back to its queue.
        "GAS_GRACE_SECONDS": "10",
        # A stopping agent waits for its last receive to end.
        "GAS_POLL_SECONDS": "2",
        "GAS_WEB_WORKERS": "1",
        "GAS_ANNOTATOR_PROCESSES": "1",
    }
    fixed = {
        "AWS_ENDPOINT_URL": f"{url}{ports.aws}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GLOBUS_SDK_SERVICE_URL_AUTH": f"{url}{ports.globus}/",
        "GAS_GLOBUS_ISSUER": f"{url}{ports.globus}",
        "GAS_GLOBUS_NATIVE_CLIENT_ID": keys.native_client_id,
        "GAS_SITE_URL": site,
        "GAS_WEB_HOST": LOOPBACK,
        "GAS_WEB_PORT": str(ports.web),
        "GAS_HOME": sys.prefix,
        "GAS_LOG_DIR": str(directory / "logs"),
        "GAS_RUN_DIR": str(run_directory),
        "GAS_RUN_USER": _user(),
        "GAS_SUPERVISOR_USER": _user(),
        "GAS_SOCKET_OWNER": f"{_user()}:{grp.getgrgid(os.getgid()).gr_name}",
        "GAS_PROGRAM_FILES": program_files(programs, stand_ins),
        "GAS_AUTOSTART": "false",
        "GAS_LOCAL_AWS_PORT": str(ports.aws),
        "GAS_LOCAL_AWS_DIR": str(directory / "aws"),
        "GAS_LOCAL_GLOBUS_PORT": str(ports.globus),
        "GAS_STANDIN_CLIENT_ID": keys.client_id,
        "GAS_STANDIN_CLIENT_SECRET": keys.client_secret,
        "GAS_STANDIN_NATIVE_CLIENT_ID": keys.native_client_id,
        "GAS_STANDIN_REDIRECTS": f"{site}/authcallback",
        "GAS_STANDIN_SESSION_KEY": keys.session_key,
    }
    return {**inherited(os.environ), **defaults, **chosen, **fixed}


def program_files(programs: tuple[str, ...], stand_ins: tuple[str, ...] = STAND_INS) -> str:
    """Relative to supervisord.conf: supervisor splits this list at spaces, which the checkout's path may have."""
    local = [f"../../scripts/local/supervisor/{name}.conf" for name in stand_ins]
    return " ".join([*local, *(f"{name}.conf" for name in programs)])


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name
