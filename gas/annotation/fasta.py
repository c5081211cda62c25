"""Reads FASTA, a few megabytes at a time: a genome has tens of millions of lines."""

import re
from collections.abc import Iterator
from pathlib import Path

from gas.annotation.reference import BundleError, open_text

_CHUNK = 4 << 20
_UPPER = bytes.maketrans(b"acgtunryswkmbdhv", b"ACGTUNRYSWKMBDHV")
_SPACE = b"\r\n\t "
_NUCLEOTIDES = b"ACGTUNRYSWKMBDHV"
_HEADER = re.compile(rb"^>(.*)$", re.MULTILINE)


def records(fasta: Path) -> Iterator[tuple[str, bytes]]:
    """Each sequence's name, up to the first space, and its bases, upper case; plain or gzip.

    Raises BundleError naming the line that is not FASTA.
    """
    name: str | None = None
    parts: list[bytes] = []
    before = 0
    for block in _blocks(fasta):
        # Text, header, text, header, ..., text; most blocks have no header.
        pieces = _HEADER.split(block) if b">" in block else [block]
        for place, piece in enumerate(pieces):
            if place % 2:
                if name is not None:
                    yield name, b"".join(parts)
                words = piece.split()
                if not words:
                    raise BundleError(f"{fasta.name}, line {before + 1}: the sequence has no name.")
                name, parts = words[0].decode("utf-8", "replace"), []
            else:
                bases = piece.translate(_UPPER, _SPACE)
                if bases.translate(None, _NUCLEOTIDES) or (bases and name is None):
                    number = before + _first_unsound(piece, name is None)
                    raise BundleError(f"{fasta.name}, line {number}: this is not nucleotide sequence in FASTA format.")
                parts.append(bases)
                before += piece.count(b"\n")
    if name is not None:
        yield name, b"".join(parts)


def _blocks(fasta: Path) -> Iterator[bytes]:
    """The file in blocks that end with whole lines."""
    rest = b""
    with open_text(fasta) as file:
        while chunk := file.read(_CHUNK):
            whole, newline, tail = (rest + chunk).rpartition(b"\n")
            yield whole + newline
            rest = tail
    yield rest


def _first_unsound(piece: bytes, nameless: bool) -> int:
    """Which line of a piece, from 1, is the first that is not sequence."""
    for number, line in enumerate(piece.split(b"\n"), 1):
        bases = line.translate(_UPPER, _SPACE)
        if bases and (nameless or bases.translate(None, _NUCLEOTIDES)):
            return number
    return 1
