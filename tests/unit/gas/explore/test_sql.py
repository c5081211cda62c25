"""What a filter leaves, against the same question asked of every row in Python."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gas.annotation import terms
from gas.explore.engine import Explorer
from gas.explore.filters import CLINVAR, IMPACTS, KINDS, BadFilter, Filter, Genotype, Region
from gas.explore.sql import condition
from gas.explore.table import VariantTable
from gas.explore.view import View
from tests.explored import SAMPLES

Row = dict[str, Any]
KNOWN = {
    "pathogenic": lambda parts, text: "pathogenic" in parts,
    "likely_pathogenic": lambda parts, text: "likely_pathogenic" in parts,
    "uncertain": lambda parts, text: "uncertain" in text,
    "conflicting": lambda parts, text: "conflicting" in text,
    "likely_benign": lambda parts, text: "likely_benign" in parts,
    "benign": lambda parts, text: "benign" in parts,
}


def is_class(name: str, found: str | None) -> bool:
    if found is None:
        return name == "none"
    parts, text = set(re.split(r"[/|&,]", found.lower())), found.lower()
    if name == "other":
        return not any(test(parts, text) for test in KNOWN.values())
    return name != "none" and KNOWN[name](parts, text)


def passes(row: Row, wanted: Filter) -> bool:
    genes = set((row["GENES"] or "").upper().split(","))
    frequency, quality = row["GNOMADG_AF"], row["QUAL"]
    names = [str(row[name] or "").lower() for name in ("HGVSc", "HGVSp", "ID")]
    bare = row["CHROM"].removeprefix("chr")
    tests: list[Callable[[], bool]] = [
        lambda: not wanted.gene or bool(genes & {name.upper() for name in wanted.gene}),
        lambda: (
            not wanted.region
            or any(
                one.contig.removeprefix("chr") == bare and one.start <= row["POS"] <= one.end for one in wanted.region
            )
        ),
        lambda: not wanted.consequence or row["MOST_SEVERE"] in wanted.consequence,
        lambda: not wanted.impact or row["MOST_SEVERE_IMPACT"] in wanted.impact,
        lambda: not wanted.clinvar or any(is_class(name, row["CLINVAR_CLNSIG"]) for name in wanted.clinvar),
        lambda: wanted.max_af is None or frequency is None or frequency <= wanted.max_af,
        lambda: wanted.min_af is None or (frequency is not None and frequency >= wanted.min_af),
        lambda: wanted.min_qual is None or (quality is not None and quality >= wanted.min_qual),
        lambda: not wanted.passed or row["FILTER"] in (None, "PASS"),
        lambda: all(
            row[f"GT_{SAMPLES.index(one.sample) + 1}"] in (("het", "hom") if one.kind == "carrier" else (one.kind,))
            for one in wanted.gt
        ),
        lambda: (
            not wanted.text
            or (
                wanted.text.lower() in re.split("[;&,]", names[2])
                if re.fullmatch(r"rs\d+", wanted.text.lower())
                else any(wanted.text.lower().replace("=", "%3d") in name for name in names)
            )
        ),
    ]
    return all(test() for test in tests)


def subset(values: Any) -> st.SearchStrategy[tuple[str, ...]]:
    values = list(values)
    return st.sets(st.sampled_from(values), max_size=3).map(lambda chosen: tuple(v for v in values if v in chosen))


FREQUENCIES = st.sampled_from([0.0, 0.0001, 0.01, 0.3])
FILTERS = st.builds(
    Filter,
    gene=st.just(()) | subset(["plusA", "MT-SYN1", "nothing", "minusA", "singleExon"]),
    region=st.just(())
    | st.builds(
        lambda c, s: (Region(c, s, s + 9000),), st.sampled_from(["17", "chrX", "chrMT"]), st.integers(1, 30_000)
    ),
    consequence=st.just(()) | subset(terms.NAMES),
    impact=st.just(()) | subset(IMPACTS),
    clinvar=st.just(()) | subset(CLINVAR),
    max_af=st.none() | FREQUENCIES,
    min_af=st.none() | FREQUENCIES,
    min_qual=st.none() | st.sampled_from([0.0, 12.5, 50.0]),
    passed=st.booleans(),
    gt=st.just(()) | st.builds(lambda s, k: (Genotype(s, k),), st.sampled_from(SAMPLES), st.sampled_from(KINDS)),
    text=st.sampled_from(["", "", "", "c.1", "p.met", "del", "p.Ala=", "rs1", "%", "_", "'"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS)
def test_what_a_filter_leaves_is_what_a_look_at_every_row_leaves(
    explorer: Explorer, table: VariantTable, rows: list[Row], wanted: Filter
) -> None:
    expected = [number for number, row in enumerate(rows) if passes(row, wanted)]
    found = explorer.page(table, View(wanted, limit=200))
    assert [row["row"] for row in found.rows] == expected[:200]
    assert found.total == len(expected)


def test_a_gene_is_found_whatever_its_case_and_by_its_id(
    explorer: Explorer, table: VariantTable, rows: list[Row]
) -> None:
    symbol, gene = next(row["GENES"].split(",")[:2] for row in rows if (row["GENES"] or "").count(",") >= 1)
    by_symbol = explorer.count(table, Filter(gene=(symbol.swapcase(),)))
    assert 0 < by_symbol < table.rows
    assert explorer.count(table, Filter(gene=(gene,))) == by_symbol
    assert explorer.count(table, Filter(gene=(symbol[:-1],))) == 0


def test_an_rs_number_is_found_whole(explorer: Explorer, table: VariantTable, rows: list[Row]) -> None:
    name = next(row["ID"] for row in rows if row["ID"])
    hits = [row for row in rows if row["ID"] == name]
    assert explorer.count(table, Filter(text=name.upper())) == len(hits)


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        (Filter(gt=(Genotype("nobody", "het"),)), "gt", "no sample 'nobody' in this result; there are: child, mother"),
        (Filter(clinvar=("benign",)), "clinvar", "has no ClinVar"),
        (Filter(max_af=0.1), "max_af", "has no frequencies"),
    ],
)
def test_what_the_result_does_not_have_is_said(table: VariantTable, wanted: Filter, field: str, says: str) -> None:
    from dataclasses import replace

    bare = {name: kind for name, kind in table.types.items() if not name.startswith(("CLINVAR", "GNOMAD"))}
    with pytest.raises(BadFilter) as refused:
        condition(replace(table, types=bare), wanted)
    assert says in refused.value.faults[field]


def test_names_of_columns_cannot_leave_their_quotes(table: VariantTable) -> None:
    from gas.explore import sql

    assert sql.select(['a"b', "c"]) == '"a""b", "c"'
