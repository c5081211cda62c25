"""What overlays cost: to build them, and on top of annotation.

    python -m scripts.bench.overlays --fasta ref.fa --gff3 genes.gff3 [--variants 200000]

Makes an overlay as dense as gnomAD's genomes, with an INFO column of their length, and one as dense as ClinVar, of
which the annotated file shares as much as a person's does; then annotates that file with a bundle that has neither, in
turn with one that has both; the fields are those of scripts/build-reference. Nothing is downloaded.
"""

import argparse
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pysam

from scripts.bench.engine import BASES, SEED, build_bundle, make_variant, make_variants, ours, run, write_vcf

# gnomAD 4.1 has 760 million alleles and ClinVar 3 million, on 3.1 gigabases.
GNOMAD_PER_BASE, CLINVAR_PER_BASE = 0.245, 0.001
# Of a person's variants nearly all are in gnomAD, and some in ClinVar.
IN_GNOMAD, IN_CLINVAR = 0.95, 0.02
# The most that both may cost.
COST = 0.15
POPULATIONS = ("afr", "ami", "amr", "asj", "eas", "fin", "mid", "nfe", "remaining", "sas")
SIGNIFICANCES = ("Benign", "Likely_benign", "Uncertain_significance", "Likely_pathogenic", "Pathogenic")

Variant = tuple[int, int, str, str]

