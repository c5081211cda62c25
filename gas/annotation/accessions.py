"""Human chromosomes under other names: RefSeq accessions, which dbSNP and NCBI's gene models use.

Versions: NCBI assemblies GCF_000001405.25 (GRCh37.p13) and GCF_000001405.40 (GRCh38.p14); patches do not change them.
"""

import re

_CHROMOSOMES = (*map(str, range(1, 23)), "X", "Y")
_VERSIONS = {
    "GRCh37": (10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9),
    "GRCh38": (11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11, 11, 10),
}
_FAMILIES = {
    "GRCh37": re.compile(r"grch37|hg19|\bb37\b|hs37", re.IGNORECASE),
    "GRCh38": re.compile(r"grch38|hg38|hs38", re.IGNORECASE),
}


def family(assembly: str) -> str | None:
    """The human assembly that a name such as "hg19" or "GRCh38.p14" means, without its patch; None for others."""
    found = [name for name, pattern in _FAMILIES.items() if pattern.search(assembly)]
    return found[0] if len(found) == 1 else None


def synonyms(name: str, assembly: str) -> tuple[str, ...]:
    """Other names of a chromosome of this assembly: for "9" or "chr9" its accession, for its accession both of them."""
    versions = _VERSIONS.get(family(assembly) or "")
    if versions is None:
        return ()
    accessions = {
        chromosome: f"NC_{number:06d}.{version}"
        for number, (chromosome, version) in enumerate(zip(_CHROMOSOMES, versions, strict=True), 1)
    }
    for chromosome, accession in accessions.items():
        if name == accession:
            return (chromosome, f"chr{chromosome}")
        if name in (chromosome, f"chr{chromosome}"):
            return (accession,)
    return ()
