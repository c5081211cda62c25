"""Genetic codes."""

import pytest

from gas.annotation import codons


@pytest.mark.parametrize(
    ("codon", "standard", "mitochondrial"), [("TGA", "*", "W"), ("AGA", "R", "*"), ("ATA", "I", "M"), ("ATG", "M", "M")]
)
def test_the_mitochondrion_reads_otherwise(codon: str, standard: str, mitochondrial: str) -> None:
    assert codons.translate(codon, 1) == standard
    assert codons.translate(codon, 2) == mitochondrial


@pytest.mark.parametrize(
    ("codon", "residue"),
    [("GCN", "A"), ("NNN", "X"), ("RAY", "B"), ("SAR", "Z"), ("YTR", "L"), ("TAN", "X"), ("TAR", "*")],
)
def test_ambiguous_codons(codon: str, residue: str) -> None:
    assert codons.translate(codon, 1) == residue


def test_whole_codons_only() -> None:
    assert codons.translate("ATGGCCTA", 1) == "MA"
    assert codons.translate_to_stop("ATGTAAGCC", 1) == "M*"
    assert codons.translate_to_stop("ATGGC", 1) == "M"


@pytest.mark.parametrize(
    ("cds", "protein"),
    [("ATGGCCTAA", "MA"), ("CTGGCCTAA", "MA"), ("GCCGCC", "AA"), ("NTGGCCTA", "MA"), ("ATGTGATAA", "M*")],
)
def test_proteins(cds: str, protein: str) -> None:
    assert codons.translate_protein(cds, 1) == protein


def test_strands_and_names() -> None:
    assert codons.reverse_complement("AACGTNR") == "YNACGTT"
    assert codons.three_letters("MA*X") == "MetAlaTerTer"
