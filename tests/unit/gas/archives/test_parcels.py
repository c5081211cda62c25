import io
import random
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gas.archives import parcels
from gas.archives.parcels import BrokenParcel, File

BLOCK = 512
Files = list[tuple[str, bytes]]

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=150).filter(
    lambda name: name.strip(".") == name
)
SETS = st.lists(st.tuples(NAMES, st.binary(max_size=3 * BLOCK)), max_size=4, unique_by=lambda file: file[0])


def file(name: str, content: bytes, size: int | None = None, step: int = 100) -> File:
    chunks = [content[start : start + step] for start in range(0, len(content), step)]
    return File(name, len(content) if size is None else size, lambda: chunks)


def packed(files: Files) -> bytes:
    return b"".join(parcels.pack([file(*each) for each in files]))


def unpacked(stream: bytes, step: int = 700) -> Files:
    chunks = [stream[start : start + step] for start in range(0, len(stream), step)]
    return [(name, content.read(10**9)) for name, content in parcels.unpack(chunks)]


@given(SETS, st.integers(1, 3000))
def test_what_was_packed_comes_out(files: Files, step: int) -> None:
    assert unpacked(packed(files), step) == files


@given(SETS)
def test_the_size_is_known_before_and_anybody_can_open_it(files: Files) -> None:
    stream = packed(files)
    assert len(stream) == parcels.packed_size([file(*each) for each in files])
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        assert [(member.name, tar.extractfile(member).read()) for member in tar] == files  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_sizes_around_a_block(size: int) -> None:
    files = [("a.vcf.gz", random.Random(size).randbytes(size)), ("a.vcf.gz.tbi", b"index")]
    stream = packed(files)
    assert len(stream) % BLOCK == 0
    assert unpacked(stream) == files


def test_the_header_of_a_file_beyond_the_old_limit_of_tar() -> None:
    """8 GiB do not fit into the header's eleven octal digits."""
    size = 9 * 1024**3
    header = next(iter(parcels.pack([File("big", size, lambda: ())])))
    with tarfile.open(fileobj=io.BytesIO(header + bytes(2 * BLOCK)), mode="r|") as tar:
        member = tar.next()
    assert member is not None
    assert (member.name, member.size) == ("big", size)
    assert parcels.packed_size([File("big", size, lambda: ())]) == len(header) + size + 2 * BLOCK


@pytest.mark.parametrize("said", [4, 6])
def test_a_file_of_another_size_than_was_said_is_not_packed(said: int) -> None:
    with pytest.raises(BrokenParcel, match=f"5 bytes where {said} were expected"):
        list(parcels.pack([file("a", b"12345", said)]))


def test_a_file_that_is_not_read_is_passed_over() -> None:
    stream = packed([("a", b"1" * 2000), ("b", b"2" * 2000)])
    assert [name for name, _ in parcels.unpack([stream])] == ["a", "b"]


def test_a_file_can_be_read_at_once() -> None:
    stream = packed([("a", b"1" * 2000), ("b", b"2")])
    assert [content.read() for _, content in parcels.unpack([stream])] == [b"1" * 2000, b"2"]


def test_a_file_can_be_read_in_pieces() -> None:
    stream = packed([("a", bytes(range(250)) * 9), ("b", b"x")])
    for name, content in parcels.unpack([stream]):
        pieces = iter(lambda read=content.read: read(64), b"")
        assert b"".join(pieces) == {"a": bytes(range(250)) * 9, "b": b"x"}[name]


@pytest.mark.parametrize("stream", [b"", b"this is no tar" * 100, bytes([7]) * BLOCK], ids=["empty", "text", "noise"])
def test_what_is_no_parcel_is_refused(stream: bytes) -> None:
    with pytest.raises(BrokenParcel):
        unpacked(stream)


@pytest.mark.parametrize("left", [100, BLOCK + 100, BLOCK + 1500, 6 * BLOCK + 1900])
def test_a_parcel_that_ends_early_is_refused(left: int) -> None:
    with pytest.raises(BrokenParcel):
        unpacked(packed([("a", b"1" * 2000), ("b", b"2" * 2000)])[:left])


def test_a_parcel_that_ends_between_two_files_lacks_the_rest() -> None:
    """No tar knows how many files it has: whoever unpacks one knows which files to expect, and its hash."""
    assert [name for name, _ in unpacked(packed([("a", b"1" * 2000), ("b", b"2")])[: 5 * BLOCK + 100])] == ["a"]


def test_a_folder_in_a_parcel_is_refused() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    with pytest.raises(BrokenParcel, match="folder is not a file"):
        unpacked(out.getvalue())


class Torn(Exception):
    pass


def test_the_stream_is_read_to_its_last_byte() -> None:
    """Whoever makes it raises in place of the end when its hash is wrong; that must not be missed."""

    def chunks() -> Iterator[bytes]:
        yield packed([("a", b"1")])
        yield bytes(64 * BLOCK)
        raise Torn

    files = parcels.unpack(chunks())
    name, content = next(files)
    assert (name, content.read(10)) == ("a", b"1")
    with pytest.raises(Torn):
        next(files)


def test_an_error_of_the_stream_in_a_files_middle_is_the_readers() -> None:
    def chunks() -> Iterator[bytes]:
        yield packed([("a", b"1" * 10**6)])[:50_000]
        raise Torn

    _, content = next(parcels.unpack(chunks()))
    with pytest.raises(Torn):
        content.read(10**6)


def test_memory_does_not_grow_with_the_files() -> None:
    chunk = bytes(2**20)
    files = [File(name, 64 * len(chunk), lambda: (chunk for _ in range(64))) for name in ("a", "b")]
    tracemalloc.start()
    try:
        total = 0
        for _, content in parcels.unpack(parcels.pack(files)):
            while piece := content.read(2**18):
                total += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 128 * len(chunk)
    assert peak < 8 * len(chunk)
