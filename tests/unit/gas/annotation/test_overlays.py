"""Overlays are built from small VCFs on a made-up genome and looked up as the engine does."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gas.annotation.overlays import Overlays, OverlaySpec, alleles, build_alleles, columns, values
from gas.annotation.overlays.alleles import allele_key, minimal
from gas.annotation.overlays.build import build
from gas.annotation.overlays.lookup import Variant
from gas.annotation.reference import BundleError, Contig, ContigSequence

#            1234567890123456789012345678901234567890
GENOME = {"1": "ACGTTTTTGACACACACGTNNACGTACGGATTACAGATTC", "2": "GGGGCCCCAAAATTTT"}

HEADER = """##fileformat=VCFv4.2
##source=Made up
##fileDate=2026-11-23
##INFO=<ID=AC,Number=A,Type=Integer,Description="Allele count">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles">
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=AD,Number=R,Type=Integer,Description="Depth">
##INFO=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">
##INFO=<ID=SIG,Number=.,Type=String,Description="The \\"significance\\"">
##INFO=<ID=DB,Number=0,Type=Flag,Description="In dbSNP">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""


class Genome:
    """What building and look-ups need of a bundle."""

    def __init__(self, sequences: dict[str, str], path: Path) -> None:
        self.path = path
        self.manifest: dict[str, Any] = {"overlays": []}
        self.assembly = "GRCh38"
        self._sequences = sequences

    def resolve(self, name: str) -> Contig | None:
        name = name.removeprefix("chr")
        return Contig(name, len(self._sequences[name]), (), 1) if name in self._sequences else None

    def sequence(self, contig_name: str) -> ContigSequence:
        return ContigSequence(np.frombuffer(self._sequences[contig_name].encode(), dtype=np.uint8))


Add = Callable[..., dict[str, Any]]


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return Genome(GENOME, tmp_path)


@pytest.fixture
def add(genome: Genome, tmp_path: Path) -> Add:
    """Build an overlay from records (columns split at blanks) and list it in the bundle; returns its manifest entry."""

    def build_from(fields: str, *records: str, name: str = "DB1", header: str = HEADER) -> dict[str, Any]:
        path = tmp_path / f"{name}.vcf"
        path.write_text(header + "".join("\t".join(record.split(" ")) + "\n" for record in records), encoding="latin-1")
        out = tmp_path / "overlays"
        out.mkdir(exist_ok=True)
        entry = build(OverlaySpec.parse(f"{name}={path}:{fields}"), genome, out)
        genome.manifest["overlays"].append(entry)
        return entry

    return build_from


def look_up(genome: Genome, *records: tuple[int, str, str], contig: str = "1") -> list[str]:
    return Overlays.open(genome).info(contig, [(pos, ref, tuple(alts.split(","))) for pos, ref, alts in records])


def test_spec_takes_name_file_and_fields() -> None:
    spec = OverlaySpec.parse("CLINVAR=/data/a:b/clinvar.vcf.gz:CLNSIG,CLNDN")
    assert spec == OverlaySpec("CLINVAR", Path("/data/a:b/clinvar.vcf.gz"), ("CLNSIG", "CLNDN"))


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("clinvar.vcf.gz", "write NAME=FILE:FIELD"),
        ("A=file", "write NAME=FILE:FIELD"),
        ("A=file:", "write NAME=FILE:FIELD"),
        ("A=file:X,", "write NAME=FILE:FIELD"),
        ("=file:X", "cannot name an overlay"),
        ("1A=file:X", "cannot name an overlay"),
        ("A;B=file:X", "cannot name an overlay"),
        ("A=file:X,Y,X", "twice"),
        ("A=file:" + ",".join(f"F{n}" for n in range(61)), "at most 60"),
    ],
)
def test_bad_spec_is_refused_in_words(text: str, about: str) -> None:
    with pytest.raises(BundleError, match=about):
        OverlaySpec.parse(text)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ((1, "A", "C"), (1, "A", "C")),
        ((1, "a", "c"), (1, "A", "C")),
        ((1, "ACG", "ATG"), (2, "C", "T")),
        ((1, "ACG", "TCA"), (1, "ACG", "TCA")),
        ((8, "T", "TT"), (4, "", "T")),  # anywhere in the run of T
        ((4, "T", "TT"), (4, "", "T")),
        ((3, "GT", "G"), (4, "T", "")),
        ((7, "TTG", "TG"), (4, "T", "")),
        ((14, "ACAC", "AC"), (10, "AC", "")),  # a repeat of two, from its last copy to its first
        ((15, "C", "CAC"), (10, "", "AC")),
    ],
)
def test_minimal_trims_and_shifts_left(variant: tuple[int, str, str], expected: tuple[int, str, str]) -> None:
    assert minimal(*variant, GENOME["1"]) == expected


