"""Genetic codes: translation of DNA, ambiguity codes included, and the names of amino acids."""

from functools import lru_cache
from itertools import product

STANDARD = 1
VERTEBRATE_MITOCHONDRIAL = 2

# NCBI genetic codes, https://www.ncbi.nlm.nih.gov/Taxonomy/Utils/wprintgc.cgi; codons in the order TTT, TTC ...
_BASES = "TCAG"
_CODES = {
    STANDARD: "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
    VERTEBRATE_MITOCHONDRIAL: "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG",
}
_INITIATORS = {
    STANDARD: {"TTG", "CTG", "ATG"},
    VERTEBRATE_MITOCHONDRIAL: {"ATT", "ATC", "ATA", "ATG", "GTG"},
}
# IUPAC nucleotide codes.
_MEANINGS = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
_COMPLEMENT = str.maketrans("ACGTURYSWKMBDHVN", "TGCAAYRSWMKVHDBN")
COMPLEMENT = {base: base.translate(_COMPLEMENT) for base in "ACGTN"}

THREE_LETTERS = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu", "G": "Gly", "H": "His",
    "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe", "P": "Pro", "S": "Ser", "T": "Thr", "W": "Trp",
    "Y": "Tyr", "V": "Val", "B": "Asx", "Z": "Glx", "*": "Ter", "X": "Ter",
}  # fmt: skip

TABLES: dict[int, dict[str, str]] = {
    number: {"".join(codon): letters[i] for i, codon in enumerate(product(_BASES, repeat=3))}
    for number, letters in _CODES.items()
}


def reverse_complement(bases: str) -> str:
    """The other strand, read 5' to 3'."""
    return bases.translate(_COMPLEMENT)[::-1]


@lru_cache(maxsize=4096)
def _translate_ambiguous(codon: str, table: int) -> str:
    meanings = {TABLES[table]["".join(bases)] for bases in product(*(_MEANINGS.get(base, "ACGT") for base in codon))}
    if len(meanings) == 1:
        return meanings.pop()
    return {frozenset("DN"): "B", frozenset("EQ"): "Z"}.get(frozenset(meanings), "X")


def translate(bases: str, table: int) -> str:
    """The amino acids of the whole codons of `bases` (upper case), one letter each; '*' is a stop and 'X' unknown."""
    code = TABLES[table]
    return "".join(
        [
            code.get(codon) or _translate_ambiguous(codon, table)
            for codon in [bases[i : i + 3] for i in range(0, len(bases) - 2, 3)]
        ]
    )


def translate_to_stop(bases: str, table: int) -> str:
    """As `translate`, but no further than the first stop."""
    code = TABLES[table]
    residues = []
    for place in range(0, len(bases) - 2, 3):
        codon = bases[place : place + 3]
        residue = code.get(codon) or _translate_ambiguous(codon, table)
        residues.append(residue)
        if residue == "*":
            break
    return "".join(residues)


def translate_protein(cds: str, table: int) -> str:
    """The protein that a coding sequence makes: without its final stop, an alternative start codon read as Met."""
    protein = translate(cds, table)
    if len(cds) % 3 == 0 and protein.endswith("*"):
        protein = protein[:-1]
    if protein and protein[0] != "M" and (cds[:3] in _INITIATORS[table] or "N" in cds[:3]):
        protein = "M" + protein[1:]
    return protein


def three_letters(peptide: str) -> str:
    """HGVS's names: 'AR*' is 'AlaArgTer'."""
    return "".join([THREE_LETTERS.get(letter, "Ter") for letter in peptide])
