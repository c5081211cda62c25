"""FASTA in blocks: what comes out does not depend on where they end."""

import gzip
from pathlib import Path

import pytest

from gas.annotation import fasta
from gas.annotation.reference import BundleError

TEXT = b">one first\nacgtn\r\nACGTA\n\n>two\nAC\n>three\n>four\nggNR"
RECORDS = [("one", b"ACGTNACGTA"), ("two", b"AC"), ("three", b""), ("four", b"GGNR")]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7, 11, 1000])
@pytest.mark.parametrize("zipped", [False, True])
def test_any_size_of_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, zipped: bool) -> None:
    monkeypatch.setattr(fasta, "_CHUNK", chunk)
    path = tmp_path / "ref.fa"
    path.write_bytes(gzip.compress(TEXT) if zipped else TEXT)
    assert list(fasta.records(path)) == RECORDS


@pytest.mark.parametrize("chunk", [1, 4, 6, 1000])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b">one\nACGT\nAC-T\n", 3),
        (b">one\nACGT\n>two\n\nAC\nMK@\nA", 6),
        (b"ACGT\n>one\nACGT\n", 1),
        (b"\n\nACGT\n", 3),
        (b">one\nA\n>\nACGT\n", 3),
        (b">one\nA\n> \nACGT\n", 3),
        (b">one\nAC>GT\n", 2),
    ],
)
def test_the_broken_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, text: bytes, line: int
) -> None:
    monkeypatch.setattr(fasta, "_CHUNK", chunk)
    path = tmp_path / "ref.fa"
    path.write_bytes(text)
    with pytest.raises(BundleError, match=rf"ref\.fa, line {line}:"):
        list(fasta.records(path))
