"""How fast the gene engine is, beside others on the same input in the same run.

    python -m scripts.bench.engine --fasta ref.fa --gff3 genes.gff3 [--kind genome] [--kind exome] [--profile]

Prints for each engine: variants a second of wall and of CPU time, the ratio of CPU time to that of `bcftools csq` (the
one in the pysam wheel), peak memory of its largest process, and the seconds that one variant takes (its start-up);
then the figures that the engine is measured by, each with what is asked for. What overlays cost is printed by
scripts/bench/overlays.py. SnpEff takes part where Debian's package is installed. Input is made from the given
reference: nothing is downloaded. Ratios are medians over rounds in which every engine has its turn.
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
# The least of csq's rate on one core, the least that a second worker brings, the most that tables cost, megabytes.
RATIOS = {"genome": 0.30, "exome": 0.25}
TWO_WORKERS = 1.8
TABLES_COST = 0.35
WORKER_MEMORY = 600
CSQ, OURS, TWO, TABLES = "bcftools csq", "gas", "gas, 2 workers", "gas, Parquet and summary"


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
    parser.add_argument("--kind", action="append", choices=list(RATIOS), help="default: both")
    parser.add_argument("--runs", type=int, default=3, help="of each engine, in turn; medians are printed")
    parser.add_argument("--profile", action="store_true", help="say where our time goes")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as name:
        folder = Path(name)
        bundle = build_bundle(folder / "bundle", chosen.fasta, chosen.gff3, [])
        engines = commands(folder, chosen.fasta, chosen.gff3, bundle)
        for kind in chosen.kind or list(RATIOS):
            many, one = folder / "many.vcf.gz", folder / "one.vcf.gz"
            variants = sorted(make_variants(chosen.fasta, chosen.gff3, kind, chosen.variants, random.Random(SEED)))
            write_vcf(many, chosen.fasta, variants)
            write_vcf(one, chosen.fasta, variants[len(variants) // 2 :][:1])
            print(f"{len(variants):,} variants, {kind}-like, medians of {chosen.runs} rounds")
            measured = measure(engines, many, chosen.runs)
            starts = {name: runs[0].wall for name, runs in measure(engines, one, 1).items()}
            table(measured, starts, len(variants))
            figures(measured, starts, kind)
            if chosen.profile:
                profile(many, bundle, folder / "profiled.vcf.gz")


def measure(engines: dict[str, list[str]], given: Path, runs: int) -> dict[str, list[Run]]:
    """Run every engine in turn, this often."""
    measured: dict[str, list[Run]] = {name: [] for name in engines}
    for _ in range(runs):
        for name, command in engines.items():
            measured[name].append(run([*command, str(given)]))
    return measured


def table(measured: dict[str, list[Run]], starts: dict[str, float], count: int) -> None:
    """Print a row for each engine."""
    print(f"{'engine':<26}{'var/s':>10}{'var/s CPU':>11}{'of csq':>8}{'peak MB':>9}{'start s':>9}")
    for name, done in measured.items():
        wall, cpu = (statistics.median(getattr(one_run, what) for one_run in done) for what in ("wall", "cpu"))
        memory = max(one_run.memory for one_run in done)
        of_csq = ratio(measured, CSQ, name, "cpu")
        print(f"{name:<26}{count / wall:>10,.0f}{count / cpu:>11,.0f}{of_csq:>8.2f}{memory:>9,.0f}{starts[name]:>9.2f}")


def figures(measured: dict[str, list[Run]], starts: dict[str, float], kind: str) -> None:
    """Print what the engine is measured by, and what is asked for."""
    cost = ratio(measured, TABLES, OURS, "cpu") - 1
    memory = max(one.memory for one in measured[TWO])
    print(f"{kind}-like ratio to csq: {ratio(measured, CSQ, OURS, 'cpu'):.2f} (asked: {RATIOS[kind]} or more)")
    print(f"two workers: {ratio(measured, OURS, TWO, 'wall'):.2f} times as fast (asked: {TWO_WORKERS} or more)")
    print(f"Parquet and summary: {cost:.0%} more CPU time (asked: {TABLES_COST:.0%} or less)")
    print(f"peak memory of a worker: {memory:,.0f} MB (asked: {WORKER_MEMORY} or less, for 5 million variants)")
    print(f"start-up: {starts[OURS]:.2f} s")


def ratio(measured: dict[str, list[Run]], one: str, other: str, what: str) -> float:
    """How much more an engine needs than another in the same round, the median."""
    rounds = zip(measured[one], measured[other], strict=True)
    return statistics.median(getattr(first, what) / getattr(second, what) for first, second in rounds)


def commands(folder: Path, fasta: Path, gff3: Path, bundle: Path) -> dict[str, list[str]]:
    """What to run for each engine; the input's path is appended."""
    csq = "import sys, pysam.bcftools as b; b.csq(*sys.argv[1:], catch_stdout=False)"
    options = ["-f", str(fasta), "-g", str(gff3), "-Oz", "-o", str(folder / "csq.vcf.gz")]
    gas = ours(bundle, folder / "gas.vcf.gz")
    found = {
        CSQ: [sys.executable, "-c", csq, *options],
        OURS: gas,
        TWO: [*gas, "--workers", "2"],
        TABLES: [
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
    """(contig number, POS, REF, ALT), in no order.

    Genome-like: each once. Exome-like: one may come again, because a small reference has too few coding bases for many
    different changes of one, and fewer of these would be another mixture than an exome's.
    """
    with pysam.FastaFile(str(fasta)) as reference:
        sequences = [reference.fetch(name).upper() for name in reference.references]
        names = {name: number for number, name in enumerate(reference.references)}
    places = exons(gff3, names) if kind == "exome" else [(n, 1, len(bases)) for n, bases in enumerate(sequences)]
    weights = [end - start + 1 for _, start, end in places]
    seen: set[tuple[int, int, str, str]] = set()
    made = 0
    for number, start, end in rng.choices(places, weights, k=2 * count):
        variant = make_variant(number, rng.randint(start, end), sequences[number], rng)
        if variant and (kind == "exome" or variant not in seen):
            seen.add(variant)
            made += 1
            yield variant
        if made == count:
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
