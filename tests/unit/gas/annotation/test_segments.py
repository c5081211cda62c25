"""Segments and their templates must say what the general path says, wherever a variant lies."""

import random
from pathlib import Path

import numpy as np
import pytest

from gas.annotation import csq, gene_files, rows, segments
from gas.annotation.reference import Bundle
from gas.annotation.segments import Segments, open_segments
from gas.annotation.templates import CHANGES, Templates
from tests.unit.gas.annotation.agreement import SYNTHETIC

CONTIGS = ("syn1", "syn2", "MT")


def general(segments: Segments, start: int, end: int, ref: str, alt: str) -> list[str]:
    """One allele on every transcript of the contig, by the general path alone."""
    transcripts = [segments.transcripts[index] for index in range(len(segments.transcripts))]
    near = [t for t in transcripts if end >= t.start - 5000 and start <= t.end + 5000]
    found = [csq.row(t, csq.Layout(t, segments.source), start, end, ref, alt, 1, {}) for t in near]
    return sorted(found or [csq.intergenic(alt or "-", 1)])


def described(rows_of_csq: list[str]) -> list[bytes]:
    """Consequence|IMPACT of every row."""
    return sorted("|".join(row.split("|")[1:3]).encode() for row in rows_of_csq)


@pytest.mark.unmeasured
@pytest.mark.parametrize("contig", CONTIGS)
def test_a_base_changed_at_every_position(synthetic_bundle: Bundle, contig: str) -> None:
    segments = open_segments(synthetic_bundle, contig)
    templates = Templates(segments, contig)
    sequence = synthetic_bundle.sequence(contig)
    rng = random.Random(1)
    for position in range(1, len(sequence) + 1):
        ref = sequence[position - 1]
        if ref == "N":
            continue
        alt = rng.choice([base for base in "ACGT" if base != ref])
        (segment,) = segments.find(np.array([position]))
        annotation, (template, terms) = templates.single_base(segment, position, CHANGES[ref, alt])
        found = sorted(annotation.decode().split(","))
        assert found == general(segments, position, position, ref, alt), f"{position} {ref}>{alt}"
        assert template
        assert sorted(template.described(terms)) == described(found)


@pytest.mark.unmeasured
@pytest.mark.parametrize("contig", CONTIGS)
def test_small_indels_anywhere(synthetic_bundle: Bundle, contig: str) -> None:
    segments = open_segments(synthetic_bundle, contig)
    templates = Templates(segments, contig)
    sequence = synthetic_bundle.sequence(contig)
    rng = random.Random(2)
    for _ in range(4000):
        position = rng.randrange(1, len(sequence) - 12)
        size = rng.choice((1, 1, 2, 3, 3, 4, 6, 9))
        # Half of the insertions repeat what stands beside them, as most real ones do.
        inserted = sequence[position : position + size] if rng.random() < 0.5 else "".join(rng.choices("ACGT", k=size))
        deletion = rng.random() < 0.5
        ref, alt = (sequence[position : position + size], "") if deletion else ("", inserted)
        if "N" in ref + alt:
            continue
        start, end = position + 1, position + len(ref)
        (segment,) = segments.find(np.array([min(start, end)]))
        annotation, seen = rows.indel(templates, segment, start, end, ref, alt)
        found = sorted(annotation.decode().split(","))
        assert found == general(segments, start, end, ref, alt), f"{start}-{end} {ref}>{alt}"
        assert sorted(seen[1]) == described(found)


def test_segments_forgotten_are_touched_anew(synthetic_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    positions = (9000, 9300, 9500, 12000, 15000, 9000, 9300)
    monkeypatch.setattr("gas.annotation.segments._KEPT_SEGMENTS", 3)
    monkeypatch.setattr("gas.annotation.templates._KEPT", 2)
    segments = open_segments(synthetic_bundle, "syn1")
    templates = Templates(segments, "syn1")
    for position in positions:
        ref = synthetic_bundle.sequence("syn1")[position - 1]
        alt = "A" if ref != "A" else "C"
        (segment,) = segments.find(np.array([position]))
        found = templates.single_base(segment, position, CHANGES[ref, alt])[0].decode()
        assert sorted(found.split(",")) == general(segments, position, position, ref, alt)


def test_a_contig_without_genes_is_intergenic(synthetic_bundle: Bundle) -> None:
    segments = open_segments(synthetic_bundle, "syn2")
    (segment,) = segments.find(np.array([7_500]))
    templates = Templates(segments, "syn2")
    assert rows.record(templates, segment, 7_500, "A", "C").startswith("C|intergenic_variant|MODIFIER|")


def test_any_number_of_processes_writes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gene_files.read(SYNTHETIC / "genes.gff3", lambda name: name)
    by_contig = [[model for model in found if model.contig == name] for name in (*CONTIGS, "none")]
    monkeypatch.setattr("gas.annotation.segments._WORTH_A_PROCESS", 0)
    ranges = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        ranges.append(segments.write(by_contig, folder, workers))
    assert ranges[0] == ranges[1]
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()
