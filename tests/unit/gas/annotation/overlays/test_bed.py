"""Overlays of intervals."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gas.annotation.overlays import Overlays
from gas.annotation.reference import BundleError
from tests.unit.gas.annotation.overlays.genome import Genome, look_up

BED = """track name=regions
1\t0\t5\trepeat;one\t7\t+
chr1\t3\t10\ttwo\t900\t-
1\t8\t9\trepeat;one\t.\t.
2\t2\t4\tthree\t1\t+
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "regions.bed"


def test_records_get_what_their_ref_meets(genome: Genome, path: Path) -> None:
    path.write_text(BED)
    entry = genome.add(path, "name,score,overlap", "R")
    assert (entry["intervals"], entry["shape"]) == (4, "intervals")
    assert look_up(genome, (1, "A", "C"), (4, "T", "C,G"), (9, "G", "<DEL>"), (6, "T", "C"), (11, "C", "T")) == [
        "R_name=repeat%3Bone;R_score=7;R_overlap=1",
        "R_name=repeat%3Bone&two,repeat%3Bone&two;R_score=900,900;R_overlap=1,1",
        "R_name=two&repeat%3Bone;R_score=900;R_overlap=1",
        "R_name=two;R_score=900;R_overlap=1",
        "",
    ]
    # A deletion meets what its bases meet, from the first on.
    assert look_up(genome, (2, "GGG", "G"), (1, "GG", "G"), contig="2") == ["R_name=three;R_score=1;R_overlap=1", ""]
    assert Overlays.open(genome).header_lines() == [
        '##INFO=<ID=R_name,Number=A,Type=String,Description="The column name of the intervals met [R: regions.bed]">',
        '##INFO=<ID=R_score,Number=A,Type=Integer,Description="The column score of the intervals met '
        '[R: regions.bed]">',
        '##INFO=<ID=R_overlap,Number=A,Type=Integer,Description="Meets an interval [R: regions.bed]">',
    ]


def test_columns_by_header_and_number(genome: Genome, path: Path) -> None:
    path.write_text("#chrom\tstart\tend\tphase\tdepth\n1\t0\t5\ta\t2.5\n1\t5\t9\tb\t3\n")
    genome.add(path, "depth,column4")
    assert look_up(genome, (1, "A", "C"), (6, "T", "C")) == ["DB1_depth=2.5;DB1_column4=a", "DB1_depth=3;DB1_column4=b"]


def test_columns_between_blanks(genome: Genome, path: Path) -> None:
    path.write_text("1 0 5 a\n1 5  9 b\n")
    genome.add(path, "name")
    assert look_up(genome, (1, "A", "C"), (6, "T", "C")) == ["DB1_name=a", "DB1_name=b"]


def test_what_cannot_be_looked_up_is_counted(genome: Genome, path: Path) -> None:
    path.write_text("1\t0\t5\ta\n1\t5\t5\tb\n1\t30\t99\tc\n7\t0\t5\td\n1\t1\t2\te\n1\t1\t2\tf\n")
    assert genome.add(path, "name")["skipped"] == {
        "contig is not in the reference": 1,
        "interval ends beyond its contig": 1,
        "interval is empty": 1,
    }


@pytest.mark.parametrize(
    ("text", "field", "about"),
    [
        ("1\t0\t5\ta\n", "score", "has no column score; it has overlap, column4, name"),
        ("1\t0\t5\ta\n1\tx\t6\tb\n", "name", "line 2: this is no BED line"),
        ("1\t0\t5\ta\n1\t9\t6\tb\n", "name", r"line 2: the interval ends \(6\) before it starts \(9\)"),
        ("1\t0\t5\ta\n1\t6\t9\n", "name", "line 2: column 4 is missing"),
        ("1\t900\t905\ta\n", "name", "is it of another assembly"),
        ("a b c\n", "name", "is no VCF"),
    ],
)
def test_unusable_files_are_refused_in_words(genome: Genome, path: Path, text: str, field: str, about: str) -> None:
    path.write_text(text)
    with pytest.raises(BundleError, match=about):
        genome.add(path, field)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_agrees_with_trying_every_interval(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("intervals")
    length = 200
    genome = Genome({"1": "A" * length}, folder)
    spans = st.tuples(st.integers(0, length - 1), st.integers(1, length)).map(lambda s: (s[0], min(sum(s), length)))
    intervals = data.draw(st.lists(spans, min_size=1, max_size=40))
    (folder / "a.bed").write_text("".join(f"1\t{s}\t{e}\tn{n}\n" for n, (s, e) in enumerate(intervals)))
    genome.add(folder / "a.bed", "name", "A")
    records = data.draw(st.lists(st.tuples(st.integers(1, length), st.integers(1, 8)), min_size=1, max_size=10))
    refs = [(pos, "A" * min(size, length - pos + 1), "C") for pos, size in records]
    expected = []
    for pos, ref, _ in refs:
        met = [f"n{n}" for n, (s, e) in enumerate(intervals) if s < pos - 1 + len(ref) and e > pos - 1]
        expected.append(f"A_name={'&'.join(met)}" if met else "")
    assert look_up(genome, *refs) == expected
