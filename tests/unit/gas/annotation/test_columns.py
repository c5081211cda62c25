"""Columns found at once must be those that splitting finds; what is odd must not pass."""

import random

import pytest

from gas.annotation import columns
from gas.annotation.lines import Lines

GOOD = "1\t120\trs1\tA\tG\t50\tPASS\tDP=30"


def read(*lines: str, length: int = 1000) -> columns.Columns | None:
    width = lines[0].count("\t") + 1
    return columns.read("".join(f"{line}\n" for line in lines).encode("latin-1"), width, length)


@pytest.mark.parametrize("samples", [0, 1, 3, 60])
def test_as_split(samples: int) -> None:
    rng = random.Random(samples)
    rest = "".join(["\tGT", *["\t0/1:\xe9"] * samples]) if samples else ""
    lines = [
        f"1\t{rng.choice((1, 22, 333, 990))}\t.\t{rng.choice(('A', 'CT', 'n'))}\t"
        f"{rng.choice(('G', 'GTT', '<DEL>', ''))}\t5\tPASS\t{rng.choice(('.', '', 'DP=3;X'))}{rest}"
        for _ in range(50)
    ]
    found = read(*lines)
    assert found is not None
    for place, line in enumerate(lines):
        fields = line.split("\t", 8)
        assert found.fields(place) == fields
        assert found.alleles(place) == (fields[3], fields[4])
        assert found.positions[place] == int(fields[1])
        assert found.text[found.info_starts[place] : found.info_ends[place]].decode() == fields[7]
        ref, alt = fields[3:5]
        assert found.plain[place] == (bool(alt) and set(ref + alt) <= set("ACGT"))


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace("\trs1", ""),
        GOOD + "\t",
        GOOD.replace("120", "0"),
        GOOD.replace("120", "1001"),
        GOOD.replace("120", ""),
        GOOD.replace("120", "-5"),
        GOOD.replace("120", "1 2"),
        GOOD.replace("120", "1" * 11),
        GOOD.replace("120", "1000").replace("\tA\t", "\tAC\t"),
        GOOD.replace("DP", "D\x07"),
        GOOD.replace("DP", "D\x7f"),
    ],
)
def test_what_is_odd_is_left_to_be_looked_at(line: str) -> None:
    assert read(GOOD, GOOD) is not None
    assert read(GOOD, line, GOOD) is None
    if line.count("\t") == GOOD.count("\t"):
        assert read(line) is None


def test_positions_of_one_chrom() -> None:
    lines = Lines.of([(1, GOOD), (2, GOOD.replace("120", "4567890123"))])
    found = columns.positions(lines.text, "1")
    assert found is not None
    assert found.tolist() == [120, 4567890123]
    assert columns.positions(b"1\t12x\t\n", "1") is None
    assert columns.positions(b"1\t\n", "1") is None


def test_runs_of_a_chrom() -> None:
    lines = Lines.of([(3, GOOD), (5, GOOD), (6, "1"), (7, "10" + GOOD[1:]), (9, GOOD)])
    assert not lines.all_of("1")
    assert [(chrom, list(run.numbers)) for chrom, run in lines.by_chrom()] == [
        ("1", [3, 5, 6]),
        ("10", [7]),
        ("1", [9]),
    ]
    one = Lines.of([(3, GOOD), (5, GOOD)])
    assert [(chrom, run.text) for chrom, run in one.by_chrom()] == [("1", one.text)]


def test_only_some() -> None:
    found = read(GOOD, GOOD.replace("120", "7"), GOOD)
    assert found is not None
    assert found.only(found.positions == 7).fields(0)[1] == "7"
