"""Which CSQ entry speaks for an allele in the tables, and what all of its entries say together."""

from collections.abc import Sequence
from typing import NamedTuple

from gas.annotation.csq import FIELDS
from gas.annotation.summary import SEVERITY

# Alleles' choices kept: those of one stretch of the genome are alike, and records come sorted.
_KEPT = 20_000


class Choice(NamedTuple):
    """`entry`: the picked one's place among its record's entries.

    `most_severe` is a term of any of the allele's entries, `impact` that of its entry. `genes`: symbols and ids of the
    genes that the allele lies in, "," between; of those near to it where it lies in none.
    """

    entry: int
    most_severe: str
    impact: str
    genes: str


class Picks:
    """Chooses among entries that are laid out as `fields` says."""

    def __init__(self, fields: Sequence[str] = FIELDS) -> None:
        places = {name: place for place, name in enumerate(fields)}
        self._consequence, self._impact = places["Consequence"], places["IMPACT"]
        self._number = places.get("ALLELE_NUM")
        self._mane, self._canonical = places.get("MANE"), places.get("CANONICAL")
        self._biotype, self._distance = places.get("BIOTYPE"), places.get("DISTANCE")
        self._genes = [places[name] for name in ("SYMBOL", "Gene") if name in places]
        self._known: dict[object, dict[int, Choice]] = {}

    def like(self, key: object, annotation: bytes, alleles: int) -> dict[int, Choice]:
        """`of` the entries of CSQ's value, remembered under `key`, which must decide about them (None: it does not)."""
        found = self._known.get(key) if key is not None else None
        if found is None:
            found = self.of(annotation.decode("latin-1").split(","), alleles)
            if key is not None:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[key] = found
        return found

    def of(self, entries: Sequence[str], alleles: int) -> dict[int, Choice]:
        """For each ALT allele (from 0) its choice; none for an allele without entries.

        MANE Select's entry comes first, then a canonical transcript's, then the most severe, then one of a
        protein-coding transcript, then the first.
        """
        rows = [entry.split("|") for entry in entries]
        of_allele: dict[int, list[int]] = {}
        for place, cells in enumerate(rows):
            number = 0 if alleles == 1 or self._number is None else int(cells[self._number]) - 1
            of_allele.setdefault(number, []).append(place)
        return {allele: self._choose(rows, places) for allele, places in of_allele.items()}

    def _choose(self, rows: list[list[str]], places: list[int]) -> Choice:
        best = min(places, key=lambda place: (*self._score(rows[place]), place))
        worst = min(places, key=lambda place: severity(rows[place][self._consequence]))
        terms = rows[worst][self._consequence].split("&")
        inside = [place for place in places if not self._cell(rows[place], self._distance)]
        genes = [rows[place][column] for place in inside or places for column in self._genes]
        return Choice(
            best,
            min(terms, key=lambda term: SEVERITY.get(term, len(SEVERITY))),
            rows[worst][self._impact],
            ",".join(gene for gene in dict.fromkeys(genes) if gene),
        )

    def _score(self, cells: list[str]) -> tuple[bool, bool, int, bool]:
        return (
            "MANE_Select" not in self._cell(cells, self._mane),
            self._cell(cells, self._canonical) != "YES",
            severity(cells[self._consequence]),
            self._cell(cells, self._biotype) != "protein_coding",
        )

    @staticmethod
    def _cell(cells: list[str], place: int | None) -> str:
        return "" if place is None else cells[place]


def severity(consequence: str) -> int:
    """The place of the most severe of "&"-joined terms in the order of severity, 0 the most severe."""
    return min(SEVERITY.get(term, len(SEVERITY)) for term in consequence.split("&"))