@pytest.mark.parametrize(
    "variant",
    [
        (1, "A", "A"),
        (1, "A", "<DEL>"),
        (1, "A", "*"),
        (1, "A", "."),
        (1, "A", "A[2:5["),
        (1, "A", ""),
        (2, "A", "C"),  # the genome has C
        (0, "A", "C"),
        (40, "CA", "C"),  # beyond the end
        (99, "A", "C"),
    ],
)
def test_no_allele_of_this_sequence_has_no_minimal_form(variant: tuple[int, str, str]) -> None:
    assert minimal(*variant, GENOME["1"]) is None


def test_shift_is_bounded_and_leaves_runs_of_n_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alleles, "MAX_SHIFT", 100)
    assert minimal(500, "A", "AA", "A" * 600) == (400, "", "A")
    assert minimal(500, "NN", "N", "N" * 600) == (500, "N", "")


def edits(sequence: str) -> st.SearchStrategy[tuple[int, str, str]]:
    def edit(place: tuple[int, int, str]) -> tuple[int, str, str]:
        pos, length, alt = place
        return pos, sequence[pos - 1 : pos - 1 + length], alt

    places = st.tuples(st.integers(1, len(sequence)), st.integers(1, 5), st.text("AC", min_size=1, max_size=6))
    return places.map(edit)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_two_alleles_are_one_exactly_when_they_make_the_same_sequence(data: st.DataObject) -> None:
    sequence = data.draw(st.text("AC", min_size=1, max_size=14))
    first, second = data.draw(edits(sequence)), data.draw(edits(sequence))

    def changed(allele: tuple[int, str, str]) -> str:
        pos, ref, alt = allele
        return sequence[: pos - 1] + alt + sequence[pos - 1 + len(ref) :]

    forms = [minimal(*allele, sequence) for allele in (first, second)]
    assert (forms[0] is None) == (changed(first) == sequence)
    assert (forms[0] == forms[1]) == (changed(first) == changed(second))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_keys_are_equal_exactly_when_alleles_are(data: st.DataObject) -> None:
    reference = "ACGTN" * 20
    alleles = [
        (
            start,
            reference[start - 1 : start - 1 + data.draw(st.integers(0, 40))],
            data.draw(st.text("ACGTN", max_size=14)),
        )
        for start in data.draw(st.lists(st.integers(1, 20), min_size=2, max_size=2))
    ]
    keys = [allele_key(*allele) for allele in alleles]
    assert (keys[0] == keys[1]) == (alleles[0] == alleles[1])
    assert all(0 < key < 1 << 64 and key >> 32 == allele[0] for (key, _), allele in zip(keys, alleles, strict=True))


def test_values_of_the_exact_allele_only(genome: Genome, add: Add) -> None:
    add("AC,AF", "1 1 . A C,G . . AC=3,4;AF=0.5,1e-05", "2 1 . G T . . AC=9")
    assert look_up(genome, (1, "A", "C"), (1, "A", "G"), (1, "A", "T"), (2, "C", "G")) == [
        "DB1_AC=3;DB1_AF=0.5",
        "DB1_AC=4;DB1_AF=1e-05",
        "",
        "",
    ]
    assert look_up(genome, (1, "G", "T"), contig="2") == ["DB1_AC=9"]
    assert look_up(genome, (1, "C", "T"), contig="2") == [""]  # REF is not what the contig holds


def test_multi_allelic_records_get_a_value_each(genome: Genome, add: Add) -> None:
    add("AC,SIG,DB", "1 1 . A C . . AC=3;SIG=benign", "1 1 . A G . . DB;SIG=bad", "1 8 . T TT . . AC=7")
    assert look_up(genome, (1, "A", "T,C,G"), (1, "A", "T,<DEL>"), (4, "T", "TT,*"), (1, "A", "G")) == [
        "DB1_AC=.,3,.;DB1_SIG=.,benign,bad;DB1_DB=.,.,1",
        "",
        "DB1_AC=7,.",
        "DB1_SIG=bad;DB1_DB=1",
    ]


def test_indels_match_wherever_they_are_written(genome: Genome, add: Add) -> None:
    add("SIG", "1 8 . T TT . . SIG=ins", "1 9 . GAC G . . SIG=del", "1 1 . ACG ATG . . SIG=padded")
    same = [(3, "G", "GT"), (5, "TT", "TTT"), (15, "CAC", "C"), (2, "C", "T")]
    assert look_up(genome, *same) == ["DB1_SIG=ins", "DB1_SIG=ins", "DB1_SIG=del", "DB1_SIG=padded"]
    assert look_up(genome, (3, "G", "GTT"), (9, "GACAC", "G")) == ["", ""]


