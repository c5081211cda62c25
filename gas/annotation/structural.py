"""CSQ of symbolic alleles and breakends, as Ensembl VEP 115 has it: what they overlap, without sequence or HGVS.

An event's class decides, with its interval, about the terms. VEP's ways that are kept: the base at POS is not part of
the event, END comes before SVLEN, an insertion's SVLEN counts as if it lay on the reference, and events longer than
10 Mb are not annotated (--max_sv_size).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gas.annotation import csq
from gas.annotation import terms as so
from gas.annotation.coding import Span, locate
from gas.annotation.consequence import (
    NMD_BIOTYPE,
    distance,
    flank_terms,
    in_coding,
    maps_to_exon,
    overlap,
    overlapped,
    splice_terms,
    touches_exon,
    utr_terms,
    within,
)
from gas.annotation.models import clean
from gas.annotation.segments import Segments
from gas.annotation.transcripts import Transcript

LARGEST = 10_000_000
TOO_LONG = f"structural variant longer than {LARGEST:,} bases"
WITHOUT_END = "structural variant without its end (INFO/END or SVLEN)"
UNKNOWN_CLASS = "symbolic allele"

# Alleles that may be for this module; nothing else begins or ends so, or has brackets.
CANDIDATE = re.compile(r"[<\[\]]|\.(?=[A-Za-z])|(?<=[A-Za-z])\.")

_BREAKEND = "chromosome_breakpoint"
_CLASSES = {
    "DEL": "deletion",
    "DUP": "duplication",
    "TDUP": "tandem_duplication",
    "DUP:TANDEM": "tandem_duplication",
    "CNV": "copy_number_variation",
    "CNV:TR": "tandem_repeat",
    "INS": "insertion",
    "INV": "inversion",
    "BND": _BREAKEND,
    "CN0": "deletion",
    "CN=0": "deletion",
    "CN2": "duplication",
    "CN=2": "duplication",
}
_MOBILE = re.compile(r"(INS|DEL):ME(?::(\w+))?")
_ELEMENTS = {"ALU": "Alu", "HERV": "HERV", "LINE1": "LINE1", "L1": "LINE1", "SVA": "SVA"}
_COPIES = re.compile(r"CN=?\d+")
_MATE = re.compile(r"([A-Za-z.]*)([\[\]])(.+):(\d+)\2([A-Za-z.]*)")

# Opens the segments of another contig, by its name in the user's file; None if the reference lacks it.
OpenMate = Callable[[str], Segments | None]


@dataclass(frozen=True, slots=True)
class Event:
    """One structural allele: `kind` is its class in the Sequence Ontology, `allele` what CSQ calls it.

    `start` and `end` as everywhere, start = end + 1 for a point between two bases; `mate`: the other end's contig and
    position.
    """

    kind: str
    allele: str
    start: int
    end: int
    mate: tuple[str, int] | None = None

    @property
    def deletion(self) -> bool:
        """Bases are lost."""
        return self.kind.endswith("deletion")

    @property
    def gain(self) -> bool:
        """Bases that are there are there more often."""
        return self.kind.endswith("duplication") or self.kind == "tandem_repeat"

    @property
    def insertion(self) -> bool:
        """Bases are added."""
        return self.gain or self.kind.endswith("insertion")


def read(position: int, ref: str, alt: str, info: str, index: int = 0) -> Event | str:
    """The event of one ALT allele, the `index`th (from 0) of its record; or why it cannot be annotated."""
    values = dict(entry.partition("=")[::2] for entry in info.split(";"))
    kind = _class(alt)
    if kind is None:
        return UNKNOWN_CLASS
    if kind == _BREAKEND:
        return _breakend(position, ref, alt, values)
    start = position + 1
    stated = _number(values.get("END"))
    if stated is None:
        length = _number(_at(values.get("SVLEN", ""), index))
        stated = None if length is None else start + abs(length) - 1
    if stated is None and kind.endswith("insertion"):
        stated = start
    if stated is None or stated < start - 1 or (kind.endswith("deletion") and stated <= start):
        return WITHOUT_END
    if stated - start > LARGEST:
        return TOO_LONG
    return Event(kind, kind, start, stated)


def record(segments: Segments, open_mate: OpenMate, position: int, ref: str, alt: str, info: str) -> str:
    """CSQ of the structural alleles of a record, as its columns have them; "" when it has none to annotate."""
    found: list[str] = []
    for index, allele in enumerate(alt.split(",")):
        event = read(position, ref, allele, info, index) if CANDIDATE.search(allele) else ""
        if isinstance(event, Event):
            found.extend(_rows(segments, open_mate, event, allele, index + 1))
    return ",".join(found)


def why_passed(position: int, ref: str, alt: str, info: str) -> str | None:
    """Why the first structural allele of a record was not annotated; None if it has none."""
    for index, allele in enumerate(alt.split(",")):
        if CANDIDATE.search(allele) and isinstance(event := read(position, ref, allele, info, index), str):
            return event
    return None


def _class(alt: str) -> str | None:
    if not alt.startswith("<"):
        return _BREAKEND
    name = alt.strip("<>").upper()
    if mobile := _MOBILE.match(name):
        element = _ELEMENTS.get(mobile[2] or "", "mobile_element")
        return f"{element}_{'insertion' if mobile[1] == 'INS' else 'deletion'}"
    if name in _CLASSES:
        return _CLASSES[name]
    if _COPIES.fullmatch(name):
        return _CLASSES["CNV"]
    return _CLASSES.get(name.partition(":")[0])


def _breakend(position: int, ref: str, alt: str, values: dict[str, str]) -> Event:
    """A breakend; CSQ calls its near end by REF and a dot where the sequence breaks off, as a single breakend's ALT."""
    mate: tuple[str, int] | None = None
    allele = f"{ref}."
    if found := _MATE.fullmatch(alt):
        mate = found[3], int(found[4])
        allele = f"{ref}." if found[1] else f".{ref}"
    elif not alt.startswith("<"):
        allele = alt
    elif "CHR2" in values and (place := _number(values.get("END2") or values.get("END"))) is not None:
        mate = values["CHR2"], place
    return Event(_BREAKEND, allele, position + 1, position + 1, mate)


