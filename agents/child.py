"""Runs `gas annotate` on an untrusted file in a child process: limited, and without credentials."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gas.config import Settings

# How often the caller's wish to stop is looked at.
LOOK_SECONDS = 0.2
REFUSED = 2
LONGEST_COMPLAINT = 20_000
PROGRAM = (sys.executable, "-m", "gas.annotation.sandbox")


@dataclass(frozen=True)
class Files:
    """The files of one attempt, all in one scratch folder. `input_name`: what the user calls the input."""

    folder: Path
    input_name: str = ""

    @property
    def input(self) -> Path:
        return self.folder / "input"

    @property
    def result(self) -> Path:
        return self.folder / "annotated.vcf.gz"

    @property
    def index(self) -> Path:
        """Tabix's index, or CSI where a contig is too long for tabix."""
        csi = self.folder / "annotated.vcf.gz.csi"
        return csi if csi.exists() else self.folder / "annotated.vcf.gz.tbi"

    @property
    def table(self) -> Path:
        """The variants as Parquet, for the site's explorer."""
        return self.folder / "variants.parquet"

    @property
    def log(self) -> Path:
        return self.folder / "annotation.log"

    @property
    def receipt(self) -> Path:
        return self.folder / "receipt.json"

    @property
    def summary(self) -> Path:
        return self.folder / "summary.json"


class Refused(Exception):
    """The input cannot be annotated; str() is a sentence for the user."""


class ChildFailed(Exception):
    """The child failed by our fault or ran into a limit; str() is for the operator's log."""


class Stopped(Exception):
    """The caller asked to stop before the end."""


def annotate(
    settings: Settings,
    files: Files,
    bundle: str,
    on_progress: Callable[[int, int | None], None],
    *stops: threading.Event,
    program: Sequence[str] = PROGRAM,
) -> None:
    """Annotate `files.input` into the other files. Raises `Refused`, `ChildFailed`, or `Stopped` once one of
    `stops` is set. `program` takes limits and a command line as `gas.annotation.sandbox` does.
    """
    reader, writer = os.pipe()
    _run(files, [*program, *arguments(settings, files, bundle, writer)], (reader, writer), on_progress, stops)


def retable(settings: Settings, files: Files, *stops: threading.Event, program: Sequence[str] = PROGRAM) -> None:
    """Make `files.table` from `files.result`. Raises as `annotate` does."""
    command = [*program, *_flat(_limits(settings)), "--", "table", str(files.result), "--output", str(files.table)]
    _run(files, command, os.pipe(), lambda done, total: None, stops)


def _run(
    files: Files,
    command: Sequence[str],
    pipe: tuple[int, int],
    on_progress: Callable[[int, int | None], None],
    stops: tuple[threading.Event, ...],
) -> None:
    reader, writer = pipe
    with open(files.folder / "stderr", "w+b") as complaints, os.fdopen(reader, "rb", buffering=0) as progress:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            cwd=files.folder,
            env=environment(files),
            pass_fds=(writer,),
            start_new_session=True,
        )
        os.close(writer)
        try:
            _follow(child, progress.fileno(), on_progress, stops)
        finally:
            _end(child)
        complaints.seek(0)
        said = complaints.read(LONGEST_COMPLAINT).decode("utf-8", "replace").strip()
    if child.returncode == REFUSED:
        raise Refused(said.splitlines()[-1] if said else "The file cannot be read as a VCF.")
    if child.returncode:
        raise ChildFailed(f"annotation ended with {child.returncode}: {said}")


def arguments(settings: Settings, files: Files, bundle: str, progress_fd: int) -> list[str]:
    """The child's arguments. Of the user's only the file's name is among them, for the receipt to show."""
    options = {
        "--bundle": settings.bundles_dir / bundle,
        "--output": files.result,
        "--workers": settings.annotator_workers,
        "--parquet": files.table,
        "--log": files.log,
        "--receipt": files.receipt,
        "--summary": files.summary,
        "--progress-fd": progress_fd,
    }
    given = [str(files.input), f"--input-name={files.input_name}"]
    return [*_flat(_limits(settings)), "--", "annotate", *given, *_flat(options)]


def _limits(settings: Settings) -> dict[str, int]:
    return {
        "--memory": settings.annotator_memory,
        "--cpu": settings.annotator_cpu_seconds,
        "--fsize": settings.annotator_output_bytes,
    }


def _flat(options: Mapping[str, object]) -> list[str]:
    return [part for name, value in options.items() for part in (name, str(value))]


def environment(files: Files) -> dict[str, str]:
    """All that the child may know of ours: no credentials, no settings."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": str(files.folder)}


def _follow(
    child: subprocess.Popen[bytes],
    progress_fd: int,
    on_progress: Callable[[int, int | None], None],
    stops: tuple[threading.Event, ...],
) -> None:
    """Report progress until the child has ended."""
    pending, piped = b"", True
    with selectors.DefaultSelector() as selector:
        selector.register(progress_fd, selectors.EVENT_READ)
        # Neither alone tells the end: workers may hold the pipe open after the child, and the child may live on
        # after it has closed the pipe.
        while not any(stop.is_set() for stop in stops):
            if not piped:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(LOOK_SECONDS)
                    return
            elif selector.select(LOOK_SECONDS):
                data = os.read(progress_fd, 65536)
                piped = bool(data)
                *lines, pending = (pending + data).split(b"\n")
                if lines:
                    said = json.loads(lines[-1])
                    on_progress(said["done"], said["total"])
            elif child.poll() is not None:
                return
    raise Stopped


def _end(child: subprocess.Popen[bytes]) -> None:
    """Nothing of the child's process group survives, whatever happened."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