GNOMAD_HEADER = """##INFO=<ID=AC,Number=A,Type=Integer,Description="Alternate allele count">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Total number of alleles">
##INFO=<ID=AF,Number=A,Type=Float,Description="Alternate allele frequency">
##INFO=<ID=nhomalt,Number=A,Type=Integer,Description="Count of homozygous individuals">
##INFO=<ID=AF_grpmax,Number=A,Type=Float,Description="Allele frequency of the group where it is highest">
"""
CLINVAR_HEADER = """##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Aggregate germline classification">
##INFO=<ID=CLNDN,Number=.,Type=String,Description="Preferred disease name">
##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="Review status">
##INFO=<ID=ALLELEID,Number=1,Type=Integer,Description="ClinVar Allele ID">
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", type=Path, required=True)
    parser.add_argument("--gff3", type=Path, required=True)
    parser.add_argument("--variants", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5, help="of each bundle, in turn; medians are printed")
    chosen = parser.parse_args()
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as name:
        folder = Path(name)
        variants = sorted(make_variants(chosen.fasta, chosen.gff3, "genome", chosen.variants, rng))
        many = folder / "many.vcf.gz"
        write_vcf(many, chosen.fasta, variants)
        gnomad = overlay(folder / "gnomad.vcf.gz", chosen.fasta, variants, IN_GNOMAD, GNOMAD_PER_BASE, rng)
        clinvar = overlay(folder / "clinvar.vcf.gz", chosen.fasta, variants, IN_CLINVAR, CLINVAR_PER_BASE, rng)
        given = [f"GNOMAD={gnomad}:AF,AF_grpmax,nhomalt", f"CLINVAR={clinvar}:CLNSIG,CLNREVSTAT,CLNDN"]
        measure_building(folder, chosen.fasta, chosen.gff3, given)
        bundles = {
            "without": build_bundle(folder / "without", chosen.fasta, chosen.gff3, []),
            "with both": folder / "built1",
        }
        measure_annotating(folder, bundles, many, len(variants), chosen.runs)


def measure_building(folder: Path, fasta: Path, gff3: Path, given: Sequence[str]) -> None:
    """Print how long a bundle takes with no, the large and both overlays."""
    program = str(Path(ours(folder, folder)[0]))
    for number, overlays in enumerate((given[:1], given)):
        options = [part for one in overlays for part in ("--overlay", one)]
        out = folder / f"built{number}"
        command = [program, "reference", "build", "--name", "bench", "--assembly", "bench", "--fasta", str(fasta)]
        done = run([*command, "--gff3", str(gff3), *options, "--out", str(out)])
        size = sum(path.stat().st_size for path in (out / "overlays").rglob("*") if path.is_file())
        names = " and ".join(one.partition("=")[0] for one in overlays)
        print(f"building {names}: {done.wall:.1f} s, {done.memory:,.0f} MB at most, {size:,} bytes")


def measure_annotating(folder: Path, bundles: dict[str, Path], many: Path, count: int, runs: int) -> None:
    """Print variants a second with each bundle, and the cost of the second."""
    seconds: dict[str, list[float]] = {name: [] for name in bundles}
    for _ in range(runs):
        for name, bundle in bundles.items():
            seconds[name].append(run([*ours(bundle, folder / "out.vcf.gz"), str(many)]).cpu)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    for name, median in medians.items():
        print(f"annotating {name}: {count / median:,.0f} variants a second of CPU time")
    without, both = medians.values()
    print(f"overlays: {both / without - 1:.1%} more CPU time (asked: {COST:.0%} or less)")


def overlay(
    path: Path, fasta: Path, variants: Sequence[Variant], shared: float, per_base: float, rng: random.Random
) -> Path:
    """Write a VCF with some of the variants and as many others as its density asks for."""
    with pysam.FastaFile(str(fasta)) as reference:
        names, sequences = reference.references, [reference.fetch(name).upper() for name in reference.references]
    chosen = {variant for variant in variants if rng.random() < shared}
    wanted = int(per_base * sum(map(len, sequences)))
    numbers = rng.choices(range(len(sequences)), [len(bases) for bases in sequences], k=3 * wanted)
    for number in numbers:
        if len(chosen) >= wanted:
            break
        variant = make_variant(number, rng.randint(1, len(sequences[number])), sequences[number], rng)
        if variant:
            chosen.add(variant)
    info, header = (gnomad_info, GNOMAD_HEADER) if per_base == GNOMAD_PER_BASE else (clinvar_info, CLINVAR_HEADER)
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    with pysam.BGZFile(str(path), "w") as file:
        file.write(f"##fileformat=VCFv4.2\n{header}{columns}\n".encode())
        # Not all at once: a child's peak memory counts what its parent holds.
        for n, position, ref, alt in sorted(chosen):
            line = f"{names[n]}\t{position}\t.\t{ref}\t{alt}\t.\tPASS\t{';'.join(info(rng))}\n"
            file.write(line.encode())
    return path


def gnomad_info(rng: random.Random) -> Iterator[str]:
    """INFO entries like those of gnomAD: the groups' numbers, and VEP's annotation."""
    total = 152_000 - 2 * rng.randint(0, 1000)
    count = rng.choice((1, 1, 1, 2, 3, rng.randint(1, total)))
    yield from (f"AC={count}", f"AN={total}", f"AF={count / total:.5e}", "grpmax=nfe")
    yield f"AF_grpmax={min(1, 3 * count / total):.5e}"
    for population in POPULATIONS:
        for sex in ("", "_XX", "_XY"):
            group = f"{population}{sex}"
            part = rng.randint(0, count)
            yield f"AC_{group}={part};AN_{group}={total // 10};AF_{group}={part / total:.5e};nhomalt_{group}=0"
    yield f"nhomalt={count // 1000}"
    yield "vep=" + ",".join(f"{rng.choice(BASES)}|intron_variant|MODIFIER|GENE|{n}{'|' * 30}" for n in range(5))


def clinvar_info(rng: random.Random) -> Iterator[str]:
    """INFO entries like those of ClinVar."""
    yield f"ALLELEID={rng.randint(1, 4_000_000)}"
    yield f"CLNDN={'|'.join(f'Disease_{rng.randint(1, 9999)}' for _ in range(rng.randint(1, 3)))}"
    yield "CLNHGVS=NC_000009.12:g.1A>C"
    yield "CLNREVSTAT=criteria_provided,_single_submitter"
    yield f"CLNSIG={rng.choice(SIGNIFICANCES)}"


if __name__ == "__main__":
    main()
