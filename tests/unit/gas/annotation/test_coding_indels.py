"""The quick path of coding indels must be taken, and say what the general path says."""

import random
from typing import Any

import numpy as np
import pytest

from gas.annotation import csq, rows
from gas.annotation.coding_indels import FURTHER, Indel, Reading, effect, reading_near
from gas.annotation.reference import Bundle
from gas.annotation.segments import open_segments
from gas.annotation.templates import Templates

CDS = "ATGGCTAAACGTGGTCTTGAAGCTGCTGCTCATTACCTGAAGGTTTCTCGCGATATCACTCCTTGA"
UTR3 = "CATTAGCCTAACTGATTTAG"


def found(place: int, deleted: int, inserted: str = "", moved: int = 0) -> tuple[str, str, str] | None:
    """Amino_acids, Codons and HGVSp of an indel before `place`."""
    before_it, near = reading_near(CDS, UTR3, place, place, 1)
    made = effect(near, place - 3 * before_it, Indel(1, deleted, inserted, moved, inserted))
    if made is None:
        return None
    (_, peptides, codons, before, residue, between, last, after), first = made
    first += before_it
    return peptides, codons, f"{before}{first + residue + 1}{between}{'' if last is None else first + last + 1}{after}"


@pytest.mark.parametrize(
    ("indel", "expected"),
    [
        ((12, 3), ("G/-", "GGT/-", "Gly5del")),
        ((13, 3), ("GL/V", "gGTCtt/gtt", "Gly5_Leu6delinsVal")),
        ((15, 0, "TGG"), ("-/W", "-/TGG", "Gly5_Leu6insTrp")),
        ((18, 0, "CTT"), ("-/L", "-/CTT", "Leu6dup")),
        ((15, 0, "TGATGG"), ("-/*W", "-/TGATGG", "Gly5_Leu6insTer")),
        # Then GTC TTG AAG CTG CTG CTC ATT ACC TGA is read.
        ((12, 1), ("G/X", "Ggt/gt", "Gly5ValfsTer9")),
    ],
)
def test_known_ones(indel: tuple[Any, ...], expected: tuple[str, str, str]) -> None:
    assert found(*indel) == expected


@pytest.mark.parametrize("place", [0, 3, len(CDS) - 3, len(CDS) - 1])
def test_start_and_stop_are_left_to_the_general_path(place: int) -> None:
    assert found(place, 1) is None


def test_a_stop_far_away_is_found_by_reading_further() -> None:
    cds = "ATG" + "GCA" * 300 + "TGA"
    indel = Indel(1, 1, "", 0, "")
    before, near = reading_near(cds, UTR3, 90, 90, 1)
    assert effect(near, 90 - 3 * before, indel) is None
    made = effect(Reading(cds[3:] + UTR3, len(cds) - 6, 1), 90 - 3, indel, FURTHER)
    # Then CAG CAG ... CAT GAC ATT AGC CTA ACT GAT TTA G is read, without a stop.
    assert made is None
    made = effect(Reading(f"{cds[3:]}ATAA", len(cds) - 6, 1), 90 - 3, indel, FURTHER)
    # ... CAG CAT GAA TAA
    assert made is not None
    assert (made[0].between, made[1]) == ("GlnfsTer273", 21)


def test_most_rows_are_quick(synthetic_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside of exons, few rows need the general path; all must be what that says."""
    segments = open_segments(synthetic_bundle, "syn1")
    templates = Templates(segments, "syn1")
    sequence = synthetic_bundle.sequence("syn1")
    rng = random.Random(5)
    general_rows = csq.row
    quick = slow = 0
    for _ in range(1500):
        transcript = segments.transcripts[rng.randrange(len(segments.transcripts))]
        if not transcript.coding_start or transcript.frameshift_introns:
            continue
        place = rng.randrange(transcript.coding_start, transcript.coding_end)
        size = rng.choice((1, 2, 3, 3, 4, 6, 9, 12))
        ref, alt = (sequence[place : place + size], "") if rng.random() < 0.5 else ("", sequence[place : place + size])
        if transcript.cdna(place) is None or transcript.cdna(place + size + 1) is None or "N" in ref + alt:
            continue
        start, end = place + 1, place + len(ref)
        (segment,) = segments.find(np.array([min(start, end)]))
        calls: list[str] = []

        def count(one: Any, *rest: Any, calls: list[str] = calls) -> str:
            calls.append(one.id)
            return general_rows(one, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(csq, "row", count)
            made = rows.indel(templates, segment, start, end, ref, alt)[0].decode().split(",")
        quick, slow = quick + len(made) - len(calls), slow + len(calls)
        for row in made:
            one = next(t for t in segments.near(start, end) if t.id == row.split("|")[6])
            assert row == general_rows(one, segments.layout(one), start, end, ref, alt, 1, {})
    assert quick > 3 * slow
