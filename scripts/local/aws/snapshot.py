"""Keeps the stand-in's state in a folder, so that a restarted `make run` still has its jobs.

The state is a pickle of moto's own objects: there are hundreds of classes, and no other form would follow them from
one release of moto to the next. Unpickling runs code, which is acceptable for this file alone: the stand-in itself
wrote it, it belongs to the developer who starts it (checked), nobody else may read or write it (0600, checked), and it
is never sent anywhere.
"""

import fcntl
import io
import os
import pickle
import stat
import sys
import threading
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import IO, Any

import moto
from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend

from . import ses
from .files import Body, store
from .gate import Gate
from .gate import gate as the_gate
from .timers import Timers
from .timers import timers as the_timers

# The services that GAS itself talks to. What Terraform makes on the stand-in lives as long as its process.
SERVICES = ("s3", "sqs", "sns", "dynamodb", "ses", "sesv2", "glacier", "secretsmanager", "cloudwatch")
FORMAT = (1, moto.__version__, sys.version_info[:2])
FILE = "state.pickle"
QUIET_SECONDS = 0.5
LAST_QUIET_SECONDS = 5.0

_LOCKS: dict[type, Callable[[], Any]] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
    threading.Condition: threading.Condition,
}


class _Pickler(pickle.Pickler):
    """Locks are made anew; the names of the body files in use are noted."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.bodies: set[str] = set()

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, Body) and thing.name:
            self.bodies.add(thing.name)
        make = _LOCKS.get(type(thing))
        return NotImplemented if make is None else (make, ())


active: "Snapshots | None" = None


class DataFolderBusy(Exception):
    """Another stand-in uses the folder; str() says so."""


class Snapshots:
    """The state file of one folder and the thread that renews it."""

    def __init__(self, folder: Path, gate: Gate = the_gate, timers: Timers = the_timers) -> None:
        self.folder, self._gate, self._timers = folder, gate, timers
        self._saved_changes = -1
        self._services = list(SERVICES)
        self._saving = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._owner = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataFolderBusy(f"Another stand-in is using {folder}; stop it or choose another --data.") from None

    @property
    def path(self) -> Path:
        return self.folder / FILE

    @property
    def up_to_date(self) -> bool:
        return self._saved_changes == self._gate.changes

    def load(self) -> bool:
        """Takes up the state on disk. A file that cannot be used is set aside with a sentence, and all begins empty."""
        if not self.path.exists():
            return False
        try:
            self._check_owner()
            with self.path.open("rb") as file:
                found = pickle.load(file)  # noqa: S301
                if found != FORMAT:
                    raise ValueError(f"it was written by another version {found}")
                self._take(pickle.load(file))  # noqa: S301
        except Exception as error:
            aside = self.path.with_name(f"{FILE}.unusable-{time.strftime('%Y%m%d-%H%M%S')}")
            os.replace(self.path, aside)
            print(
                f"The stand-in's state could not be read ({type(error).__name__}: {error}). It was set aside as "
                f"{aside}; the stand-in starts empty.",
                file=sys.stderr,
            )
            return False
        self._saved_changes = self._gate.changes
        return True

    def _check_owner(self) -> None:
        about = self.path.stat()
        if about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077:
            raise PermissionError("it does not belong to this user alone")

    def _take(self, state: dict[str, Any]) -> None:
        for (service, account, region), backend in state["backends"].items():
            dict.__setitem__(get_backend(service)[account], region, backend)
        get_backend("s3").bucket_accounts.update(state["bucket_accounts"])
        ses.outbox.mails.extend(state["mails"])
        self._timers.load(state["timers"])
        store.delete_all_but(state["bodies"])

    def save(self, patience_seconds: float = QUIET_SECONDS, force: bool = False) -> bool:
        """Writes the state if something changed and everybody comes to rest in time (or `force`); returns whether."""
        with self._saving:
            if self.up_to_date:
                return False
            dropped = store.take_dropped()
            temporary = self.path.with_suffix(".new")
            temporary.unlink(missing_ok=True)
            with self._gate.closed(patience_seconds) as quiet:
                if not quiet and not force:
                    for path in dropped:
                        store.drop(path)
                    return False
                changes, state = self._gate.changes, self._state()
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
            self._saved_changes = changes
            for path in dropped:
                path.unlink(missing_ok=True)
            return True

    def _state(self) -> bytes:
        try:
            return self._pickle(self._services)
        except Exception:
            # One service's odd object must not cost the state of all the others.
            self._services = [service for service in self._services if self._can_be_kept(service)]
            return self._pickle(self._services)

    def _can_be_kept(self, service: str) -> bool:
        try:
            self._pickle([service])
        except Exception as error:
            print(f"The stand-in will not keep {service} over a restart: {error}", file=sys.stderr)
            return False
        return True

    def _pickle(self, services: Container[str]) -> bytes:
        backends: dict[tuple[str, str, str], BaseBackend] = {}
        for in_use in list(BackendDict._instances):
            if in_use.service_name in services:
                for account, region, backend in list(in_use.iter_backends()):
                    backends[in_use.service_name, account, region] = backend
        file = io.BytesIO()
        pickle.dump(FORMAT, file)
        pickler = _Pickler(file)
        state = {
            "backends": backends,
            "bucket_accounts": dict(get_backend("s3").bucket_accounts),
            "mails": list(ses.outbox.mails),
            "timers": self._timers.pending(),
            # The last to be pickled, when the pickler has seen every body.
            "bodies": pickler.bodies,
        }
        pickler.dump(state)
        return file.getvalue()

    def start(self, every_seconds: float, stop: threading.Event) -> None:
        global active
        active = self

        def run() -> None:
            while not stop.wait(every_seconds):
                try:
                    self.save()
                except Exception as error:
                    print(f"The stand-in could not save its state: {type(error).__name__}: {error}", file=sys.stderr)

        threading.Thread(target=run, name="snapshots", daemon=True).start()

    def finish(self) -> None:
        """The last save, at the end of the process."""
        self.save(LAST_QUIET_SECONDS, force=True)