LONG = ["A" * 12, "ACGTACGTACGTACG", "C" * 11 + "N", "T" * 40]


def test_long_alleles_are_compared_letter_by_letter(genome: Genome, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alleles.zlib, "crc32", lambda text: 7)  # every long allele at a position has one hash
    records = [f"1 28 . G G{bases} . . SIG=n{number}" for number, bases in enumerate(LONG)]
    entry = add("SIG", *records, f"1 1 . {GENOME['1'][:36]} A . . SIG=deletion")
    assert entry["alleles"] == 5
    found = look_up(genome, *[(28, "G", f"G{bases}") for bases in LONG], (28, "G", "G" + "C" * 13), (28, "GG", "G"))
    assert found == ["DB1_SIG=n0", "DB1_SIG=n1", "DB1_SIG=n2", "DB1_SIG=n3", "", ""]
    assert look_up(genome, (1, GENOME["1"][:36], "A"), (1, GENOME["1"][:35], "A")) == ["DB1_SIG=deletion", ""]


def test_numbers_keep_their_digits_in_the_smallest_width(genome: Genome, add: Add) -> None:
    header = HEADER.replace("#CHROM", '##INFO=<ID=X,Number=1,Type=Float,Description="x">\n#CHROM', 1)
    entry = add("AC,AF,X", "1 1 . A C . . AC=5000000000;AF=0.000351493848857645;X=15.0", header=header)
    assert [field["kind"] for field in entry["fields"]] == ["int64", "float64", "int32"]
    assert [field["type"] for field in entry["fields"]] == ["Integer", "Float", "Float"]
    assert look_up(genome, (1, "A", "C")) == ["DB1_AC=5000000000;DB1_AF=0.000351493848857645;DB1_X=15"]
    entry = add("AF", "1 1 . A C . . AF=6.57168e-06", "1 2 . C G . . AF=0", name="DB2")
    assert entry["fields"][0]["kind"] == "float32"
    assert look_up(genome, (1, "A", "C"), (2, "C", "G"))[0].endswith(";DB2_AF=6.57168e-06")


def test_lists_go_to_their_alleles_and_texts_stay_whole(genome: Genome, add: Add) -> None:
    add("AD,AN,SIG,ID,QUAL,FILTER", "1 1 rs1 A C,G 30.5 PASS AD=9,1,2;AN=12;SIG=a,b", "1 2 . C G . . AD=1,2,3")
    assert look_up(genome, (1, "A", "C"), (1, "A", "G"), (2, "C", "G")) == [
        "DB1_AD=1;DB1_AN=12;DB1_SIG=a%2Cb;DB1_ID=rs1;DB1_QUAL=30.5;DB1_FILTER=PASS",
        "DB1_AD=2;DB1_AN=12;DB1_SIG=a%2Cb;DB1_ID=rs1;DB1_QUAL=30.5;DB1_FILTER=PASS",
        "",
    ]


def test_values_are_encoded_as_vcf_demands() -> None:
    assert columns.encoded("a;b=c,d e%3Bf%zz%2c\t") == "a%3Bb%3Dc%2Cd%20e%3Bf%25zz%252c%09"


def test_bytes_beyond_ascii_survive(genome: Genome, add: Add) -> None:
    text = "M\u00e9ni\u00e8re"
    add("SIG", f"1 1 . A C . . SIG={text.encode().decode('latin-1')}")
    assert look_up(genome, (1, "A", "C"))[0].encode("latin-1").decode() == f"DB1_SIG={text}"


def test_header_names_source_and_version(genome: Genome, add: Add) -> None:
    add("SIG,DB", "1 1 . A C . . SIG=a;DB")
    add("AC", "1 1 . A C . . AC=1", name="DB2", header=HEADER.replace("##source=Made up\n##fileDate=2026-11-23\n", ""))
    opened = Overlays.open(genome)
    assert opened.header_lines() == [
        '##INFO=<ID=DB1_SIG,Number=A,Type=String,Description="The \\"significance\\" [DB1: Made up, 2026-11-23]">',
        '##INFO=<ID=DB1_DB,Number=A,Type=Integer,Description="In dbSNP [DB1: Made up, 2026-11-23]">',
        '##INFO=<ID=DB2_AC,Number=A,Type=Integer,Description="Allele count [DB2: DB2.vcf]">',
    ]
    assert opened.columns() == [("DB1_SIG", "String"), ("DB1_DB", "Integer"), ("DB2_AC", "Integer")]
    assert look_up(genome, (1, "A", "C")) == ["DB1_SIG=a;DB1_DB=1;DB2_AC=1"]


