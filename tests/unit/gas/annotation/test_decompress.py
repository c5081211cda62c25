"""Compressed streams, sound and damaged, in pieces of any size."""

import gzip
import hashlib
import io

import pytest

from gas.annotation import decompress
from gas.annotation.decompress import chunks
from gas.annotation.formats import recognise, refuse_unfinished_bgzf
from gas.annotation.limits import InputRefused, Limits
from tests.data.bad_inputs import BGZF_EOF, bgzf

CONTENT = b"".join(b"%d\n" % (n * n) for n in range(20_000))


def content(data: bytes, limits: Limits | None = None) -> bytes:
    kind = recognise(io.BytesIO(data))
    return b"".join(chunks(io.BytesIO(data), kind, limits or Limits()))


@pytest.mark.parametrize("piece", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize(
    "data",
    [
        CONTENT,
        gzip.compress(CONTENT),
        gzip.compress(CONTENT[:999]) + gzip.compress(b"") + gzip.compress(CONTENT[999:]),
        gzip.compress(CONTENT) + bytes(1000),
        bgzf(CONTENT),
        bgzf(CONTENT[:999]) + bgzf(CONTENT[999:]),
    ],
    ids=["plain", "gzip", "members", "padded", "bgzf", "two bgzf"],
)
def test_the_content_comes_back_and_all_raw_bytes_are_hashed(
    data: bytes, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decompress, "_CHUNK", max(piece, 50))
    monkeypatch.setattr(decompress, "_COMPRESSED_CHUNK", max(piece, 3))
    digest = hashlib.sha256()
    file = io.BytesIO(data)
    assert b"".join(chunks(file, recognise(file), Limits(), digest.update)) == CONTENT
    assert digest.digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("cut", [3, 12, 5000, -1, -8, -9])
def test_a_cut_stream_is_refused(cut: int) -> None:
    with pytest.raises(InputRefused, match="truncated"):
        content(gzip.compress(CONTENT)[:cut])


@pytest.mark.parametrize("place", [2, 200, -1, -5])
def test_a_damaged_stream_is_refused(place: int) -> None:
    data = bytearray(gzip.compress(CONTENT))
    data[place] ^= 0x55
    with pytest.raises(InputRefused, match=r"corrupt gzip data|truncated"):
        content(bytes(data))


def test_bytes_after_the_stream_are_refused() -> None:
    with pytest.raises(InputRefused, match="bytes after the end"):
        content(gzip.compress(CONTENT) + b"\0\0x")


def test_the_ratio_is_limited_once_there_is_enough_to_tell() -> None:
    bomb = gzip.compress(bytes(100_000), 9)
    assert len(content(bomb, Limits(max_ratio=10))) == 100_000
    with pytest.raises(InputRefused, match="10 times"):
        content(bomb, Limits(max_ratio=10, ratio_from_bytes=50_000))


def test_the_size_is_limited() -> None:
    with pytest.raises(InputRefused, match="1,000 bytes"):
        content(CONTENT, Limits(max_uncompressed_bytes=1000))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bgzf(CONTENT)[: -len(BGZF_EOF)], "end-of-file block is missing"),
        (bgzf(CONTENT)[: -len(BGZF_EOF) - 5], "last block is cut off"),
        (bgzf(CONTENT) + b"x", "1 bytes after the end"),
        (bgzf(CONTENT)[:-1], "last block is cut off"),
    ],
)
def test_how_a_bgzf_file_ends_is_told_at_once(data: bytes, words: str) -> None:
    assert recognise(io.BytesIO(data)) == "bgzf"
    with pytest.raises(InputRefused, match=words):
        refuse_unfinished_bgzf(io.BytesIO(data))


def test_a_finished_bgzf_file_is_left_at_its_start() -> None:
    file = io.BytesIO(bgzf(CONTENT))
    refuse_unfinished_bgzf(file)
    assert file.tell() == 0
