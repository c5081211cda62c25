"""Blocks on disk: what is read is the source's, fetched once, and not more is kept than may be."""

import os
import random
from pathlib import Path

import pytest

from gas.explore import blocks
from gas.explore.blocks import BLOCK, BlockFile, Blocks, LocalFile


class Counted:
    """A source that notes what is read of it."""

    def __init__(self, data: bytes, identity: str = "one") -> None:
        self.data = data
        self.identity = identity
        self.reads: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, length: int) -> bytes:
        self.reads.append((start, length))
        return self.data[start : start + length]


@pytest.fixture
def source() -> Counted:
    return Counted(random.Random(1).randbytes(5 * BLOCK + 77))


@pytest.fixture
def kept(tmp_path: Path) -> Blocks:
    return Blocks(tmp_path, 100 * BLOCK)


def test_any_stretch_is_the_sources_and_fetched_once(kept: Blocks, source: Counted) -> None:
    rng = random.Random(2)
    for _ in range(200):
        start, length = rng.randrange(source.size + 10), rng.randrange(3 * BLOCK)
        assert kept.read(source, start, length) == source.data[start : start + length]
    assert sorted(source.reads) == [(n * BLOCK, min(BLOCK, source.size - n * BLOCK)) for n in range(6)]


def test_what_lies_together_is_fetched_together(kept: Blocks, source: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MOST_PER_READ", 2 * BLOCK)
    kept.read(source, BLOCK, 1)
    source.reads.clear()
    kept.fetch(source, [(0, 10), (2 * BLOCK, source.size), (3 * BLOCK, 3 * BLOCK + 1)])
    assert sorted(source.reads) == [(0, BLOCK), (2 * BLOCK, 2 * BLOCK), (4 * BLOCK, BLOCK + 77)]
    source.reads.clear()
    assert kept.read(source, 0, source.size) == source.data
    kept.fetch(source, [(0, source.size)])
    assert source.reads == []


def test_the_least_recently_used_go(tmp_path: Path) -> None:
    kept = Blocks(tmp_path, 2 * BLOCK)
    first, second = Counted(bytes(2 * BLOCK), "first"), Counted(bytes(2 * BLOCK), "second")
    kept.read(first, 0, 2 * BLOCK)
    for path in tmp_path.glob("*/*"):
        os.utime(path, (1, 1))
    kept.read(second, 0, 2 * BLOCK)
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) == 2 * BLOCK
    second.reads.clear()
    kept.read(second, 0, 2 * BLOCK)
    assert second.reads == []


def test_another_version_is_another_source(kept: Blocks) -> None:
    assert kept.read(Counted(b"old", "v1"), 0, 3) == b"old"
    assert kept.read(Counted(b"new", "v2"), 0, 3) == b"new"


def test_what_is_forgotten_is_fetched_again(kept: Blocks, source: Counted) -> None:
    kept.read(source, 0, 1)
    kept.forget(source)
    kept.read(source, 0, 1)
    assert source.reads == [(0, BLOCK), (0, BLOCK)]


def test_a_source_that_gives_too_little_is_not_believed(kept: Blocks) -> None:
    class Short(Counted):
        @property
        def size(self) -> int:
            return 10

    with pytest.raises(OSError, match="10 bytes were expected at 0, 3 came"):
        kept.read(Short(b"abc"), 0, 10)


def test_a_file_of_blocks_is_read_like_a_file(kept: Blocks, source: Counted, tmp_path: Path) -> None:
    file = BlockFile(kept, source)
    assert file.readable()
    assert file.seekable()
    assert file.seek(-77, os.SEEK_END) == 5 * BLOCK
    assert file.read() == source.data[-77:]
    assert file.read(5) == b""
    file.seek(10)
    file.seek(5, os.SEEK_CUR)
    assert (file.read(3), file.tell()) == (source.data[15:18], 18)
    assert file.readall() == source.data[18:]
    path = tmp_path / "local"
    path.write_bytes(b"0123456789")
    local = LocalFile(path)
    assert (local.size, local.read(2, 3)) == (10, b"234")
    before = local.identity
    path.write_bytes(b"changed")
    assert local.identity != before
