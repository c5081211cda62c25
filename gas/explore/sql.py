"""A filter and an order as DuckDB's SQL. What users write goes into parameters; names come from the table's own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gas.annotation import terms
from gas.explore.filters import IMPACTS, BadFilter, Filter, Genotype
from gas.explore.table import VariantTable

ROW = "file_row_number"
_RS = re.compile(r"rs\d{1,18}", re.IGNORECASE)
# What a classification is made of: "Pathogenic/Likely_pathogenic", "Likely_benign|drug_response", "Pathogenic%2C_…".
_PART = r"(^|[/|,&]){}([/|,&%]|$)"
_CLINVAR = {
    "pathogenic": _PART.format("pathogenic"),
    "likely_pathogenic": _PART.format("likely_pathogenic"),
    "uncertain": "uncertain",
    "conflicting": "conflicting",
    "likely_benign": _PART.format("likely_benign"),
    "benign": _PART.format("benign"),
}
# Sorted as people read them, the most severe first, not by letter.
_RANKED = {"MOST_SEVERE": terms.NAMES, "MOST_SEVERE_IMPACT": IMPACTS, "IMPACT": IMPACTS}


@dataclass(frozen=True)
class Condition:
    """A WHERE clause, its parameters in order, and the columns that it reads."""

    sql: str
    values: tuple[Any, ...] = ()
    columns: frozenset[str] = frozenset()


def condition(table: VariantTable, wanted: Filter) -> Condition:
    """The clause of a filter. Raises BadFilter for what this table does not have: a sample, ClinVar, a frequency."""
    build = _Builder(table)
    build.genes(wanted.gene)
    build.regions(wanted)
    build.any_of("MOST_SEVERE", wanted.consequence)
    build.any_of("MOST_SEVERE_IMPACT", wanted.impact)
    build.clinvar(wanted.clinvar)
    build.frequency(wanted)
    if wanted.min_qual is not None:
        build.add(f"{_name('QUAL')} >= ?", [wanted.min_qual], ["QUAL"])
    if wanted.passed:
        build.add("(FILTER IS NULL OR FILTER = 'PASS')", [], ["FILTER"])
    for genotype in wanted.gt:
        build.genotype(genotype)
    if wanted.text:
        build.text(wanted.text)
    if build.faults:
        raise BadFilter(build.faults)
    return Condition(" AND ".join(build.clauses) or "true", tuple(build.values), frozenset(build.columns))


class _Builder:
    def __init__(self, table: VariantTable) -> None:
        self.table = table
        self.clauses: list[str] = []
        self.values: list[Any] = []
        self.columns: set[str] = set()
        self.faults: dict[str, str] = {}

    def add(self, clause: str, values: Sequence[Any], columns: Sequence[str]) -> None:
        self.clauses.append(clause)
        self.values += values
        self.columns.update(columns)

    def any_of(self, column: str, values: Sequence[str]) -> None:
        if values:
            self.add(f"{_name(column)} IN ({_marks(values)})", values, [column])

    def genes(self, names: Sequence[str]) -> None:
        if names:
            one = "contains(',' || upper(GENES) || ',', ?)"
            clause = " OR ".join([one] * len(names))
            self.add(f"({clause})", [f",{name.upper()}," for name in names], ["GENES"])

    def regions(self, wanted: Filter) -> None:
        if not wanted.region:
            return
        # The file may say chr1 or 1; people may write either.
        one = "(CHROM IN (?, ?) AND POS BETWEEN ? AND ?)"
        values: list[Any] = []
        for region in wanted.region:
            bare = region.contig.removeprefix("chr")
            other = f"chr{bare}" if bare == region.contig else bare
            values += [region.contig, other, region.start, region.end]
        clause = " OR ".join([one] * len(wanted.region))
        self.add(f"({clause})", values, ["CHROM", "POS"])

    def clinvar(self, classes: Sequence[str]) -> None:
        if not classes:
            return
        if not self.table.clinvar:
            self.faults["clinvar"] = f"The reference {self.table.bundle} has no ClinVar, so nothing can be said of it."
            return
        column = self.table.clinvar[0]
        clauses, values = [], []
        for name in classes:
            if name == "none":
                clauses.append(f"{_name(column)} IS NULL")
            elif name == "other":
                known = list(_CLINVAR.values())
                clauses.append(f"NOT regexp_matches(lower({_name(column)}), ?)")
                values.append("|".join(known))
            else:
                clauses.append(f"regexp_matches(lower({_name(column)}), ?)")
                values.append(_CLINVAR[name])
        self.add(f"({' OR '.join(clauses)})", values, [column])

    def frequency(self, wanted: Filter) -> None:
        for name, value, clause in (
            ("max_af", wanted.max_af, "({0} IS NULL OR {0} <= ?)"),
            ("min_af", wanted.min_af, "{0} >= ?"),
        ):
            if value is None:
                continue
            columns = self.table.frequencies
            if not columns:
                self.faults[name] = f"The reference {self.table.bundle} has no frequencies to compare with."
                continue
            if name == "max_af":
                for column in columns:
                    self.add(clause.format(_name(column)), [value], [column])
            else:
                one_of = " OR ".join(clause.format(_name(column)) for column in columns)
                self.add(f"({one_of})", [value] * len(columns), columns)

    def genotype(self, wanted: Genotype) -> None:
        column = self.table.sample_column(wanted.sample)
        if column is None:
            known = ", ".join(self.table.genotyped[:10]) or "none with genotypes that can be filtered by"
            self.faults["gt"] = f"There is no sample {wanted.sample[:60]!r} in this result; there are: {known}."
            return
        if wanted.kind == "carrier":
            self.add(f"{_name(column)} IN ('het', 'hom')", [], [column])
        else:
            self.add(f"{_name(column)} = ?", [wanted.kind], [column])

    def text(self, text: str) -> None:
        if _RS.fullmatch(text):
            pattern = f"(^|[;&,]){text.lower()}([;&,]|$)"
            one = "(contains({0}, ?) AND regexp_matches({0}, ?))"
            columns = self.table.ids
            values = [text.lower(), pattern] * len(columns)
        else:
            # As it stands in CSQ, where "=" separates keys from values.
            sought = text.replace("=", "%3D").lower()
            one = "contains(lower({0}), ?)"
            columns = tuple(name for name in ("HGVSc", "HGVSp") if name in self.table.types) + self.table.ids
            values = [sought] * len(columns)
        found = " OR ".join(f"coalesce({one.format(_name(column))}, false)" for column in columns)
        self.add(f"({found})", values, columns)


def sort_key(column: str) -> str:
    """The expression that a column is sorted by; ROW for the order of the genome, which is the file's."""
    if column in ("CHROM", ROW):
        return ROW
    if column in _RANKED:
        names = ", ".join(f"'{name}'" for name in _RANKED[column])
        return f"list_position([{names}], {_name(column)})"
    return _name(column)


def select(columns: Sequence[str]) -> str:
    """A list of columns for SELECT."""
    return ", ".join(_name(column) for column in columns)


def _name(column: str) -> str:
    escaped = column.replace('"', '""')
    return f'"{escaped}"'


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
