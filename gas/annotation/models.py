"""Gene models: transcripts with their exons and coding sequence, read from GFF3 or GTF.

Coordinates are 1-based and inclusive, as in GFF3, GTF and VCF.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from gas.annotation.codons import ONE_LETTER, TABLES
from gas.annotation.gene_rows import Row
from gas.annotation.reference import BundleError

Interval = tuple[int, int]

# What CSQ cannot carry inside a field; percent-escapes stay as they are, VCF has the same.
_RESERVED = str.maketrans({"|": "_", ",": "_", ";": "_", " ": "_", "\t": "_", "&": "_", "=": "_"})
# INSDC feature table, transl_except: (pos:<base range>,aa:<amino acid>).
_EXCEPTION = re.compile(r"\(pos:(.*?),\s*aa:(\w+)\)")
_MANE_SELECT, _REFSEQ_SELECT = "MANE_Select", "RefSeq_Select"


@dataclass(slots=True)
class Model:
    """One transcript as its file states it.

    `exons` and `coding` are genomic intervals in ascending order; `phase` is that of the first coding interval in the
    direction of transcription: bases before the first whole codon. `codon_table` is an NCBI genetic code, 0 for that of
    the contig. `recoded` gives codons, each by one of its bases, that the genetic code does not explain, and what they
    stand for. From `slip` on (0: nowhere) the bases of the coding exons are not read in the frame they are in.
    """

    contig: str
    start: int
    end: int
    strand: int
    id: str
    version: str
    gene: str
    symbol: str
    symbol_source: str
    hgnc_id: str
    biotype: str
    tags: tuple[str, ...]
    protein: str = ""
    protein_version: str = ""
    exons: list[Interval] = field(default_factory=list)
    coding: list[Interval] = field(default_factory=list)
    phase: int = 0
    codon_table: int = 0
    recoded: list[tuple[int, str]] = field(default_factory=list)
    slip: int = 0


@dataclass(slots=True)
class Parts:
    """What the rows below a transcript's own say of it, gathered as they come."""

    exons: list[Interval] = field(default_factory=list)
    coding: list[tuple[int, int, str]] = field(default_factory=list)
    coding_attributes: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    recoded: list[tuple[int, str]] = field(default_factory=list)

    def add_coding(self, row: Row) -> None:
        """Take a CDS row."""
        self.coding.append((row.start, row.end, row.phase))
        attributes = row.attributes
        if not self.coding_attributes:
            self.coding_attributes = attributes
        self.tags |= open_ends(row, "cds")
        if "transl_except" in attributes:
            found = translation_exceptions(attributes["transl_except"], row.strand)
            self.recoded += [one for one in found if one not in self.recoded]

    def complete(self, model: Model) -> Model:
        """Give a model, made of its own row, its exons and coding sequence."""
        coding = sorted(self.coding)
        model.exons = sorted(set(self.exons)) or sorted({(start, end) for start, end, _ in coding})
        model.start, model.end = min(model.start, model.exons[0][0]), max(model.end, model.exons[-1][1])
        model.tags = clean_tags([*model.tags, *sorted(self.tags)])
        if coding:
            first = coding[0] if model.strand > 0 else coding[-1]
            model.coding = [(start, end) for start, end, _ in coding]
            model.phase = int(first[2]) if first[2] in ("1", "2") else 0
            model.slip = _slip(model.exons, model.coding, model.strand)
            model.recoded = self.recoded
            model.codon_table = _codon_table(self.coding_attributes, model.id)
        return model


def clean(text: str) -> str:
    """A name as CSQ can carry it."""
    return text.translate(_RESERVED)


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as Ensembl spells them, each once: NCBI has "MANE Select", which is always its "RefSeq Select" too."""
    spelled = [tag.strip().replace(" ", "_") for tag in tags]
    if _MANE_SELECT in spelled and any(" " in tag for tag in tags):
        spelled.append(_REFSEQ_SELECT)
    return tuple(dict.fromkeys(tag for tag in spelled if tag))


def open_ends(row: Row, what: str) -> set[str]:
    """Ensembl's tags for the ends that NCBI's `start_range` and `end_range` declare to lie further out."""
    before, after = "start_range" in row.attributes, "end_range" in row.attributes
    if row.strand < 0:
        before, after = after, before
    return {f"{what}_{end}_NF" for end, is_open in (("start", before), ("end", after)) if is_open}


def translation_exceptions(text: str, strand: int) -> list[tuple[int, str]]:
    """The codons of an INSDC `transl_except`, as `Model.recoded` has them; without stops that the tail completes."""
    found = []
    for place, residue in _EXCEPTION.findall(unquote(text)):
        bases = [int(number) for number in re.findall(r"\d+", place)]
        if bases and residue in ONE_LETTER:
            found.append((min(bases) if strand > 0 else max(bases), ONE_LETTER[residue]))
    return found


def _codon_table(attributes: dict[str, str], name: str) -> int:
    stated = attributes.get("transl_table", "0")
    if stated == "0" or (stated.isdecimal() and int(stated) in TABLES):
        return int(stated)
    raise BundleError(f"{name}: its genetic code, transl_table={stated}, is none that GAS knows.")


def _slip(exons: list[Interval], coding: list[Interval], strand: int) -> int:
    """The first base behind which the coding intervals are not simply the exons' bases; 0 if they are throughout.

    So it is where the ribosome slips, or where the file says that the genome is not what is translated.
    """
    first, last = coding[0][0], coding[-1][1]
    expected = [(max(start, first), min(end, last)) for start, end in exons if end >= first and start <= last]
    stated, expected = _joined(coding), _joined(expected)
    if stated == expected:
        return 0
    if strand > 0:
        pairs = zip(stated, expected, strict=False)
        return next((min(a[1], b[1]) + 1 if a[0] == b[0] else min(a[0], b[0]) for a, b in pairs if a != b), first)
    pairs = zip(reversed(stated), reversed(expected), strict=False)
    return next((max(a[0], b[0]) - 1 if a[1] == b[1] else max(a[1], b[1]) for a, b in pairs if a != b), last)


def _joined(intervals: list[Interval]) -> list[Interval]:
    """Intervals that touch made one; those that overlap stay apart."""
    joined: list[Interval] = []
    for start, end in intervals:
        if joined and joined[-1][1] + 1 == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
