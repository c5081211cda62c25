"""GTF as Ensembl, GENCODE and NCBI write it (https://www.ensembl.org/info/website/upload/gff.html).

In GTF the stop codon is not part of the CDS rows but has rows of its own.
"""

from pathlib import Path

from gas.annotation.gene_rows import Resolve, Row, rows
from gas.annotation.models import Model, Parts, clean, open_ends

# A transcript is known by its contig as well: in some files the pseudoautosomal ones on X and Y share their name.
_Key = tuple[str, str]


def read(path: Path, resolve: Resolve) -> list[Model]:
    """The transcripts of a GTF file, in file order; see `gas.annotation.models.read`."""
    transcripts: dict[_Key, Row] = {}
    parts: dict[_Key, Parts] = {}
    for row in rows(path, resolve, gtf=True):
        name = row.attributes.get("transcript_id")
        if not name:
            continue
        key = (row.contig, name)
        if row.type == "transcript":
            transcripts[key] = row
            continue
        below = parts.get(key)
        if below is None:
            below = parts[key] = Parts()
        if row.type == "exon":
            below.exons.append((row.start, row.end))
        elif row.type in ("CDS", "cds"):
            below.add_coding(row)
        elif row.type == "stop_codon":
            below.coding.append((row.start, row.end, ""))
        elif row.type == "Selenocysteine":
            below.recoded.append((row.first_base, "U"))
        else:
            continue
        # Some files have no transcript rows; any other will do for the names.
        transcripts.setdefault(key, row)
    return [
        _with_stop(parts[key], row.strand).complete(_model(row, parts[key]))
        for key, row in transcripts.items()
        if key in parts and (parts[key].exons or parts[key].coding)
    ]


def _with_stop(parts: Parts, strand: int) -> Parts:
    """Join the stop codon to the CDS row that it continues, or drop it where the CDS covers it already."""
    joined: list[tuple[int, int, str]] = []
    for start, end, phase in sorted(parts.coding):
        if joined and start <= joined[-1][1] + 1 and "" in (phase, joined[-1][2]):
            before_start, before_end, before_phase = joined.pop()
            joined.append((before_start, max(before_end, end), before_phase or phase))
        else:
            joined.append((start, end, phase))
    parts.coding = joined
    return parts


def _model(row: Row, parts: Parts) -> Model:
    attributes, coding = row.attributes, parts.coding_attributes
    hgnc_id = attributes.get("hgnc_id", "")
    stated = (attributes.get(key) for key in ("transcript_biotype", "transcript_type", "biotype"))
    ends = parts.exons + [(start, end) for start, end, _ in parts.coding]
    whole = row.type == "transcript"
    return Model(
        contig=row.contig,
        start=row.start if whole else min(start for start, _ in ends),
        end=row.end if whole else max(end for _, end in ends),
        strand=row.strand,
        id=clean(attributes["transcript_id"]),
        version=clean(attributes.get("transcript_version", "")),
        gene=clean(attributes.get("gene_id", "")),
        symbol=clean(attributes.get("gene_name") or attributes.get("gene", "")),
        symbol_source="HGNC" if hgnc_id else "",
        hgnc_id=clean(hgnc_id),
        biotype=clean(next(filter(None, stated), row.source)),
        tags=(*attributes.get("tag", "").split(","), *sorted(open_ends(row, "mRNA"))),
        protein=clean(coding.get("protein_id", "")),
        protein_version=clean(coding.get("protein_version", "")),
    )
