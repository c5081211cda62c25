"""Segments: each contig cut, once, at every position where some transcript's consequence can change.

Within a segment the terms of a single-base change are the same on every transcript, and its HGVS position and distance
are linear in the coordinate. What a segment says is worked out when it is first touched and kept as a list of entries,
one a transcript in reach; annotating a change then is a search and a few format strings.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gas.annotation import csq
from gas.annotation import terms as so
from gas.annotation.consequence import NMD_BIOTYPE, REACH, flank_terms, in_coding, splice_terms, terms, within
from gas.annotation.hgvs import position
from gas.annotation.models import Model
from gas.annotation.reference import Bundle, ContigSequence
from gas.annotation.transcripts import FRAMESHIFT_INTRON, Transcript, Transcripts

CUTS, BLOCKS, OFFSETS, MEMBERS = "cuts.npy", "blocks.npy", "block_offsets.npy", "block_members.npy"

# Where, counted from an intron's first base, the terms of VEP's splice windows change; mirrored at its end.
_WINDOWS = np.array([-3, 0, 2, 4, 5, 6, 8, 17], np.int64)
_WINDOW = int(_WINDOWS[-1])
# Bases of an exon that belong to a splice region.
_SPLICE_REGION = 3

# Kinds of entries; all begin with (kind, transcript). Numbers are `a + b * position`.
# Percent signs in their texts are doubled.
# FLANK: head, a, b, tail, reach: the row is the allele, head, DISTANCE, tail.
# PLACE: head, a, b, tail, reach, strand, layout, anchor, named, body, structure: the allele, head, HGVSc's number,
#   REF>ALT on the strand, tail. `anchor` is what stands before each number in HGVSc, such as "88+"; head ends with it.
#   `body` is head without its terms; `named` is as `reach`, of body alone; `structure` decides about the terms of
#   whatever lies in `named` (None: nothing short of the transcript does).
# EXON: as PLACE, then c, d: two bars and cDNA_position (c + d * position) stand before the tail.
# CODON: layout, exon, a, b, splice terms, coding, quiet, edges: cDNA position; the codon is looked up. `coding` is what
#   of the exon is coding, `quiet` what of that is away from splice sites, `edges` what of the exon's ends is one.
# OTHER: the general path.
# `reach` are the first and the last position for which the entry holds; the segment may end before.
FLANK, PLACE, EXON, CODON, OTHER = range(5)
Entry = tuple[Any, ...]

# Segments kept; beyond that all are dropped and touched anew, so that a whole genome does not fill the memory.
_KEPT_SEGMENTS = 20_000


@dataclass(frozen=True)
class Range:
    """Where one contig's part of the arrays lies: first and count of transcripts, cuts and blocks."""

    transcripts: tuple[int, int]
    cuts: tuple[int, int]
    blocks: tuple[int, int]


def write(by_contig: Sequence[list[Model]], directory: Path, workers: int = 1) -> list[Range]:
    """Write the segments of each contig's models (sorted as their tables are); returns the contigs' ranges."""
    ranges: list[Range] = []
    parts: list[_Arrays] = []
    first_transcript = first_cut = first_block = 0
    for models, part in zip(by_contig, _arrays_of_all(by_contig, workers), strict=True):
        cuts, blocks, _, _ = part
        ranges.append(Range((first_transcript, len(models)), (first_cut, len(cuts)), (first_block, len(blocks))))
        parts.append(part)
        first_transcript += len(models)
        first_cut += len(cuts)
        first_block += len(blocks)
    cuts, blocks, counts, members = (np.concatenate(arrays) for arrays in zip(_NOTHING, *parts, strict=True))
    np.save(directory / CUTS, cuts)
    np.save(directory / BLOCKS, blocks)
    np.save(directory / OFFSETS, np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]))
    np.save(directory / MEMBERS, members)
    return ranges


# A contig's cuts, its blocks' first positions, their numbers of members, and those.
_Arrays = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
_NOTHING: _Arrays = (np.empty(0, np.int32),) * 4
# Below this many models a second process takes longer to start than it saves.
_WORTH_A_PROCESS = 20_000
_shared: Sequence[list[Model]] = ()


def _arrays_of_all(by_contig: Sequence[list[Model]], workers: int) -> Iterator[_Arrays]:
    global _shared
    _shared = by_contig
    try:
        if workers < 2 or sum(map(len, by_contig)) < _WORTH_A_PROCESS:
            yield from map(_arrays, range(len(by_contig)))
            return
        # Only here: whoever opens a bundle has no use for them.
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        # Forked, the workers have the models without a copy.
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
            yield from pool.map(_arrays, range(len(by_contig)))
    finally:
        _shared = ()