def _number(text: str | None) -> int | None:
    digits = (text or "").lstrip("-")
    return int(text or "") if digits.isdecimal() and digits.isascii() and len(digits) < 12 else None


def _at(values: str, index: int) -> str:
    parts = values.split(",")
    return parts[index] if index < len(parts) else parts[0]


def _rows(segments: Segments, open_mate: OpenMate, event: Event, alt: str, number: int) -> Iterator[str]:
    near = segments.near(event.start, event.end)
    for transcript in near:
        yield _row(segments, transcript, event, number)
    reached = list(_mate_rows(open_mate, event, alt, number))
    yield from reached
    if not near and not reached:
        yield csq.intergenic(event.allele, number)


def _mate_rows(open_mate: OpenMate, event: Event, alt: str, number: int) -> Iterator[str]:
    """The transcripts that a breakend's far end breaks."""
    far = open_mate(event.mate[0]) if event.mate else None
    if event.mate is None or far is None:
        return
    place = event.mate[1]
    for transcript in far.near(place, place):
        if within(transcript, place, place):
            layout = far.layout(transcript)
            head = so.describe(so.FEATURE_TRUNCATION) + layout.gene + csq.exon_and_intron(transcript, place, place)
            yield f"{clean(alt)}|{head}|||||||||{number}|{layout.tail_start}{layout.tail_end}"


def _row(segments: Segments, transcript: Transcript, event: Event, number: int) -> str:
    layout = segments.layout(transcript)
    start, end = event.start, event.end
    if not within(transcript, start, end):
        away = distance(transcript, start, end)
        head = so.describe(flank_terms(transcript, start)) + layout.gene
        return f"{event.allele}|{head}||||||||||{number}|{away}{layout.tail_start}{layout.tail_end}"
    span = locate(transcript, start, end)
    places = "||"
    if touches_exon(transcript, min(start, end), max(start, end)):
        ends = (
            (span.cdna_start, span.cdna_end),
            (span.cds_start, span.cds_end),
            (span.protein_start, span.protein_end),
        )
        places = "|".join([csq.between(*pair) for pair in ends])
    return (
        f"{event.allele}|{so.describe(terms(transcript, event, span))}{layout.gene}"
        f"{csq.exon_and_intron(transcript, start, end)}|||{places}||||{number}|{layout.tail_start}{layout.tail_end}"
    )


def terms(transcript: Transcript, event: Event, span: Span) -> int:
    """The terms of an event that touches the transcript; `span`: where it lies on it."""
    start, end = event.start, event.end
    if start <= transcript.start and end >= transcript.end:
        if event.deletion:
            return so.TRANSCRIPT_ABLATION
        if event.gain:
            return so.TRANSCRIPT_AMPLIFICATION
    low, high = min(start, end), max(start, end)
    exonic = touches_exon(transcript, low, high)
    found, in_frameshift_intron = splice_terms(transcript, start, end, "", "", exonic)
    found &= so.INTRON
    in_cdna = in_frameshift_intron or maps_to_exon(transcript, low, high)
    if event.kind == _BREAKEND or (event.deletion and in_cdna):
        found |= so.FEATURE_TRUNCATION
    if event.insertion and in_cdna and start >= transcript.start and end <= transcript.end:
        found |= so.FEATURE_ELONGATION
    if transcript.coding_start:
        if exonic and in_cdna:
            found |= utr_terms(transcript, start, end, low, high)
        if in_coding(transcript, start, end):
            found |= _coding_terms(transcript, event, span)
    elif exonic and overlapped(transcript.exon_starts, transcript.exon_ends, start, end):
        found |= so.NON_CODING_EXON
    else:
        found |= so.NON_CODING_TRANSCRIPT
    if transcript.biotype == NMD_BIOTYPE:
        found |= so.NMD_TRANSCRIPT
    return found or so.INTERGENIC


def _coding_terms(transcript: Transcript, event: Event, span: Span) -> int:
    start, end = event.start, event.end
    found = 0
    index = transcript.exon_at(start)
    in_one_exon = index >= 0 and end <= transcript.exon_ends[index]
    if event.deletion and in_one_exon and (end - start + 1) % 3:
        found |= so.FRAMESHIFT
    elif event.deletion and in_one_exon and span.cds_start and span.cds_end:
        found |= so.INFRAME_DELETION
    elif span.in_cds:
        found |= so.CODING_SEQUENCE
    first, last = (
        (transcript.coding_start, transcript.coding_start + 2),
        (transcript.coding_end - 2, transcript.coding_end),
    )
    begins, stops = (first, last) if transcript.strand > 0 else (last, first)
    if event.deletion and overlap(start, end, *stops):
        found |= so.STOP_LOST
    # VEP asks for both ends of the event to lie in exons.
    if span.cdna_start and span.cdna_end and overlap(start, end, *begins):
        found |= so.START_LOST
    return found
