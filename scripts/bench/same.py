"""Whether two checkouts of GAS write the same files: for every change that should only be faster.

    python -m scripts.bench.same --other CHECKOUT [--oracle FOLDER] [--seed 1] [--variants 20000]

Annotates with both the inputs of the oracle (default: $GAS_ORACLE) and random ones near gene boundaries, and compares
the VCF below compression, the table and the summary. `--keep` holds what the other checkout wrote, for the next time.
"""

import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pysam

from scripts.bench.engine import BASES, write_vcf

# Each reference of the oracle, and the sets that are annotated with it.
SETS = {
    "refs/human_chr9_1mb": ("A1_human_exome10k", "A1_human_wgs10k", "A3_human_boundary"),
    "refs/yeast_chr1_2": ("B_yeast",),
    "refs/mt_rcrs": ("D_mt_course_samples/free_1.vcf", "D_mt_course_samples/test.vcf"),
    "synthetic": ("synthetic", "G_long_indels", "F_bad_input/*.vcf*"),
}
OUTPUTS = ("vcf.gz", "tsv", "json")
NEAR = 12


def main() -> None:
    """Compare, print a line for each input, exit 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=Path, required=True)
    parser.add_argument("--oracle", type=Path, default=os.environ.get("GAS_ORACLE"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variants", type=int, default=20_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", default="", help="a part of the inputs' names")
    chosen = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory(prefix="gas-same-") as name:
        kept = chosen.keep or Path(name) / "other"
        for reference, sets in SETS.items():
            folder = chosen.oracle / reference
            random_input = kept / f"{folder.name}.{chosen.seed}.{chosen.variants}.vcf.gz"
            if not random_input.exists():
                kept.mkdir(parents=True, exist_ok=True)
                write_vcf(random_input, folder / "ref.fa", awkward(folder, chosen.variants, random.Random(chosen.seed)))
            for given in [*inputs(chosen.oracle, sets), random_input]:
                if chosen.only in str(given):
                    different += not same(given, folder, Path.cwd(), chosen.other, Path(name) / "ours", kept)
    sys.exit(bool(different))


def inputs(oracle: Path, sets: tuple[str, ...]) -> Iterator[Path]:
    """The files of the sets."""
    for one in sets:
        yield from sorted(oracle.glob(one)) if "." in one else [oracle / one / "input.vcf.gz"]


def same(given: Path, reference: Path, ours: Path, other: Path, our_folder: Path, other_folder: Path) -> bool:
    """Annotate one input with both checkouts, unless the other has before, and print the first difference."""
    stem = f"{given.parent.name}.{given.name}"
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(annotate, ours, reference, given, our_folder, stem)]
        if not (other_folder / f"{stem}.said").exists():
            jobs.append(pool.submit(annotate, other, reference, given, other_folder, stem))
        for job in jobs:
            job.result()
    for suffix in ("said", *OUTPUTS):
        found = [content(folder / f"{stem}.{suffix}") for folder in (our_folder, other_folder)]
        if found[0] != found[1]:
            pairs = zip(*(text.splitlines() for text in found), strict=False)
            number, one, two = next(
                ((n, *pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1]), (0, b"", b"")
            )
            print(f"DIFFERENT {stem} {suffix} line {number}\n  ours  {first_difference(one, two)}")
            print(f"  other {first_difference(two, one)}")
            return False
    print(f"same      {stem} {len(content(our_folder / f'{stem}.vcf.gz')):,} bytes", flush=True)
    return True


def first_difference(one: bytes, two: bytes) -> str:
    """The record's beginning and the part of `one` where it departs from `two`."""
    place = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    return f"{one[:60]!r} ... {one[max(0, place - 150) : place + 150]!r}"


def content(path: Path) -> bytes:
    """A file's bytes, decompressed; nothing for one that is not there."""
    if not path.exists():
        return b""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def annotate(checkout: Path, reference: Path, given: Path, folder: Path, stem: str) -> None:
    """Run a checkout's `gas annotate` and keep what it wrote and said."""
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / f"bundle.{reference.name}"
    if not bundle.exists():
        parts = {"name": "same", "assembly": "same", "fasta": reference / "ref.fa", "gff3": reference / "genes.gff3"}
        gas(checkout, "reference", "build", "--out", bundle, *(o for k, v in parts.items() for o in (f"--{k}", v)))
    vcf, tsv, json = (folder / f"{stem}.{suffix}" for suffix in OUTPUTS)
    said = gas(checkout, "annotate", "--bundle", bundle, "-o", vcf, "--tsv", tsv, "--summary", json, given)
    (folder / f"{stem}.said").write_text(said)


def gas(checkout: Path, *arguments: object) -> str:
    """What a checkout's command says; the checkout comes first on Python's path because it is the working folder."""
    command = [sys.executable, "-c", "from gas.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=checkout, stderr=subprocess.PIPE, text=True).stderr


def awkward(reference: Path, count: int, rng: random.Random) -> list[tuple[int, int, str, str]]:
    """Sorted random variants, most of them near where an exon, a CDS or a transcript begins or ends."""
    with pysam.FastaFile(str(reference / "ref.fa")) as fasta:
        names = {name: number for number, name in enumerate(fasta.references)}
        sequences = [fasta.fetch(name).upper() for name in fasta.references]
    edges = sorted(
        {
            (names[fields[0]], int(fields[column]))
            for fields in (line.split("\t") for line in (reference / "genes.gff3").read_text("utf-8").splitlines())
            if len(fields) > 4 and fields[0] in names
            for column in (3, 4)
        }
    )
    made = set()
    while len(made) < count:
        number, place = rng.choice(edges)
        length = len(sequences[number])
        place = rng.randint(1, length) if rng.random() < 0.1 else place + rng.randint(-NEAR, NEAR)
        if rng.random() < 0.4:
            place += rng.randint(-150, 150)
        if variant := alleles(sequences[number], place, rng):
            made.add((number, place, *variant))
    return sorted(made)


def alleles(bases: str, position: int, rng: random.Random) -> tuple[str, str] | None:
    """REF and ALT of a random record; None where the sequence has no plain bases or ends."""
    size = rng.choice((1, 1, 2, 3, 3, 4, 5, 6, 9, 12, 17, 30))
    around = bases[max(position - 1, 0) : position + size]
    if position < 1 or len(around) <= size or set(around) - set(BASES):
        return None
    inserted = "".join(rng.choices(BASES, k=size))
    repeated = bases[position : position + size] if rng.random() < 0.5 else bases[max(position - size, 0) : position]
    deletion, insertion, duplication = (
        (around, around[0]),
        (around[0], around[0] + inserted),
        (
            around[0],
            around[0] + repeated,
        ),
    )
    substitution = around[0], rng.choice(BASES)
    kinds = [substitution, substitution, deletion, deletion, insertion, duplication]
    kinds += [(around, around[0] + inserted), (around[:size], inserted), (around, inserted + around[-1])]
    ref, alt = rng.choice(kinds)
    if rng.random() < 0.05:
        alt += "," + rng.choice(("*", "<DEL>", rng.choice(BASES), ref + "A", ref[0], "N", inserted.lower()))
    if rng.random() < 0.02:
        ref, alt = ref.lower(), alt.lower()
    return None if ref.upper() in alt.upper().split(",") else (ref, alt)


if __name__ == "__main__":
    main()
