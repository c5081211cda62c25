"""Records by their offsets, against htslib's reading of the same file."""

import random
from pathlib import Path

import pyarrow.parquet as pq
import pysam
import pytest

from gas.annotation import bgzf
from gas.explore.blocks import LocalFile
from gas.explore.records import DamagedRecords, Records
from tests.explored import Annotated


def offsets(annotated: Annotated) -> list[int]:
    return sorted(set(pq.read_table(annotated.table, columns=["VCF_OFFSET"])["VCF_OFFSET"].to_pylist()))


def test_the_table_knows_where_every_record_is(annotated: Annotated, vcf: LocalFile) -> None:
    with pysam.BGZFile(str(annotated.vcf)) as file:
        lines = [line + b"\n" for line in file]
    body = [line for line in lines if not line.startswith(b"#")]
    records = Records(vcf)
    assert records.header() == b"".join(line for line in lines if line.startswith(b"#"))
    assert list(records.lines(offsets(annotated))) == body
    some = sorted(random.Random(1).sample(range(len(body)), 40))
    places = offsets(annotated)
    assert list(Records(vcf).lines(offset for place in some for offset in [places[place]] * 2)) == [
        body[place] for place in some
    ]
    for place in random.Random(2).sample(range(len(body)), 40):
        assert records.line(places[place]) == body[place]


def test_a_line_may_span_blocks_and_need_no_end(tmp_path: Path) -> None:
    path = tmp_path / "x.vcf.gz"
    long = b"1\t2\t" + b"A" * 200_000
    path.write_bytes(bgzf.compress(b"#head\n" + long))
    records = Records(LocalFile(path))
    assert records.header() == b"#head\n"
    assert records.line(6) == long


@pytest.mark.parametrize("data", [b"", b"plain text that is no BGZF at all", bgzf.compress(b"#x\n1\n")[:-12]])
def test_what_is_no_bgzf_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(data)
    with pytest.raises(DamagedRecords):
        Records(LocalFile(path)).header()
