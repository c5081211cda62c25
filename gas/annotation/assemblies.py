"""Which human assembly a file was made against, told by the lengths of its chromosomes.

Lengths: NCBI assemblies GCF_000001405.12 (NCBI36), GCF_000001405.13 (GRCh37), GCF_000001405.26 (GRCh38) and
GCF_009914755.1 (T2T-CHM13v2.0).
"""

from collections.abc import Mapping

_CHROMOSOMES = (*map(str, range(1, 23)), "X", "Y")
_LENGTHS: dict[str, tuple[int, ...]] = {
    "GRCh38 (hg38)": (
        248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
        135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167,
        46709983, 50818468, 156040895, 57227415,
    ),
    "GRCh37 (hg19)": (
        249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747,
        135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520,
        48129895, 51304566, 155270560, 59373566,
    ),
    "T2T-CHM13v2.0": (
        248387328, 242696752, 201105948, 193574945, 182045439, 172126628, 160567428, 146259331, 150617247, 134758134,
        135127769, 133324548, 113566686, 101161492, 99753195, 96330374, 84276897, 80542538, 61707364, 66210255,
        45090682, 51324926, 154259566, 62460029,
    ),
    "NCBI36 (hg18)": (
        247249719, 242951149, 199501827, 191273063, 180857866, 170899992, 158821424, 146274826, 140273252, 135374737,
        134452384, 132349534, 114142980, 106368585, 100338915, 88827254, 78774742, 76117153, 63811651, 62435964,
        46944323, 49691432, 154913754, 57772954,
    ),
}  # fmt: skip
_BY_CHROMOSOME = {
    (chromosome, length): assembly
    for assembly, lengths in _LENGTHS.items()
    for chromosome, length in zip(_CHROMOSOMES, lengths, strict=True)
}
# What they are called in file names and headers.
NAMES = {
    "GRCh38 (hg38)": ("grch38", "hg38", "hs38", "gca_000001405.15", "gcf_000001405.26"),
    "GRCh37 (hg19)": ("grch37", "hg19", "hs37", "b37", "gca_000001405.1_", "gcf_000001405.13"),
    "T2T-CHM13v2.0": ("chm13", "t2t", "hs1.", "gca_009914755"),
    "NCBI36 (hg18)": ("ncbi36", "hg18", "b36"),
}
# UCSC's hg19 has another mitochondrion, NC_001807, than every other source's GRCh37.
HG19_MITOCHONDRION = 16571


def known_assembly(lengths: Mapping[str, int | None]) -> str | None:
    """The assembly that these contig lengths (names with or without "chr") belong to; None when none or several."""
    found = {
        _BY_CHROMOSOME.get((name.removeprefix("chr"), length)) for name, length in lengths.items() if length is not None
    } - {None}
    return found.pop() if len(found) == 1 else None


def named_assembly(text: str) -> str | None:
    """The assembly that a text such as "file:///refs/hs37d5.fa" names in one of the usual ways."""
    found = {assembly for assembly, names in NAMES.items() if any(name in text.lower() for name in names)}
    return found.pop() if len(found) == 1 else None


def other_assemblies(assembly: str) -> list[str]:
    """The known human assemblies but this one; none if it is not one of them."""
    own = named_assembly(assembly)
    return [known for known in _LENGTHS if known != own] if own else []


def lengths_of_all() -> dict[str, dict[str, int]]:
    """Of each known assembly the lengths of its chromosomes, without the mitochondrion."""
    return {assembly: dict(zip(_CHROMOSOMES, lengths, strict=True)) for assembly, lengths in _LENGTHS.items()}


def known_lengths(assembly: str) -> dict[str, int]:
    """The chromosomes of an assembly such as "GRCh38", without the mitochondrion, and their lengths."""
    (lengths,) = (found for name, found in lengths_of_all().items() if name.partition(" ")[0] == assembly)
    return lengths
