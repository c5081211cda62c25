"""What a worker does with a batch of records: check, annotate, write, count. Knows no files but the bundle's."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gas.annotation import annotations, bgzf, columns, csq, info, structural, tabix
from gas.annotation.annotations import SUBSTITUTIONS
from gas.annotation.columns import Columns, Ints
from gas.annotation.header import VcfHeader
from gas.annotation.lines import Lines
from gas.annotation.overlays import Overlays
from gas.annotation.picks import Picks
from gas.annotation.receipt import Tally
from gas.annotation.records import (
    ALT,
    INFO,
    POS,
    REF,
    allele_kind,
    allele_reason,
    check,
    ref_mismatch_reason,
    reject,
)
from gas.annotation.reference import Bundle, Contig, ContigSequence
from gas.annotation.segments import Segments, open_segments
from gas.annotation.summary import Bin, Summary
from gas.annotation.tables import Table, tsv_text
from gas.annotation.templates import Seen, Templates
from gas.annotation.variant_table import TableLayout

if TYPE_CHECKING:
    from gas.annotation.variant_rows import VariantRows

# Into so many stretches the longest contig is cut to count the records in each; the others into as many as fit.
_BINS = 250
_PASSED = {
    "missing": "no alternative allele",
    "star": "overlapping deletion (*)",
}


@dataclass(frozen=True)
class Wanted:
    """Which outputs a batch has to make besides the VCF."""

    tsv: bool = False
    parquet: bool = False


@dataclass
class Done:
    """A finished batch: BGZF blocks, TSV text and rows of the variant table to append, and counts to add.

    `index`: of the blocks, None where htslib has to make it. `parquet` is a serialised Arrow batch.
    """

    vcf: bytes
    index: list[tabix.Part] | None
    tsv: str
    parquet: bytes | None
    tally: Tally
    summary: Summary


@dataclass
class _Output:
    pieces: list[bytes] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    table: "VariantRows | None" = None
    # CHROM; first and last positions and lengths of the lines of each run of records.
    runs: list[tuple[str, Ints, Ints, Ints]] = field(default_factory=list)
    simple: bool = True
    tally: Tally = field(default_factory=Tally)
    summary: Summary = field(default_factory=Summary)


class Worker:
    """Annotates batches of one input against one bundle; each process has its own."""

    def __init__(self, bundle: Bundle, header: VcfHeader, wanted: Wanted) -> None:
        self.overlays = Overlays.open(bundle)
        self.table = Table(csq.FIELDS, tuple(name for name, _ in self.overlays.columns()))
        self.layout = TableLayout(csq.FIELDS, tuple(self.overlays.columns()), header.samples)
        self._picks = Picks()
        self._bin_width = -(-max(one.length for one in bundle.contigs.values()) // _BINS)
        self._bundle = bundle
        self._header = header
        self._wanted = wanted
        self._replaced = replaced_info(self.overlays)
        self._templates: Templates | None = None
        self._mates: dict[str, Segments] = {}

    def annotate(self, lines: Lines) -> Done:
        """One batch, sorted; the records leave in the same order, without the rejected ones."""
        output = _Output(tally=Tally(read=len(lines)), table=self._new_rows())
        for chrom, run in lines.by_chrom():
            contig = self._header.resolve(chrom, self._bundle)
            columns = self._sound(run, contig, output.tally)
            if contig is not None and columns is not None:
                self._annotate_run(contig, chrom, columns, output)
        tsv = tsv_text(output.rows) if self._wanted.tsv else ""
        blocks = bgzf.blocks(b"".join(output.pieces))
        offsets = _offsets(output, blocks)
        index = _index(output, offsets) if output.simple else None
        parquet = output.table.serialise(offsets) if output.table else None
        return Done(b"".join(blocks), index, tsv, parquet, output.tally, output.summary)

    def _new_rows(self) -> "VariantRows | None":
        if not self._wanted.parquet:
            return None
        # Arrow is loaded by those who want it.
        from gas.annotation.variant_rows import VariantRows

        return VariantRows(self.layout, self._picks)

    def _sound(self, run: Lines, contig: Contig | None, tally: Tally) -> Columns | None:
        """The records that can be annotated or passed through, None without any; the others are counted as rejected."""
        wanted = self._header.column_count
        found = columns.read(run.text, wanted, contig.length) if contig else None
        if contig is None or found is None or not _alleles_sound(found):
            kept = []
            for line, fields in run:
                reason = check(fields, contig, wanted)
                if reason is None:
                    kept.append((line, "\t".join(fields)))
                else:
                    tally.reject(reject(line, fields, reason))
            if contig is None or not kept:
                return None
            run = Lines.of(kept)
            found = columns.read(run.text, wanted, contig.length)
            assert found is not None
        mismatches = _ref_mismatches(found, self._bundle.sequence(contig.name))
        if not mismatches:
            return found
        for place, reason in mismatches.items():
            tally.reject(reject(run.numbers[place], found.fields(place), reason))
        kept_places = np.ones(len(found), np.bool_)
        kept_places[list(mismatches)] = False
        return found.only(kept_places) if kept_places.any() else None

    def _annotate_run(self, contig: Contig, chrom: str, found: Columns, output: _Output) -> None:
        if self._templates is None or self._templates.contig != contig.name:
            # Records come by contig: what was decoded of the one before will not be wanted again.
            self._templates = Templates(open_segments(self._bundle, contig.name), contig.name)
        changes = annotations.substitutions(found)
        csq_of, seen, counted = annotations.annotate(self._templates, self._open_mate, found, changes)
        _count_terms(counted, output.summary)
        known = self._overlay_info(contig, found, output.summary)
        if output.table:
            output.table.add_all(found, csq_of, known, seen)
        if self._wanted.tsv:
            for place, (annotation, overlay) in enumerate(zip(csq_of, known, strict=True)):
                entries = annotation.decode("latin-1").split(",") if annotation else []
                output.rows.extend(self.table.rows(found.fields(place), entries, overlay))
        without = csq_of.count(b"")
        output.tally.annotated += len(found) - without
        if without:
            output.tally.passed.update(_why_passed(found.fields(place)) for place, one in enumerate(csq_of) if not one)
        pieces, lengths = info.with_annotation(found, csq_of, known, self._replaced)
        output.pieces += pieces
        output.runs.append((chrom, found.positions, found.positions + found.ref_ends - found.ref_starts - 1, lengths))
        output.simple = output.simple and tabix.simple(found.text)
        output.summary.by_chromosome[chrom] += len(found)
        output.summary.by_position.update(_along(chrom, contig, self._bin_width, found.positions))
        _count_alleles(found, changes, output.summary)

    def _open_mate(self, chrom: str) -> Segments | None:
        """The segments that a breakend's other end lies in."""
        contig = self._header.resolve(chrom, self._bundle)
        if contig is None:
            return None
        if self._templates is not None and self._templates.contig == contig.name:
            return self._templates.segments
        if contig.name not in self._mates:
            self._mates[contig.name] = open_segments(self._bundle, contig.name)
        return self._mates[contig.name]

    def _overlay_info(self, contig: Contig, found: Columns, summary: Summary) -> list[str]:
        if not self.table.overlay_fields:
            return [""] * len(found)
        refs, alts = zip(*[found.alleles(place) for place in range(len(found))], strict=True)
        return self.overlays.look_up(contig.name, found.positions, refs, alts, summary)


