"""What a short variant does to a transcript's protein: Ensembl VEP's rules for the terms about coding sequence."""

from gas.annotation import terms as so
from gas.annotation.coding import Coding
from gas.annotation.codons import translate

_NOT_MISSENSE = so.STOP_GAINED | so.STOP_LOST | so.START_LOST | so.STOP_RETAINED | so.INCOMPLETE_TERMINAL_CODON


class CodingEffect:
    """What one allele does to one protein; `coding` says where it is and what it changes.

    Each finding is worked out when this is made, after those that it rests on.
    """

    def __init__(self, coding: Coding) -> None:
        self.coding = coding
        self.resized = coding.longer or coding.shorter
        self.stop_altered = self._stop_altered()
        self.stop_lost = self._stop_lost()
        self.stop_retained = self._stop_retained()
        self.frameshift = not (coding.incomplete_codon or self.stop_retained) and coding.frameshift_by_length
        self.inframe_deletion = self._inframe_deletion()
        self.start_retained, self.start_lost = self._start() if coding.overlaps_start else (False, False)
        self.stop_gained = self._stop_gained()
        self.protein_altering = self._protein_altering()

    def _edited(self, bases: str, start: int) -> str:
        """`bases` with the variant at 1-based `start`."""
        span = self.coding.span
        assert span.cdna_start is not None
        assert span.cdna_end is not None
        replaced = max(span.cdna_end - span.cdna_start + 1, 0)
        return bases[: start - 1] + self.coding.alt + bases[start - 1 + replaced :]

    def _stop_altered(self) -> bool:
        """An indel at the stop codon leaves none at its place."""
        coding = self.coding
        if not (coding.unambiguous and coding.overlaps_stop and self.resized and coding.span.cds_start):
            return False
        cds = coding.transcript.cds
        edited = self._edited(cds + coding.transcript.utr3, coding.span.cds_start)
        if len(edited) < len(cds):
            return True
        return translate(edited[len(cds) - 3 : len(cds)], coding.transcript.table) != "*"

    def _stop_lost(self) -> bool:
        """The stop codon is gone."""
        if self.coding.peptides is None:
            return self.stop_altered
        return "*" in self.coding.peptides[0] and "*" not in self.coding.peptides[1]

    def _stop_retained(self) -> bool:
        """A stop codon is where it was."""
        coding = self.coding
        if coding.incomplete_codon or self.stop_lost:
            return False
        if coding.peptides is None or not coding.peptides[1]:
            return self.resized and coding.overlaps_stop and not self.stop_altered
        ref, alt = coding.peptides
        first, last = coding.span.protein_start, coding.span.protein_end
        if first is None or last is None or (ref == "X" and alt == "X"):
            return False
        protein = coding.transcript.peptide
        if first > len(protein) and alt.startswith("*"):
            return True
        mutated = protein[: first - 1] + alt + protein[first - 1 + max(last - first + 1, 0) :]
        if ref == alt[:1] and "*" in alt:
            return True
        if mutated[: len(protein)] == protein and 0 < len(mutated) - len(protein) < 3:
            return True
        return "*" in ref and ref.find("*") == alt.find("*")

    def _inframe_deletion(self) -> bool:
        """Whole codons are removed and the others left as they were."""
        if self.coding.incomplete_codon or self.frameshift or self.coding.codons is None:
            return False
        ref, alt = self.coding.codons
        if len(alt) >= len(ref):
            return False
        if ref.startswith(alt) or ref.endswith(alt):
            return True
        prefix = 0
        while prefix < len(alt) and ref[prefix] == alt[prefix]:
            prefix += 1
        return ref.endswith(alt[prefix:]) and (len(ref) - len(alt)) % 3 == 0

    def _start(self) -> tuple[bool, bool]:
        """A variant that touches the start codon leaves one; it is gone, and with it probably the protein."""
        coding = self.coding
        transcript = coding.transcript
        assert coding.span.cdna_start is not None
        assert coding.span.cdna_end is not None
        edited = self._edited(transcript.utr5 + transcript.cds, coding.span.cdna_start)
        has_start = edited[len(transcript.utr5) :].startswith("ATG")
        altered = self._start_altered(edited, has_start)
        if self.resized:
            retained = not altered
        else:
            kept = edited[max(len(edited) - len(transcript.cds), 0) :]
            retained = not coding.unambiguous or kept.startswith("ATG")
        if altered and not (self._inframe_insertion(retained) or self.inframe_deletion):
            return retained, True
        # Only known where there is a 5' UTR.
        inside = coding.span.cdna_end <= len(transcript.utr5) + len(transcript.cds)
        if coding.unambiguous and transcript.utr5 and inside and not has_start:
            return retained, True
        if coding.peptides is None:
            return retained, False
        ref, alt = coding.peptides
        if not ref or not alt or alt == "X" or coding.span.protein_start != 1:
            return retained, False
        return retained, not alt.startswith(ref) and not alt.endswith(ref)

    def _start_altered(self, edited: str, has_start: bool) -> bool:
        """An indel at the start codon leaves a CDS that no longer ends the edited sequence."""
        if not (self.coding.unambiguous and self.resized):
            return False
        transcript = self.coding.transcript
        if transcript.utr5 and edited.startswith(transcript.utr5) and has_start:
            return False
        return not edited.endswith(transcript.cds)

    def _stop_gained(self) -> bool:
        """A new stop codon."""
        if self.stop_retained or self.coding.peptides is None:
            return False
        return "*" in self.coding.peptides[1] and "*" not in self.coding.peptides[0]

    def _inframe_insertion(self, start_retained: bool) -> bool:
        """Whole codons are added and the others left as they were."""
        coding = self.coding
        if self.frameshift or coding.codons is None or coding.peptides is None:
            return False
        if len(coding.codons[1]) <= len(coding.codons[0]):
            return False
        ref, alt = coding.peptides
        if start_retained and alt.endswith(ref):
            return False
        stop = alt.find("*")
        alt = alt[: stop + 1] if stop >= 0 else alt
        return alt.startswith(ref) or alt.endswith(ref)

    def _protein_altering(self) -> bool:
        """The protein changes its length in no simpler way."""
        if self.coding.peptides is None:
            return False
        ref, alt = self.coding.peptides
        if len(ref) == len(alt) or ref.startswith("*") or alt.startswith("*"):
            return False
        if alt.startswith(ref) or alt.endswith(ref):
            return False
        return not (self.inframe_deletion or self.start_lost or self.frameshift)

    def terms(self, in_frameshift_intron: bool) -> int:
        """The terms about the coding sequence."""
        coding = self.coding
        found = 0
        if self.stop_gained:
            found |= so.STOP_GAINED
        if self.resized and self.frameshift:
            found |= so.FRAMESHIFT
        if self.stop_lost:
            found |= so.STOP_LOST
        if self.start_lost:
            found |= so.START_LOST
        if coding.longer and not self.start_lost and self._inframe_insertion(self.start_retained):
            found |= so.INFRAME_INSERTION
        if coding.shorter and self.inframe_deletion:
            found |= so.INFRAME_DELETION
        if self.protein_altering:
            found |= so.PROTEIN_ALTERING
        if coding.incomplete_codon:
            found |= so.INCOMPLETE_TERMINAL_CODON
        if self.start_retained:
            found |= so.START_RETAINED
        if self.stop_retained:
            found |= so.STOP_RETAINED
        if coding.peptides is not None:
            ref, alt = coding.peptides
            if ref == alt:
                if ref and "X" not in ref and not self.stop_retained and not self.start_retained:
                    found |= so.SYNONYMOUS
            elif not self.resized and len(ref) == len(alt) and not found & _NOT_MISSENSE:
                found |= so.MISSENSE
        if self._unknown(in_frameshift_intron):
            found |= so.CODING_SEQUENCE
        return found

    def _unknown(self, in_frameshift_intron: bool) -> bool:
        """The variant touches the CDS, but what it does there cannot be told."""
        coding, transcript = self.coding, self.coding.transcript
        in_cds = coding.span.in_cds or (
            in_frameshift_intron and coding.end >= transcript.coding_start and coding.start <= transcript.coding_end
        )
        if not in_cds:
            return False
        if coding.peptides is not None and not any("X" in peptide for peptide in coding.peptides):
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