def test_field_names_become_info_keys(genome: Genome, add: Add) -> None:
    add("AC-raw", "1 1 . A C . . AC-raw=3", header=HEADER.replace("ID=AC,", "ID=AC-raw,", 1))
    assert look_up(genome, (1, "A", "C")) == ["DB1_AC_raw=3"]


def test_two_overlays_of_one_name_are_refused(add: Add) -> None:
    add("AC", "1 1 . A C . . AC=3")
    with pytest.raises(BundleError, match="Two overlays are called DB1"):
        add("AC", "1 1 . A C . . AC=3")


@pytest.mark.parametrize("text", ["nan", "NaN", ".", ""])
def test_no_number_is_no_value(genome: Genome, add: Add, text: str) -> None:
    entry = add("AF,SIG", f"1 1 . A C . . AF={text};SIG=x", "1 2 . C G . . AF=0.25;SIG=.")
    assert entry["skipped"] == {}
    assert look_up(genome, (1, "A", "C"), (2, "C", "G")) == ["DB1_SIG=x", "DB1_AF=0.25"]


def test_what_is_no_number_is_counted(genome: Genome, add: Add) -> None:
    entry = add("AC,AF", f"1 1 . A C . . AC={1 << 63};AF=x", "1 2 . C G . . AC=-5;AF=-2.5")
    assert entry["skipped"] == {"AC is not an Integer": 1, "AF is not a Float": 1}
    assert look_up(genome, (1, "A", "C"), (2, "C", "G")) == ["", "DB1_AC=-5;DB1_AF=-2.5"]


def test_first_known_value_of_a_repeated_allele_counts(genome: Genome, add: Add) -> None:
    entry = add("AC,SIG", "1 8 . T TT . . SIG=first", "1 4 . T TT . . AC=2;SIG=second", "1 5 . T TT . . AC=3")
    assert entry["alleles"] == 1
    assert entry["skipped"] == {"allele occurs again": 2}
    assert look_up(genome, (3, "G", "GT")) == ["DB1_AC=2;DB1_SIG=first"]


def test_what_cannot_be_looked_up_is_counted(genome: Genome, add: Add) -> None:
    records = ["1 1 . A C,<DEL>,* . . AC=1,2,3", "chr2 1 . G T . . AC=x", "3 1 . A C . . AC=1", "1 2 . A C . . AC=1"]
    entry = add("AC", *records)
    assert (entry["records"], entry["alleles"]) == (4, 2)
    assert entry["skipped"] == {
        "AC is not an Integer": 1,
        "REF differs from the reference": 1,
        "allele is not a sequence": 2,
        "contig is not in the reference": 1,
    }
    assert look_up(genome, (1, "G", "T"), contig="2") == [""]


def test_a_list_of_another_length_is_no_value(genome: Genome, add: Add) -> None:
    add("AC,SIG", "1 1 . A C,G . . AC=1;SIG=x")
    assert look_up(genome, (1, "A", "C"), (1, "A", "G")) == ["DB1_SIG=x", "DB1_SIG=x"]


@pytest.mark.parametrize(
    ("fields", "records", "about"),
    [
        ("NOPE", ["1 1 . A C . . AC=1"], "no INFO field NOPE; it has ID, QUAL, FILTER, AC, AN"),
        ("AC", ["1 1 . G C . . AC=1", "1 2 . G T . . AC=1", "1 3 . G T . . AC=1"], "is it of another assembly"),
        ("AC", ["7 1 . G C . . AC=1"], "1 times: contig is not in the reference"),
        ("AC", ["1 x . G C . . AC=1"], "DB1.vcf, line 12: this is no VCF record"),
        ("AC", ["1 1 . G"], "DB1.vcf, line 12: this is no VCF record"),
    ],
)
def test_unusable_sources_are_refused_in_words(add: Add, fields: str, records: list[str], about: str) -> None:
    with pytest.raises(BundleError, match=about):
        add(fields, *records)


