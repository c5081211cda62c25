"""The reference bundle on this host's disk, fetched from S3.

`bundles/NAME/` in the reference bucket holds a bundle as `gas reference build` made it. What was fetched before an
interruption is kept and not fetched again; nothing is under the bundle's own name before all of it is there and right.
"""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from gas.annotation import reference
from gas.annotation.reference import MANIFEST, MODELS, NOTICE, SEQUENCE, Bundle
from gas.annotation.transcripts import EXONS, TABLE, TEXTS
from gas.host.failures import NotReady, check_clock, in_words
from gas.telemetry import logger

log = logger(__name__)

THREADS = 8
CHUNK_BYTES = 1 << 20
# Left free beside the bundle, for the system and the jobs' files.
SPARE_BYTES = 1 << 30


# What is needed to show a genome without annotating anything.
SHOWN = frozenset((NOTICE, SEQUENCE, *(f"{MODELS}/{table}" for table in (TABLE, EXONS, TEXTS))))


def fetch(
    s3: Any, bucket: str, name: str, folder: Path, spare: int = SPARE_BYTES, only: frozenset[str] | None = None
) -> Bundle:
    """Bring `folder`/`name` to what the bucket has, or to `only` those of its files, and open it. Raises NotReady."""
    prefix = f"bundles/{name}"
    with in_words(f"Fetching the reference bundle s3://{bucket}/{prefix}"):
        answer = s3.get_object(Bucket=bucket, Key=f"{prefix}/{MANIFEST}")
        check_clock(answer["ResponseMetadata"])
        manifest = answer["Body"].read()
        if only is not None:
            manifest = _part(manifest, only)
        target = folder / name
        if _read(target / MANIFEST) != manifest:
            work = folder / f".{name}.fetching"
            work.mkdir(parents=True, exist_ok=True)
            _fetch_files(s3, bucket, prefix, _files(manifest), work, spare)
            (work / MANIFEST).write_bytes(manifest)
            _exchange(work, target)
        return reference.load(target)


def _part(manifest: bytes, only: frozenset[str]) -> bytes:
    """The manifest of a bundle that has no more than those files, and no overlays."""
    files = {name: entry for name, entry in _files(manifest).items() if name in only}
    return json.dumps({**json.loads(manifest), "overlays": [], "files": files}).encode()


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _files(manifest: bytes) -> dict[str, dict[str, Any]]:
    """Relative path → bytes and sha256."""
    try:
        files = dict(json.loads(manifest)["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotReady(
            f"The {MANIFEST} of the reference bundle is none: {error!r}. Upload the bundle again."
        ) from error
    for name in files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise NotReady(f"The {MANIFEST} of the reference bundle names {name}, which is outside of the bundle.")
    return files


def _fetch_files(s3: Any, bucket: str, prefix: str, files: dict[str, dict[str, Any]], work: Path, spare: int) -> None:
    missing = sum(max(expected["bytes"] - _size(work / name), 0) for name, expected in files.items())
    free = shutil.disk_usage(work).free
    if free < missing + spare:
        raise NotReady(
            f"The reference bundle needs {missing:,} bytes more, and {spare:,} beside it; {work} has {free:,} free. "
            "Give the hosts larger volumes."
        )
    log.info("bundle_fetching", bytes=missing, files=len(files))
    with ThreadPoolExecutor(THREADS) as pool:
        fetched = [
            pool.submit(_fetch_file, s3, bucket, f"{prefix}/{name}", work / name, expected)
            for name, expected in files.items()
        ]
    for each in fetched:
        each.result()


def _fetch_file(s3: Any, bucket: str, key: str, path: Path, expected: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    have = _size(path)
    if have < expected["bytes"]:
        answer = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={have}-")
        with path.open("ab") as file:
            for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                file.write(chunk)
    elif not path.exists():
        path.touch()
    found = reference.sha256_of(path)
    if found != expected["sha256"]:
        # The next try begins this file anew.
        path.unlink()
        raise NotReady(f"s3://{bucket}/{key} has the SHA-256 {found}, its {MANIFEST} says {expected['sha256']}.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _exchange(work: Path, target: Path) -> None:
    """`work` becomes `target`; what was there is removed afterwards."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    work.chmod(0o755)
    os.sync()
    if target.exists():
        target.rename(old)
    work.rename(target)
    shutil.rmtree(old, ignore_errors=True)
