"""A file in S3 as DuckDB reads it: only the bytes that are asked for, each fetched once and kept on local disk.

The disk's copy is a folder of blocks for each version of each object, shared by all processes of the host: a block
appears whole, by a rename, and the least recently used go when there are too many.
"""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BLOCK = 128 * 1024
# One request fetches at most so much, so that a large column comes in several at a time.
MOST_PER_READ = 32 * BLOCK
READERS = 8
# Looking through all blocks is worth it once so many new bytes were written.
_LOOK_EVERY = 64 * 1024**2


class Source(Protocol):
    """An object that never changes. `identity` names it and its version; reading raises what the store raises."""

    @property
    def identity(self) -> str: ...

    @property
    def size(self) -> int: ...

    def read(self, start: int, length: int) -> bytes: ...


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine as a source."""

    path: Path

    @property
    def identity(self) -> str:
        found = self.path.stat()
        return f"{self.path}:{found.st_mtime_ns}:{found.st_size}"

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), length, start)


class Blocks:
    """The blocks on disk, at most about `limit` bytes of them."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._written = 0
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="blocks")

    def read(self, source: Source, start: int, length: int) -> bytes:
        """Bytes of the source; fewer at its end."""
        end = min(start + length, source.size)
        if start >= end:
            return b""
        first, last = start // BLOCK, (end - 1) // BLOCK
        folder = self._of(source)
        pieces = [self._block(source, folder, number) for number in range(first, last + 1)]
        return b"".join(pieces)[start - first * BLOCK : end - first * BLOCK]

    def fetch(self, source: Source, ranges: Iterable[tuple[int, int]]) -> None:
        """See that these (start, end) are on disk, several requests at a time."""
        folder = self._of(source)
        have = {int(name) for name in os.listdir(folder)} if folder.is_dir() else set()
        wanted = {
            number for start, end in ranges for number in range(start // BLOCK, -(-min(end, source.size) // BLOCK))
        }
        list(self._pool.map(lambda run: self._fetch(source, folder, *run), _runs(sorted(wanted - have))))

    def forget(self, source: Source) -> None:
        """Drop what is kept of a source."""
        shutil.rmtree(self._of(source), ignore_errors=True)

    def _of(self, source: Source) -> Path:
        return self._folder / hashlib.sha256(source.identity.encode()).hexdigest()[:32]

    def _block(self, source: Source, folder: Path, number: int) -> bytes:
        path = folder / str(number)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return self._fetch(source, folder, number, 1)
        os.utime(path)
        return data

    def _fetch(self, source: Source, folder: Path, first: int, count: int) -> bytes:
        start = first * BLOCK
        length = min(count * BLOCK, source.size - start)
        data = source.read(start, length)
        if len(data) != length:
            raise OSError(f"{length} bytes were expected at {start}, {len(data)} came")
        folder.mkdir(parents=True, exist_ok=True)
        for place in range(0, length, BLOCK):
            self._keep(folder, first + place // BLOCK, data[place : place + BLOCK])
        self._written += length
        if self._written >= min(_LOOK_EVERY, self._limit):
            self._written = 0
            self._shrink()
        return data

    def _keep(self, folder: Path, number: int, data: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".new-", delete=False) as file:
            file.write(data)
        try:
            os.replace(file.name, folder / str(number))
        except FileNotFoundError:
            # Somebody has just forgotten the source.
            os.unlink(file.name)

    def _shrink(self) -> None:
        kept = []
        for path in self._folder.glob("*/*"):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            kept.append((found.st_mtime_ns, found.st_size, path))
        total = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of consecutive numbers as (first, how many), none too long for one request."""
    first = count = 0
    for number in numbers:
        if count and number == first + count and count < MOST_PER_READ // BLOCK:
            count += 1
            continue
        if count:
            yield first, count
        first, count = number, 1
    if count:
        yield first, count


class BlockFile(io.RawIOBase):
    """A source as a file that is read only. `failure`: what reading has raised, for who sees only that it failed."""

    def __init__(self, blocks: Blocks, source: Source) -> None:
        self._blocks = blocks
        self._source = source
        self._at = 0
        self.failure: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        length = self._source.size - self._at if size < 0 else size
        try:
            data = self._blocks.read(self._source, self._at, length)
        except Exception as error:
            self.failure = error
            raise
        self._at += len(data)
        return data

    def readall(self) -> bytes:
        return self.read()
