"""What a short variant does to the codons of a transcript: Ensembl VEP's rules for terms, codons and amino acids."""

from dataclasses import dataclass
from functools import cached_property

from gas.annotation import terms as so
from gas.annotation.codons import reverse_complement, translate
from gas.annotation.transcripts import Transcript

UNAMBIGUOUS = frozenset("ACGT")
_NOT_MISSENSE = so.STOP_GAINED | so.STOP_LOST | so.START_LOST | so.STOP_RETAINED | so.INCOMPLETE_TERMINAL_CODON


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

    The peptides and codons are those of the whole codons the variant touches; None where VEP has none.
    """

    def __init__(self, transcript: Transcript, start: int, end: int, ref: str, alt: str) -> None:
        self.transcript = transcript
        self.start, self.end = start, end
        self.ref = ref if transcript.strand > 0 else reverse_complement(ref)
        self.alt = alt if transcript.strand > 0 else reverse_complement(alt)
        self.span = locate(transcript, start, end)
        self.longer, self.shorter = len(alt) > end - start + 1, len(alt) < end - start + 1
        self.unambiguous = UNAMBIGUOUS.issuperset(alt)

    @cached_property
    def altered_cds(self) -> str | None:
        """The CDS with the variant, and the 3' UTR after it."""
        span = self.span
        if span.cds_start is None or span.cds_end is None:
            return None
        cds = self.transcript.cds
        altered = cds[: span.cds_start - 1] + self.alt + cds[span.cds_end :]
        return (altered if len(altered) > 2 else "") + self.transcript.utr3

    @cached_property
    def codons(self) -> tuple[str, str] | None:
        """The reference's and the variant's bases of the codons touched."""
        span = self.span
        if not span.protein_start or not span.protein_end or self.altered_cds is None or self.unreadable:
            return None
        assert span.cds_start is not None
        assert span.cds_end is not None
        first = span.protein_start * 3 - 3
        length = span.protein_end * 3 - first
        changed = length + len(self.alt) - (span.cds_end - span.cds_start + 1)
        return self.transcript.cds[first : first + length], self.altered_cds[first : first + max(changed, 0)]

    @cached_property
    def peptides(self) -> tuple[str, str] | None:
        """The amino acids of `codons`; 'X' ends those of an incomplete codon."""
        if self.codons is None or not self.unambiguous or not UNAMBIGUOUS.issuperset(self.ref):
            return None
        return self._peptide(self.codons[0]), self._peptide(self.codons[1])

    def _peptide(self, codons: str) -> str:
        peptide = self.transcript.read(codons, self.span.protein_start or 1)
        return peptide + "X" if len(codons) % 3 and peptide != "*" else peptide

    @cached_property
    def unreadable(self) -> bool:
        """The variant lies where the CDS is not read in its first codon's frame, so that its codons are not known."""
        last = max(self.span.protein_start or 0, self.span.protein_end or 0)
        return self.transcript.slip > 0 and last > self.transcript.readable

    @cached_property
    def incomplete_codon(self) -> bool:
        """The variant begins in a last codon that lacks bases."""
        if self.span.protein_start is None or self.unreadable:
            return False
        return 0 < len(self.transcript.cds) - (self.span.protein_start - 1) * 3 < 3

    def _overlaps(self, first: int, last: int) -> bool:
        start, end = self.span.cdna_start, self.span.cdna_end
        return bool(start and end) and end >= first and start <= last  # type: ignore[operator]

    @cached_property
    def overlaps_start(self) -> bool:
        """The variant touches the first codon."""
        return self._overlaps(self.transcript.cds_first, self.transcript.cds_first + 2)

    @cached_property
    def overlaps_stop(self) -> bool:
        """The variant touches the last three coding bases."""
        return not self.unreadable and self._overlaps(self.transcript.cds_last - 2, self.transcript.cds_last)

    def _edited(self, bases: str, start: int) -> str:
        """`bases` with the variant at 1-based `start`."""
        assert self.span.cdna_start is not None
        assert self.span.cdna_end is not None
        replaced = max(self.span.cdna_end - self.span.cdna_start + 1, 0)
        return bases[: start - 1] + self.alt + bases[start - 1 + replaced :]

    @cached_property
    def _edited_start(self) -> str:
        """5' UTR and CDS with the variant."""
        assert self.span.cdna_start is not None
        return self._edited(self.transcript.utr5 + self.transcript.cds, self.span.cdna_start)

    @cached_property
    def stop_altered(self) -> bool:
        """An indel at the stop codon leaves none at its place."""
        if not (self.unambiguous and self.overlaps_stop and (self.longer or self.shorter) and self.span.cds_start):
            return False
        cds = self.transcript.cds
        edited = self._edited(cds + self.transcript.utr3, self.span.cds_start)
        if len(edited) < len(cds):
            return True
        return translate(edited[len(cds) - 3 : len(cds)], self.transcript.table) != "*"

    @cached_property
    def start_altered(self) -> bool:
        """An indel at the start codon leaves a CDS that no longer ends the edited sequence."""
        if not (self.unambiguous and self.overlaps_start and (self.longer or self.shorter)):
            return False
        transcript = self.transcript
        edited = self._edited_start
        if transcript.utr5 and edited[: len(transcript.utr5)] == transcript.utr5 and self._start_codon == "ATG":
            return False
        return len(edited) < len(transcript.cds) or edited[-len(transcript.cds) :] != transcript.cds

    @property
    def _start_codon(self) -> str:
        first = len(self.transcript.utr5)
        return self._edited_start[first : first + 3]

    @cached_property
    def start_moved(self) -> bool:
        """No ATG is left where the start codon was; only known where there is a 5' UTR."""
        transcript = self.transcript
        if not (self.unambiguous and self.overlaps_start and transcript.utr5):
            return False
        assert self.span.cdna_end is not None
        if self.span.cdna_end > len(transcript.utr5) + len(transcript.cds):
            return False
        return self._start_codon != "ATG"

    @cached_property
    def start_retained(self) -> bool:
        """The variant touches the start codon and leaves one."""
        if not self.overlaps_start:
            return False
        if self.longer or self.shorter:
            return not self.start_altered
        if not self.unambiguous:
            return True
        edited = self._edited_start
        return edited[max(len(edited) - len(self.transcript.cds), 0) :][:3] == "ATG"

    @cached_property
    def start_lost(self) -> bool:
        """The start codon is gone, and with it probably the protein."""
        if not self.overlaps_start:
            return False
        if self.start_altered and not (self._inframe_insertion(False) or self.inframe_deletion):
            return True
        if self.start_moved:
            return True
        if self.peptides is None:
            return False
        ref, alt = self.peptides
        if not ref or not alt or alt == "X" or self.span.protein_start != 1:
            return False
        return not alt.startswith(ref) and not alt.endswith(ref)

    @cached_property
    def stop_lost(self) -> bool:
        """The stop codon is gone."""
        if self.peptides is None:
            return self.stop_altered
        return "*" in self.peptides[0] and "*" not in self.peptides[1]

    @cached_property
    def stop_retained(self) -> bool:
        """A stop codon is where it was."""
        if self.incomplete_codon or self.stop_lost:
            return False
        if self.peptides is None or not self.peptides[1]:
            return (self.longer or self.shorter) and self.overlaps_stop and not self.stop_altered
        return self._stop_stays()

    def _stop_stays(self) -> bool:
        assert self.peptides is not None
        ref, alt = self.peptides
        first, last = self.span.protein_start, self.span.protein_end
        if first is None or last is None or (ref == "X" and alt == "X"):
            return False
        protein = self.transcript.peptide
        if first > len(protein) and alt.startswith("*"):
            return True
        mutated = protein[: first - 1] + alt + protein[first - 1 + max(last - first + 1, 0) :]
        if ref == alt[:1] and "*" in alt:
            return True
        if mutated[: len(protein)] == protein and 0 < len(mutated) - len(protein) < 3:
            return True
        return "*" in ref and ref.find("*") == alt.find("*")

    @property
    def frameshift_by_length(self) -> bool:
        """The variant changes the CDS's length by something other than whole codons."""
        span = self.span
        if span.cds_start is None or span.cds_end is None:
            return False
        return (len(self.alt) - (span.cds_end - span.cds_start + 1)) % 3 != 0

    @cached_property
    def frameshift(self) -> bool:
        """As SO's frameshift_variant."""
        return not (self.incomplete_codon or self.stop_retained) and self.frameshift_by_length

    @cached_property
    def stop_gained(self) -> bool:
        """A new stop codon."""
        if self.stop_retained or self.peptides is None:
            return False
        return "*" in self.peptides[1] and "*" not in self.peptides[0]

    def _inframe_insertion(self, start_lost: bool) -> bool:
        if start_lost or self.frameshift or self.codons is None or self.peptides is None:
            return False
        if len(self.codons[1]) <= len(self.codons[0]):
            return False
        ref, alt = self.peptides
        if self.start_retained and alt.endswith(ref):
            return False
        stop = alt.find("*")
        alt = alt[: stop + 1] if stop >= 0 else alt
        return alt.startswith(ref) or alt.endswith(ref)

    @cached_property
    def inframe_deletion(self) -> bool:
        """Whole codons are removed and the others left as they were."""
        if self.incomplete_codon or self.frameshift or self.codons is None:
            return False
        ref, alt = self.codons
        if len(alt) >= len(ref):
            return False
        if ref.startswith(alt) or ref.endswith(alt):
            return True
        prefix = 0
        while prefix < len(alt) and ref[prefix] == alt[prefix]:
            prefix += 1
        return ref.endswith(alt[prefix:]) and (len(ref) - len(alt)) % 3 == 0

    @cached_property
    def protein_altering(self) -> bool:
        """The protein changes its length in no simpler way."""
        if self.peptides is None:
            return False
        ref, alt = self.peptides
        if len(ref) == len(alt) or ref.startswith("*") or alt.startswith("*"):
            return False
        if alt.startswith(ref) or alt.endswith(ref):
            return False
        return not (self.inframe_deletion or self.start_lost or self.frameshift)

    def terms(self, in_frameshift_intron: bool) -> int:
        """The terms about the coding sequence."""
        same_length = not (self.longer or self.shorter)
        found = 0
        if self.stop_gained:
            found |= so.STOP_GAINED
        if not same_length and self.frameshift:
            found |= so.FRAMESHIFT
        if self.stop_lost:
            found |= so.STOP_LOST
        if self.start_lost:
            found |= so.START_LOST
        if self.longer and self._inframe_insertion(self.start_lost):
            found |= so.INFRAME_INSERTION
        if self.shorter and self.inframe_deletion:
            found |= so.INFRAME_DELETION
        if self.protein_altering:
            found |= so.PROTEIN_ALTERING
        if self.incomplete_codon:
            found |= so.INCOMPLETE_TERMINAL_CODON
        if self.start_retained:
            found |= so.START_RETAINED
        if self.stop_retained:
            found |= so.STOP_RETAINED
        if self.peptides is not None:
            ref, alt = self.peptides
            if ref == alt:
                if ref and "X" not in ref and not self.stop_retained and not self.start_retained:
                    found |= so.SYNONYMOUS
            elif same_length and len(ref) == len(alt) and not found & _NOT_MISSENSE:
                found |= so.MISSENSE
        if self._unknown(in_frameshift_intron):
            found |= so.CODING_SEQUENCE
        return found

    def _unknown(self, in_frameshift_intron: bool) -> bool:
        """The variant touches the CDS, but what it does there cannot be told."""
        transcript = self.transcript
        in_cds = self.span.in_cds or (
            in_frameshift_intron and self.end >= transcript.coding_start and self.start <= transcript.coding_end
        )
        if not in_cds:
            return False
        if self.peptides is not None and not any("X" in peptide for peptide in self.peptides):
            return False
        return not (
            self.frameshift
            or self.inframe_deletion
            or self.protein_altering
            or self.start_retained
            or self.start_lost
            or self.stop_retained
            or self.stop_lost
        )
