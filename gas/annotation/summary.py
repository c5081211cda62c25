"""Counts of what was annotated: partial sums that workers make and the parent adds up in any order."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gas.annotation import terms
from gas.annotation.frequencies import BINS, UNKNOWN
from gas.annotation.records import allele_kind

# Consequence term -> its place in the order of severity, the most severe lowest.
SEVERITY = {name: place for place, name in enumerate(terms.NAMES)}
TRANSITIONS = ("A>G", "C>T", "G>A", "T>C")
LONGEST_EXACT_INDEL = 50
# Position of Consequence and IMPACT in a CSQ entry: "Allele|Consequence|IMPACT|...".
_CONSEQUENCE, _IMPACT = 1, 2


class Bin(NamedTuple):
    """The `number`th stretch of `width` bases of a contig, from 0."""

    chrom: str
    length: int
    width: int
    number: int


@dataclass
class Summary:
    """Counts over annotated records.

    by_type counts ALT alleles (SNV, MNV, insertion, deletion, indel, and what has no bases); by_consequence and
    by_impact count records once, by their most severe term; all_consequences counts every term of every entry.
    substitutions ("A>G"), indel_lengths (ALT minus REF bases), by_frequency (gas.annotation.frequencies) and
    clinvar_classes count alleles; by_position counts records by where along the contig they begin.
    """

    by_type: Counter[str] = field(default_factory=Counter)
    by_consequence: Counter[str] = field(default_factory=Counter)
    by_impact: Counter[str] = field(default_factory=Counter)
    all_consequences: Counter[str] = field(default_factory=Counter)
    by_chromosome: Counter[str] = field(default_factory=Counter)
    substitutions: Counter[str] = field(default_factory=Counter)
    indel_lengths: Counter[int] = field(default_factory=Counter)
    by_frequency: Counter[str] = field(default_factory=Counter)
    by_position: Counter["Bin"] = field(default_factory=Counter)
    clinvar_classes: Counter[str] = field(default_factory=Counter)

    def add_variant(self, chrom: str, ref: str, alts: Sequence[str]) -> None:
        """Count a record of the result, annotated or passed, by its chromosome and the kinds of its alleles."""
        self.by_chromosome[chrom] += 1
        self.add_alleles(ref, alts, 1)

    def add_alleles(self, ref: str, alts: Sequence[str], times: int) -> None:
        """Count the alleles of records by their kinds."""
        ref = ref.upper()
        for allele in alts:
            alt = allele.upper()
            if len(ref) == 1 == len(alt) and ref in "ACGTN" and alt in "ACGTN":
                self.by_type["SNV"] += times
                self.substitutions[f"{ref}>{alt}"] += times
            else:
                self._add_longer(ref, alt, times)

    def add_indels(self, change: int, times: int) -> None:
        """Count alleles that only insert (`change` is positive) or only delete so many bases."""
        self.by_type["insertion" if change > 0 else "deletion"] += times
        self.indel_lengths[max(-LONGEST_EXACT_INDEL - 1, min(LONGEST_EXACT_INDEL + 1, change))] += times

    def add_csq(self, entries: Sequence[str]) -> None:
        """Count a record's CSQ entries."""
        worst, worst_rank, impact = "", len(SEVERITY) + 1, ""
        for entry in entries:
            columns = entry.split("|", _IMPACT + 1)
            for term in columns[_CONSEQUENCE].split("&"):
                self.all_consequences[term] += 1
                if (place := SEVERITY.get(term, len(SEVERITY))) < worst_rank:
                    worst, worst_rank, impact = term, place, columns[_IMPACT]
        if worst:
            self.by_consequence[worst] += 1
            self.by_impact[impact] += 1

    def add(self, other: "Summary") -> None:
        """Add another part's counts to these."""
        for name in self.__dataclass_fields__:
            getattr(self, name).update(getattr(other, name))

    @property
    def ti_tv(self) -> float | None:
        """Transitions over transversions; None without transversions."""
        transitions = sum(self.substitutions[kind] for kind in TRANSITIONS)
        transversions = sum(n for kind, n in self.substitutions.items() if "N" not in kind) - transitions
        return transitions / transversions if transversions else None

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON types, every mapping in a fixed order."""
        return {
            "by_type": ordered(self.by_type),
            "by_consequence": ordered(self.by_consequence),
            "by_impact": ordered(self.by_impact),
            "all_consequences": ordered(self.all_consequences),
            "by_chromosome": {name: self.by_chromosome[name] for name in sorted(self.by_chromosome, key=_natural)},
            "ti_tv": None if self.ti_tv is None else round(self.ti_tv, 4),
            "substitutions": dict(sorted(self.substitutions.items())),
            "indel_lengths": {_length_label(n): self.indel_lengths[n] for n in sorted(self.indel_lengths)},
            "by_frequency": {name: self.by_frequency[name] for name in (*BINS, UNKNOWN) if self.by_frequency},
            "by_position": self._by_position(),
            "clinvar_classes": ordered(self.clinvar_classes),
        }

    def _by_position(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in sorted(self.by_position, key=lambda one: (_natural(one.chrom), one.number)):
            bins = -(-one.length // one.width)
            contig = found.setdefault(one.chrom, {"length": one.length, "bin": one.width, "counts": [0] * bins})
            contig["counts"][one.number] = self.by_position[one]
        return found

    def to_json(self) -> str:
        """The summary as JSON text, one line end at its end."""
        return json.dumps(self.to_dict(), indent=1) + "\n"

    def _add_longer(self, ref: str, alt: str, times: int) -> None:
        kind = allele_kind(alt)
        if kind != "bases":
            self.by_type[_NOT_BASES.get(kind or "", "other")] += times
            return
        change = len(alt) - len(ref)
        if change == 0:
            self.by_type["MNV"] += times
            return
        start, end = (ref, alt) if change > 0 else (alt, ref)
        anchored = end.startswith(start) or end.endswith(start)
        self.by_type["indel" if not anchored else "insertion" if change > 0 else "deletion"] += times
        self.indel_lengths[max(-LONGEST_EXACT_INDEL - 1, min(LONGEST_EXACT_INDEL + 1, change))] += times


_NOT_BASES = {
    "missing": "no alternative allele",
    "star": "overlapping deletion (*)",
    "symbolic": "symbolic allele",
    "breakend": "breakend",
}


def ordered(counts: Counter[str]) -> dict[str, int]:
    """Counts as a dict: the largest first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _natural(name: str) -> tuple[int, int, str]:
    digits = name.removeprefix("chr")
    return (0, int(digits), name) if digits.isascii() and digits.isdecimal() else (1, 0, name)


def _length_label(change: int) -> str:
    if abs(change) <= LONGEST_EXACT_INDEL:
        return f"{change:+d}"
    return f"{'-' if change < 0 else '+'}{LONGEST_EXACT_INDEL + 1} or more"
