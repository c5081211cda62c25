"""From a file to its uncompressed bytes, with limits: plain, gzip of any number of members, BGZF."""

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from gas.annotation.formats import GZIP_MAGIC, Format
from gas.annotation.limits import MIB, InputRefused, Limits

# Compressed bytes read at a time: small, because what follows a finished member is copied once a member.
_COMPRESSED_CHUNK = 1 << 17
_CHUNK = MIB
_GZIP_WINDOW = 31

Hasher = Callable[[bytes], None]


def chunks(file: BinaryIO, kind: Format, limits: Limits, hasher: Hasher | None = None) -> Iterator[bytes]:
    """The uncompressed content of a plain or gzip file in pieces of about 1 MiB; none is empty.

    `hasher` gets the raw bytes as they are read, all of them once the iterator is exhausted.
    Raises InputRefused for a damaged stream, and for more content than `limits` allow.
    """
    total = 0
    for piece, consumed in _plain(file, hasher) if kind == "plain" else _gzip(file, hasher):
        total += len(piece)
        if total > limits.max_uncompressed_bytes:
            raise InputRefused(
                f"The file expands beyond the limit of {limits.max_uncompressed_bytes:,} bytes; split it, "
                "for example by chromosome."
            )
        if total >= limits.ratio_from_bytes and total > limits.max_ratio * consumed:
            raise InputRefused(
                f"The file expands beyond the limit: to more than {limits.max_ratio} times its compressed size."
            )
        yield piece


def _plain(file: BinaryIO, hasher: Hasher | None) -> Iterator[tuple[bytes, int]]:
    consumed = 0
    while piece := file.read(_CHUNK):
        if hasher:
            hasher(piece)
        consumed += len(piece)
        yield piece, consumed


def _gzip(file: BinaryIO, hasher: Hasher | None) -> Iterator[tuple[bytes, int]]:
    """Pieces, and how many compressed bytes they and all before them took."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    begun = False
    waiting: list[bytes] = []
    size = read = 0
    while compressed := file.read(_COMPRESSED_CHUNK):
        read += len(compressed)
        if hasher:
            hasher(compressed)
        while compressed:
            if not begun:
                compressed = _at_member(compressed)
                begun = bool(compressed)
                continue
            try:
                piece = member.decompress(compressed, _CHUNK)
            except zlib.error as error:
                raise InputRefused(f"The file holds corrupt gzip data ({_cause(error)}); upload it again.") from error
            compressed = member.unconsumed_tail
            if member.eof:
                compressed = member.unused_data
                member, begun = zlib.decompressobj(_GZIP_WINDOW), False
            if piece:
                waiting.append(piece)
                size += len(piece)
            if size >= _CHUNK:
                yield b"".join(waiting), read - len(compressed)
                waiting, size = [], 0
    if waiting:
        yield b"".join(waiting), read
    if begun:
        raise InputRefused("The file is a truncated gzip stream: its end is missing; upload it again, whole.")


def _at_member(compressed: bytes) -> bytes:
    """Skip the zero bytes that some tools pad with (gzip does too); refuse anything else that begins no member."""
    rest = compressed.lstrip(b"\0")
    if rest and rest[:1] != GZIP_MAGIC[:1]:
        raise InputRefused(
            "There are bytes after the end of the gzip stream that are no gzip data; compress the VCF again."
        )
    return rest


def _cause(error: zlib.error) -> str:
    # zlib says "Error -3 while decompressing data: incorrect data check".
    return str(error).rpartition(": ")[2]
