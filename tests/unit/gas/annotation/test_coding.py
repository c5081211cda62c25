"""Amino acids and frameshifts against proteins translated whole, from the edited transcript."""

import random
from collections.abc import Iterator

import pytest

from gas.annotation import csq
from gas.annotation.codons import COMPLEMENT, reverse_complement, three_letters, translate
from gas.annotation.reference import Bundle
from gas.annotation.segments import open_segments
from gas.annotation.transcripts import Transcript


def coding_transcripts(bundle: Bundle) -> Iterator[Transcript]:
    for contig in bundle.contigs:
        transcripts = open_segments(bundle, contig).transcripts
        yield from (t for t in (transcripts[i] for i in range(len(transcripts))) if t.coding_start)


def cds_positions(transcript: Transcript) -> list[int]:
    """The genomic position of each coding base, in the order of translation."""
    exons = zip(transcript.exon_starts, transcript.exon_ends, strict=True)
    everywhere = [place for start, end in exons for place in range(start, end + 1)]
    inside = [p for p in everywhere if transcript.coding_start <= p <= transcript.coding_end]
    return inside if transcript.strand > 0 else inside[::-1]


def fields(transcript: Transcript, start: int, end: int, ref: str, alt: str) -> dict[str, str]:
    row = csq.row(transcript, csq.Layout(transcript, "x"), start, end, ref, alt, 1, {})
    return dict(zip(csq.FIELDS, row.split("|"), strict=True))


def test_the_cds_is_what_the_positions_spell(synthetic_bundle: Bundle) -> None:
    for transcript in coding_transcripts(synthetic_bundle):
        bases = "".join(transcript.sequence[place - 1] for place in cds_positions(transcript))
        spelled = bases if transcript.strand > 0 else "".join(COMPLEMENT[base] for base in bases)
        assert transcript.cds == "N" * transcript.pad + spelled
        assert transcript.utr5 + spelled + transcript.utr3 == transcript.spliced
        assert len(transcript.spliced) == transcript.length


@pytest.mark.unmeasured
def test_substitutions_change_the_residue_that_translation_changes(synthetic_bundle: Bundle) -> None:
    rng = random.Random(4)
    for transcript in coding_transcripts(synthetic_bundle):
        original = translate(transcript.cds, transcript.table)
        for index, place in enumerate(cds_positions(transcript)):
            base = transcript.pad + index
            codon = base // 3
            ref = transcript.sequence[place - 1]
            if ref == "N" or codon == 0 or codon >= len(original) or "N" in transcript.cds[codon * 3 : codon * 3 + 3]:
                continue
            alt = rng.choice([other for other in "ACGT" if other != ref])
            shown = alt if transcript.strand > 0 else COMPLEMENT[alt]
            changed = translate(transcript.cds[:base] + shown + transcript.cds[base + 1 :], transcript.table)
            before, after = original[codon], changed[codon]
            found = fields(transcript, place, place, ref, alt)
            assert found["Amino_acids"] == (before if before == after else f"{before}/{after}")
            assert found["Protein_position"] == str(codon + 1)
            expected = {
                "synonymous_variant": before == after != "*",
                "missense_variant": before != after and "*" not in before + after,
                "stop_gained": after == "*" != before,
                "stop_lost": before == "*" != after,
                "stop_retained_variant": before == after == "*",
            }
            terms = found["Consequence"].split("&")
            assert {term for term, holds in expected.items() if holds} == set(terms) & set(expected)


@pytest.mark.parametrize("size", [1, 2])
def test_frameshifts_end_where_translation_ends(synthetic_bundle: Bundle, size: int) -> None:
    rng = random.Random(5)
    compared = 0
    for transcript in coding_transcripts(synthetic_bundle):
        positions = cds_positions(transcript)
        protein = translate(transcript.cds, transcript.table)
        if "*" in protein[:-1] or transcript.frameshift_introns or transcript.pad:
            continue
        for _ in range(20):
            index = rng.randrange(6, len(positions) - 6)
            deleted = sorted(positions[index : index + size])
            if deleted[-1] - deleted[0] != size - 1:
                continue
            ref = transcript.sequence[deleted[0] - 1 : deleted[-1]]
            found = fields(transcript, deleted[0], deleted[-1], ref, "")
            if "frameshift_variant" not in found["Consequence"] or "+" in found["HGVSc"] or "-" in found["HGVSc"]:
                continue
            edited = transcript.cds[:index] + transcript.cds[index + size :] + transcript.utr3
            altered = translate(edited, transcript.table)
            first = next((i for i, (a, b) in enumerate(zip(protein, altered, strict=False)) if a != b), None)
            if first is None:
                continue
            compared += 1
            stop = altered.find("*", first)
            distance = "?" if stop < 0 else str(stop - first + 1)
            change = f"{three_letters(protein[first])}{first + 1}{three_letters(altered[first])}"
            name = change if altered[first] == "*" else f"{change}fsTer{distance}"
            assert found["HGVSp"] == f"{transcript.protein_name}:p.{name}"
    assert compared > 200


def test_reverse_complement_of_the_cds_is_in_the_genome(synthetic_bundle: Bundle) -> None:
    single = [t for t in coding_transcripts(synthetic_bundle) if len(t.exon_starts) == 1 and t.strand < 0]
    assert single
    for transcript in single:
        genome = transcript.sequence[transcript.start - 1 : transcript.end]
        assert reverse_complement(genome) == transcript.spliced
