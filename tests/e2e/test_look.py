"""What the upload page says of a file before it is sent, in a real browser, over files that a test wrote itself."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest
from playwright.sync_api import Request, expect

from gas.annotation import reference
from scripts.local.stack import Stack
from tests.e2e.conftest import Visit

PROGRAMS = ("web",)
BUNDLE = "small-human"
# GRCh37's; the reference of these tests is a little "GRCh38".
LENGTHS_37 = {"1": 249250621, "2": 243199373}
GENES = """##gff-version 3
chr1\tx\tgene\t101\t400\t.\t+\t.\tID=gene:G1;Name=ONE;biotype=lncRNA;gene_id=G1
chr1\tx\tlnc_RNA\t101\t400\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=lncRNA;transcript_id=T1
chr1\tx\texon\t101\t400\t.\t+\t.\tParent=transcript:T1;rank=1;exon_id=E1
"""
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"

pytestmark = pytest.mark.xdist_group("look")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[dict[str, str], tuple[str, ...]], Stack]) -> Stack:
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "ref.fa").write_text(f">chr1\n{'ACGT' * 500}\n>chr2\n{'GATTACA' * 200}\n")
    (folder / "genes.gff3").write_text(GENES)
    reference.build(BUNDLE, "GRCh38", folder / "ref.fa", folder / "genes.gff3", [], folder / BUNDLE)
    return serve({"GAS_BUNDLES_DIR": str(folder), "GAS_BUNDLE": BUNDLE}, PROGRAMS)


def vcf(*records: str, head: str = "", samples: int = 0) -> str:
    """A VCF of records such as "1 5 A C"."""
    names = "".join(f"\tS{number}" for number in range(1, samples + 1))
    columns = f"{COLUMNS}\tFORMAT{names}" if samples else COLUMNS
    lines = ["##fileformat=VCFv4.2", *filter(None, head.split("\n")), columns]
    for record in records:
        chrom, pos, ref, alt = record.split()
        lines.append(f"{chrom}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t." + ("\tGT" + "\t0/1" * samples if samples else ""))
    return "\n".join(lines) + "\n"


def contigs(lengths: dict[str, int], prefix: str = "") -> str:
    return "\n".join(f"##contig=<ID={prefix}{name},length={length}>" for name, length in lengths.items())


class Looked:
    """The row of a file that was chosen while the upload itself cannot begin."""

    def __init__(self, visit: Visit, folder: Path) -> None:
        self.visit, self.folder = visit, folder
        self.begun: list[str] = []
        visit.page.on("request", self._note)
        # Nothing is uploaded, so that a row stays as it is after the look.
        visit.page.route("**/annotate/uploads", lambda route: None)

    def _note(self, request: Request) -> None:
        if request.url.endswith("/annotate/uploads"):
            self.begun.append(request.url)

    def at(self, content: str | bytes, name: str = "sample.vcf") -> "Looked":
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.at_file(path)

    def at_file(self, path: Path) -> "Looked":
        self.visit.choose(path)
        return self

    def has(self, *facts: str) -> "Looked":
        expect(self.visit.row.locator('[data-part="facts"]')).to_have_text(" · ".join(facts))
        return self

    def says(self, *sentences: str) -> "Looked":
        """These and no others, and the file is on its way."""
        expect(self.visit.row.locator('[data-part="notes"] li')).to_have_text(list(sentences))
        expect(self.visit.row).to_have_attribute("data-state", "preparing")
        return self

    def is_held(self, sentence: str) -> None:
        expect(self.visit.status).to_have_text(sentence)
        expect(self.visit.row).to_have_attribute("data-state", "held")
        assert self.begun == []


@pytest.fixture
def looked(visit: Visit, tmp_path: Path) -> Looked:
    return Looked(visit, tmp_path)


def test_a_file_that_fits(looked: Looked) -> None:
    file = vcf("chr1 5 A C", "chr1 9 A G", "chr2 3 T C", head=contigs({"chr1": 2000, "chr2": 1400}), samples=3)
    looked.at(file).has(
        "VCF 4.2", "not compressed", "3 samples", "GRCh38", "names with chr", "sorted", "3 variants"
    ).says()


def test_the_wrong_assembly_is_caught_and_can_be_sent_all_the_same(looked: Looked) -> None:
    looked.at(vcf("1 5 A C", head=contigs(LENGTHS_37))).is_held(
        "The file was made against GRCh37 (hg19): its 1 has 249,250,621 bases, and that of GRCh38, "
        f"the reference {BUNDLE} here, has 2,000."
    )
    looked.has("VCF 4.2", "not compressed", "no samples", "GRCh37 (hg19)", "names without chr", "sorted", "1 variant")
    anyway = looked.visit.page.get_by_role("button", name="Upload it all the same: sample.vcf")
    anyway.focus()
    looked.visit.page.keyboard.press("Enter")
    expect(looked.visit.row).to_have_attribute("data-state", "preparing")
    looked.visit.page.wait_for_timeout(50)
    assert len(looked.begun) == 1


def test_an_assembly_that_is_only_named_is_said_and_not_held(looked: Looked) -> None:
    looked.at(vcf("chr1 5 A C", head="##reference=file:///refs/hs37d5.fa")).says(
        "Its header names GRCh37 (hg19), and the reference here is GRCh38: see that they belong together."
    )


def test_names_without_chr_are_understood(looked: Looked) -> None:
    looked.at(vcf("1 5 A C", "2 3 T C")).has(
        "VCF 4.2", "not compressed", "no samples", "assembly not stated", "names without chr", "sorted", "2 variants"
    ).says("The reference calls 1 chr1; both names are understood.")


@pytest.mark.parametrize("records", [("chr1 9 A C", "chr1 5 A G"), ("chr1 9 A C", "chr2 7 G A", "chr1 13 A C")])
def test_what_is_not_sorted(looked: Looked, records: tuple[str, ...]) -> None:
    looked.at(vcf(*records)).says(
        f"Record {len(records)} is out of order; the file will be sorted first, which takes longer."
    )
    expect(looked.visit.row.locator('[data-part="facts"]')).to_contain_text("not sorted")


def many(records: int) -> str:
    return vcf(*[f"chr1 {1 + number % 2000} A C" for number in range(records)], samples=2)


def number_of(words: str) -> float:
    match = re.search(r"about ([\d.]+) (thousand|million) variants", words)
    assert match
    return float(match[1]) * {"thousand": 1e3, "million": 1e6}[match[2]]


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip"])
def test_large_files_are_estimated_from_their_beginning(looked: Looked, kind: str, tmp_path: Path) -> None:
    text = many(200_000)
    if kind == "bgzip":
        with pysam.BGZFile(str(tmp_path / "large.vcf.gz"), "w") as out:
            out.write(text.encode())
        looked.at_file(tmp_path / "large.vcf.gz")
    else:
        content = gzip.compress(text.encode(), 6) if kind == "gzip" else text.encode()
        looked.at(content, "large.vcf")
    facts = looked.visit.row.locator('[data-part="facts"]')
    expect(facts).to_contain_text("variants")
    words = facts.inner_text()
    assert {"plain": "not compressed"}.get(kind, f" {kind} ") in words
    assert "2 samples" in words
    assert 120_000 < number_of(words) < 320_000


def test_a_bgzip_file_that_was_cut_off(looked: Looked, tmp_path: Path) -> None:
    whole = tmp_path / "whole.vcf.gz"
    with pysam.BGZFile(str(whole), "w") as out:
        out.write(many(1000).encode())
    looked.at(whole.read_bytes()[:-28], "cut.vcf.gz").is_held(
        "The bgzip file is cut off: its end is missing. Copy or compress it again, whole."
    )


def test_bcf(looked: Looked, tmp_path: Path) -> None:
    (tmp_path / "x.vcf").write_text(
        vcf(
            "chr1 9 A C",
            "chr1 5 A G",
            head=contigs({"chr2": 1400, "chr1": 2000}) + '\n##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
            samples=1,
        )
    )
    given = pysam.VariantFile(str(tmp_path / "x.vcf"))
    with given, pysam.VariantFile(str(tmp_path / "x.bcf"), "wb", header=given.header) as out:
        for record in given:
            out.write(record)
    looked.at_file(tmp_path / "x.bcf").has(
        "BCF 4.2", "1 sample", "GRCh38", "names with chr", "not sorted", "2 variants"
    ).says("Record 2 is out of order; the file will be sorted first, which takes longer.")


NOT_VCF = "The file is not a VCF: it does not begin with header lines such as ##fileformat=VCFv4.2."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"Dear diary,\ntoday no variant was called.\n", NOT_VCF),
        (bytes(range(1, 200)) * 500, NOT_VCF),
        (
            b"PK\x03\x04whatever",
            "The file is a zip archive (or an office document); unpack it and upload the VCF inside it.",
        ),
        (
            gzip.compress(b"BAM\x01" + b"\0" * 99),
            "The compressed file is BAM (alignments), not VCF; call variants first, then upload the VCF.",
        ),
        (
            b"<!DOCTYPE html><title>404</title>",
            "The file is an HTML page, perhaps an error page saved by a download; upload the VCF itself.",
        ),
        (b"##fileformat=VCFv4.2\n##contig=<ID=chr1>\n", "The file ends without a #CHROM line; it may be cut off."),
        (
            vcf("chr1 5 A C").replace("\t", " ").replace("#CHROM POS", "#CHROM\tPOS").encode(),
            "The columns of line 3 are separated by spaces; a VCF has tabs. Write it again with tabs.",
        ),
        (
            vcf("chrUn_1 5 A C", "scaffold9 5 A C").encode(),
            f"No contig seen in the file (chrUn_1, scaffold9) is in the reference {BUNDLE} (GRCh38), "
            "which has chr1, chr2.",
        ),
    ],
    ids=["text", "bytes", "zip", "bam", "html", "cut", "spaces", "contigs"],
)
def test_what_cannot_be_annotated_is_held(looked: Looked, content: bytes, sentence: str) -> None:
    looked.at(content, "any.vcf").is_held(sentence)


def test_a_header_longer_than_the_look_is_no_fault(looked: Looked) -> None:
    head = "\n".join(f"##note{number}={'x' * 60}" for number in range(3000))
    looked.at(vcf("chr1 5 A C", head=head)).has("VCF 4.2", "not compressed", "assembly not stated").says()


def test_a_reference_that_cannot_be_had_holds_nothing_up(looked: Looked) -> None:
    looked.visit.page.route("**/annotate/reference", lambda route: route.abort())
    looked.at(vcf("1 5 A C", head=contigs(LENGTHS_37))).says()
