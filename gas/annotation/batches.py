"""What a worker does with a batch of records: check, annotate, write, count. Knows no files but the bundle's."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from gas.annotation import csq, rows
from gas.annotation.bgzf import compress
from gas.annotation.header import VcfHeader
from gas.annotation.overlays import Overlays
from gas.annotation.receipt import Tally
from gas.annotation.records import (
    ALT,
    INFO,
    POS,
    REF,
    Record,
    allele_kind,
    check,
    ref_mismatch_reason,
    reject,
    without_keys,
)
from gas.annotation.reference import Bundle, Contig, ContigSequence
from gas.annotation.segments import Segments, open_segments
from gas.annotation.summary import Summary
from gas.annotation.tables import Table, arrow_batch, tsv_text

# Consequence|IMPACT of every row of a CSQ.
_TERMS = re.compile(r"(?:^|,)[^|]*\|([^|]+\|[A-Z]+)")
_PASSED = {
    "missing": "no alternative allele",
    "star": "overlapping deletion (*)",
    "symbolic": "symbolic allele",
    "breakend": "breakend",
}
_Fields = list[str]


@dataclass(frozen=True)
class Wanted:
    """Which outputs a batch has to make besides the VCF."""

    tsv: bool = False
    parquet: bool = False


@dataclass
class Done:
    """A finished batch: BGZF blocks, TSV text and a serialised Arrow batch to append, and counts to add."""

    vcf: bytes
    tsv: str
    parquet: bytes | None
    tally: Tally
    summary: Summary


@dataclass
class _Output:
    lines: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    summary: Summary = field(default_factory=Summary)


class Worker:
    """Annotates batches of one input against one bundle; each process has its own."""

    def __init__(self, bundle: Bundle, header: VcfHeader, wanted: Wanted) -> None:
        self.overlays = Overlays.open(bundle)
        self.table = Table(csq.FIELDS, tuple(name for name, _ in self.overlays.columns()))
        self._bundle = bundle
        self._header = header
        self._wanted = wanted
        self._replaced = replaced_info(self.overlays)
        self._segments: tuple[str, Segments] | None = None

    def annotate(self, records: Sequence[Record]) -> Done:
        """One batch, sorted; the records leave in the same order, without the rejected ones."""
        output = _Output(tally=Tally(read=len(records)))
        for chrom, run in groupby(records, key=lambda record: record[1][0]):
            contig = self._header.resolve(chrom, self._bundle)
            sound = self._sound(list(run), contig, output.tally)
            if contig is not None and sound:
                self._annotate_run(contig, sound, output)
        text = "".join([f"{line}\n" for line in output.lines]).encode("latin-1")
        parquet = arrow_batch(self.table, output.rows) if self._wanted.parquet else None
        tsv = tsv_text(output.rows) if self._wanted.tsv else ""
        return Done(compress(text), tsv, parquet, output.tally, output.summary)

    def _sound(self, records: list[Record], contig: Contig | None, tally: Tally) -> list[_Fields]:
        """The records that can be annotated or passed through; the others are counted as rejected."""
        columns = self._header.column_count
        sound: list[Record] = []
        for line, fields in records:
            reason = check(fields, contig, columns)
            if reason is None:
                sound.append((line, fields))
            else:
                tally.reject(reject(line, fields, reason))
        if contig is None or not sound:
            return []
        mismatches = _ref_mismatches([fields for _, fields in sound], self._bundle.sequence(contig.name))
        for place, reason in mismatches.items():
            tally.reject(reject(*sound[place], reason))
        return [fields for place, (_, fields) in enumerate(sound) if place not in mismatches]

    def _annotate_run(self, contig: Contig, records: list[_Fields], output: _Output) -> None:
        if self._segments is None or self._segments[0] != contig.name:
            # Records come by contig: what was decoded of the one before will not be wanted again.
            self._segments = (contig.name, open_segments(self._bundle, contig.name))
        segments = self._segments[1]
        found = _csq(segments, records, output.summary)
        known = self._overlay_info(contig, records)
        for fields, annotation, overlay in zip(records, found, known, strict=True):
            if self._wanted.tsv or self._wanted.parquet:
                entries = annotation.split(",") if annotation else []
                output.rows.extend(self.table.rows(fields, entries, overlay))
            info = without_keys(fields[INFO], self._replaced)
            if annotation:
                output.tally.annotated += 1
                info = f"CSQ={annotation}" if info in ("", ".") else f"{info};CSQ={annotation}"
            else:
                output.tally.passed[_why_passed(fields[ALT])] += 1
            if overlay:
                info = overlay if info in ("", ".") else f"{info};{overlay}"
            fields[INFO] = info
            output.lines.append("\t".join(fields))
        _count_variants(records, output.summary)

    def _overlay_info(self, contig: Contig, records: list[_Fields]) -> list[str]:
        if not self.table.overlay_fields:
            return [""] * len(records)
        refs, alts = [fields[REF] for fields in records], [fields[ALT] for fields in records]
        return self.overlays.look_up(contig.name, _positions(records), refs, alts)


def replaced_info(overlays: Overlays) -> tuple[str, ...]:
    """The INFO keys that annotation writes anew."""
    return ("CSQ", *(name for name, _ in overlays.columns()))


def _ref_mismatches(records: list[_Fields], sequence: ContigSequence) -> dict[int, str]:
    """Which records' REF contradicts the reference, and how."""
    refs = [fields[REF] for fields in records]
    positions = _positions(records)
    firsts = np.frombuffer("".join([ref[0] for ref in refs]).upper().encode("latin-1"), np.uint8)
    suspects = set(np.flatnonzero(sequence.codes[positions - 1] != firsts).tolist())
    suspects.update(place for place, ref in enumerate(refs) if len(ref) > 1)
    reasons = ((place, ref_mismatch_reason(refs[place], int(positions[place]), sequence)) for place in sorted(suspects))
    return {place: reason for place, reason in reasons if reason}


