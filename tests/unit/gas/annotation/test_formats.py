"""What a file is by its content, and BCF that is not whole."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from gas.annotation import bcf
from gas.annotation.formats import recognise
from gas.annotation.intake import InputRefused, Limits, open_input
from gas.annotation.lines import LineFacts, line_blocks
from gas.annotation.reference import Bundle
from tests.data import bad_inputs as made


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return made.make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def good_bcf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made.bcf(made.with_samples("S1|S2", "0/1 0/0"), tmp_path_factory.mktemp("bcf"))


def _tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("good.vcf")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_tar(b"##fileformat=VCFv4.2\n"), "tar archive"),
        (gzip.compress(_tar(b"##fileformat=VCFv4.2\n"), mtime=0), "compressed file is a tar archive"),
        (gzip.compress(b"<html>", mtime=0), "compressed file is an HTML page"),
        ("##fileformat=VCFv4.2\n".encode("utf-16-le"), "UTF-16"),
        ("##fileformat=VCFv4.2\n".encode("utf-16-be"), "UTF-16"),
        (b"\xef\xbb\xbf<!doctype HTML>", "HTML page"),
        (b">chr1\nACGT\n", "FASTA"),
        (b"##gff-version 3\n", "GFF3"),
        (b"BCF\x04", "BCF version 1"),
        (b"\x28\xb5\x2f\xfd" + bytes(9), "zstd"),
        (b"\x1f\x8b", "truncated"),
    ],
)
def test_other_files_are_named(content: bytes, words: str, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "x.vcf"
    path.write_bytes(content)
    with pytest.raises(InputRefused, match=words):
        open_input(path, bundle)


def test_bcf_is_read_compressed_and_not(good_bcf: bytes, bundle: Bundle, tmp_path: Path) -> None:
    plain = gzip.decompress(good_bcf)
    texts = []
    for name, content in (("a", good_bcf), ("b", gzip.compress(plain)), ("c", plain)):
        path = tmp_path / name
        path.write_bytes(content)
        given = open_input(path, bundle)
        assert given.format == "bcf"
        texts.append(["\t".join(fields) for batch in given.batches() for _, fields in batch])
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0]) == len(made.records(30))


def test_bcf_text_comes_in_pieces_of_whole_lines(
    good_bcf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(good_bcf)
    whole = b"".join(bcf.text(path))
    monkeypatch.setattr(bcf, "MIB", 100)
    pieces = list(bcf.text(path))
    assert b"".join(pieces) == whole
    assert len(pieces) > 10
    assert all(piece.endswith(b"\n") for piece in pieces if piece)


def test_a_cut_bcf_file_is_refused(good_bcf: bytes, bundle: Bundle, tmp_path: Path) -> None:
    plain = gzip.decompress(good_bcf)
    path = tmp_path / "x"
    for cut in (5, 8, 100, len(plain) - 1, len(plain) - 30):
        path.write_bytes(made.bgzf(plain[:cut]))
        with pytest.raises(InputRefused, match=r"truncated|cannot be read"):
            open_input(path, bundle)


def test_a_bcf_file_that_htslib_cannot_read_is_refused(good_bcf: bytes, bundle: Bundle, tmp_path: Path) -> None:
    plain = bytearray(gzip.decompress(good_bcf))
    header_end = 9 + int.from_bytes(plain[5:9], "little")
    # CHROM of the first record: a contig that the header does not have.
    plain[header_end + 8 : header_end + 12] = (99).to_bytes(4, "little")
    path = tmp_path / "x"
    path.write_bytes(made.bgzf(bytes(plain)))
    with pytest.raises(InputRefused, match="bcftools view"):
        open_input(path, bundle)


@pytest.mark.parametrize(("limits", "words"), [
    (Limits(max_line_bytes=20), "A record of the BCF"),
    (Limits(max_header_bytes=20), "The header of the BCF"),
    (Limits(max_uncompressed_bytes=300), "expands beyond"),
])  # fmt: skip
def test_bcf_has_the_same_limits(good_bcf: bytes, limits: Limits, words: str, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(good_bcf)
    with pytest.raises(InputRefused, match=words):
        open_input(path, bundle, limits)


def test_the_kind_is_told_and_the_file_left_at_its_start() -> None:
    for content, kind in ((b"#", "plain"), (gzip.compress(b""), "gzip"), (made.bgzf(b"x"), "bgzf")):
        file = io.BytesIO(content)
        assert recognise(file) == kind
        assert file.tell() == 0


def test_a_long_line_is_named_wherever_it_stands() -> None:
    short, long = b"12345678\n", b"123456789\n"
    limits = Limits(max_line_bytes=8)
    for pieces, number in (([short + long + short], 2), ([short, b"1234567", b"89"], 2), ([long[:-1]], 1)):
        with pytest.raises(InputRefused, match=f"Line {number} is longer"):
            list(line_blocks(pieces, limits, LineFacts()))
    assert list(line_blocks([short * 3], limits, LineFacts())) == [["12345678"] * 3]
