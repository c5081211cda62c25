"""Tabix's index of a VCF, made while it is written: https://samtools.github.io/hts-specs/tabix.pdf.

Workers index their batch (`part`), the parent moves the parts to where the batches lie in the file and puts them
together. htslib, which indexes a finished file, would have to decompress all of it again.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gas.annotation import bgzf

Ints = NDArray[np.int64]

# The index cannot hold positions beyond this; CSI can.
LARGEST = 1 << 29
# What makes htslib look for a record's end elsewhere than in REF, and so leaves the index to it.
_LONG = (b"END=", b"<")
# Levels of bins, from the smallest: how many bits of a position they do not tell apart, and their first number.
_LEVELS = ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1))
_STATISTICS = 37450
_VCF = struct.pack("<6i", 2, 1, 2, 0, ord("#"), 0)


@dataclass
class Part:
    """Consecutive records of one contig, in virtual offsets that count from where their batch begins.

    `chunks`: bin, begin and end; `windows`: number and first offset of stretches of 16 kb; in rows.
    """

    chrom: str
    records: int
    begin: int
    end: int
    chunks: Ints
    windows: Ints


def simple(text: bytes) -> bool:
    """Whether every record of these lines ends where its REF does."""
    return not any(mark in text for mark in _LONG)


def virtual(offsets: Ints, block_sizes: Sequence[int]) -> Ints:
    """Offsets into a batch's text as virtual ones, given the sizes of its BGZF blocks."""
    addresses = np.concatenate(([0], np.cumsum(np.array(block_sizes, np.int64))))
    block, within = np.divmod(offsets, bgzf.BLOCK)
    # The end of the last block is that of the batch, wherever in the block that is.
    last = offsets == offsets[-1]
    found: Ints = np.where(last, addresses[-1] << 16, addresses[block] << 16 | within)
    return found


def part(chrom: str, positions: Ints, ends: Ints, offsets: Ints) -> Part:
    """Of records from 1-based `positions` to `ends`; `offsets` are virtual: of each one's begin, and the last's end."""
    firsts, lasts = positions - 1, ends - 1
    bins = np.zeros(len(positions), np.int64)
    for bits, number in reversed(_LEVELS):
        bins = np.where(firsts >> bits == lasts >> bits, number + (firsts >> bits), bins)
    runs = np.flatnonzero(np.concatenate(([True], bins[1:] != bins[:-1])))
    run_ends = np.concatenate((runs[1:], [len(bins)]))
    smallest = _LEVELS[0][0]
    windows, seen = np.unique(firsts >> smallest, return_index=True)
    rows = list(zip(windows.tolist(), offsets[seen].tolist(), strict=True))
    for place in np.flatnonzero(firsts >> smallest != lasts >> smallest).tolist():
        reached = range(int(firsts[place] >> smallest), int(lasts[place] >> smallest) + 1)
        rows += [(window, int(offsets[place])) for window in reached]
    return Part(
        chrom,
        len(positions),
        int(offsets[0]),
        int(offsets[-1]),
        np.stack((bins[runs], offsets[runs], offsets[run_ends]), axis=1),
        np.array(rows, np.int64).reshape(-1, 2),
    )


@dataclass
class _Contig:
    begin: int
    end: int = 0
    records: int = 0
    chunks: dict[int, list[list[int]]] = field(default_factory=dict)
    windows: dict[int, int] = field(default_factory=dict)


class Index:
    """The index of a file whose records come by contig and position."""

    def __init__(self) -> None:
        self._contigs: dict[str, _Contig] = {}

    def add(self, parts: Iterable[Part], address: int) -> None:
        """The records of the next batch, which begins at this offset of the compressed file."""
        base = address << 16
        for found in parts:
            contig = self._contigs.setdefault(found.chrom, _Contig(found.begin + base))
            contig.end = found.end + base
            contig.records += found.records
            for number, begin, end in found.chunks.tolist():
                chunks = contig.chunks.setdefault(number, [])
                if chunks and chunks[-1][1] >> 16 >= (begin + base) >> 16:
                    chunks[-1][1] = end + base
                else:
                    chunks.append([begin + base, end + base])
            for window, begin in found.windows.tolist():
                contig.windows[window] = min(begin + base, contig.windows.get(window, begin + base))

    def to_bytes(self) -> bytes:
        """The index as a .tbi holds it."""
        names = b"".join([name.encode("latin-1") + b"\0" for name in self._contigs])
        head = struct.pack("<4si", b"TBI\1", len(self._contigs)) + _VCF + struct.pack("<i", len(names)) + names
        # No record is without a place.
        text = b"".join([head, *map(_contig_bytes, self._contigs.values()), struct.pack("<Q", 0)])
        return bgzf.compress(text) + bgzf.END_OF_FILE

    def write(self, path: Path) -> None:
        """Write the .tbi."""
        path.write_bytes(self.to_bytes())


def _contig_bytes(contig: _Contig) -> bytes:
    pieces = [struct.pack("<i", len(contig.chunks) + 1)]
    for number, chunks in sorted(contig.chunks.items()):
        pieces.append(struct.pack("<Ii", number, len(chunks)))
        pieces += [struct.pack("<QQ", begin, end) for begin, end in chunks]
    pieces.append(struct.pack("<IiQQQQ", _STATISTICS, 2, contig.begin, contig.end, contig.records, 0))
    last = max(contig.windows)
    pieces.append(struct.pack("<i", last + 1))
    # A window without a record of its own begins where the next one does.
    offsets: list[int] = []
    for window in range(last, -1, -1):
        offsets.append(contig.windows.get(window, offsets[-1] if offsets else 0))
    pieces.append(struct.pack(f"<{last + 1}Q", *reversed(offsets)))
    return b"".join(pieces)
