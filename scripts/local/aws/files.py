"""Where bodies (S3 objects and parts, Glacier archives) lie: small ones in memory, others as files that never change.

moto keeps a spooled temporary file per object and reads it whole for each GET, range and copy, and builds a multipart
object twice over in memory; none of it outlives the process.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

SMALL_BYTES = 2**16
CHUNK_BYTES = 2**20


class Store:
    """A folder of immutable files. While `keep` is set, dropped files stay until a snapshot without them is written."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._temporary = False
        self.keep = False
        self._dropped: list[Path] = []
        self._lock = threading.Lock()

    def open(self, folder: Path | None) -> None:
        """Use this folder, or one of the system's temporary ones that `close` removes."""
        self._temporary = folder is None
        self._folder = Path(tempfile.mkdtemp(prefix="aws-standin-")) if folder is None else folder
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def close(self) -> None:
        if self._temporary and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def folder(self) -> Path:
        if self._folder is None:
            self.open(None)
        assert self._folder is not None
        return self._folder

    def new(self) -> Path:
        return self.folder / uuid.uuid4().hex

    def drop(self, path: Path) -> None:
        if not self.keep:
            path.unlink(missing_ok=True)
            return
        with self._lock:
            self._dropped.append(path)

    def take_dropped(self) -> list[Path]:
        """What was dropped so far; to be deleted once a snapshot without it is on disk."""
        with self._lock:
            dropped, self._dropped = self._dropped, []
        return dropped

    def delete_all_but(self, wanted: set[str]) -> None:
        for path in self.folder.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)


store = Store()


class Body:
    """Immutable bytes, in memory or in a file of the store. Slices are Body views; iteration yields bytes."""

    def __init__(self, data: bytes = b"", name: str = "", start: int = 0, size: int | None = None) -> None:
        self.data, self.name, self.start = data, name, start
        self.size = len(data) if size is None else size

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return self.size > 0

    def __getitem__(self, part: slice) -> "Body":
        first, last, step = part.indices(self.size)
        if step != 1:
            raise ValueError("a body is sliced without a step")
        size = max(0, last - first)
        if self.name:
            return Body(name=self.name, start=self.start + first, size=size)
        return Body(self.data[first : first + size])

    def __iter__(self) -> Iterator[bytes]:
        if not self.name:
            if self.data:
                yield self.data
            return
        with open(store.folder / self.name, "rb") as file:
            file.seek(self.start)
            left = self.size
            while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    def __bytes__(self) -> bytes:
        return b"".join(self)

    def md5(self) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self:
            digest.update(chunk)
        return digest.hexdigest()

    def drop(self) -> None:
        if self.name:
            store.drop(store.folder / self.name)


def keep(data: "bytes | Body") -> Body:
    """A body of its own: the same bytes, to be dropped by itself. Copying a file costs a hard link."""
    if isinstance(data, Body):
        if data.name and data.start == 0 and data.size == os.path.getsize(store.folder / data.name):
            path = store.new()
            os.link(store.folder / data.name, path)
            return Body(name=path.name, size=data.size)
        return join([data])
    if len(data) <= SMALL_BYTES:
        return Body(bytes(data))
    return join([Body(data)])


def join(parts: Iterable[Body]) -> Body:
    """One body out of several, without holding them in memory."""
    parts = list(parts)
    size = sum(len(part) for part in parts)
    if size <= SMALL_BYTES:
        return Body(b"".join(bytes(part) for part in parts))
    path = store.new()
    try:
        with open(path, "xb") as file:
            for part in parts:
                for chunk in part:
                    file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Body(name=path.name, size=size)
