"""What a segment outside of coding sequence says of a pure insertion or deletion, as one template (see `templates`)."""

from operator import itemgetter
from typing import NamedTuple

from gas.annotation import csq
from gas.annotation.segments import FLANK, PLACE, Entry
from gas.annotation.spots import Allele, Spots

# Stand in a template's text for bytes and for a number until its percent signs are doubled; no bundle's text has them.
TEXT, NUMBER = "\ue000", "\ue001"


def finished(rows: list[str]) -> bytes:
    """A template of these rows."""
    text = ",".join(rows).replace("%", "%%").replace(TEXT, "%b").replace(NUMBER, "%d")
    return text.encode("latin-1")


class _Place(NamedTuple):
    """How transcripts name bases: `anchor` and a + b * position; in an exon, c + d * position is that of the cDNA."""

    strand: int
    anchor: str
    a: int
    b: int
    c: int
    d: int


class IndelTemplate:
    """The rows of one segment none of whose entries is coding."""

    def __init__(self, entries: list[Entry], neighbourhood: tuple[int, int]) -> None:
        """`neighbourhood`: where the segment's transcripts, and no others, are in reach."""
        # Where the indel must lie, and by strand where it must lie that HGVS moved.
        self._first, self._last = neighbourhood
        self._named: dict[int, tuple[int, int]] = {}
        numbers: dict[tuple[int, int], int] = {}
        places: dict[_Place, int] = {}
        rows: list[str] = []
        used: list[tuple[str, int]] = []
        for entry in entries:
            kind, _, head, a, b, tail, reach = entry[:7]
            self._first, self._last = max(self._first, reach[0]), min(self._last, reach[1])
            used.append(("own", 0))
            if kind == FLANK:
                used.append(("number", numbers.setdefault((a, b), len(numbers))))
                rows.append(f"{TEXT}{head}{NUMBER}{tail}")
                continue
            strand, layout, anchor, named = entry[7:11]
            part = self._named.setdefault(strand, named)
            self._named[strand] = max(part[0], named[0]), min(part[1], named[1])
            c, d = (0, 0) if kind == PLACE else entry[13:15]
            place = _Place(strand, anchor, a, b, c, d)
            used += [("place", places.setdefault(place, len(places))), ("own", strand % 3)]
            rows.append(f"{TEXT}{head}{TEXT}||||||1|{layout.tail_start}{TEXT}{layout.tail_end}")
        if not entries:
            rows.append(TEXT + csq.intergenic("", 1))
            used.append(("own", 0))
        self._numbers, self._places = list(numbers), list(places)
        begin = {"own": 0, "number": 3, "place": 3 + len(numbers)}
        self._order = itemgetter(*[begin[kind] + number for kind, number in used])
        self._text = finished(rows)

    def fill(self, allele: Allele, spots: Spots) -> bytes | None:
        """CSQ of a record's only allele; None where it is not all in reach of the entries."""
        start, end, _, alt, low, high = allele
        if low < self._first or high > self._last:
            return None
        # The allele, then HGVS_OFFSET on the forward and on the reverse strand.
        values: list[bytes | int] = [alt.encode() or b"-", b"", b""]
        for strand, (first, last) in self._named.items():
            spot = spots.on(strand)
            if spot.first < first or spot.last > last:
                return None
            values[strand] = str(spot.offset).encode()
        values += [min(a + b * start, a + b * end) for a, b in self._numbers]
        for strand, anchor, a, b, c, d in self._places:
            left, right, event, *_ = spots.on(strand)
            place = f"{a + b * left}" if left == right else f"{a + b * left}_{anchor}{a + b * right}"
            cdna = span(c + d * start, c + d * end) if d else ""
            values.append(f"{place}{event}||{cdna}".encode())
        filled: bytes = self._text % self._order(values)
        return filled


def span(one: int, other: int) -> str:
    """Two numbers as a range, the lower one first, or as one if they are equal."""
    return f"{one}" if one == other else f"{one}-{other}" if one < other else f"{other}-{one}"
