"""The way in as a whole: order, batches, header, names, notes."""

import gzip
import pickle
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from gas.annotation import decompress, intake
from gas.annotation.intake import InputRefused, Limits, OutOfOrder, open_input
from gas.annotation.reference import Bundle
from tests.data.bad_inputs import COLUMNS, HEAD, bcf, bgzf, make_bundle, records, renamed, vcf, with_samples


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


def write(folder: Path, content: bytes, name: str = "input") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def lines_of(batches: Iterable[list[intake.Record]]) -> list[str]:
    return ["\t".join(fields) for batch in batches for _, fields in batch]


def text_lines(content: bytes) -> list[str]:
    return [line for line in content.decode("latin-1").split("\n") if line and not line.startswith("#")]


def test_records_come_with_their_line_numbers_and_eight_columns_and_a_rest(bundle: Bundle, tmp_path: Path) -> None:
    content = with_samples("S1|S2", "0/1 0/0")
    given = open_input(write(tmp_path, content), bundle)
    all_lines = content.decode().split("\n")
    for batch in given.batches():
        for number, fields in batch:
            assert "\t".join(fields) == all_lines[number - 1]
            assert len(fields) == 9
            assert fields[8] == "GT\t0/1\t0/0"
    assert given.header.samples == ("S1", "S2")
    assert given.header.column_count == 11


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bgzf], ids=["plain", "gzip", "bgzf"])
def test_batches_do_not_depend_on_the_compression(
    pack: object, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_CHARACTERS", 2000)
    content = vcf(records(3000))
    given = open_input(write(tmp_path, pack(content)), bundle)  # type: ignore[operator]
    sizes = [len(batch) for batch in given.batches(100)]
    plain = [len(batch) for batch in open_input(write(tmp_path, content, "plain"), bundle).batches(100)]
    assert sizes == plain
    assert sum(sizes) == len(text_lines(content)) == given.total_hint
    assert max(sizes) < 100
    assert lines_of(given.batches(7)) == text_lines(content)


def test_all_kinds_of_file_names_are_only_names(bundle: Bundle, tmp_path: Path) -> None:
    content = vcf(records())
    names = [
        "a b.vcf", "-rf.vcf", "a;rm -rf x.vcf", "$(id).vcf", "x\n.vcf", "\u00e9.vcf", "e\u0301.vcf", ".vcf", "CON.vcf",
        "a~b.vcf", "x.vcf.gz.vcf", "x.VCF.GZ", "none", "<img src=x>.vcf", "\u202e.vcf", "%2e%2e%2f.vcf",
        "data:,x", "a##idx##b",
    ]  # fmt: skip
    for name in names:
        assert lines_of(open_input(write(tmp_path, content, name), bundle).batches()) == text_lines(content)
    binary = bcf(content, tmp_path)
    for name in names:
        assert lines_of(open_input(write(tmp_path, binary, name), bundle).batches()) == text_lines(content)


@pytest.mark.parametrize("memory", [1000, 1 << 20])
def test_an_unsorted_file_is_sorted_in_bounded_memory_stably(memory: int, bundle: Bundle, tmp_path: Path) -> None:
    rows = records(300)
    doubled = [[*row[:2], f"id{copy}", *row[3:]] for row in rows for copy in (1, 2)]
    shuffled = random.Random(3).sample(rows, len(rows))
    given = open_input(
        write(tmp_path, vcf([[*row[:2], f"id{copy}", *row[3:]] for copy in (1, 2) for row in shuffled])),
        bundle,
        Limits(sort_memory_bytes=memory),
        scratch=tmp_path,
    )
    assert lines_of(given.batches()) == ["\t".join(row) for row in doubled]
    assert any("were sorted" in note for note in given.notes)
    assert [path.name for path in tmp_path.iterdir()] == ["input"]


def test_disorder_far_into_the_file_makes_a_second_round(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PROBE_RECORDS", 50)
    rows = records(300)
    rows = [*rows[:200], *rows[250:], *rows[200:250]]
    given = open_input(write(tmp_path, vcf(rows)), bundle)
    with pytest.raises(OutOfOrder):
        list(given.batches(20))
    assert lines_of(given.batches(20)) == ["\t".join(row) for row in records(300)]
    assert any("were sorted" in note for note in given.notes)


def test_the_files_own_order_of_contigs_is_kept(bundle: Bundle, tmp_path: Path) -> None:
    rows = records()
    backwards = [row for name in ("MT", "syn2", "syn1") for row in rows if row[0] == name]
    given = open_input(write(tmp_path, vcf(backwards)), bundle)
    assert lines_of(given.batches()) == ["\t".join(row) for row in backwards]
    assert given.notes == []


def test_records_without_a_place_do_not_make_a_file_unsorted(bundle: Bundle, tmp_path: Path) -> None:
    rows = records()
    for place, bad in ((5, ["syn1", "x"]), (9, ["un", "1"]), (12, ["syn1", "99999999"]), (14, ["un", "3"])):
        rows.insert(place, [*bad, ".", "A", "C", ".", ".", "."])
    given = open_input(write(tmp_path, vcf(rows)), bundle)
    assert lines_of(given.batches()) == ["\t".join(row) for row in rows]


def test_one_contig_under_two_names_is_two_blocks(bundle: Bundle, tmp_path: Path) -> None:
    mitochondrial = [row for row in records() if row[0] == "MT"]
    rows = [[("chrM" if place % 2 else "MT"), *row[1:]] for place, row in enumerate(mitochondrial)]
    batches = list(open_input(write(tmp_path, vcf(rows)), bundle).batches())
    names = [fields[0] for batch in batches for _, fields in batch]
    assert set(names[: len(names) // 2]).isdisjoint(names[len(names) // 2 :])


def test_missing_contig_lines_are_supplied_under_the_files_names(bundle: Bundle, tmp_path: Path) -> None:
    content = renamed({"syn1": "chrsyn1", "syn2": "chrsyn2", "MT": "chrM"})
    given = open_input(write(tmp_path, content), bundle)
    assert [line for line in given.header.meta if line.startswith("##contig")] == [
        "##contig=<ID=chrsyn1,length=37898>",
        "##contig=<ID=chrsyn2,length=30798>",
        "##contig=<ID=chrM,length=3310>",
    ]
    assert {fields[0] for batch in given.batches() for _, fields in batch} == {"chrsyn1", "chrsyn2", "chrM"}


def test_a_declared_contig_is_not_declared_twice(bundle: Bundle, tmp_path: Path) -> None:
    given = open_input(write(tmp_path, vcf(records(), HEAD[:3])), bundle)
    assert [line for line in given.header.meta if line.startswith("##contig")] == [
        *HEAD[1:3],
        "##contig=<ID=MT,length=3310>",
    ]
    assert "MT" in given.notes[0]


def test_only_unknown_contigs_in_a_long_file_refuse_it_at_the_end(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PROBE_RECORDS", 5)
    given = open_input(write(tmp_path, renamed({"syn1": "a", "syn2": "b", "MT": "c"})), bundle)
    with pytest.raises(InputRefused, match="No contig of the file"):
        list(given.batches())


def test_damage_far_into_the_file_is_refused_by_batches(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PROBE_RECORDS", 5)
    monkeypatch.setattr(decompress, "_CHUNK", 10_000)
    monkeypatch.setattr(decompress, "_COMPRESSED_CHUNK", 2000)
    long = vcf(records(7800, seed=2))
    given = open_input(write(tmp_path, gzip.compress(long)[:-500]), bundle)
    with pytest.raises(InputRefused, match="truncated"):
        list(given.batches())


def test_the_guess_of_the_total_is_close(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PROBE_RECORDS", 5)
    monkeypatch.setattr(decompress, "_CHUNK", 10_000)
    rows = records(7800, seed=2)
    given = open_input(write(tmp_path, vcf(rows)), bundle)
    assert given.total_hint == pytest.approx(len(rows), rel=0.1)


def test_the_old_annotation_is_declared_no_more(bundle: Bundle, tmp_path: Path) -> None:
    head = [*HEAD, "##INFO=<ID=CSQ,Number=.>", "##INFO=<ID=MITOMAP_AF,Number=A>", "##INFO=<ID=CSQ2,Number=.>"]
    given = open_input(write(tmp_path, vcf(records(), head)), bundle, replaced_info=("CSQ", "MITOMAP_AF"))
    assert given.header.meta == [*HEAD, "##INFO=<ID=CSQ2,Number=.>"]


def test_format_without_samples_is_left_out_because_htslib_cannot_read_it(bundle: Bundle, tmp_path: Path) -> None:
    given = open_input(write(tmp_path, with_samples("", "")), bundle)
    assert given.header.columns == COLUMNS
    assert {len(fields) for batch in given.batches() for _, fields in batch} == {8}


def test_what_workers_need_can_be_sent_to_them(bundle: Bundle, tmp_path: Path) -> None:
    given = open_input(write(tmp_path, vcf(records())), bundle)
    header = pickle.loads(pickle.dumps(given.header))
    assert header == given.header
    assert header.resolve("chrM", bundle) == bundle.contigs["MT"]


def test_the_old_mitochondrion_of_hg19_is_not_mistaken_for_the_new_one(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", {"1": "ACGT" * 10, "MT": "ACGT" * 5})
    head = [HEAD[0], "##contig=<ID=chrM,length=16571>", "##contig=<ID=chr1,length=40>"]
    rows = [["chrM", "1", ".", "A", "C", ".", ".", "."], ["chr1", "1", ".", "A", "C", ".", ".", "."]]
    given = open_input(write(tmp_path, vcf(rows, head)), bundle)
    assert given.header.resolve("chrM", bundle) is None
    assert given.header.resolve("chr1", bundle) == bundle.contigs["1"]
    assert "NC_001807" in given.notes[0]


@pytest.mark.parametrize(
    "content", [b"\n\n\n", gzip.compress(b"", mtime=0), (HEAD[0] + "\n").encode(), b"\xef\xbb\xbf"]
)
def test_a_file_with_nothing_in_it_is_refused(content: bytes, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputRefused):
        open_input(write(tmp_path, content), bundle)


def test_what_is_no_regular_file_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputRefused, match="cannot be read"):
            open_input(path, bundle)


def test_a_header_over_the_limit_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="header is longer"):
        open_input(write(tmp_path, vcf(records())), bundle, Limits(max_header_bytes=100))


def test_content_over_the_limit_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="expands beyond the limit"):
        open_input(write(tmp_path, gzip.compress(vcf(records()))), bundle, Limits(max_uncompressed_bytes=500))


def test_an_error_page_with_a_column_line_is_no_surprise(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="not a VCF"):
        open_input(write(tmp_path, f"hello\n{COLUMNS}\n".encode()), bundle)


@pytest.mark.parametrize(
    ("assembly", "stated", "words"),
    [
        ("GRCh38", "##reference=file:///refs/hg19.fa", "another (wrong) assembly, by its header GRCh37 (hg19)."),
        ("GRCh38", "##source=x", "assembly, such as GRCh37 (hg19) or T2T-CHM13v2.0 or NCBI36 (hg18)."),
        ("GRCh38", "##reference=hg38.fa", "assembly, such as GRCh37 (hg19)"),
        ("mouse", "##source=x", "another (wrong) assembly. Choose"),
    ],
)
def test_a_wrong_assembly_is_refused_by_its_bases_and_both_are_named(
    assembly: str, stated: str, words: str, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "bundle", assembly=assembly)
    turned = [[*row[:3], "ACGT"["TGCA".index(row[3])], "N", *row[5:]] for row in records()]
    with pytest.raises(InputRefused) as refusal:
        open_input(write(tmp_path, vcf(turned, (*HEAD, stated))), bundle)
    assert f"the reference synthetic ({assembly}) nearly everywhere" in str(refusal.value)
    assert words in str(refusal.value)
