"""What must hold for any bytes given to the engine as a file: refused in a sentence, or every record accounted for."""

import csv
import gzip
import json
import tempfile
from pathlib import Path

import pysam

from gas.annotation import csq, engine
from gas.annotation.intake import InputRefused, Limits
from gas.annotation.receipt import Receipt
from gas.annotation.reference import Bundle
from tests.data.bad_inputs import bad_inputs, bcf, records, vcf, with_samples

# Small enough for a fuzzer to reach.
LIMITS = Limits(
    max_uncompressed_bytes=200_000, max_line_bytes=4000, max_header_bytes=20_000, sort_memory_bytes=2000, max_ratio=800
)


# Larger ones are only larger.
_LARGEST_SEED = 20_000


def seeds(folder: Path) -> list[bytes]:
    """Files to begin with: every kind of bad input, and BCF as it lies in its compression."""
    kinds = [bad.content for bad in bad_inputs().values() if 0 < len(bad.content) < _LARGEST_SEED]
    return kinds + [gzip.decompress(bcf(one, folder)) for one in (vcf(records(20)), with_samples("S1|S2", "0/1 0/0"))]


def check_file(data: bytes, bundle: Bundle) -> str:
    """Annotate these bytes and check all that came out; returns the sentence of a refusal, "" when annotated."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given, out = folder / "input", folder / "out.vcf.gz"
        given.write_bytes(data)
        others = {kind: folder / kind for kind in ("tsv", "summary", "receipt", "log")}
        options = engine.Options(given, bundle, out, limits=LIMITS, **others)
        try:
            receipt = engine.annotate(options)
        except InputRefused as refusal:
            sentence = str(refusal)
            if not sentence.isprintable() or len(list(folder.iterdir())) > 1:
                raise AssertionError(f"refused with {sentence!r}, left {list(folder.iterdir())}") from refusal
            return sentence
        assert receipt.balanced
        assert all(note.isprintable() for note in receipt.notes)
        assert all(part.isprintable() for reject in receipt.tally.rejects for part in reject[1:])
        check_vcf(out, receipt)
        check_tables(others["tsv"], receipt)
        for kind in ("summary", "receipt"):
            json.loads(others[kind].read_text("utf-8"))
    return ""


def check_vcf(out: Path, receipt: Receipt) -> None:
    """As many records as the receipt says, all of them to be found by the index, every CSQ row whole."""
    lines = [line for line in gzip.decompress(out.read_bytes()).decode("latin-1").split("\n") if line]
    written = [line.split("\t") for line in lines if line[0] != "#"]
    tally = receipt.tally
    assert len(written) == tally.annotated + tally.passed.total()
    annotated = 0
    for record in written:
        found = [entry[4:] for entry in record[7].split(";") if entry.startswith("CSQ=")]
        assert len(found) <= 1, record
        annotated += len(found)
        for row in found[0].split(",") if found else ():
            cells = row.split("|")
            assert len(cells) == len(csq.FIELDS), row
            assert 1 <= int(cells[csq.FIELDS.index("ALLELE_NUM")]) <= record[4].count(",") + 1
    assert annotated == tally.annotated
    if written:
        with pysam.TabixFile(str(out), index=f"{out}.tbi", encoding="latin-1") as index:
            reached = sum(1 for contig in index.contigs for _ in index.fetch(contig, multiple_iterators=False))
        assert reached == len(written), f"the index reaches {reached} of {len(written)} records"


def check_tables(tsv: Path, receipt: Receipt) -> None:
    """A row for every allele of every record in the result, all of them with every column."""
    with tsv.open(encoding="latin-1", newline="") as file:
        rows = list(csv.reader(file, dialect="excel-tab"))
    assert all(len(row) == len(rows[0]) for row in rows)
    assert len(rows) - 1 == receipt.summary.by_type.total()
