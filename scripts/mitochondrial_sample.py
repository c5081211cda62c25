"""A sample input: about a thousand known variants of the human mitochondrion with the genotypes of a made-up person."""

import random
from collections.abc import Iterable

Allele = tuple[int, str, str]

# Variants everybody in the field knows: MELAS, Leber's optic neuropathy, NARP.
WELL_KNOWN: tuple[Allele, ...] = ((3243, "A", "G"), (8993, "T", "G"), (11778, "G", "A"))
_SEED = 16569


def choose(disease: Iterable[Allele], others: Iterable[Allele], size: int) -> list[Allele]:
    """`size` alleles in genome order, evenly spread: the well-known ones, up to half from `disease`, the rest others.

    A fifth of each group may be insertions and deletions.
    """
    chosen = dict.fromkeys(WELL_KNOWN)
    taken = {pos for pos, _, _ in WELL_KNOWN}  # these stand alone in their records
    for alleles, upto in ((disease, size // 2), (others, size)):
        candidates = sorted(allele for allele in set(alleles).difference(chosen) if allele[0] not in taken)
        indels = [allele for allele in candidates if len(allele[1]) != len(allele[2])]
        rest = [allele for allele in candidates if len(allele[1]) == len(allele[2])]
        wanted = upto - len(chosen)
        few = _spread(indels, min(len(indels), wanted // 5))
        chosen |= dict.fromkeys([*few, *_spread(rest, wanted - len(few))])
    return sorted(chosen)


def _spread(alleles: list[Allele], wanted: int) -> list[Allele]:
    """`wanted` of the alleles at even distances; all if there are not so many."""
    if wanted >= len(alleles):
        return alleles
    return [alleles[index * len(alleles) // wanted] for index in range(wanted)]


def vcf(alleles: Iterable[Allele], contig: str, length: int, source: str) -> str:
    """The alleles as a VCF 4.2 with one sample; alleles at one place with one REF share a record."""
    lines = [
        "##fileformat=VCFv4.2",
        f"##source={source}",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        f"##contig=<ID={contig},length={length}>",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tSAMPLE",
    ]
    # The same numbers every time: nothing hangs on them.
    rng = random.Random(_SEED)
    places: dict[tuple[int, str], list[str]] = {}
    for pos, ref, alt in alleles:
        places.setdefault((pos, ref), []).append(alt)
    for (pos, ref), alts in places.items():
        depth = rng.randint(800, 4000)
        # Most mitochondrial variants are in all copies; the others (heteroplasmy) show as a mixture.
        if len(alts) == 1 and rng.random() < 0.7:
            genotype, reads = "1/1", [depth]
        else:
            genotype = "/".join(str(number) for number in range(len(alts) + 1))
            reads = [max(1, int(depth * rng.uniform(0.05, 0.9 / len(alts)))) for _ in alts]
        counts = ",".join(map(str, [max(0, depth - sum(reads)), *reads]))
        call = f"GT:AD:DP\t{genotype}:{counts}:{depth}"
        lines.append(f"{contig}\t{pos}\t.\t{ref}\t{','.join(alts)}\t{min(depth, 3000)}\tPASS\t.\t{call}")
    return "\n".join(lines) + "\n"
