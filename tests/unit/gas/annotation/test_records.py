"""Single records: what is rejected and why, and how text is shown."""

import pytest

from gas.annotation.records import (
    Reject,
    allele_kind,
    check,
    kind_of,
    printable,
    ref_mismatch_reason,
    reject,
    without_keys,
)
from gas.annotation.reference import Contig

CONTIG = Contig("1", 1000, ("chr1",), 1)
SOUND = ["chr1", "12", ".", "A", "C", ".", "PASS", "DP=1"]


def changed(**columns: str) -> list[str]:
    names = ["chrom", "pos", "id", "ref", "alt", "qual", "filter", "info"]
    return [columns.get(name, value) for name, value in zip(names, SOUND, strict=True)]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"ref": "a", "alt": "c"},
        {"ref": "ACGTN", "alt": "A,<DEL>,*"},
        {"alt": "."},
        {"alt": "<DUP:TANDEM>"},
        {"alt": "A]chr2:123]"},
        {"alt": "[<ctg>:1[A"},
        {"alt": ".A"},
        {"alt": "A."},
        {"pos": "1000"},
        {"pos": "991", "ref": "ACGTACGTAC"},
        {"info": "NOTE=\xc3\xa9\x80\xff"},
        {"id": '=HYPERLINK("x")'},
    ],
)
def test_sound_records(columns: dict[str, str]) -> None:
    assert check(changed(**columns), CONTIG, 8) is None


@pytest.mark.parametrize(
    ("columns", "kind", "detail"),
    [
        ({"pos": ""}, "POS is not a whole number", "''"),
        ({"pos": "1e3"}, "POS is not a whole number", "1e3"),
        ({"pos": "\xb2"}, "POS is not a whole number", "\xb2"),
        ({"pos": "-12"}, "POS is negative", "-12"),
        ({"pos": "0"}, "POS is 0", "telomere"),
        ({"pos": "1001"}, "POS is beyond the end of the contig", "1 has 1,000 bases"),
        ({"pos": "9" * 5000}, "POS is beyond the end of the contig", "..."),
        ({"pos": "992", "ref": "ACGTACGTAC"}, "REF reaches beyond the end of the contig", "1,000"),
        ({"ref": ""}, "REF is empty", ""),
        ({"ref": "."}, "REF is not an allele of VCF", "'.'"),
        ({"ref": "ACR"}, "REF has an ambiguity code", "R;"),
        ({"alt": ""}, "ALT is empty", ""),
        ({"alt": "C,"}, "ALT is empty", ""),
        ({"alt": "-"}, "ALT is not an allele of VCF", "'-'"),
        ({"alt": "C,."}, "ALT is not an allele of VCF", "'.'"),
        ({"alt": "<A B>"}, "ALT is not an allele of VCF", "<A B>"),
        ({"alt": "A[chr2:1]"}, "ALT is not an allele of VCF", "A[chr2:1]"),
        ({"alt": "ay"}, "ALT has an ambiguity code", "y;"),
        ({"ref": "ac", "alt": "T,AC"}, "ALT equals REF", "AC"),
        ({"id": "rs\x1b[2J"}, "control character in the record", "\\x1b"),
        ({"info": "A\rB"}, "control character in the record", "\\r"),
    ],
)
def test_rejected_records(columns: dict[str, str], kind: str, detail: str) -> None:
    reason = check(changed(**columns), CONTIG, 8)
    assert reason is not None
    assert kind_of(reason) == kind
    assert detail in reason
    assert reason.isprintable()


def test_columns_are_counted_in_the_rest() -> None:
    assert check([*SOUND, "GT\t0/1\t0/1"], CONTIG, 11) is None
    assert kind_of(check([*SOUND, "GT\t0/1"], CONTIG, 11) or "") == "number of columns differs from the #CHROM line"
    assert kind_of(check(SOUND, CONTIG, 11) or "") == "number of columns differs from the #CHROM line"
    assert kind_of(check([*SOUND, "GT"], CONTIG, 8) or "") == "number of columns differs from the #CHROM line"
    assert kind_of(check(SOUND[:5], CONTIG, 8) or "") == "too few columns"
    assert "sample columns" in (check([*SOUND, "GT\t0/1\x07"], CONTIG, 10) or "")


def test_an_unknown_contig_is_named() -> None:
    assert check(SOUND, None, 8) == "CHROM is not in the reference: 'chr1'"


@pytest.mark.parametrize(
    ("ref", "pos", "reason"),
    [
        ("A", 1, None),
        ("acgt", 1, None),
        ("NN", 2, None),
        ("G", 5, None),
        ("T", 6, None),
        ("G", 1, "REF has G, the reference has A"),
        ("T", 5, "REF has T, the reference has R"),
        ("AGG", 1, "REF has G, the reference has C at position 2"),
    ],
)
def test_ref_against_the_sequence(ref: str, pos: int, reason: str | None) -> None:
    found = ref_mismatch_reason(ref, pos, "ACGTRN")
    assert found == (reason and f"REF differs from the reference: {reason}")


@pytest.mark.parametrize(
    ("alt", "kind"),
    [
        ("acgtn", "bases"),
        (".", "missing"),
        ("*", "star"),
        ("<INS>", "symbolic"),
        ("G]17:198982]", "breakend"),
        ("]13:123456]T", "breakend"),
        ("C[<ctg1>:7[", "breakend"),
        ("G.", "breakend"),
        ("", None),
        ("<>", None),
        ("AZ", None),
        ("[1:2]", None),
    ],
)
def test_kinds_of_alleles(alt: str, kind: str | None) -> None:
    assert allele_kind(alt) == kind


def test_what_is_shown_is_printable_and_short() -> None:
    assert printable("Zo\xc3\xab") == "Zo\u00eb"
    assert printable("\xff\x00\x1b") == "\xff\\x00\\x1b"
    assert printable("a\xe2\x80\xaeb") == "a\\u202eb"
    assert printable("x" * 41) == "x" * 40 + "..."
    assert printable("\xc3\xab" * 100) == "\u00eb" * 40 + "..."
    assert printable("\xe2\x82\xac" * 100, 10) == "\u20ac" * 10 + "..."


def test_a_reject_is_printable() -> None:
    assert reject(7, ["a\x07", "1\x1b"], "x: y") == Reject(7, "a\\x07", "1\\x1b", "x: y")
    assert reject(7, ["a"], "x: y").pos == ""


def test_info_without_keys() -> None:
    assert without_keys("DP=1;CSQ=a|b;X", ("CSQ",)) == "DP=1;X"
    assert without_keys("CSQ=a", ("CSQ",)) == "."
    assert without_keys("CSQ2=a;NOTE=CSQ", ("CSQ",)) == "CSQ2=a;NOTE=CSQ"
    assert without_keys("DP=1", ("CSQ",)) == "DP=1"
    assert without_keys("CSQ;A_B=1;C=2", ("CSQ", "A_B")) == "C=2"


def test_an_ambiguous_allele_beside_a_plain_one_does_not_cost_the_record() -> None:
    fields = ["syn1", "10", ".", "G", "A,R", ".", ".", "."]
    contig = Contig("syn1", 100, (), 1)
    assert check(fields, contig, 8) is None
    alone = check([*fields[:4], "R", *fields[5:]], contig, 8)
    assert alone == "ALT has an ambiguity code: R; VCF takes A, C, G, T and N"
