"""All result files of a job as one stream, so that they travel into the archive and back together.

The stream is a plain tar (POSIX.1-2001, for files beyond 8 GiB), which anybody can open without GAS.
"""

import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, cast

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_PIECE = 64 * _BLOCK


class BrokenParcel(Exception):
    """What came out of the archive is not what was put in."""


@dataclass(frozen=True)
class File:
    """One file to pack: its name, its size in bytes, and how to read it from the start."""

    name: str
    size: int
    read: Callable[[], Iterable[bytes]]


def packed_size(files: Iterable[File]) -> int:
    """How many bytes `pack` makes of these files."""
    return sum(len(_header(file)) + file.size + _padding(file.size) for file in files) + len(_END)


def pack(files: Iterable[File]) -> Iterator[bytes]:
    """The stream. Raises BrokenParcel when a file turns out to have another size than it was said to have."""
    for file in files:
        yield _header(file)
        size = 0
        for chunk in file.read():
            size += len(chunk)
            yield chunk
        if size != file.size:
            raise BrokenParcel(f"{file.name} has {size} bytes where {file.size} were expected")
        yield bytes(_padding(size))
    yield _END


class Content:
    """A packed file's content, of `size` bytes; it can be read once, forwards."""

    def __init__(self, member: IO[bytes], size: int) -> None:
        self.size = size
        self._member = member

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes (-1: all), none at the end. Raises BrokenParcel where the parcel ends before the file."""
        return b"".join(self._pieces(size))

    def _pieces(self, size: int) -> Iterator[bytes]:
        # tarfile holds what it is asked for several times over.
        left = sys.maxsize if size < 0 else size
        try:
            while left and (piece := self._member.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece
        except tarfile.TarError as error:
            raise BrokenParcel(str(error)) from error


def unpack(chunks: Iterable[bytes]) -> Iterator[tuple[str, Content]]:
    """Each file's name and its content, to be read before the next one is asked for. Raises BrokenParcel."""
    stream = _Stream(chunks)
    try:
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|", bufsize=_PIECE) as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is None:
                    raise BrokenParcel(f"{member.name} is not a file")
                yield member.name, Content(content, member.size)
        # To the last byte: only then has whoever makes the stream compared its hash.
        while stream.read(_PIECE):
            pass
    except tarfile.TarError as error:
        raise BrokenParcel(str(error)) from error


def _header(file: File) -> bytes:
    member = tarfile.TarInfo(file.name)
    member.size = file.size
    member.mode = 0o644
    return member.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> int:
    return -size % _BLOCK


class _Stream:
    """An iterator of bytes as something that tarfile can read. While it waits for a chunk it holds none."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0

    def read(self, size: int) -> bytes:
        taken = bytearray()
        while len(taken) < size:
            if self._at == len(self._chunk):
                self._chunk, self._at = b"", 0
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._chunk = chunk
            piece = self._chunk[self._at : self._at + size - len(taken)]
            taken += piece
            self._at += len(piece)
        return bytes(taken)