def test_unreadable_files_are_refused_in_words(genome: Genome, tmp_path: Path) -> None:
    spec = OverlaySpec("A", tmp_path / "none.vcf", ("AC",))
    with pytest.raises(BundleError, match="cannot be read"):
        build(spec, genome, tmp_path)
    spec.path.write_text("chrom\tpos\n")
    with pytest.raises(BundleError, match="is no VCF"):
        build(spec, genome, tmp_path)
    cut = gzip.compress((HEADER + "1\t1\t.\tA\tC\t.\t.\tAC=1\n" * 9000).encode())[:-30]
    spec.path.write_bytes(cut)
    with pytest.raises(BundleError, match="cannot be read"):
        build(spec, genome, tmp_path)


def naive(sequence: str, rows: Sequence[tuple[int, str, str, str]]) -> dict[str, str]:
    """sequence after the change -> value of the first row that makes it."""
    known: dict[str, str] = {}
    for pos, ref, alt, value in rows:
        known.setdefault(sequence[: pos - 1] + alt + sequence[pos - 1 + len(ref) :], value)
    return known


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_agrees_with_a_dictionary_whatever_the_order_and_memory(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    sequence = data.draw(st.text("ACG", min_size=4, max_size=40))
    drawn = data.draw(st.lists(edits(sequence), min_size=1, max_size=30))
    alleles = [(pos, ref, alt) for pos, ref, alt in drawn if minimal(pos, ref, alt, sequence)]
    folder = tmp_path_factory.mktemp("overlay")
    genome = Genome({"1": sequence}, folder)
    rows = [(pos, ref, alt, str(data.draw(st.integers(-5, 5)))) for pos, ref, alt in alleles]
    if rows:
        (folder / "a.vcf").write_text(
            HEADER + "".join(f"1\t{p}\t.\t{r}\t{a}\t.\t.\tAC={v};SIG=s{v}\n" for p, r, a, v in rows)
        )
        (folder / "overlays").mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(build_alleles, "STRETCH_BITS", 2)
            patch.setattr(build_alleles, "ROWS_IN_MEMORY", 3)
            patch.setattr(columns, "DISTINCT_TEXTS_IN_MEMORY", 1)
            spec = OverlaySpec("A", folder / "a.vcf", ("AC", "SIG"))
            genome.manifest["overlays"].append(build(spec, genome, folder / "overlays"))
    queries: list[Variant] = [
        (pos, ref, (alt,)) for pos, ref, alt in [*data.draw(st.lists(edits(sequence), max_size=10)), *alleles]
    ]
    known = naive(sequence, rows)
    answers = Overlays.open(genome).info("1", queries)
    for (pos, ref, (alt,)), answer in zip(queries, answers, strict=True):
        value = known.get(sequence[: pos - 1] + alt + sequence[pos - 1 + len(ref) :])
        expected = f"A_AC={value};A_SIG=s{value}" if value and minimal(pos, ref, alt, sequence) else ""
        assert answer == expected
    # The same alleles as one multi-allelic record, position by position.
    for pos, ref, (alt,) in queries:
        (whole,) = Overlays.open(genome).info("1", [(pos, ref, ("*", alt))])
        (single,) = Overlays.open(genome).info("1", [(pos, ref, (alt,))])
        assert whole == ";".join(part.replace("=", "=.,") for part in single.split(";") if part)


def test_builds_the_same_bytes_each_time(genome: Genome, add: Add, tmp_path: Path) -> None:
    records = ["1 1 . A C,G . . AC=3,4;SIG=b", "1 28 . G GAAAAAAAAAAAAAAA . . SIG=a", "2 1 . G T . . AC=9;SIG=b"]
    contents = []
    for _ in range(2):
        entry = add("AC,SIG", *records)
        folder = tmp_path / "overlays" / "DB1"
        contents.append((entry, {path.name: path.read_bytes() for path in sorted(folder.iterdir())}))
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert contents[0] == contents[1]
    assert not any((tmp_path / "overlays").iterdir())


def test_a_bundle_without_overlays_answers_nothing(tmp_path: Path) -> None:
    bundle = SimpleNamespace(path=tmp_path, manifest={}, sequence=lambda name: None)
    opened = Overlays.open(bundle)
    assert opened.header_lines() == []
    assert opened.info("1", [(1, "A", ("C",)), (2, "C", ("T", "G"))]) == ["", ""]
    assert opened.info("1", []) == []


def test_many_texts_do_not_stay_in_memory(genome: Genome, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_CACHED_TEXTS", 1)
    add("SIG", *[f"1 {pos} . {GENOME['1'][pos - 1]} A . . SIG=t{pos}" for pos in (2, 3, 4, 5)])
    opened = Overlays.open(genome)
    for pos in (2, 3, 4, 5, 2):
        assert opened.info("1", [(pos, GENOME["1"][pos - 1], ("A",))]) == [f"DB1_SIG=t{pos}"]
