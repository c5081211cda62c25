"""Gene models: transcripts with their exons and coding sequence, read from Ensembl's GFF3.

Coordinates are 1-based and inclusive, as in GFF3 and VCF.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from gas.annotation.reference import BundleError, open_text

_PREFIX = re.compile(r"^(gene|transcript|CDS|rna|cds):")
_HGNC = re.compile(r"\[Source:HGNC Symbol;Acc:(HGNC:\d+)\]")
# What CSQ cannot carry inside a field; percent-escapes stay as they are, VCF has the same.
_RESERVED = str.maketrans({"|": "_", ",": "_", ";": "_", " ": "_", "\t": "_", "&": "_", "=": "_"})


@dataclass(slots=True)
class Model:
    """One transcript as its GFF3 states it.

    `exons` and `coding` are genomic intervals in ascending order; `phase` is column 8 of the first coding interval in
    the direction of transcription: bases before the first whole codon.
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
    exons: list[tuple[int, int]] = field(default_factory=list)
    coding: list[tuple[int, int]] = field(default_factory=list)
    phase: int = 0


@dataclass(slots=True)
class _Row:
    contig: str
    type: str
    start: int
    end: int
    strand: int
    phase: str
    attributes: dict[str, str]


def read_gff3(path: Path, resolve: Callable[[str], str | None]) -> list[Model]:
    """The transcripts of a GFF3 file, plain or gzip, in file order.

    `resolve` gives the reference's name for a contig, or None for one that it lacks (its rows are left out).
    Raises BundleError naming the line that cannot be understood.
    """
    parents: dict[str, _Row] = {}
    exons: dict[str, list[tuple[int, int]]] = {}
    coding: dict[str, list[_Row]] = {}
    for row in _rows(path, resolve):
        if row.type in ("exon", "CDS"):
            for parent in row.attributes.get("Parent", "").split(","):
                if row.type == "exon":
                    exons.setdefault(parent, []).append((row.start, row.end))
                else:
                    coding.setdefault(parent, []).append(row)
        elif identifier := row.attributes.get("ID"):
            parents[identifier] = row
    models = []
    for identifier, row in parents.items():
        if identifier in exons or identifier in coding:
            models.append(_model(identifier, row, parents, exons.get(identifier), coding.get(identifier, [])))
    if not models:
        raise BundleError(f"{path.name} has no transcript on any contig of the reference; is it the right GFF3?")
    return models


def _rows(path: Path, resolve: Callable[[str], str | None]) -> Iterator[_Row]:
    contigs: dict[str, str | None] = {}
    with open_text(path) as file:
        for number, raw in enumerate(file, 1):
            if raw.startswith((b"#", b"\n")):
                if raw.startswith(b"##FASTA"):
                    return
                continue
            try:
                columns = raw.decode("utf-8").rstrip("\r\n").split("\t")
                if columns[0] not in contigs:
                    contigs[columns[0]] = resolve(columns[0])
                contig = contigs[columns[0]]
                if contig is None:
                    continue
                attributes = dict(pair.split("=", 1) for pair in columns[8].split(";") if "=" in pair)
                strand = -1 if columns[6] == "-" else 1
                yield _Row(contig, columns[2], int(columns[3]), int(columns[4]), strand, columns[7], attributes)
            except (ValueError, IndexError) as error:
                raise BundleError(f"{path.name}, line {number}: this is not a GFF3 row of nine columns.") from error


def _model(
    identifier: str, row: _Row, parents: dict[str, _Row], exons: list[tuple[int, int]] | None, coding: list[_Row]
) -> Model:
    gene_id = row.attributes.get("Parent", "").split(",")[0]
    gene = parents.get(gene_id, row)
    coding.sort(key=lambda part: part.start)
    intervals = sorted(set(exons or [(part.start, part.end) for part in coding]))
    source = _HGNC.search(unquote(gene.attributes.get("description", "")))
    model = Model(
        contig=row.contig,
        start=min(row.start, intervals[0][0]),
        end=max(row.end, intervals[-1][1]),
        strand=row.strand,
        id=_clean(row.attributes.get("transcript_id") or _PREFIX.sub("", identifier)),
        version=_clean(row.attributes.get("version", "")),
        gene=_clean(gene.attributes.get("gene_id") or _PREFIX.sub("", gene_id or identifier)),
        symbol=_clean(gene.attributes.get("Name", "")),
        symbol_source="HGNC" if source else "",
        hgnc_id=source[1] if source else "",
        biotype=_clean(row.attributes.get("biotype", row.type)),
        tags=tuple(tag for tag in row.attributes.get("tag", "").split(",") if tag),
        exons=intervals,
    )
    if coding:
        first = coding[0] if row.strand > 0 else coding[-1]
        model.coding = [(part.start, part.end) for part in coding]
        model.phase = int(first.phase) if first.phase in ("1", "2") else 0
        model.protein_version = _clean(first.attributes.get("version", ""))
        model.protein = _clean(first.attributes.get("protein_id") or _PREFIX.sub("", first.attributes.get("ID", "")))
    return model


def _clean(text: str) -> str:
    return text.translate(_RESERVED)
