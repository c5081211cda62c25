"""The index made while writing must find what htslib's own index of the same file finds."""

import gzip
import random
import shutil
import struct
from pathlib import Path

import numpy as np
import pysam
import pytest

from gas.annotation import bgzf, engine, tabix
from gas.annotation.engine import Options
from gas.annotation.reference import Bundle
from tests.unit.gas.annotation.agreement import SYNTHETIC

STATISTICS = 37450
Content = list[tuple[dict[int, list[tuple[int, int]]], tuple[int, ...]]]


def content(path: Path) -> tuple[bytes, Content]:
    """A .tbi's head with its names, and for each contig its bins' chunks and the offsets of its windows."""
    data = gzip.decompress(path.read_bytes())
    contigs, names = struct.unpack_from("<i", data, 4)[0], struct.unpack_from("<i", data, 32)[0]
    place = 36 + names
    found: Content = []

    def take(form: str) -> tuple[int, ...]:
        nonlocal place
        values = struct.unpack_from(form, data, place)
        place += struct.calcsize(form)
        return values

    for _ in range(contigs):
        bins = {}
        for _ in range(take("<i")[0]):
            number, chunks = take("<Ii")
            bins[number] = [(begin, end) for begin, end in (take("<QQ") for _ in range(chunks))]
        found.append((bins, take(f"<{take('<i')[0]}Q")))
    assert take("<Q") == (0,)
    assert place == len(data)
    return data[: 36 + names], found


def by_htslib(vcf: Path, folder: Path) -> Path:
    copy = folder / "copy.vcf.gz"
    shutil.copy(vcf, copy)
    pysam.tabix_index(str(copy), preset="vcf", force=True)
    return copy


def test_as_htslib_indexes_the_same_file(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out.vcf.gz"
    engine.annotate(Options(SYNTHETIC / "input.vcf.gz", synthetic_bundle, out))
    copy = by_htslib(out, tmp_path)
    head, contigs = content(Path(f"{out}.tbi"))
    expected_head, expected = content(Path(f"{copy}.tbi"))
    assert head == expected_head
    for (bins, windows), (expected_bins, expected_windows) in zip(contigs, expected, strict=True):
        assert windows == expected_windows
        assert bins[STATISTICS] == expected_bins[STATISTICS]
        # htslib puts small bins into the next larger one.
        assert set(bins) >= set(expected_bins)
    with pysam.TabixFile(str(out)) as ours, pysam.TabixFile(str(copy)) as theirs:
        rng = random.Random(1)
        for _ in range(300):
            contig = rng.choice(ours.contigs)
            start = rng.randrange(synthetic_bundle.contigs[contig].length)
            end = start + rng.choice((1, 30, 500, 9000))
            assert list(ours.fetch(contig, start, end)) == list(theirs.fetch(contig, start, end))


@pytest.mark.parametrize("line", ["syn1\t7000\t.\t{}\t<DEL>\t.\t.\tEND=20000", "syn1\t7000\t.\t{}\tN\t.\t.\tEND=20000"])
def test_records_that_end_elsewhere_are_left_to_htslib(synthetic_bundle: Bundle, tmp_path: Path, line: str) -> None:
    given, out = tmp_path / "in.vcf", tmp_path / "out.vcf.gz"
    head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    given.write_text(head + line.format(synthetic_bundle.sequence("syn1")[6999]) + "\n")
    engine.annotate(Options(given, synthetic_bundle, out))
    with pysam.TabixFile(str(out)) as file:
        assert len(list(file.fetch("syn1", 19_000, 19_001))) == 1


def test_offsets_at_the_ends_of_blocks() -> None:
    """A record that begins with a block lies in that block, and the last one ends behind all of them."""
    offsets = np.array([0, bgzf.BLOCK - 1, bgzf.BLOCK, 2 * bgzf.BLOCK])
    assert tabix.virtual(offsets, [100, 50]).tolist() == [0, bgzf.BLOCK - 1, 100 << 16, 150 << 16]
    assert tabix.virtual(offsets[:3], [100]).tolist() == [0, bgzf.BLOCK - 1, 100 << 16]


def test_batches_are_put_together() -> None:
    """Two batches of one contig: their chunks meet, a window keeps its first offset, an empty one takes the next."""
    index = tabix.Index()
    size = 1 << 14
    first = tabix.part("1", np.array([5, 10]), np.array([5, 10]), np.array([0, 7, 300 << 16]))
    second = tabix.part("1", np.array([20, 3 * size + 1]), np.array([20, 3 * size + 1]), np.array([0, 9, 40 << 16]))
    index.add([first], 1000)
    index.add([second], 1300)
    begin, end = 1000 << 16, 1340 << 16
    data = gzip.decompress(index.to_bytes())
    bins = struct.pack("<iIiQQ", 3, 4681, 1, begin, (1300 << 16) + 9)
    assert bins in data
    assert struct.pack("<IiQQQQ", STATISTICS, 2, begin, end, 4, 0) in data
    later = (1300 << 16) + 9
    assert data.endswith(struct.pack("<i4QQ", 4, begin, later, later, later, 0))
