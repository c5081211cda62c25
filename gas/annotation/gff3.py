"""GFF3 as Ensembl, GENCODE and NCBI write it.

https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md; what NCBI adds to it is in README_GFF3.txt
of its genomes server. Where a file states no identifier or biotype plainly, they are taken as Ensembl VEP takes them.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from gas.annotation.gene_rows import Resolve, Row, rows
from gas.annotation.models import Model, Parts, clean, open_ends

_PREFIX = re.compile(r"^(gene|transcript|CDS|rna|cds):")
_NCBI_GENE_PREFIX = re.compile(r"^(gene|cds)-")
_HGNC = re.compile(r"\[Source:HGNC Symbol;Acc:(HGNC:\d+)\]")
_SEGMENT = re.compile(r"([A-Z]+)_gene_segment")
_SELENOCYSTEINE = "stop_codon_redefined_as_selenocysteine"
# Rows with an ID that are neither a transcript nor a gene; alignments are the better part of NCBI's files.
_NO_PARENTS = frozenset(
    (
        *("cDNA_match", "match", "match_part", "region", "biological_region", "sequence_feature", "chromosome"),
        *("five_prime_UTR", "three_prime_UTR", "start_codon", "stop_codon", "intron", "silencer", "enhancer"),
    )
)


def read(path: Path, resolve: Resolve) -> list[Model]:
    """The transcripts of a GFF3 file, in file order; see `gas.annotation.models.read`."""
    parents: dict[str, Row] = {}
    parts: dict[str, Parts] = {}
    for row in rows(path, resolve, gtf=False):
        if row.type in ("exon", "CDS", _SELENOCYSTEINE):
            for parent in row.attributes.get("Parent", "").split(","):
                below = parts.get(parent)
                if below is None:
                    below = parts[parent] = Parts()
                if row.type == "exon":
                    below.exons.append((row.start, row.end))
                elif row.type == "CDS":
                    below.add_coding(row)
                else:
                    below.recoded.append((row.first_base, "U"))
        elif row.type not in _NO_PARENTS and (identifier := row.attributes.get("ID")):
            parents[identifier] = row
    return [
        parts[identifier].complete(_model(identifier, row, parents, parts[identifier]))
        for identifier, row in parents.items()
        if identifier in parts and not _is_product(row, parents)
    ]


def _is_product(row: Row, parents: dict[str, Row]) -> bool:
    """Whether a row is cut out of a transcript, as a mature miRNA is of its primary transcript."""
    parent = parents.get(row.attributes.get("Parent", ""))
    return parent is not None and parent.attributes.get("Parent", "") in parents


def _model(identifier: str, row: Row, parents: dict[str, Row], parts: Parts) -> Model:
    attributes, coding = row.attributes, parts.coding_attributes
    gene_id = attributes.get("Parent", "").split(",")[0]
    gene = parents.get(gene_id, row)
    source = _HGNC.search(unquote(gene.attributes.get("description", "")))
    references = _references(attributes) or _references(gene.attributes)
    hgnc_id = source[1] if source else references.get("HGNC", attributes.get("hgnc_id", ""))
    name = attributes.get("transcript_id") or _NCBI_GENE_PREFIX.sub("", _PREFIX.sub("", identifier))
    own_gene = attributes.get("gene_id") or references.get("GeneID") or gene.attributes.get("gene_id")
    symbol = attributes.get("gene_name") or attributes.get("gene") or gene.attributes.get("Name", "")
    return Model(
        contig=row.contig,
        start=row.start,
        end=row.end,
        strand=row.strand,
        id=clean(name),
        version=clean(attributes.get("version", "")),
        gene=clean(own_gene or _PREFIX.sub("", gene_id or identifier)),
        symbol=clean(symbol),
        symbol_source="HGNC" if hgnc_id else "",
        hgnc_id=hgnc_id,
        biotype=clean(_biotype(row, gene)),
        tags=(*unquote(attributes.get("tag", "")).split(","), *sorted(open_ends(row, "mRNA"))),
        protein=clean(coding.get("protein_id") or _NCBI_GENE_PREFIX.sub("", _PREFIX.sub("", coding.get("ID", "")))),
        protein_version=clean(coding.get("version", "")),
    )


def _references(attributes: dict[str, str]) -> dict[str, str]:
    """NCBI's Dbxref, by database: {"GeneID": "2", "HGNC": "HGNC:7"}."""
    pairs = (entry.split(":", 1) for entry in attributes.get("Dbxref", "").split(",") if ":" in entry)
    return {one[0]: one[1] for one in pairs}


def _biotype(row: Row, gene: Row) -> str:
    stated = row.attributes.get("biotype") or row.attributes.get("transcript_type")
    if stated:
        return stated
    if row is gene:
        return row.attributes.get("gene_biotype") or row.type
    if row.type == "mRNA":
        return "protein_coding"
    if row.type == "ncRNA" and "ncrna_class" in row.attributes:
        return row.attributes["ncrna_class"]
    if segment := _SEGMENT.fullmatch(row.type):
        return f"IG_{segment[1]}_gene"
    if gene.attributes.get("description", "").startswith("microRNA"):
        return "miRNA"
    return row.attributes.get("gbkey") or row.type
