"""The header by itself: what is refused, mended and noted."""

from pathlib import Path

import pytest

from gas.annotation.assemblies import known_assembly
from gas.annotation.header import looks_like, parse_header, stated_assembly
from gas.annotation.limits import InputRefused, Limits
from gas.annotation.reference import Bundle
from tests.data.bad_inputs import COLUMNS, HEAD


def test_a_sound_header_is_kept_as_it_is() -> None:
    odd = [
        "##reference=file:///x y.fa",
        '##INFO=<ID=A,Description="a \\"b\\", ID=c, \\\\">',
        "##x=<y",
        "##PEDIGREE=<A=B>",
    ]
    header = parse_header([*HEAD, *odd, COLUMNS, "never read"], Limits(), ("CSQ",))
    assert header.meta == [*HEAD, *odd]
    assert header.notes == []
    assert header.lines == len(HEAD) + len(odd) + 1
    assert header.contigs == {"syn1": 37898, "syn2": 30798, "MT": 3310}
    assert header.column_count == 8


@pytest.mark.parametrize(
    "line",
    [
        "##free text",
        "##INFO=ID",
        '##INFO=<ID=A,Description="open>',
        "##FORMAT=<ID=A",
        "##contig=<length=3>",
        "##source=a\x1bb",
        "##=x",
    ],
)
def test_a_malformed_line_is_left_out_and_noted(line: str) -> None:
    header = parse_header([HEAD[0], line, COLUMNS], Limits(), ())
    assert header.meta == [HEAD[0]]
    assert header.notes == ["Line 2 of the header is malformed and was left out of the result."]


def test_many_malformed_lines_make_few_notes() -> None:
    header = parse_header([HEAD[0], *["##free text"] * 100, COLUMNS], Limits(), ())
    assert len(header.notes) == 21
    assert "80 more" in header.notes[-1]


def test_the_version_comes_first_whatever_its_place() -> None:
    assert parse_header([HEAD[1], HEAD[0], COLUMNS], Limits(), ()).meta == [HEAD[0], HEAD[1]]


def test_an_unprintable_version_is_not_passed_on() -> None:
    header = parse_header([f"{HEAD[0]}\x1b", COLUMNS], Limits(), ())
    assert header.meta == [HEAD[0]]
    assert header.notes == ["The VCF version is not known (VCFv4.2\\x1b); the file was read as VCF 4."]


@pytest.mark.parametrize("version", ["VCFv4.0", "VCFv4.5"])
def test_known_versions_are_not_worth_a_note(version: str) -> None:
    assert parse_header([f"##fileformat={version}", COLUMNS], Limits(), ()).notes == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((HEAD[0], "#CHROM\tPOS"), "2 columns"),
        ((HEAD[0], COLUMNS.lower()), "'#chrom'"),
        ((HEAD[0], f"{COLUMNS}\tGT\ts"), "Column 9 .* 'GT'"),
        ((HEAD[0], f"{COLUMNS}\tFORMAT\ta\t"), "without a name"),
        ((HEAD[0], f"{COLUMNS}\tFORMAT\ta\x1b"), r"damaged sample name, 'a\\x1b'"),
        ((HEAD[0], "# a comment", COLUMNS), "Line 2 is neither"),
        ((HEAD[0], "1\t2\t.\tA\tC\t.\t.\t."), "line 2 is already a record"),
        ((HEAD[0], "", ""), "ends at line 3"),
        (("1\t2\t.\tA\tC\t.\t.\t.",), "no VCF header"),
        (("name,value",), "not a VCF: line 1 is 'name,value'"),
    ],
)
def test_what_is_no_header_is_refused(lines: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputRefused, match=words) as refusal:
        parse_header(lines, Limits(), ())
    assert str(refusal.value).isprintable()


def test_assemblies_are_told_by_lengths() -> None:
    assert known_assembly({"chr21": 46709983, "chr21_alt": 5}) == "GRCh38 (hg38)"
    assert known_assembly({"X": 155270560, "MT": 16569}) == "GRCh37 (hg19)"
    assert known_assembly({"1": 248387328}) == "T2T-CHM13v2.0"
    assert known_assembly({"chrY": 57772954}) == "NCBI36 (hg18)"
    assert known_assembly({"1": 248956422, "2": 243199373}) is None
    assert known_assembly({"1": None}) is None


@pytest.mark.parametrize(
    ("lines", "assembly"),
    [
        (["##reference=file:///refs/hs37d5.fa"], "GRCh37 (hg19)"),
        (["##assembly=ftp://x/GCA_000001405.15_GRCh38_no_alt.fna"], "GRCh38 (hg38)"),
        (["##contig=<ID=1,length=9,assembly=hg18,md5=ab37>"], "NCBI36 (hg18)"),
        (["##contig=<ID=1,length=9,md5=ab37>", "##source=hg19 caller"], None),
        (["##reference=hg19.fa", "##contig=<ID=1,assembly=GRCh38>"], None),
        (["##reference=/refs/chm13v2.0.fa", "##reference=other.fa"], "T2T-CHM13v2.0"),
        ([], None),
    ],
)
def test_the_assembly_that_a_header_states(lines: list[str], assembly: str | None) -> None:
    header = parse_header([HEAD[0], *lines, COLUMNS], Limits(), ())
    assert stated_assembly(header) == assembly
    sentence = f" The file looks like {assembly}: choose a reference for that assembly." if assembly else ""
    assert looks_like(header, Bundle(Path(), {"name": "b", "assembly": "mouse", "contigs": []})) == sentence


def test_an_assembly_is_not_told_from_itself() -> None:
    header = parse_header([HEAD[0], "##reference=hg38.fa", COLUMNS], Limits(), ())
    assert looks_like(header, Bundle(Path(), {"name": "b", "assembly": "GRCh38.p14", "contigs": []})) == ""
