"""How fast the gene engine is, beside others on the same input in the same run.

    python -m scripts.bench.engine --fasta ref.fa --gff3 genes.gff3 [--kind genome|exome] [--profile]

Prints for each engine: variants a second of wall and of CPU time, the ratio to `bcftools csq` (the one in the pysam
wheel), peak memory of its largest process, and the seconds that one variant takes (its start-up). SnpEff takes part
where Debian's package is installed. Input is made from the given reference: nothing is downloaded.
"""

import argparse
import cProfile
import os
import pstats
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam

SEED = 20261123
# As the sets of the oracle have it: 85 of 100 variants are SNVs.
SNV_SHARE = 0.85
LONGEST_INDEL = 12
EXOME_PADDING = 10
BASES = "ACGT"


@dataclass(frozen=True)
class Run:
    """One finished command: seconds of wall and CPU time, megabytes of its largest process."""

    wall: float
    cpu: float
    memory: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", type=Path, required=True)
    parser.add_argument("--gff3", type=Path, required=True)
    parser.add_argument("--variants", type=int, default=500_000)
    parser.add_argument("--kind", choices=["genome", "exome"], default="genome")
    parser.add_argument("--runs", type=int, default=3, help="of each engine, in turn; medians are printed")
    parser.add_argument("--overlay", action="append", default=[], help="also measure with these overlays")
    parser.add_argument("--profile", action="store_true", help="say where our time goes")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as name:
        folder = Path(name)
        many, one = folder / "many.vcf.gz", folder / "one.vcf.gz"
        variants = sorted(make_variants(chosen.fasta, chosen.gff3, chosen.kind, chosen.variants, random.Random(SEED)))
        write_vcf(many, chosen.fasta, variants)
        write_vcf(one, chosen.fasta, variants[len(variants) // 2 :][:1])
        bundle = build_bundle(folder / "bundle", chosen.fasta, chosen.gff3, [])
        engines = commands(folder, chosen.fasta, chosen.gff3, bundle)
        if chosen.overlay:
            overlaid = build_bundle(folder / "overlaid", chosen.fasta, chosen.gff3, chosen.overlay)
            engines["gas, overlays"] = ours(overlaid, folder / "overlaid.vcf.gz")
        print(f"{len(variants):,} variants, {chosen.kind}-like, medians of {chosen.runs} runs in turn")
        table(engines, many, one, len(variants), chosen.runs)
        if chosen.profile:
            profile(many, bundle, folder / "profiled.vcf.gz")


def table(engines: dict[str, list[str]], many: Path, one: Path, count: int, runs: int) -> None:
    """Run every engine in turn and print a row for each."""
    measured: dict[str, list[Run]] = {name: [] for name in engines}
    for _ in range(runs):
        for name, command in engines.items():
            measured[name].append(run([*command, str(many)]))
    base = statistics.median(done.wall for done in measured["bcftools csq"])
    print(f"{'engine':<24}{'var/s':>10}{'var/s CPU':>11}{'of csq':>8}{'peak MB':>9}{'start s':>9}")
    for name, done in measured.items():
        wall, cpu = (statistics.median(getattr(one_run, what) for one_run in done) for what in ("wall", "cpu"))
        memory = max(one_run.memory for one_run in done)
        start = statistics.median(run([*engines[name], str(one)]).wall for _ in range(runs))
        print(f"{name:<24}{count / wall:>10,.0f}{count / cpu:>11,.0f}{base / wall:>8.2f}{memory:>9,.0f}{start:>9.2f}")


def commands(folder: Path, fasta: Path, gff3: Path, bundle: Path) -> dict[str, list[str]]:
    """What to run for each engine; the input's path is appended."""
    csq = "import sys, pysam.bcftools as b; b.csq(*sys.argv[1:], catch_stdout=False)"
    options = ["-f", str(fasta), "-g", str(gff3), "-Oz", "-o", str(folder / "csq.vcf.gz")]
    gas = ours(bundle, folder / "gas.vcf.gz")
    found = {
        "bcftools csq": [sys.executable, "-c", csq, *options],
        "gas": gas,
        "gas, 2 workers": [*gas, "--workers", "2"],
        "gas, Parquet and summary": [
            *gas, "--parquet", str(folder / "gas.parquet"), "--summary", str(folder / "gas.json"),
        ],
    }  # fmt: skip
    if snpeff := shutil.which("snpEff"):
        database = make_snpeff_database(folder / "snpeff", snpeff, fasta, gff3)
        found["SnpEff"] = ["sh", "-c", 'exec "$0" ann -noStats -c "$1" bench "$2" >/dev/null', snpeff, str(database)]
    return found


def ours(bundle: Path, output: Path) -> list[str]:
    """`gas annotate` without its input."""
    program = Path(sys.executable).with_name("gas")
    return [str(program), "annotate", "--bundle", str(bundle), "--output", str(output)]


def run(command: Sequence[str]) -> Run:
    """Run a command to its good end, its output thrown away. Raises CalledProcessError otherwise."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaints = process.stderr.read()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=complaints)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def build_bundle(out: Path, fasta: Path, gff3: Path, overlays: list[str]) -> Path:
    """A bundle of the given reference."""
    program = Path(sys.executable).with_name("gas")
    options = [part for overlay in overlays for part in ("--overlay", overlay)]
    given = ["--name", "bench", "--assembly", "bench", "--fasta", str(fasta), "--gff3", str(gff3), "--out", str(out)]
    subprocess.run([str(program), "reference", "build", *given, *options], check=True)
    return out


def make_variants(
    fasta: Path, gff3: Path, kind: str, count: int, rng: random.Random
) -> Iterator[tuple[int, int, str, str]]:
    """(contig number, POS, REF, ALT), in no order, at most `count`; each once."""
    with pysam.FastaFile(str(fasta)) as reference:
        sequences = [reference.fetch(name).upper() for name in reference.references]
        names = {name: number for number, name in enumerate(reference.references)}
    places = exons(gff3, names) if kind == "exome" else [(n, 1, len(bases)) for n, bases in enumerate(sequences)]
    weights = [end - start + 1 for _, start, end in places]
    seen: set[tuple[int, int, str, str]] = set()
    for number, start, end in rng.choices(places, weights, k=2 * count):
        variant = make_variant(number, rng.randint(start, end), sequences[number], rng)
        if variant and variant not in seen:
            seen.add(variant)
            yield variant
        if len(seen) == count:
            return


def make_variant(number: int, position: int, bases: str, rng: random.Random) -> tuple[int, int, str, str] | None:
    """A random variant at a place, None where the sequence has no plain bases or ends."""
    length = rng.randint(1, LONGEST_INDEL)
    reference = bases[position - 1 : position + length]
    if len(reference) <= length or set(reference) - set(BASES):
        return None
    first = reference[0]
    if rng.random() < SNV_SHARE:
        return number, position, first, rng.choice(BASES.replace(first, ""))
    if rng.random() < 0.5:
        return number, position, reference, first
    return number, position, first, first + "".join(rng.choices(BASES, k=length))


def exons(gff3: Path, names: dict[str, int]) -> list[tuple[int, int, int]]:
    """Coding exons with a little of what is around them: (contig number, start, end)."""
    found = set()
    for line in gff3.read_text("utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) > 4 and fields[2] == "CDS" and fields[0] in names:
            found.add((names[fields[0]], max(1, int(fields[3]) - EXOME_PADDING), int(fields[4]) + EXOME_PADDING))
    return sorted(found)


def write_vcf(path: Path, fasta: Path, variants: Sequence[tuple[int, int, str, str]]) -> None:
    """Write sorted variants, bgzipped."""
    with pysam.FastaFile(str(fasta)) as reference:
        names, lengths = reference.references, reference.lengths
    contigs = [f"##contig=<ID={name},length={length}>" for name, length in zip(names, lengths, strict=True)]
    lines = ["##fileformat=VCFv4.2", *contigs, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines += [f"{names[n]}\t{position}\t.\t{ref}\t{alt}\t50\tPASS\tDP=30" for n, position, ref, alt in variants]
    with pysam.BGZFile(str(path), "w") as file:
        file.write(("\n".join(lines) + "\n").encode())


def make_snpeff_database(folder: Path, program: str, fasta: Path, gff3: Path) -> Path:
    """Build SnpEff's database of the same reference; returns its configuration."""
    data = folder / "data" / "bench"
    data.mkdir(parents=True)
    shutil.copy(fasta, data / "sequences.fa")
    shutil.copy(gff3, data / "genes.gff")
    configuration = folder / "snpEff.config"
    configuration.write_text(f"data.dir = {folder / 'data'}\nbench.genome : bench\n", encoding="utf-8")
    build = [program, "build", "-gff3", "-noCheckCds", "-noCheckProtein", "-c", str(configuration), "bench"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return configuration


def profile(many: Path, bundle: Path, output: Path) -> None:
    """Annotate once under the profiler and print the functions that take most of the time."""
    from gas.annotation import engine, reference

    profiler = cProfile.Profile()
    options = engine.Options(many, reference.load(bundle), output)
    profiler.runcall(engine.annotate, options)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
