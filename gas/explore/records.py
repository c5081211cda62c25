"""Records of a BGZF-compressed VCF by their virtual offsets: https://samtools.github.io/hts-specs/SAMv1.pdf, 4.1."""

import struct
import zlib
from collections.abc import Iterable, Iterator

from gas.explore.blocks import Source

_HEADER = 18
_FEW, _MANY = 64 * 1024, 4 * 1024**2


class DamagedRecords(Exception):
    """The file is not the VCF that was written; str() is for the operator's log."""


class Records:
    """Reads a VCF forwards; a source that lies far away is read in few pieces."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._piece = b""
        self._piece_at = 0
        self._ahead = _FEW
        self._at = -1
        self._data = b""
        self._next = 0

    def header(self) -> bytes:
        """All lines that begin with "#". Raises DamagedRecords."""
        lines: list[bytes] = []
        offset = 0
        while True:
            line, offset = self._line(offset)
            if not line.startswith(b"#"):
                return b"".join(lines)
            lines.append(line)

    def line(self, offset: int) -> bytes:
        """The record at a virtual offset, with its line end. Raises DamagedRecords."""
        line, _ = self._line(offset)
        return line

    def lines(self, offsets: Iterable[int]) -> Iterator[bytes]:
        """The records at these offsets, which ascend; each once, however often its offset is named."""
        last = -1
        for offset in offsets:
            if offset != last:
                yield self.line(offset)
            last = offset

    def _line(self, offset: int) -> tuple[bytes, int]:
        """The line at an offset and the offset behind it."""
        address, within = offset >> 16, offset & 0xFFFF
        pieces = []
        while True:
            data = self._block(address)
            end = data.find(b"\n", within) + 1
            if end:
                pieces.append(data[within:end])
                return b"".join(pieces), (address << 16 | end) if end < len(data) else self._next << 16
            pieces.append(data[within:])
            if self._next >= self._source.size:
                return b"".join(pieces), self._next << 16
            address, within = self._next, 0

    def _block(self, address: int) -> bytes:
        if address != self._at:
            raw = self._bytes(address, _HEADER)
            if len(raw) < _HEADER or raw[:4] != b"\x1f\x8b\x08\x04" or raw[12:14] != b"BC":
                raise DamagedRecords(f"there is no BGZF block at {address}")
            size = int(struct.unpack_from("<H", raw, 16)[0]) + 1
            try:
                self._data = zlib.decompress(self._bytes(address, size), 31)
            except zlib.error as error:
                raise DamagedRecords(f"the block at {address}: {error}") from error
            self._at, self._next = address, address + size
        return self._data

    def _bytes(self, start: int, length: int) -> bytes:
        place = start - self._piece_at
        if not 0 <= place <= len(self._piece) - length:
            # Who reads on gets more and more at a time, who jumps gets little.
            onward = self._piece and 0 <= place <= len(self._piece)
            self._ahead = min(self._ahead * 2, _MANY) if onward else _FEW
            wanted = min(max(length, self._ahead), self._source.size - start)
            self._piece = self._source.read(start, wanted) if wanted > 0 else b""
            self._piece_at, place = start, 0
        return self._piece[place : place + length]
