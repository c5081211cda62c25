"""How long a whole genome takes: building its bundle, opening it, and a small file annotated from cold.

    python -m scripts.bench.whole_genome --fasta slice.fa --gff3 slice.gff3 [--transcripts 252000] [--keep FOLDER]

Makes a genome of the human one's size out of a small piece of one: the piece's sequence is repeated over contigs of
GRCh38's lengths, and its genes with it until there are as many transcripts as Ensembl's human set has. Nothing is
downloaded. Needs about 8 GB of disk in $TMPDIR and, with --keep, leaves the bundle in FOLDER.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gas.annotation.assemblies import known_lengths

SEED = 20261125
VARIANTS = 1000
RUNS = 5
LINE = 60


@dataclass(frozen=True)
class Piece:
    """The piece that is repeated: its one contig's bases, and the columns of its gene rows."""

    bases: str
    rows: list[list[str]]
    transcripts: int


def main() -> None:
    """Make the genome, build its bundle, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", type=Path, required=True, help="the piece's sequence, one contig")
    parser.add_argument("--gff3", type=Path, required=True, help="the piece's genes")
    parser.add_argument("--transcripts", type=int, default=252_000)
    parser.add_argument("--keep", type=Path, help="leave the bundle in this folder")
    chosen = parser.parse_args()
    piece = read_piece(chosen.fasta, chosen.gff3)
    with tempfile.TemporaryDirectory(prefix="gas-genome-") as name:
        folder = Path(name)
        bundle = chosen.keep or folder / "bundle"
        if not bundle.exists():
            fasta, gff3 = folder / "genome.fa", folder / "genes.gff3"
            rows = write_genome(piece, chosen.transcripts, fasta, gff3)
            print(f"{fasta.stat().st_size / 1e9:.2f} GB of sequence, {rows:,} rows of gene models")
            sources = ("--assembly", "GRCh38", "--fasta", str(fasta), "--gff3", str(gff3))
            seconds, cpu, memory = run("reference", "build", "--name", "whole", *sources, "--out", str(bundle))
            print(f"build      {seconds:8.1f} s, {cpu:.1f} s CPU, {memory:7.0f} MB peak of its largest process")
            fasta.unlink()
        size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
        print(f"bundle     {size / 1e9:8.2f} GB")
        opening = statistics.median(open_seconds(bundle) for _ in range(RUNS))
        print(f"opening    {opening:8.3f} s")
        vcf = folder / "variants.vcf"
        write_variants(bundle, vcf)
        command = ("annotate", str(vcf), "--bundle", str(bundle), "-o", str(folder / "out.vcf.gz"))
        done = [run(*command) for _ in range(RUNS)]
        wall, cpu = (statistics.median(column) for column in list(zip(*done, strict=True))[:2])
        memory = max(size for _, _, size in done)
        print(
            f"annotating {wall:8.2f} s, {cpu:.2f} s CPU, {memory:7.0f} MB peak: {VARIANTS:,} variants, a cold process"
        )


def read_piece(fasta: Path, gff3: Path) -> Piece:
    """The first contig of the FASTA and the gene rows."""
    text = fasta.read_text().split(">")[1].splitlines()
    rows = [line.split("\t") for line in gff3.read_text().splitlines() if line and line[0] != "#"]
    return Piece("".join(text[1:]), rows, sum("ID=transcript:" in columns[8] for columns in rows))


def write_genome(piece: Piece, transcripts: int, fasta: Path, gff3: Path) -> int:
    """Write both files; returns how many gene rows there are."""
    lengths = known_lengths("GRCh38")
    total = sum(lengths.values())
    copies = round(transcripts / piece.transcripts)
    written = 0
    doubled = piece.bases * 2
    with fasta.open("w") as sequence, gff3.open("w") as genes:
        genes.write("##gff-version 3\n")
        made = 0
        for name, length in lengths.items():
            sequence.write(f">{name}\n")
            for start in range(0, length, LINE):
                place = start % len(piece.bases)
                sequence.write(doubled[place : place + min(LINE, length - start)] + "\n")
            here = min(round(copies * length / total), length // len(piece.bases))
            for copy in range(here):
                made += 1
                shift = copy * (length // len(piece.bases) // here) * len(piece.bases)
                for line in shifted(piece.rows, name, shift, made):
                    genes.write(line)
                    written += 1
    return written


def shifted(rows: list[list[str]], contig: str, shift: int, copy: int) -> Iterator[str]:
    """The piece's gene rows at another place, their identifiers made new."""
    for columns in rows:
        attributes = columns[8]
        for mark in ("gene:", "transcript:", "CDS:", "transcript_id=", "gene_id=", "protein_id="):
            attributes = attributes.replace(mark, f"{mark}C{copy}")
        place = (str(int(columns[3]) + shift), str(int(columns[4]) + shift))
        yield "\t".join([contig, *columns[1:3], *place, *columns[5:8], attributes]) + "\n"


def write_variants(bundle: Path, vcf: Path) -> None:
    """A sorted file of single-base changes and short indels, all over the genome."""
    from gas.annotation import reference

    opened = reference.load(bundle)
    rng = random.Random(SEED)
    names = list(opened.contigs)
    weights = [opened.contigs[name].length for name in names]
    places = sorted(
        (names.index(name), rng.randrange(1, opened.contigs[name].length - 10))
        for name in rng.choices(names, weights, k=VARIANTS)
    )
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    for index, position in places:
        bases = opened.sequence(names[index])[position - 1 : position + 3]
        ref = bases[: rng.choice((1, 1, 1, 1, 1, 1, 2, 4))]
        alt = ref[0] if len(ref) > 1 else rng.choice([base for base in "ACGT" if base != ref])
        lines.append(f"{names[index]}\t{position}\t.\t{ref}\t{alt}\t.\tPASS\t.")
    vcf.write_text("\n".join(lines) + "\n")


def open_seconds(bundle: Path) -> float:
    """Seconds that loading the bundle and finding one contig's genes takes, imports apart."""
    code = (
        "import sys, time; from gas.annotation import engine, reference, segments; began = time.perf_counter(); "
        "bundle = reference.load(sys.argv[1]); found = segments.open_segments(bundle, next(iter(bundle.contigs))); "
        "found.near(1_000_000, 1_000_000); print(time.perf_counter() - began)"
    )
    return float(subprocess.run([sys.executable, "-c", code, str(bundle)], check=True, capture_output=True).stdout)


def run(*arguments: str) -> tuple[float, float, float]:
    """Run `gas`; returns seconds of wall and of CPU time, and megabytes of its largest process."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", "from gas.cli import main; main()", *arguments], stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"gas {arguments[0]} failed: {said}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
