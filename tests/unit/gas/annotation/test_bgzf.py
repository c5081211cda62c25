"""BGZF made in memory."""

import gzip
import random
from pathlib import Path

import pysam
import pytest

from gas.annotation import bgzf


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"ACGT" * 100_000, random.Random(1).randbytes(200_000), b"a" * 0xFF00, b"b" * (0xFF00 + 1)],
    ids=["nothing", "a byte", "repeats", "noise", "one block", "a byte more"],
)
def test_others_read_it(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(bgzf.compress(data[:100]) + bgzf.compress(data[100:]) + bgzf.END_OF_FILE)
    assert gzip.decompress(path.read_bytes()) == data
    with pysam.BGZFile(str(path)) as file:
        assert file.read() == data
