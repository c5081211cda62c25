"""SHA-256 tree hashes: what Glacier proves an archive with, and we prove both its backends with.

https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations.html
"""

import io
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from botocore.utils import calculate_tree_hash

MEBIBYTE = 1024**2


def of_part(part: bytes) -> str:
    """The tree hash of one part, hexadecimal."""
    body: Any = io.BytesIO(part)
    return str(calculate_tree_hash(body))


def combined(parts: Iterable[str]) -> str:
    """The tree hash of a whole from those of its parts, which all but the last have the same 2ⁿ MiB.

    Raises ValueError where there is no part.
    """
    level = [bytes.fromhex(part) for part in parts]
    if not level:
        raise ValueError("a tree hash needs at least one part")
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = level[-1:] if len(level) % 2 else []
        level = [sha256(left + right).digest() for left, right in pairs] + odd
    return level[0].hex()


def cut(chunks: Iterable[bytes], part_bytes: int) -> Iterator[bytes]:
    """The same bytes in parts of `part_bytes`, the last one shorter; holds one part in memory."""
    pieces: list[memoryview] = []
    missing = part_bytes
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            piece, view = view[:missing], view[missing:]
            pieces.append(piece)
            missing -= len(piece)
            if not missing:
                yield _joined(pieces)
                missing = part_bytes
    if pieces:
        yield _joined(pieces)


def _joined(pieces: list[memoryview]) -> bytes:
    """One part, whose pieces are let go."""
    part = b"".join(pieces)
    pieces.clear()
    return part
