"""Reads overlays from BED: intervals with a name, a score and whatever else stands in their columns."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gas.annotation.overlays.lines import Lines, is_comment, listing
from gas.annotation.overlays.sources import Field, Interval
from gas.annotation.overlays.tables import common_types
from gas.annotation.reference import BundleError

EMPTY = "interval is empty"
# Present wherever an interval is, for files with nothing but intervals.
OVERLAP = "overlap"

# https://samtools.github.io/hts-specs/BEDv1.pdf, table 1; their usual spelling.
_STANDARD = (
    "chrom", "start", "end", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb", "blockCount", "blockSizes",
    "blockStarts",
)  # fmt: skip
_TEXTS = {"name", "strand", "itemRgb", "blockSizes", "blockStarts"}


class BedSource:
    """A BED file; fields are `name`, `score`, … by BED's columns, by the file's own header, `columnN`, or `overlap`.

    `overlap` is 1 for every record that meets an interval. Columns are separated by tabs, or by blanks if the first
    line has no tab.
    """

    def __init__(self, lines: Lines, names: Sequence[str]) -> None:
        """Raises BundleError when it is no BED or a field in `names` is not there."""
        self._lines = lines
        self.name = lines.name
        self._separator = "\t" if "\t" in lines.first else None
        first = lines.first.lstrip("#").split(self._separator)
        header = [] if _is_interval(first) else first
        self._after = lines.first_number if header else lines.first_number - 1
        first = next((cells for _, cells in self._rows()), [])
        if not _is_interval(first):
            raise BundleError(
                f"{lines.name} is no VCF (#CHROM POS ID REF ALT …), no table with a header that names chromosome, "
                f"position, ref and alt, and no BED; its first line is {lines.first[:80]!r}."
            )
        self.records = 0
        self.skipped: Counter[str] = Counter()
        self.origin = self.version = ""
        self._known = self._columns(header, len(first))
        self._places = [self._place(name) for name in names]
        self.fields = self._described(names)

    def _columns(self, header: list[str], width: int) -> dict[str, int]:
        known = {f"column{place + 1}": place for place in range(3, width)}
        known |= {name: place for place, name in enumerate(_STANDARD[:width]) if place > 2}
        return known | {name.strip(): place for place, name in enumerate(header[:width]) if place > 2}

    def _place(self, name: str) -> int | None:
        if name == OVERLAP:
            return None
        if name not in self._known:
            raise BundleError(f"{self._lines.name} has no column {name}; it has {listing([OVERLAP, *self._known])}.")
        return self._known[name]

    def _described(self, names: Sequence[str]) -> list[Field]:
        guessed = [place for name, place in zip(names, self._places, strict=True) if place and name not in _TEXTS]
        found: dict[int | None, str] = {}
        if guessed:
            rows = ((self._cell(number, cells, place) for place in guessed) for number, cells in self._rows())
            found.update(zip(guessed, common_types(rows), strict=True))
        return [
            Field(name, "Flag", "Meets an interval") if place is None
            else Field(name, found.get(place, "String"), f"The column {name} of the intervals met")
            for name, place in zip(names, self._places, strict=True)
        ]  # fmt: skip

    def intervals(self) -> Iterator[Interval]:
        """Every interval in file order; raises BundleError for a line that is none."""
        for number, cells in self._rows():
            self.records += 1
            if not _is_interval(cells):
                raise self._lines.refused(number, "this is no BED line (chromosome, start, end).")
            start, end = int(cells[1]), int(cells[2])
            if end < start:
                raise self._lines.refused(number, f"the interval ends ({end}) before it starts ({start}).")
            if end == start:
                self.skipped[EMPTY] += 1
                continue
            texts = [None if place is None else self._cell(number, cells, place) for place in self._places]
            yield Interval(cells[0], start, end, ["1" if text is None else text for text in texts])

    def _cell(self, number: int, cells: list[str], place: int) -> str:
        if place >= len(cells):
            raise self._lines.refused(number, f"column {place + 1} is missing.")
        return cells[place]

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        separator = self._separator
        for number, line in self._lines.numbered(self._after):
            if line and not line.startswith("#") and not is_comment(line):
                yield number, line.split(separator)


def _is_interval(cells: Sequence[str]) -> bool:
    return len(cells) >= 3 and cells[1].isdecimal() and cells[2].isdecimal()