def _positions(records: list[_Fields]) -> NDArray[np.int64]:
    return np.array([int(fields[POS]) for fields in records], np.int64)


def _csq(segments: Segments, records: list[_Fields], summary: Summary) -> list[str]:
    """Each record's CSQ, "" for those that have no allele to annotate; counted in `summary`."""
    positions = _positions(records)
    changes = rows.CHANGES
    found = []
    touched: list[int] = []
    others: list[str] = []
    for fields, position, segment in zip(records, positions.tolist(), segments.find(positions), strict=True):
        ref, alt = fields[REF], fields[ALT]
        if (ref, alt) in changes:
            annotation = rows.single_base(segments, segments.entries(segment), position, ref, alt)
            if segments.described(segment) is None:
                others.append(annotation)
            else:
                touched.append(segment)
        else:
            annotation = rows.record(segments, segment, position, ref, alt)
            others.append(annotation)
        found.append(annotation)
    # Equal sets of terms are added up first: most records have one of few.
    sets = Counter([tuple(_TERMS.findall(annotation)) for annotation in others if annotation])
    for segment, times in Counter(touched).items():
        sets[segments.described(segment) or ()] += times
    for terms, times in sets.items():
        _add(summary, _consequences(terms), times)
    return found


def _why_passed(alt: str) -> str:
    kind = allele_kind(alt.split(",")[0])
    return _PASSED.get(kind or "", "no allele to annotate")


def _count_variants(records: list[_Fields], summary: Summary) -> None:
    for (chrom, ref, alt), times in Counter([(fields[0], fields[REF], fields[ALT]) for fields in records]).items():
        one = Summary()
        one.add_variant(chrom, ref, alt.split(","))
        _add(summary, one, times)


@lru_cache(maxsize=10_000)
def _consequences(terms: tuple[str, ...]) -> Summary:
    one = Summary()
    one.add_csq([f"|{described}|" for described in terms])
    return one


def _add(summary: Summary, one: Summary, times: int) -> None:
    for name in summary.__dataclass_fields__:
        counts, more = getattr(summary, name), getattr(one, name)
        for key, count in more.items():
            counts[key] += count * times
