"""Whether records come in an order that can be indexed: each contig in one block, positions never going back."""

from collections.abc import Callable, Sequence

from gas.annotation import columns
from gas.annotation.limits import InputRefused
from gas.annotation.lines import Lines
from gas.annotation.records import POS
from gas.annotation.reference import Contig

_UNPLACED = 10**6 - 1
_REMEMBERED = 10_000

Resolve = Callable[[str], Contig | None]


class Order:
    """Follows records as they are read. Records that will be rejected for their place do not count.

    The file's own order of contigs is kept when it is sound, whatever the bundle's is. `knows_any`: whether a CHROM
    was in the reference.
    """

    def __init__(self, resolve: Resolve) -> None:
        self.knows_any = False
        self._resolve = resolve
        self._contigs: dict[str, Contig | None] = {}
        self._finished: set[str] = set()
        self._chrom: str | None = None
        self._pos = 0

    @property
    def seen(self) -> list[str]:
        """CHROM values in order of appearance, the first thousands of them."""
        return list(self._contigs)

    def take(self, lines: Lines) -> bool:
        """Take the next records; False at the first that is out of order.

        Raises InputRefused for a header line among them.
        """
        chrom = self._chrom
        found = columns.positions(lines.text, chrom) if chrom is not None and lines.all_of(chrom) else None
        if found is None or found[0] < self._pos or (found[1:] < found[:-1]).any():
            return self._take_one_by_one(lines)
        self._pos = int(found[-1])
        return True

    def _take_one_by_one(self, lines: Lines) -> bool:
        for number, fields in lines:
            contig = self._contig(number, fields[0])
            pos = position(fields[POS], contig) if contig and len(fields) > POS else None
            if pos is None:
                continue
            if fields[0] != self._chrom:
                if fields[0] in self._finished:
                    return False
                self._finished.add(fields[0])
                self._chrom, self._pos = fields[0], 0
            if pos < self._pos:
                return False
            self._pos = pos
        return True

    def _contig(self, number: int, chrom: str) -> Contig | None:
        if chrom in self._contigs:
            return self._contigs[chrom]
        refuse_header_line(number, chrom)
        contig = self._resolve(chrom)
        self.knows_any = self.knows_any or contig is not None
        if len(self._contigs) < _REMEMBERED:
            self._contigs[chrom] = contig
        return contig


def refuse_header_line(number: int, chrom: str) -> None:
    """Raise InputRefused when what stands in the place of CHROM begins a header line."""
    if chrom.startswith("#"):
        raise InputRefused(
            f"Line {number:,} is a header line after the first record; a VCF has its header once, at the top. Were two "
            "files put together?"
        )


def position(text: str, contig: Contig) -> int | None:
    """POS as a number when it lies on the contig, else None."""
    if len(text) > 10 or not (text.isascii() and text.isdecimal()):
        return None
    pos = int(text)
    return pos if 1 <= pos <= contig.length else None


def sort_key(resolve: Resolve, contigs: Sequence[str]) -> Callable[[str], str]:
    """A key for lines: the bundle's order of `contigs`, then POS; records without a place come last.

    One contig under two names makes two blocks, because an index can only have blocks of one name.
    """
    rank = {name: place for place, name in enumerate(contigs)}
    nowhere = f"{_UNPLACED:06d}{0:06d}{0:010d}"
    blocks: dict[str, tuple[int, int, Contig]] = {}

    def key(line: str) -> str:
        chrom, _, rest = line.partition("\t")
        if chrom not in blocks:
            contig = resolve(chrom)
            if contig is None:
                return nowhere
            blocks[chrom] = (rank[contig.name], len(blocks), contig)
        place, name, contig = blocks[chrom]
        pos = position(rest.partition("\t")[0], contig)
        return nowhere if pos is None else f"{place:06d}{name:06d}{pos:010d}"

    return key
