"""Which consequence terms a short variant has on a transcript: Ensembl VEP's rules for everything but the codons.

A variant is given as VEP trims it: `start` and `end` are 1-based and inclusive, an insertion between end and start has
start = end + 1; `ref` and `alt` are upper-case bases of the forward strand, empty for the gap of an indel.
"""

from bisect import bisect_left, bisect_right

from gas.annotation import terms as so
from gas.annotation.coding_effect import CodingEffect
from gas.annotation.transcripts import FRAMESHIFT_INTRON, Transcript

NMD_BIOTYPE = "nonsense_mediated_decay"
# How far from a transcript a variant still counts as upstream or downstream of it.
REACH = 5000


def overlap(start: int, end: int, other_start: int, other_end: int) -> bool:
    """Whether two intervals share a base; an insertion (start = end + 1) only does strictly inside the other."""
    return end >= other_start and start <= other_end


def within(transcript: Transcript, start: int, end: int) -> bool:
    """Whether a variant touches the transcript; if not, it is up- or downstream of it or out of reach."""
    return end >= transcript.start and start <= transcript.end


def flank_terms(transcript: Transcript, start: int) -> int:
    """Upstream or downstream, for a variant that does not touch the transcript."""
    before = start <= transcript.start
    return so.UPSTREAM if before == (transcript.strand > 0) else so.DOWNSTREAM


def distance(transcript: Transcript, start: int, end: int) -> int:
    """Bases from a variant outside of the transcript to it."""
    return min(
        abs(start - transcript.start),
        abs(start - transcript.end),
        abs(end - transcript.start),
        abs(end - transcript.end),
    )


def touches_exon(transcript: Transcript, low: int, high: int) -> bool:
    """Whether [low, high] touches an exon, all exons being longer where the transcript has a frameshift intron."""
    stretch = FRAMESHIFT_INTRON if transcript.frameshift_introns else 0
    index = bisect_left(transcript.exon_ends, low - stretch)
    return index < len(transcript.exon_starts) and transcript.exon_starts[index] - stretch <= high


def overlapped(starts: list[int], ends: list[int], low: int, high: int) -> range:
    """The indexes of the ascending intervals that share a base with [low, high] (an insertion: see `overlap`)."""
    return range(bisect_left(ends, low), bisect_right(starts, high))


def terms(transcript: Transcript, start: int, end: int, ref: str, alt: str, effect: CodingEffect | None) -> int:
    """The terms of a variant that touches the transcript.

    `effect` is the variant's on the codons, where the transcript has a CDS and `in_coding` is true.
    """
    if start <= transcript.start and end >= transcript.end and len(alt) < len(ref):
        return so.TRANSCRIPT_ABLATION
    low, high = min(start, end), max(start, end)
    exonic = touches_exon(transcript, low, high)
    found, in_frameshift_intron = splice_terms(transcript, start, end, ref, alt, exonic)
    if transcript.coding_start:
        in_cdna = in_frameshift_intron or maps_to_exon(transcript, low, high)
        if exonic and in_cdna:
            found |= utr_terms(transcript, start, end, low, high)
        if effect is not None:
            found |= effect.terms(in_frameshift_intron)
    elif exonic and overlapped(transcript.exon_starts, transcript.exon_ends, start, end):
        found |= so.NON_CODING_EXON
    else:
        found |= so.NON_CODING_TRANSCRIPT
    if transcript.biotype == NMD_BIOTYPE:
        found |= so.NMD_TRANSCRIPT
    # Nothing applies, for example, where the transcript reaches beyond its exons; VEP's term for that is this one.
    return found or so.INTERGENIC


def in_coding(transcript: Transcript, start: int, end: int) -> bool:
    """Whether the codons have to be looked at: the variant touches both the coding region and an exon."""
    low, high = min(start, end), max(start, end)
    return bool(
        transcript.coding_start
        and overlap(low, high, transcript.coding_start, transcript.coding_end)
        and touches_exon(transcript, low, high)
    )


def maps_to_exon(transcript: Transcript, low: int, high: int) -> bool:
    """Whether [low, high] has a base of an exon."""
    return bool(overlapped(transcript.exon_starts, transcript.exon_ends, low, high))


def utr_terms(transcript: Transcript, start: int, end: int, low: int, high: int) -> int:
    """Which sides of the coding region a variant touches; `low` and `high` are its ends in order."""
    insertion = start == end + 1
    coding_start, coding_end = transcript.coding_start, transcript.coding_end
    if not (low < coding_start or high > coding_end):
        return 0
    before = overlap(start, end, transcript.start, coding_start - 1) or (insertion and start == coding_start)
    after = overlap(start, end, coding_end + 1, transcript.end) or (insertion and end == coding_end)
    five, three = (before, after) if transcript.strand > 0 else (after, before)
    return (so.UTR5 if five else 0) | (so.UTR3 if three else 0)