def replaced_info(overlays: Overlays) -> tuple[str, ...]:
    """The INFO keys that annotation writes anew."""
    return ("CSQ", *(name for name, _ in overlays.columns()))


def _along(chrom: str, contig: Contig, width: int, positions: Ints) -> dict[Bin, int]:
    numbers, counts = np.unique((positions - 1) // width, return_counts=True)
    return {
        Bin(chrom, contig.length, width, number): count
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
    }


def _offsets(output: _Output, blocks: list[bytes]) -> Ints:
    """Virtual offsets of the batch's records and of its end, counted from where the batch begins."""
    ends = np.cumsum(np.concatenate([[0], *(lengths for *_, lengths in output.runs)])).astype(np.int64)
    return tabix.virtual(ends, [len(block) for block in blocks])


def _index(output: _Output, offsets: Ints) -> list[tabix.Part]:
    parts = []
    first = 0
    for chrom, begins, last, lengths in output.runs:
        parts.append(tabix.part(chrom, begins, last, offsets[first : first + len(lengths) + 1]))
        first += len(lengths)
    return parts


def _alleles_sound(found: Columns) -> bool:
    """Whether no record has to be rejected for its REF or ALT."""
    return all(allele_reason(*found.alleles(place)) is None for place in np.flatnonzero(~found.plain).tolist())


def _spans(places: Ints, starts: Ints, ends: Ints) -> Iterator[tuple[int, int, int]]:
    return zip(places.tolist(), starts[places].tolist(), ends[places].tolist(), strict=True)


def _ref_mismatches(found: Columns, sequence: ContigSequence) -> dict[int, str]:
    """Which records' REF contradicts the reference, and how."""
    firsts = found.codes[found.ref_starts]
    suspects = (sequence.codes[found.positions - 1] != firsts) | (found.ref_ends - found.ref_starts > 1)
    reasons = {}
    for place, start, end in _spans(np.flatnonzero(suspects), found.ref_starts, found.ref_ends):
        position = int(found.positions[place])
        ref = found.text[start:end]
        if sequence.codes[position - 1 : position - 1 + len(ref)].tobytes() != ref:
            reasons[place] = ref_mismatch_reason(ref.decode("latin-1"), position, sequence)
    return {place: reason for place, reason in reasons.items() if reason}


def _why_passed(fields: list[str]) -> str:
    reason = structural.why_passed(int(fields[POS]), fields[REF], fields[ALT], fields[INFO])
    kind = allele_kind(fields[ALT].split(",")[0])
    return reason or _PASSED.get(kind or "", "no allele to annotate")


def _count_alleles(found: Columns, changes: Ints, summary: Summary) -> None:
    times_of = np.bincount(changes[changes >= 0], minlength=len(SUBSTITUTIONS)).tolist()
    for change, times in zip(SUBSTITUTIONS, times_of, strict=True):
        if times:
            summary.add_alleles(change.ref, [change.alt], times)
    pure = found.pure()
    ref_lengths, alt_lengths = found.lengths()
    sizes, times_of_sizes = np.unique((alt_lengths - ref_lengths)[pure], return_counts=True)
    for size, times in zip(sizes.tolist(), times_of_sizes.tolist(), strict=True):
        summary.add_indels(size, times)
    others = _spans(np.flatnonzero((changes < 0) & ~pure), found.ref_starts, found.alt_ends)
    for pair, times in Counter([found.text[start:end] for _, start, end in others]).items():
        ref, _, alt = pair.decode("latin-1").partition("\t")
        summary.add_alleles(ref, alt.split(","), times)


def _count_terms(seen: list[Seen], summary: Summary) -> None:
    # Equal sets of terms are added up first: most records have one of few.
    for (template, terms), times in Counter(seen).items():
        _add(summary, _consequences(template.described(terms) if template else terms), times)


@lru_cache(maxsize=10_000)
def _consequences(terms: tuple[bytes, ...]) -> Summary:
    one = Summary()
    one.add_csq([f"|{described.decode()}|" for described in terms])
    return one


def _add(summary: Summary, one: Summary, times: int) -> None:
    for name in summary.__dataclass_fields__:
        counts, more = getattr(summary, name), getattr(one, name)
        for key, count in more.items():
            counts[key] += count * times
