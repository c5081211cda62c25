"""A tiny genome with one gene, its reference bundle, and VCFs that fit it."""

import random
from pathlib import Path

import pytest

from gas.annotation import reference

GENE = """##gff-version 3
1\ttest\tregion\t1\t600\t.\t.\t.\tID=region:1
1\ttest\tgene\t101\t400\t.\t+\t.\tID=gene:G1;Name=ONE;biotype=protein_coding;gene_id=G1
1\ttest\tmRNA\t101\t400\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=protein_coding;transcript_id=T1
1\ttest\texon\t101\t400\t.\t+\t.\tParent=transcript:T1;rank=1;exon_id=E1
1\ttest\tCDS\t101\t400\t.\t+\t0\tID=CDS:P1;Parent=transcript:T1;protein_id=P1
"""


def sequence() -> str:
    """600 bases; 101 to 400 is one open reading frame."""
    rng = random.Random(1)
    codons = [a + b + c for a in "ACG" for b in "ACGT" for c in "ACGT"]
    inside = "ATG" + "".join(rng.choice(codons) for _ in range(98)) + "TAA"
    return "".join(rng.choices("ACGT", k=100)) + inside + "".join(rng.choices("ACGT", k=200))


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one real reference bundle, `test-bundle`."""
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "genome.fa").write_text(f">1\n{sequence()}\n")
    (folder / "genes.gff3").write_text(GENE)
    reference.build("test-bundle", "TEST", folder / "genome.fa", folder / "genes.gff3", [], folder / "test-bundle")
    return folder


def vcf(records: int) -> bytes:
    """A VCF of so many variants, each of which the test bundle can annotate."""
    bases = sequence()
    lines = ["##fileformat=VCFv4.3", "##contig=<ID=1,length=600>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for n in range(records):
        at = n * 600 // max(records, 1)
        ref = bases[at]
        lines.append(f"1\t{at + 1}\t.\t{ref}\t{'C' if ref != 'C' else 'T'}\t.\t.\t.")
    return ("\n".join(lines) + "\n").encode()