def differing_regions(start: int, end: int, ref: str, alt: str) -> list[tuple[int, int]]:
    """The runs of positions where the two alleles, laid side by side from their first base, differ."""
    if len(ref) <= 1 or len(alt) <= 1:
        return [(start, end)]
    regions: list[tuple[int, int]] = []
    for index in range(max(len(ref), len(alt))):
        if ref[index : index + 1] == alt[index : index + 1]:
            continue
        position = start + index
        if regions and regions[-1][1] == position - 1:
            regions[-1] = (regions[-1][0], position)
        else:
            regions.append((position, position))
    return regions


def splice_terms(transcript: Transcript, start: int, end: int, ref: str, alt: str, exonic: bool) -> tuple[int, bool]:
    """The terms about introns and splice sites, and whether the variant lies in a frameshift intron.

    VEP's definitions: the first two bases of an intron are the donor, the last two the acceptor; the splice region is 3
    bases of the exon and bases 3 to 8 of the intron; donor region bases 3 to 6, fifth base apart; polypyrimidine tract
    bases -17 to -3.
    """
    low, high = min(start, end), max(start, end)
    nearby = _introns_near(transcript, low, high)
    if not nearby:
        return 0, False
    if transcript.strand < 0:
        nearby.reverse()
    first_two = last_two = fifth = donor_region = tract = region = intronic = in_frameshift_intron = False
    for region_start, region_end in differing_regions(start, end, ref, alt):
        insertion = region_start == region_end + 1
        region_low, region_high = min(region_start, region_end), max(region_start, region_end)
        for first, last in nearby:
            if last - first <= FRAMESHIFT_INTRON and overlap(region_start, region_end, first, last):
                in_frameshift_intron = True
                continue
            if overlap(low, high, first - 3, last + 3):
                intronic |= overlap(region_start, region_end, first + 2, last - 2) or (
                    insertion and (region_start == first + 2 or region_end == last - 2)
                )
                near = (last - 16, last - 2) if transcript.strand > 0 else (first + 2, first + 16)
                tract |= overlap(region_low, region_high, *near)
            if not (overlap(low, high, first - 3, first + 7) or overlap(low, high, last - 7, last + 3)):
                continue
            first_two |= overlap(region_start, region_end, first, first + 1)
            last_two |= overlap(region_start, region_end, last - 1, last)
            if transcript.strand > 0:
                fifth |= overlap(region_start, region_end, first + 4, first + 4)
                donor_region |= overlap(region_start, region_end, first + 2, first + 5)
            else:
                fifth |= overlap(region_start, region_end, last - 4, last - 4)
                donor_region |= overlap(region_start, region_end, last - 5, last - 2)
            if not (first_two or last_two):
                region = _in_splice_region(region_start, region_end, first, last, insertion)
    donor, acceptor = (first_two, last_two) if transcript.strand > 0 else (last_two, first_two)
    donor_region = donor_region and not fifth
    found = (
        (so.SPLICE_DONOR if donor else 0)
        | (so.SPLICE_ACCEPTOR if acceptor else 0)
        | (so.SPLICE_DONOR_5TH_BASE if fifth else 0)
        | (so.SPLICE_DONOR_REGION if donor_region else 0)
        | (so.SPLICE_POLYPYRIMIDINE_TRACT if tract and not exonic else 0)
        | (so.INTRON if intronic else 0)
    )
    if region and not (donor or acceptor or fifth or donor_region):
        found |= so.SPLICE_REGION
    return found, in_frameshift_intron


def _introns_near(transcript: Transcript, low: int, high: int) -> list[tuple[int, int]]:
    """The introns that [low, high] touches or whose ends, 8 bases into the intron and 3 out of it, it touches."""
    first = max(bisect_left(transcript.exon_starts, low - 6) - 1, 0)
    last = bisect_right(transcript.exon_ends, high + 6)
    return transcript.introns[first:last]


def _in_splice_region(start: int, end: int, first: int, last: int, insertion: bool) -> bool:
    return (
        overlap(start, end, first + 2, first + 7)
        or overlap(start, end, last - 7, last - 2)
        or overlap(start, end, first - 3, first - 1)
        or overlap(start, end, last + 1, last + 3)
        or (insertion and (start in (first, first + 2) or end in (last, last - 2)))
    )