def _arrays(place: int) -> _Arrays:
    models = _shared[place]
    found = list(_blocks(models))
    members = np.array([index for _, active in found for index in active], np.int32)
    starts = np.array([start for start, _ in found], np.int32)
    return _cuts(models), starts, np.array([len(active) for _, active in found], np.int32), members


def _cuts(models: list[Model]) -> NDArray[np.int32]:
    """The first positions of the contig's segments, ascending."""
    if not models:
        return np.empty(0, np.int32)
    edges = [np.array([(m.start, m.end) for m in models], np.int64)]
    points = [edges[0][:, 0] - REACH, edges[0][:, 0], edges[0][:, 1] + 1, edges[0][:, 1] + REACH + 1]
    exons = np.array([exon for m in models for exon in m.exons], np.int64)
    points += [exons[:, 0], exons[:, 1] + 1]
    coding = np.array([(m.coding[0][0], m.coding[-1][1]) for m in models if m.coding], np.int64).reshape(-1, 2)
    points += [coding[:, 0], coding[:, 1] + 1]
    introns = np.array(
        [(a[1] + 1, b[0] - 1) for m in models for a, b in zip(m.exons[:-1], m.exons[1:], strict=True)], np.int64
    ).reshape(-1, 2)
    points += [(introns[:, :1] + _WINDOWS).ravel(), (introns[:, 1:] + 1 - _WINDOWS).ravel()]
    flanking = introns.sum(axis=1)  # of an intron's bases, or of the exons' last and first one: the same middle
    points += [flanking // 2 + 1, (flanking + 1) // 2]
    for model in models:
        if any(b[0] - a[1] - 2 <= FRAMESHIFT_INTRON for a, b in zip(model.exons[:-1], model.exons[1:], strict=True)):
            stretched = np.array(model.exons, np.int64)
            points += [stretched[:, 0] - FRAMESHIFT_INTRON, stretched[:, 1] + FRAMESHIFT_INTRON + 1]
    # What begins before the contig begins with its first base.
    return np.unique(np.maximum(np.concatenate(points), 1)).astype(np.int32)


def _blocks(models: list[Model]) -> Iterable[tuple[int, list[int]]]:
    """Stretches with the same transcripts in reach: (first position, indexes)."""
    events: dict[int, tuple[list[int], list[int]]] = {}
    for index, model in enumerate(models):
        events.setdefault(max(model.start - REACH, 1), ([], []))[0].append(index)
        events.setdefault(model.end + REACH + 1, ([], []))[1].append(index)
    active: set[int] = set()
    for start in sorted(events):
        arriving, leaving = events[start]
        active.difference_update(leaving)
        active.update(arriving)
        yield start, sorted(active)


def open_segments(bundle: Bundle, contig: str) -> "Segments":
    """The segments of a bundle's contig; nothing is decoded before it is touched."""
    entry = bundle.manifest["models"]
    part = Range(**{name: tuple(ends) for name, ends in entry["contigs"][contig].items()})
    table = bundle.contigs[contig].codon_table
    sequence = bundle.sequence(contig)
    transcripts = Transcripts(bundle, *part.transcripts, sequence, table)
    return Segments(bundle, part, transcripts, sequence, entry["file"])


class Segments:
    """One contig's segments, opened from a bundle."""

    def __init__(
        self, bundle: Bundle, part: Range, transcripts: Transcripts, sequence: ContigSequence, source: str
    ) -> None:
        """`source`: what CSQ's SOURCE says, the gene models' file name."""
        first, count = part.cuts
        self.cuts = bundle.table(CUTS)[first : first + count]
        first, count = part.blocks
        self._blocks = bundle.table(BLOCKS)[first : first + count]
        self._offsets = bundle.table(OFFSETS)[first : first + count + 1]
        self._members = bundle.table(MEMBERS)
        self.transcripts = transcripts
        self.sequence = sequence
        self.source = source
        self._layouts: dict[Transcript, csq.Layout] = {}
        # For the text of templates.
        self._doubled: dict[Transcript, csq.Layout] = {}
        self._entries: dict[int, list[Entry]] = {}

    def find(self, positions: NDArray[np.int64]) -> list[int]:
        """The segments of these positions; -1 before the first."""
        found: list[int] = (np.searchsorted(self.cuts, positions, side="right") - 1).tolist()
        return found

    def onward(self, segment: int, position: int) -> int:
        """The segment of a position that lies in `segment` or not far behind it."""
        while segment + 1 < len(self.cuts) and self.cuts[segment + 1] <= position:
            segment += 1
        return segment

    def bounds(self, segment: int) -> tuple[int, int]:
        """First and last position of a segment."""
        first = int(self.cuts[segment]) if segment >= 0 else 1
        last = int(self.cuts[segment + 1]) - 1 if segment + 1 < len(self.cuts) else 1 << 40
        return first, last

    def neighbourhood(self, position: int) -> tuple[int, int]:
        """First and last position of the stretch around a position where the same transcripts are in reach."""
        block = bisect_right(self._blocks, position)
        first = int(self._blocks[block - 1]) if block else 1
        return first, int(self._blocks[block]) - 1 if block < len(self._blocks) else 1 << 40

    def entries(self, segment: int) -> list[Entry]:
        """What to say of each transcript in reach of this segment."""
        entries = self._entries.get(segment)
        if entries is None:
            if len(self._entries) >= _KEPT_SEGMENTS:
                self._entries.clear()
                self._layouts.clear()
                self._doubled.clear()
                self.transcripts.forget()
            entries = self._entries[segment] = self._decode(segment)
        return entries

    def near(self, start: int, end: int) -> list[Transcript]:
        """The transcripts that a variant touches or is up- or downstream of; for an insertion start = end + 1."""
        low, high = min(start, end), max(start, end)
        first = max(bisect_right(self._blocks, low) - 1, 0)
        last = bisect_right(self._blocks, high)
        if last == 0:
            return []
        indexes = self._members[int(self._offsets[first]) : int(self._offsets[last])].tolist()
        if last - first > 1:
            indexes = sorted(set(indexes))
        found = [self.transcripts[index] for index in indexes]
        return [t for t in found if end >= t.start - REACH and start <= t.end + REACH]

    def layout(self, transcript: Transcript) -> csq.Layout:
        """The transcript's part of its rows."""
        layout = self._layouts.get(transcript)
        if layout is None:
            layout = self._layouts[transcript] = csq.Layout(transcript, self.source)
        return layout

    def _template_layout(self, transcript: Transcript) -> csq.Layout:
        layout = self._doubled.get(transcript)
        if layout is None:
            layout = self._doubled[transcript] = csq.Layout(transcript, self.source, percent="%%")
        return layout

    def _decode(self, segment: int) -> list[Entry]:
        if segment < 0:
            return []
        bounds = self.bounds(segment)
        return [self._entry(transcript, bounds) for transcript in self.near(bounds[0], bounds[0])]

    def _entry(self, transcript: Transcript, bounds: tuple[int, int]) -> Entry:
        place = bounds[0]
        layout = self._template_layout(transcript)
        if not within(transcript, place, place):
            side = -1 if place < transcript.start else -2
            if known := transcript.regions.get(side):
                return known
            head = f"|{so.describe(flank_terms(transcript, place))}{layout.gene}||||||||||1|"
            edge, slope = (transcript.start, -1) if side == -1 else (-transcript.end, 1)
            reach = (
                (transcript.start - REACH, transcript.start - 1)
                if side == -1
                else (transcript.end + 1, transcript.end + REACH)
            )
            entry: Entry = (FLANK, transcript, head, edge, slope, layout.tail_start + layout.tail_end, reach)
            transcript.regions[side] = entry
            return entry
        half = self._half(transcript, place)
        if half is None:
            return self._inside(transcript, layout, place, bounds)
        known = transcript.regions.get(half[0])
        if known is None:
            known = transcript.regions[half[0]] = _in_intron(transcript, layout, place, half)
        return known

    def _half(self, transcript: Transcript, place: int) -> tuple[int, int] | None:
        """First and last position of the half of an intron, without its ends, where all have the same entry."""
        index = transcript.exon_at(place)
        if index < 0 or index + 1 >= len(transcript.exon_starts) or transcript.frameshift_introns:
            return None
        inner = transcript.exon_ends[index] + _WINDOW, transcript.exon_starts[index + 1] - _WINDOW
        if not inner[0] < place < inner[1]:
            return None
        first, last = _named_part(transcript, place)
        return max(first, inner[0] + 1), min(last, inner[1] - 1)

    def _inside(self, transcript: Transcript, layout: csq.Layout, place: int, reach: tuple[int, int]) -> Entry:
        base = transcript.cdna(place)
        strand = transcript.strand
        named = position(transcript, place)
        coding = in_coding(transcript, place, place)
        if named is None or place < transcript.exon_starts[0] or (coding and (base is None or not transcript.plain)):
            return OTHER, transcript
        if coding:
            index = transcript.exon_at(place)
            exon = f"{transcript.number(index, len(transcript.exon_starts))}/{len(transcript.exon_starts)}"
            found, _ = splice_terms(transcript, place, place, "A", "C", True)
            if transcript.biotype == NMD_BIOTYPE:
                found |= so.NMD_TRANSCRIPT
            assert base is not None
            return (
                CODON,
                transcript,
                layout,
                exon,
                base - strand * place,
                strand,
                found,
                *_coding_part(transcript, index),
            )
        described = so.describe(terms(transcript, place, place, "A", "C", None))
        if reach[0] <= transcript.start and reach[1] >= transcript.end:
            # What deletes all of the transcript is more than a change in it.
            reach = reach[0], transcript.end - 1
        numbers = csq.exon_and_intron(transcript, place, place)
        return _named_entry(transcript, layout, place, base, named, described, f"{layout.gene}{numbers}", reach)


def _in_intron(transcript: Transcript, layout: csq.Layout, place: int, half: tuple[int, int]) -> Entry:
    """As `Segments._inside`, of the half of an intron without its ends: there is nothing to work out."""
    found = so.INTRON if transcript.coding_start else so.INTRON | so.NON_CODING_TRANSCRIPT
    if transcript.biotype == NMD_BIOTYPE:
        found |= so.NMD_TRANSCRIPT
    total = len(transcript.exon_starts) - 1
    numbers = f"|{transcript.number(transcript.exon_at(place), total)}/{total}"
    named = position(transcript, place)
    assert named is not None
    return _named_entry(transcript, layout, place, None, named, so.describe(found), f"{layout.gene}{numbers}", half)


def _named_entry(
    transcript: Transcript,
    layout: csq.Layout,
    place: int,
    cdna: int | None,
    named: tuple[str, int, int],
    described: str,
    begin: str,
    reach: tuple[int, int],
) -> Entry:
    """PLACE, or EXON with `cdna`; `named`: what `hgvs.position` says of the place; `begin`: SYMBOL to INTRON."""
    text, number, offset = named
    strand = transcript.strand
    moving = abs(offset or number)
    anchor = text[: len(text) - len(str(moving))]
    body = f"{begin}|{layout.name}{anchor}"
    head = f"|{described}{body}"
    # Numbers with a minus sign fall along the strand, all others grow.
    slope = strand if (offset or number) > 0 else -strand
    start = moving - slope * place
    tail = f"||||||1|{layout.tail_start}{layout.tail_end}"
    part = reach if transcript.frameshift_introns else _named_part(transcript, place)
    common = (reach, strand, layout, anchor, part, body)
    if cdna is None:
        return PLACE, transcript, head, start, slope, f"||{tail}", *common, _intron(transcript, place)
    return EXON, transcript, head, start, slope, tail, *common, None, cdna - strand * place, strand


def _named_part(transcript: Transcript, place: int) -> tuple[int, int]:
    """First and last position of the half of an intron, or the part of an exon, whose bases are named alike."""
    index = transcript.exon_at(place)
    start, end = transcript.exon_starts[index], transcript.exon_ends[index]
    if place > end:
        right = transcript.exon_starts[index + 1]
        # In the middle the upstream exon counts as the nearer one.
        middle = (end + right) // 2 if transcript.strand > 0 else (end + right - 1) // 2
        return (end + 1, middle) if place <= middle else (middle + 1, right - 1)
    if not transcript.coding_start:
        return start, end
    if place < transcript.coding_start:
        return start, min(end, transcript.coding_start - 1)
    return max(start, transcript.coding_end + 1), end


def _intron(transcript: Transcript, place: int) -> tuple[int, ...]:
    """What decides about the terms of whatever lies inside of the intron at a place."""
    index = transcript.exon_at(place)
    nonsense = transcript.biotype == NMD_BIOTYPE
    left, right = transcript.exon_ends[index], transcript.exon_starts[index + 1]
    # The introns beyond its exons matter only where these are a few bases long.
    before = max(transcript.exon_starts[index], left - _WINDOW)
    after = min(transcript.exon_ends[index + 1], right + _WINDOW)
    return before, left, right, after, transcript.strand, transcript.coding_start > 0, nonsense


def _coding_part(transcript: Transcript, index: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """What of an exon is coding, what of that no splice site is near to, and the exon's ends that have one, 0 for none.

    First and last position each.
    """
    start, end = transcript.exon_starts[index], transcript.exon_ends[index]
    coding = max(start, transcript.coding_start), min(end, transcript.coding_end)
    edges = start if index else 0, end if index + 1 < len(transcript.exon_starts) else 0
    if transcript.frameshift_introns:
        return (1, 0), (1, 0), edges
    inner_start = start + _SPLICE_REGION if edges[0] else start
    inner_end = end - _SPLICE_REGION if edges[1] else end
    return coding, (max(inner_start, coding[0]), min(inner_end, coding[1])), edges
