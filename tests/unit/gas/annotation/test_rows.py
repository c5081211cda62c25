"""Which alleles of a record are annotated, and how they are trimmed before."""

import random

import numpy as np
import pytest

from gas.annotation import csq, rows
from gas.annotation.reference import Bundle
from gas.annotation.segments import open_segments
from gas.annotation.templates import Templates


@pytest.mark.parametrize(
    ("ref", "alleles", "expected"),
    [
        ("A", ["G"], [(10, "A", "G")]),
        ("AC", ["A"], [(11, "C", "")]),
        ("A", ["AC"], [(11, "", "C")]),
        ("A", ["TGA"], [(10, "", "TG")]),
        ("TACTACT", ["TA"], [(12, "CTACT", "")]),
        ("CAAACG", ["AGCCG"], [(10, "CAAA", "AGC")]),
        ("CAG", ["CTG"], [(10, "CAG", "CTG")]),
        ("CAG", ["CAT"], [(10, "CAG", "CAT")]),
        ("GTGA", ["g"], [(10, "GTGA", "G")]),
        ("gtga", ["g"], [(11, "TGA", "")]),
        ("GA", ["G", "GAA"], [(11, "A", ""), (11, "A", "AA")]),
        ("GA", ["G", "TA"], [(10, "GA", "G"), (10, "GA", "TA")]),
        ("GA", ["G", "*"], [(11, "A", ""), (11, "A", "*")]),
        ("G", ["A", "T"], [(10, "G", "A"), (10, "G", "T")]),
    ],
)
def test_trim_as_vep_does(ref: str, alleles: list[str], expected: list[tuple[int, str, str]]) -> None:
    assert rows.trim(10, ref, alleles) == expected


def annotate(bundle: Bundle, position: int, ref: str, alt: str) -> list[list[str]]:
    templates = Templates(open_segments(bundle, "syn1"), "syn1")
    (segment,) = templates.segments.find(np.array([position]))
    found = rows.record(templates, segment, position, ref, alt)
    return [row.split("|") for row in found.split(",")] if found else []


@pytest.mark.parametrize("alt", ["<DEL>", "*", ".", "A[syn1:300[", "<NON_REF>", "*,<DEL>", "R"])
def test_no_row_for_what_has_no_bases(synthetic_bundle: Bundle, alt: str) -> None:
    assert annotate(synthetic_bundle, 6150, "A", alt) == []


@pytest.mark.parametrize(
    ("alt", "numbers"), [("G,<NON_REF>", {"1"}), ("<NON_REF>,G", {"2"}), ("*,G", {"2"}), ("G,C,*", {"1", "2"})]
)
def test_alleles_keep_their_number(synthetic_bundle: Bundle, alt: str, numbers: set[str]) -> None:
    position = synthetic_bundle.sequence("syn1")[:].index("T", 6150) + 1
    found = annotate(synthetic_bundle, position, "T", alt)
    assert {row[18] for row in found} == numbers
    assert {row[0] for row in found} == {alt.split(",")[int(number) - 1] for number in numbers}


def test_lower_case_is_upper_case(synthetic_bundle: Bundle) -> None:
    ref = synthetic_bundle.sequence("syn1")[6149]
    alt = "A" if ref != "A" else "C"
    assert annotate(synthetic_bundle, 6150, ref.lower(), alt.lower()) == annotate(synthetic_bundle, 6150, ref, alt)


def test_an_allele_with_n_has_consequences_but_no_name(synthetic_bundle: Bundle) -> None:
    found = annotate(synthetic_bundle, 6150, synthetic_bundle.sequence("syn1")[6149], "N")
    assert found
    assert all(row[10] == row[11] == "" for row in found)
    assert any(row[1] == "coding_sequence_variant" for row in found)


def random_alleles(rng: random.Random, bases: str, ref: str) -> list[str]:
    made = [
        "*",
        "<DEL>",
        "N" * rng.choice((1, 4)),
        ref[0] + "".join(rng.choices("ACGT", k=rng.choice((0, 1, 2, 3, 9, 60)))),
        ref[: rng.randrange(1, len(ref) + 1)],
        ref + bases[: rng.choice((1, 3, 30))],
        "".join(rng.choices("ACGTN", k=rng.choice((1, 2, 3, len(ref))))),
    ]
    return [allele for allele in rng.sample(made, rng.choice((1, 1, 2, 3))) if allele != ref]


@pytest.mark.parametrize("contig", ["syn1", "syn2", "MT"])
def test_any_record_gives_whole_rows(synthetic_bundle: Bundle, contig: str) -> None:
    """Odd alleles, of any length, anywhere: no fault, and rows that a VCF can carry."""
    templates = Templates(open_segments(synthetic_bundle, contig), contig)
    bases = synthetic_bundle.sequence(contig)[:]
    rng = random.Random(7)
    for _ in range(1500):
        position = rng.randrange(1, len(bases) + 1)
        ref = bases[position - 1 : position - 1 + rng.choice((1, 1, 2, 3, 7, 20, 300, 3000))]
        alleles = random_alleles(rng, bases[position - 1 :], ref)
        (segment,) = templates.segments.find(np.array([position]))
        found = rows.record(templates, segment, position, ref, ",".join(alleles) or "A")
        for row in found.split(",") if found else []:
            assert row.count("|") == len(csq.FIELDS) - 1
            assert not set(row) & set(" ;=\t\n")


@pytest.mark.parametrize("contig", ["syn1", "syn2", "MT"])
def test_what_deletes_exactly_a_transcript_ablates_it(synthetic_bundle: Bundle, contig: str) -> None:
    """Found by tests.fuzz: a transcript of one exon lies in one segment, whose terms are those of a part of it."""
    segments = open_segments(synthetic_bundle, contig)
    templates = Templates(segments, contig)
    sequence = synthetic_bundle.sequence(contig)
    for number in range(len(segments.transcripts)):
        transcript = segments.transcripts[number]
        start, end = transcript.start, transcript.end
        for first, last in ((start, end), (start, end - 1), (start + 1, end), (start - 1, end + 1)):
            if first < 2 or last > len(sequence):
                continue
            ref = sequence[first - 2 : last]
            found = rows.record(templates, segments.onward(-1, first - 1), first - 1, ref, ref[0])
            (row,) = (row.split("|") for row in found.split(",") if f"|{transcript.id}|" in row)
            ablated = first <= start and last >= end
            assert ("transcript_ablation" in row[1]) == ablated, f"{transcript.id} {first}-{last}"
