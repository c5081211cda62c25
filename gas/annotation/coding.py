"""Where a short variant lies on a transcript, and the codons and amino acids there: Ensembl VEP's rules."""

from dataclasses import dataclass

from gas.annotation.codons import reverse_complement
from gas.annotation.transcripts import Transcript

UNAMBIGUOUS = frozenset("ACGT")


@dataclass(slots=True)
class Span:
    """Where a variant lies on a transcript. None: that end is outside of the exons (or of the CDS).

    As everywhere, start = end + 1 for an insertion. CDS coordinates count the bases missing before an incomplete CDS;
    protein coordinates count codons. `in_cds`: at least one base, or an inserted base's neighbour, is coding.
    """

    cdna_start: int | None
    cdna_end: int | None
    cds_start: int | None = None
    cds_end: int | None = None
    protein_start: int | None = None
    protein_end: int | None = None
    in_cds: bool = False


def locate(transcript: Transcript, start: int, end: int) -> Span:
    """Map a variant's genomic interval onto the transcript."""
    if start == end + 1:
        pieces = _map_insertion(transcript, start, end)
    else:
        left, right = (start, end) if transcript.strand > 0 else (end, start)
        pieces = _map_interval(transcript, left, right)
    if not pieces:
        return Span(None, None)
    span = Span(pieces[0][0], pieces[-1][1])
    if not transcript.coding_start:
        return span
    first, last = transcript.cds_first, transcript.cds_last
    coding = [_clip(piece, first, last) for piece in pieces if piece[0] is not None]
    coding = [piece for piece in coding if piece]
    span.in_cds = bool(coding)
    shift = transcript.pad + 1 - first
    # An end counts only if the variant's own end is in the CDS.
    if coding and (start_piece := _clip(pieces[0], first, last)) and (pieces[0][0] or 0) >= first:
        span.cds_start = start_piece[0] + shift
        span.protein_start = (span.cds_start + 2) // 3
    if coding and (end_piece := _clip(pieces[-1], first, last)) and (pieces[-1][1] or 0) <= last:
        span.cds_end = end_piece[1] + shift
        span.protein_end = (span.cds_end + 2) // 3
    return span


_Piece = tuple[int | None, int | None]


def _map_insertion(transcript: Transcript, start: int, end: int) -> list[_Piece]:
    """An insertion beside an exonic base sits after or before it, whichever flank is exonic."""
    for position, after in ((end, transcript.strand > 0), (start, transcript.strand < 0)):
        base = transcript.cdna(position)
        if base is not None:
            return [(base + 1, base) if after else (base, base - 1)]
    return []


def _map_interval(transcript: Transcript, left: int, right: int) -> list[_Piece]:
    """cDNA intervals in transcript order from `left` (its 5' end) to `right`; (None, None) for a gap at either end."""
    low, high = min(left, right), max(left, right)
    first, last = transcript.exon_at(low), transcript.exon_at(high)
    pieces: list[_Piece] = []
    for index in range(max(first, 0), last + 1):
        start, end = max(low, transcript.exon_starts[index]), min(high, transcript.exon_ends[index])
        if start <= end:
            offset = transcript.offsets[index]
            ends = sorted((offset + start * transcript.strand, offset + end * transcript.strand))
            pieces.append((ends[0], ends[1]))
    if transcript.strand < 0:
        pieces.reverse()
    if not pieces:
        return []
    if transcript.cdna(left) is None:
        pieces.insert(0, (None, None))
    if transcript.cdna(right) is None:
        pieces.append((None, None))
    return pieces


def _clip(piece: _Piece, first: int, last: int) -> tuple[int, int] | None:
    start, end = piece
    if start is None or end is None or end < first or start > last:
        return None
    return max(start, first), min(end, last)


class Coding:
    """One allele against one transcript's CDS.

    `altered_cds`: the CDS with the variant, and the 3' UTR after it. `codons`: the reference's and the variant's bases
    of the whole codons touched, `peptides` their amino acids, an 'X' at the end for an incomplete codon; None where VEP
    has none. `unreadable`: it lies where the CDS is not read in its first codon's frame, so that its codons are not
    known. `incomplete_codon`: it begins in a last codon that lacks bases. `overlaps_start`, `overlaps_stop`: it touches
    the first codon, or the last three coding bases.
    """

    def __init__(self, transcript: Transcript, start: int, end: int, ref: str, alt: str) -> None:
        self.transcript = transcript
        self.start, self.end = start, end
        self.ref = ref if transcript.strand > 0 else reverse_complement(ref)
        self.alt = alt if transcript.strand > 0 else reverse_complement(alt)
        self.span = locate(transcript, start, end)
        self.longer, self.shorter = len(alt) > end - start + 1, len(alt) < end - start + 1
        self.unambiguous = UNAMBIGUOUS.issuperset(alt)
        last = max(self.span.protein_start or 0, self.span.protein_end or 0)
        self.unreadable = transcript.slip > 0 and last > transcript.readable
        self.altered_cds = self._altered_cds()
        self.codons = self._codons()
        self.peptides = self._peptides()
        self.incomplete_codon = self._incomplete_codon()
        self.overlaps_start = self._overlaps(transcript.cds_first, transcript.cds_first + 2)
        self.overlaps_stop = not self.unreadable and self._overlaps(transcript.cds_last - 2, transcript.cds_last)

    def _altered_cds(self) -> str | None:
        span = self.span
        if span.cds_start is None or span.cds_end is None:
            return None
        cds = self.transcript.cds
        altered = cds[: span.cds_start - 1] + self.alt + cds[span.cds_end :]
        return (altered if len(altered) > 2 else "") + self.transcript.utr3

    def _codons(self) -> tuple[str, str] | None:
        span = self.span
        if not span.protein_start or not span.protein_end or self.altered_cds is None or self.unreadable:
            return None
        assert span.cds_start is not None
        assert span.cds_end is not None
        first = span.protein_start * 3 - 3
        length = span.protein_end * 3 - first
        changed = length + len(self.alt) - (span.cds_end - span.cds_start + 1)
        return self.transcript.cds[first : first + length], self.altered_cds[first : first + max(changed, 0)]

    def _peptides(self) -> tuple[str, str] | None:
        if self.codons is None or not self.unambiguous or not UNAMBIGUOUS.issuperset(self.ref):
            return None
        return self._peptide(self.codons[0]), self._peptide(self.codons[1])

    def _peptide(self, codons: str) -> str:
        peptide = self.transcript.read(codons, self.span.protein_start or 1)
        return peptide + "X" if len(codons) % 3 and peptide != "*" else peptide

    def _incomplete_codon(self) -> bool:
        if self.span.protein_start is None or self.unreadable:
            return False
        return 0 < len(self.transcript.cds) - (self.span.protein_start - 1) * 3 < 3

    def _overlaps(self, first: int, last: int) -> bool:
        start, end = self.span.cdna_start, self.span.cdna_end
        if not start or not end:
            return False
        return end >= first and start <= last

    @property
    def frameshift_by_length(self) -> bool:
        """The variant changes the CDS's length by something other than whole codons."""
        span = self.span
        if span.cds_start is None or span.cds_end is None:
            return False
        return (len(self.alt) - (span.cds_end - span.cds_start + 1)) % 3 != 0
