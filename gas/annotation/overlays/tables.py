"""Reads overlays from tables with a row an allele: CADD, AlphaMissense, REVEL, or anything of that shape."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from gas.annotation.accessions import family
from gas.annotation.overlays.lines import Lines, is_comment, listing
from gas.annotation.overlays.sources import Allele, Field
from gas.annotation.reference import BundleError

NO_POSITION = "no position on this assembly"

_MISSING = frozenset(("", ".", "NA", "NaN", "nan"))
_ROLES = {
    "chromosome": ("chrom", "chr", "chromosome", "contig"),
    "position": ("pos", "position", "pos(1-based)"),
    "reference allele": ("ref", "ref_allele", "reference"),
    "alternate allele": ("alt", "alt_allele", "alternate"),
}
_PREFIXES = {"GRCh38": ("grch38_", "hg38_"), "GRCh37": ("grch37_", "hg19_")}

# Published columns whose type is known: type and what they are. Others are read twice, first to learn their type.
_KNOWN = {
    "RawScore": ("Float", "CADD raw score"),
    "PHRED": ("Float", "CADD score scaled by rank, as PHRED is"),
    "am_pathogenicity": ("Float", "AlphaMissense pathogenicity, 0 to 1"),
    "am_class": ("String", "AlphaMissense class"),
    "uniprot_id": ("String", "UniProt accession"),
    "transcript_id": ("String", "Ensembl transcript"),
    "protein_variant": ("String", "Amino-acid change"),
    "genome": ("String", "Genome"),
    "REVEL": ("Float", "REVEL score, 0 to 1"),
    "Ensembl_transcriptid": ("String", "Ensembl transcripts"),
    "aaref": ("String", "Reference amino acid"),
    "aaalt": ("String", "Alternate amino acid"),
}
_VERSION = re.compile(r"\b(?:GRCh3[78]-)?v\d+(?:\.\d+)+")


def is_table(lines: Lines) -> bool:
    """Whether the first line that is no comment names columns for chromosome, position and alleles, or most of them."""
    names = [_plain(name) for name in _split(lines.first)(lines.first)]
    return sum(any(_plays(name, role) for name in names) for role in _ROLES) >= 3


class TableSource:
    """A table, tab- or comma-separated, with a header and a row an allele.

    Columns are addressed by their names. Where the table has columns for several assemblies (hg19_pos, grch38_pos),
    the reference's own is read, and rows without a position on it are skipped. Of several rows for one allele texts
    are joined with "&" in file order without repeats, and the highest number counts. "", ".", "NA" and "NaN" are no
    value.
    """

    joined = True

    def __init__(self, lines: Lines, names: Sequence[str], assembly: str) -> None:
        """Raises BundleError when a column in `names`, or one that says which allele a row is of, is not there."""
        self._lines = lines
        self.name = lines.name
        self._split = _split(lines.first)
        self._columns = [name.strip() for name in self._split(lines.first.lstrip("#"))]
        self.records = 0
        self.skipped: Counter[str] = Counter()
        self.origin = ""
        found = _VERSION.search("\n".join(lines.comments))
        self.version = found[0] if found else ""
        self._roles = [self._role(role, assembly) for role in _ROLES]
        self._places = [self._place(name) for name in names]
        self.fields = self._described(names)

    def _role(self, role: str, assembly: str) -> int:
        """The column with this role, preferably one named for the assembly."""
        names = [_plain(name) for name in self._columns]
        own = [prefix + name for prefix in _PREFIXES.get(family(assembly) or "", ()) for name in _ROLES[role]]
        for wanted in (*own, *_ROLES[role]):
            if wanted in names:
                return names.index(wanted)
        others = [column for column, name in zip(self._columns, names, strict=True) if _plays(name, role)]
        if others:
            raise BundleError(f"{self._lines.name} has the {role} as {listing(others)}, none of them for {assembly}.")
        raise BundleError(f"{self._lines.name} has no column for the {role}; it has {listing(self._columns)}.")

    def _place(self, name: str) -> int:
        if name not in self._columns:
            raise BundleError(f"{self._lines.name} has no column {name}; it has {listing(self._columns)}.")
        if self._columns.count(name) > 1:
            raise BundleError(f"{self._lines.name} has several columns called {name}.")
        return self._columns.index(name)

    def _described(self, names: Sequence[str]) -> list[Field]:
        unknown = [name for name in names if name not in _KNOWN]
        found = {}
        if unknown:
            places = [self._place(name) for name in unknown]
            types = common_types((cells[place] for place in places) for _, cells in self._rows())
            found = dict(zip(unknown, types or ["String"] * len(unknown), strict=True))
        return [
            Field(name, found[name], f"The column {name}") if name in found else Field(name, *_KNOWN[name])
            for name in names
        ]

    def alleles(self) -> Iterator[Allele]:
        """The allele of every row; raises BundleError for a row that has other columns, no position or no number."""
        chrom, pos, ref, alt = self._roles
        places = self._places
        numbers = [
            (place, field.id, float if field.type == "Float" else int)
            for place, field in zip(places, self.fields, strict=True)
            if field.type in ("Float", "Integer")
        ]
        for number, cells in self._rows():
            self.records += 1
            position = cells[pos]
            if not position.isdecimal():
                if position in _MISSING:
                    self.skipped[NO_POSITION] += 1
                    continue
                raise self._lines.refused(number, f"{position!r} is no position.")
            if not (cells[chrom] and cells[ref] and cells[alt]):
                raise self._lines.refused(number, "the chromosome or an allele is missing.")
            texts = [None if (text := cells[place]) in _MISSING else text for place in places]
            for place, name, convert in numbers:
                try:
                    convert(cells[place])
                except ValueError:
                    if cells[place] not in _MISSING:
                        raise self._lines.refused(number, f"{name} is {cells[place]!r}, which is no number.") from None
            yield Allele(cells[chrom], int(position), cells[ref], cells[alt], texts)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        split, width = self._split, len(self._columns)
        for number, line in self._lines.numbered(self._lines.first_number):
            if not line or is_comment(line):
                continue
            cells = split(line)
            if len(cells) != width:
                raise self._lines.refused(number, f"{len(cells)} columns, but the header has {width}.")
            yield number, cells


def common_types(rows: Iterator[Iterator[str]]) -> list[str]:
    """The narrowest of Integer, Float and String that holds each column's values; [] for no rows."""
    types: list[str] = []
    for row in rows:
        cells = list(row)
        types = types or [""] * len(cells)
        for place, cell in enumerate(cells):
            if types[place] != "String" and cell not in _MISSING:
                types[place] = _wider(types[place], cell)
    return [type_ or "String" for type_ in types]


def _wider(type_: str, cell: str) -> str:
    if type_ != "Float":
        try:
            int(cell)
            return "Integer"
        except ValueError:
            pass
    try:
        float(cell)
    except ValueError:
        return "String"
    return "Float"


def _split(header: str) -> Callable[[str], list[str]]:
    if "\t" in header:
        return lambda line: line.split("\t")
    return lambda line: next(csv.reader([line])) if '"' in line else line.split(",")


def _plain(name: str) -> str:
    return name.strip().lstrip("#").lower()


def _plays(name: str, role: str) -> bool:
    prefixes = ("", *_PREFIXES["GRCh38"], *_PREFIXES["GRCh37"])
    return any(name.removeprefix(prefix) in _ROLES[role] for prefix in prefixes)
