"""The bundle that fuzzers annotate against: the synthetic genome with its genes, and two small overlays."""

from pathlib import Path

from gas.annotation import reference
from gas.annotation.overlays import OverlaySpec
from gas.annotation.reference import Bundle
from tests.unit.gas.annotation.agreement import SYNTHETIC


def build(folder: Path) -> Bundle:
    """Build it in `folder`."""
    scores, regions = folder / "scores.vcf", folder / "regions.bed"
    sequence = "".join((SYNTHETIC / "ref.fa").read_text().split(">")[1].split("\n")[1:]).upper()
    rows = []
    for place in range(1, 3000, 3):
        ref, known = sequence[place - 1], f"AF=0.{place % 97:02d};CLNSIG={'Benign' if place % 2 else 'Pathogenic'}"
        rows += [f"syn1\t{place}\t.\t{ref}\t{alt}\t.\t.\t{known}" for alt in "ACGT" if ref != "N" and alt != ref]
    scores.write_text(
        "##fileformat=VCFv4.2\n"
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">\n'
        '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Class">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "\n".join(rows) + "\n"
    )
    regions.write_text("syn1\t100\t900\tone\nsyn2\t0\t500\ttwo\nMT\t5\t50\tthree\n")
    overlays = [OverlaySpec("KNOWN", scores, ("AF", "CLNSIG")), OverlaySpec("PART", regions, ("name",))]
    genome, genes = SYNTHETIC / "ref.fa", SYNTHETIC / "genes.gff3"
    return reference.build("synthetic", "made up", genome, genes, overlays, folder / "bundle")
