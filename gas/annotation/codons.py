"""Genetic codes: translation of DNA, ambiguity codes included, and the names of amino acids."""

from functools import lru_cache
from itertools import product

STANDARD = 1
VERTEBRATE_MITOCHONDRIAL = 2

# NCBI genetic codes by number, https://www.ncbi.nlm.nih.gov/Taxonomy/Utils/wprintgc.cgi: the amino acids of the codons
# in the order TTT, TTC ..., and the codons that may begin a protein. Left out: 27, 28 and 31, where the same codon is
# an amino acid or a stop by its place.
_BASES = "TCAG"
_CODES = {
    1: ("FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG CTG TTG"),
    2: ("FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG", "ATA ATC ATG ATT GTG"),
    3: ("FFLLSSSSYY**CCWWTTTTPPPPHHQQRRRRIIMMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATA ATG GTG"),
    4: ("FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATA ATC ATG ATT CTG GTG TTA TTG"),
    5: ("FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSSSVVVVAAAADDEEGGGG", "ATA ATC ATG ATT GTG TTG"),
    6: ("FFLLSSSSYYQQCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    9: ("FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG", "ATG GTG"),
    10: ("FFLLSSSSYY**CCCWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    11: ("FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATA ATC ATG ATT CTG GTG TTG"),
    12: ("FFLLSSSSYY**CC*WLLLSPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG CTG"),
    13: ("FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSGGVVVVAAAADDEEGGGG", "ATA ATG GTG TTG"),
    14: ("FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG", "ATG"),
    15: ("FFLLSSSSYY*QCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    16: ("FFLLSSSSYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    21: ("FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNNKSSSSVVVVAAAADDEEGGGG", "ATG GTG"),
    22: ("FFLLSS*SYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    23: ("FF*LSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG ATT GTG"),
    24: ("FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG", "ATG CTG GTG TTG"),
    25: ("FFLLSSSSYY**CCGWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG GTG TTG"),
    26: ("FFLLSSSSYY**CC*WLLLAPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG CTG"),
    29: ("FFLLSSSSYYYYCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    30: ("FFLLSSSSYYEECC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATG"),
    32: ("FFLLSSSSYY*WCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", "ATA ATC ATG ATT CTG GTG TTG"),
    33: ("FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG", "ATG CTG GTG TTG"),
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
    "Y": "Tyr", "V": "Val", "U": "Sec", "O": "Pyl", "B": "Asx", "Z": "Glx", "*": "Ter", "X": "Ter",
}  # fmt: skip

ONE_LETTER = {name: letter for letter, name in THREE_LETTERS.items() if letter not in "*X"}

TABLES: dict[int, dict[str, str]] = {
    number: {"".join(codon): letters[i] for i, codon in enumerate(product(_BASES, repeat=3))}
    for number, (letters, _) in _CODES.items()
}
_INITIATORS = {number: frozenset(starts.split()) for number, (_, starts) in _CODES.items()}


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
