"""Views in the address, and page tokens that are good for one view only."""

import pytest

from gas.explore import view
from gas.explore.filters import BadFilter, Filter
from gas.explore.table import VariantTable
from gas.explore.view import View


def test_a_view_is_read_back_from_its_address(table: VariantTable) -> None:
    wanted = View(Filter(impact=("HIGH",), max_af=0.01), "QUAL", True, ("SYMBOL", "QUAL"), 20)
    assert view.parse(wanted.params(), table) == wanted
    assert view.parse([], table) == View()
    assert View().params() == []
    assert view.parse([("columns", "SYMBOL"), ("columns", "QUAL,SYMBOL")], table).columns == ("SYMBOL", "QUAL")


def test_a_token_leads_back_to_its_row(table: VariantTable) -> None:
    wanted = View(Filter(passed=True), "QUAL")
    token = view.token(wanted, table, 12, 30.5, True)
    assert view.parse([*wanted.params(), ("page", token)], table).mark == view.Mark(12, 30.5, True)


@pytest.mark.parametrize("changed", [View(sort="QUAL", descending=True), View(Filter(passed=True), "QUAL"), View()])
def test_a_token_of_another_view_is_refused(table: VariantTable, changed: View) -> None:
    token = view.token(View(sort="QUAL"), table, 12, 30.5, False)
    with pytest.raises(BadFilter, match="belongs to another result, filter or order"):
        view.parse([*changed.params(), ("page", token)], table)


def test_a_token_of_another_job_is_refused(table: VariantTable) -> None:
    from dataclasses import replace

    class Other:
        identity = "another object"

    other = replace(table, source=Other())  # type: ignore[arg-type]
    token = view.token(View(), other, 12, None, False)
    with pytest.raises(BadFilter, match="belongs to another result"):
        view.parse([("page", token)], table)


@pytest.mark.parametrize("token", ["x", "%%%", "W10", "bnVsbA", "é"])
def test_what_is_no_token_is_refused(table: VariantTable, token: str) -> None:
    with pytest.raises(BadFilter, match="Leave `page` out"):
        view.parse([("page", token)], table)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("sort", "VCF_OFFSET", "no column 'VCF_OFFSET'"),
        ("order", "up", "`asc` or `desc`"),
        ("columns", "nothing", "no column 'nothing'"),
        ("limit", "0", "from 1 to 500"),
        ("limit", "501", "from 1 to 500"),
        ("limit", "²", "from 1 to 500"),
        ("max_af", "2", "no frequency"),
    ],
)
def test_what_makes_no_sense_is_told(table: VariantTable, name: str, value: str, says: str) -> None:
    with pytest.raises(BadFilter) as refused:
        view.parse([(name, value)], table)
    assert says in refused.value.faults[name]
