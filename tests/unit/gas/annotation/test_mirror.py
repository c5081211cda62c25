"""The genome read from the other strand, genes and variants with it, must give the same annotation."""

import random
from pathlib import Path

import pytest

from gas.annotation import reference, rows
from gas.annotation.codons import reverse_complement
from gas.annotation.consequence import differing_regions
from gas.annotation.reference import Bundle
from gas.annotation.segments import open_segments
from tests.unit.gas.annotation.agreement import SYNTHETIC

ALLELE, FEATURE, HGVSC, STRAND, HGVS_OFFSET = 0, 6, 10, 20, 26


@pytest.fixture(scope="module")
def mirrored(synthetic_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder: Path = tmp_path_factory.mktemp("mirror")
    lengths = {name: contig.length for name, contig in synthetic_bundle.contigs.items()}
    fasta, gff3 = folder / "ref.fa", folder / "genes.gff3"
    fasta.write_text(
        "".join(f">{name}\n{reverse_complement(synthetic_bundle.sequence(name)[:])}\n" for name in lengths)
    )
    turned = []
    for line in (SYNTHETIC / "genes.gff3").read_text().splitlines():
        if not line.startswith("#"):
            columns = line.split("\t")
            start, end = lengths[columns[0]] + 1 - int(columns[4]), lengths[columns[0]] + 1 - int(columns[3])
            columns[3:5], columns[6] = [str(start), str(end)], "-" if columns[6] == "+" else "+"
            turned.append("\t".join(columns))
    gff3.write_text("\n".join(turned) + "\n")
    return reference.build("mirror", "made up", fasta, gff3, [], folder / "bundle")


def comparable(straight: str, turned: str) -> list[tuple[list[str], list[str]]]:
    """Both sides' rows by transcript, without what the strand turns round."""
    sides = [
        sorted((row.split("|") for row in found.split(",")), key=lambda row: row[FEATURE])
        for found in (straight, turned)
    ]
    pairs = list(zip(*sides, strict=True))
    for here, there in pairs:
        unnamed = not (here[HGVSC] and there[HGVSC])
        for row in (here, there):
            row[ALLELE] = row[STRAND] = ""
            row[HGVS_OFFSET] = row[HGVS_OFFSET].lstrip("-")
            if unnamed:
                # VEP names a base before the first exon along the genome, but not one behind the last.
                row[HGVSC] = row[HGVS_OFFSET] = ""
    return pairs


@pytest.mark.parametrize("contig", ["syn1", "syn2", "MT"])
def test_the_other_strand_says_the_same(synthetic_bundle: Bundle, mirrored: Bundle, contig: str) -> None:
    here, there = open_segments(synthetic_bundle, contig), open_segments(mirrored, contig)
    sequence = synthetic_bundle.sequence(contig)
    length = len(sequence)
    rng = random.Random(3)
    for _ in range(4000):
        position = rng.randrange(1, length - 30)
        size = rng.choice((0, 1, 1, 2, 3, 5, 12))
        ref = sequence[position - 1 : position - 1 + size]
        alt = "".join(rng.choices("ACGT", k=rng.choice((0, 1, 1, 2, 3, 5))))
        if ref == alt or "N" in ref:
            continue
        end = position + size - 1
        # VEP lays alleles side by side from the left and lets the last stretch that differs decide about the splice
        # region, neither of which is the same from the right.
        if len(differing_regions(position, end, ref, alt)) > 1 or (len(ref) != len(alt) and ref and alt):
            continue
        straight = rows.any_allele(here, position, end, ref, alt, 1)
        turned = rows.any_allele(
            there, length + 1 - end, length + 1 - position, reverse_complement(ref), reverse_complement(alt), 1
        )
        for here_row, there_row in comparable(straight, turned):
            assert here_row == there_row, f"{position} {ref}>{alt}"
