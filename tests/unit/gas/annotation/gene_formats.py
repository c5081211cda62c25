"""Writes the gene models of an Ensembl GFF3 in the other formats that GAS reads."""

from collections.abc import Iterator
from pathlib import Path

Row = tuple[list[str], dict[str, str]]
ACCESSIONS = {"syn1": "NC_900001.1", "syn2": "NC_900002.1", "MT": "NC_900003.1"}


def ensembl_rows(path: Path) -> Iterator[Row]:
    """Columns and attributes of each row."""
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            columns = line.split("\t")
            yield columns[:8], dict(pair.split("=", 1) for pair in columns[8].split(";"))


def transcripts(path: Path) -> Iterator[tuple[Row, Row, list[list[str]], list[Row]]]:
    """Each transcript: its gene's row, its own, the columns of its exons, the rows of its CDS."""
    found = list(ensembl_rows(path))
    named = {row[1]["ID"]: row for row in found if "ID" in row[1] and row[0][2] != "CDS"}
    for name, row in named.items():
        if "Parent" in row[1]:
            below = [one for one in found if name in one[1].get("Parent", "").split(",")]
            exons = [columns for columns, _ in below if columns[2] == "exon"]
            yield named[row[1]["Parent"]], row, exons, [one for one in below if one[0][2] == "CDS"]


def gtf(path: Path) -> str:
    """As GTF, the last three coding bases as stop_codon rows."""
    lines = []
    for (_, gene), (columns, attributes), exons, coding in transcripts(path):
        pairs = [f'gene_id "{gene["gene_id"]}"', f'transcript_id "{attributes["transcript_id"]}"']
        pairs += [f'transcript_version "{attributes["version"]}"', f'gene_name "{gene["Name"]}"']
        pairs += [f'transcript_biotype "{attributes["biotype"]}"']
        pairs += [f'tag "{tag}"' for tag in attributes.get("tag", "").split(",") if tag]
        names = "; ".join(pairs) + ";"
        lines.append("\t".join([*columns[:2], "transcript", *columns[3:], names]))
        lines += ["\t".join([*exon, names]) for exon in exons]
        inside, stop = _without_stop([row[0] for row in coding], columns[6])
        protein = f' protein_id "{coding[0][1]["protein_id"]}";' if coding else ""
        lines += ["\t".join([*part, names + protein]) for part in inside]
        lines += ["\t".join([*part[:2], "stop_codon", *part[3:7], "0", names]) for part in stop]
    return "\n".join(lines) + "\n"


def _without_stop(coding: list[list[str]], strand: str) -> tuple[list[list[str]], list[list[str]]]:
    left, stop, inside = 3, [], []
    for part in sorted(coding, key=lambda columns: int(columns[3]), reverse=strand == "+"):
        start, end = int(part[3]), int(part[4])
        cut = min(left, end - start + 1)
        left -= cut
        tail = (end - cut + 1, end) if strand == "+" else (start, start + cut - 1)
        rest = (start, end - cut) if strand == "+" else (start + cut, end)
        if cut:
            stop.append([*part[:3], str(tail[0]), str(tail[1]), *part[5:]])
        if rest[0] <= rest[1]:
            inside.append([*part[:3], str(rest[0]), str(rest[1]), *part[5:]])
    return inside, stop


def ncbi(path: Path, lengths: dict[str, int]) -> str:
    """As NCBI's GFF3, contigs under their accessions, explained by region rows."""
    lines = ["##gff-version 3"]
    for contig, accession in ACCESSIONS.items():
        genome = f"Name={contig};genome=mitochondrion" if contig == "MT" else f"chromosome={contig};genome=chromosome"
        about = f"ID={accession}:1..{lengths[contig]};{genome};gbkey=Src"
        lines.append(f"{accession}\tRefSeq\tregion\t1\t{lengths[contig]}\t.\t+\t.\t{about}")
    genes = set()
    for (columns, gene), (own, attributes), exons, coding in transcripts(path):
        gene_id, name = f"gene-{gene['gene_id']}", f"{attributes['transcript_id']}.{attributes['version']}"
        common = f"Dbxref=GeneID:{gene['gene_id']},GenBank:{name};gene={gene['Name']}"
        if gene_id not in genes:
            genes.add(gene_id)
            about = f"ID={gene_id};Dbxref=GeneID:{gene['gene_id']};Name={gene['Name']};gbkey=Gene"
            lines.append(_line(columns, "gene", about))
        kind = "mRNA" if attributes["biotype"] == "protein_coding" else "transcript"
        tags = f";tag={tag}" if (tag := attributes.get("tag", "")) else ""
        about = f"ID=rna-{name};Parent={gene_id};{common};gbkey={attributes['biotype']};transcript_id={name}{tags}"
        lines.append(_line(own, kind, about))
        lines += [_line(exon, "exon", f"ID=exon-{name}-{n};Parent=rna-{name};{common}") for n, exon in enumerate(exons)]
        for part, own_attributes in coding:
            protein = f"{own_attributes['protein_id']}.1"
            table = ";transl_table=2" if own[0] == "MT" else ""
            about = f"ID=cds-{protein};Parent=rna-{name};{common};protein_id={protein}{table}"
            lines.append(_line(part, "CDS", about))
    return "\n".join(lines) + "\n"


def _line(columns: list[str], kind: str, attributes: str) -> str:
    return "\t".join([ACCESSIONS[columns[0]], "RefSeq", kind, *columns[3:], attributes])
