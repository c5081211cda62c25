"""Bytes up and down: parts in parallel, resumed where an earlier command was interrupted."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import requests

from gas.client.session import ClientError, Refused, Session

PARALLEL = 4
PART_SECONDS = 600
CHUNK = 1 << 20
ADDRESSES_A_CALL = 50

Moved = Callable[[int], None]


def submit(session: Session, path: Path, moved: Moved, key: str | None = None) -> str:
    """Upload a file and make it a job; returns the job's id.

    `moved` is told each number of bytes that is known to be there. The upload's ticket is kept on disk until the job
    exists: the same command again goes on where it was, and never makes a second job. Raises ClientError.
    """
    note = _note(session, path)
    size = path.stat().st_size
    ticket, plan = _resumed(session, note) or _begun(session, path, size, note)
    _send_parts(session, path, size, ticket, plan, moved)
    session.call("POST", "/uploads/complete", {"ticket": ticket})
    headers = {"Idempotency-Key": key} if key else {}
    job = session.call("POST", "/jobs", {"ticket": ticket}, headers=headers)
    note.unlink(missing_ok=True)
    return str(job["job_id"])


def download(session: Session, job_id: str, what: str, target: Path, moved: Moved) -> None:
    """Fetch one of a job's files. What is there of it from before is kept and gone on with. Raises ClientError."""
    answer = session.send("GET", f"/jobs/{job_id}/files/{what}")
    part = target.with_name(f"{target.name}.part")
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        # Without our token: the address is signed by itself, and another service's.
        with session.http.get(answer.headers["Location"], headers=headers, stream=True, timeout=PART_SECONDS) as body:
            if body.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()
                raise ClientError(f"{part} is not a part of this file; it was removed. Run the command again.")
            body.raise_for_status()
            resumed = body.status_code == requests.codes.partial
            moved(have if resumed else 0)
            with part.open("ab" if resumed else "wb") as file:
                for chunk in body.iter_content(CHUNK):
                    file.write(chunk)
                    moved(len(chunk))
    except requests.RequestException as error:
        raise ClientError(f"The download was cut off ({error}). The same command goes on where it was.") from error
    part.replace(target)


def _send_parts(session: Session, path: Path, size: int, ticket: str, plan: dict[str, Any], moved: Moved) -> None:
    length, count = int(plan["part_size"]), int(plan["part_count"])
    there = set(plan["uploaded"])

    def size_of(number: int) -> int:
        return min(length, size - (number - 1) * length)

    for number in there:
        moved(size_of(number))
    missing = [number for number in range(1, count + 1) if number not in there]
    with ThreadPoolExecutor(PARALLEL) as pool:
        for start in range(0, len(missing), ADDRESSES_A_CALL):
            numbers = missing[start : start + ADDRESSES_A_CALL]
            addresses = session.call("POST", "/uploads/parts", {"ticket": ticket, "numbers": numbers})["addresses"]

            def put(number: int, addresses: dict[str, str] = addresses) -> None:
                _put(session, path, (number - 1) * length, size_of(number), addresses[str(number)], moved)

            list(pool.map(put, numbers))


def _put(session: Session, path: Path, offset: int, length: int, url: str, moved: Moved) -> None:
    with path.open("rb") as file:
        file.seek(offset)
        body = file.read(length)
    if len(body) != length:
        raise ClientError(f"{path} became shorter while it was sent. Run the command again.")
    try:
        answer = session.http.put(url, data=body, timeout=PART_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise ClientError(f"The upload was cut off ({error}). The same command goes on where it was.") from error
    moved(length)


def _note(session: Session, path: Path) -> Path:
    """Where the ticket of this very file is kept: another content has another time or size."""
    found = path.stat()
    identity = f"{session.site_url}\0{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}"
    return session.folder / "uploads" / f"{sha256(identity.encode()).hexdigest()}.json"


def _resumed(session: Session, note: Path) -> tuple[str, dict[str, Any]] | None:
    """The ticket of an earlier command, with how the file is cut and which parts are there."""
    try:
        ticket = str(json.loads(note.read_text("utf-8"))["ticket"])
        return ticket, session.call("POST", "/uploads/parts", {"ticket": ticket})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    except Refused as refused:
        if refused.status in (404, 410):
            return None
        raise


def _begun(session: Session, path: Path, size: int, note: Path) -> tuple[str, dict[str, Any]]:
    begun = session.call("POST", "/uploads", {"name": path.name, "size": size})
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    note.write_text(json.dumps({"ticket": begun["ticket"]}), "utf-8")
    return str(begun["ticket"]), {**begun, "uploaded": []}
