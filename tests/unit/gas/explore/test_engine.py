"""Pages, orders and counts over the real file, and what happens when the file is not what it was."""

import itertools
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from gas.annotation import terms
from gas.explore import engine, view
from gas.explore.blocks import LocalFile
from gas.explore.engine import Explorer, TooSlow
from gas.explore.filters import BadFilter, Filter
from gas.explore.table import DamagedTable, VariantTable
from gas.explore.view import View
from tests.explored import Annotated

Row = dict[str, Any]


def sorted_numbers(rows: list[Row], column: str, descending: bool) -> list[int]:
    """The rows' numbers in the order of a column; unknown values last, equal ones as in the file."""

    def key(row: Row) -> Any:
        if column == "MOST_SEVERE":
            return terms.NAMES.index(row[column])
        return row[column]

    known = [number for number, row in enumerate(rows) if row[column] is not None]
    known.sort(key=lambda number: key(rows[number]), reverse=False)
    if descending:
        groups = [list(group) for _, group in itertools.groupby(known, key=lambda number: key(rows[number]))]
        known = [number for group in reversed(groups) for number in group]
    return known + [number for number, row in enumerate(rows) if row[column] is None]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["QUAL", "GNOMADG_AF", "HGVSc", "MOST_SEVERE", "GT_2", "FILTER"])
def test_pages_forwards_and_back_are_the_sorted_rows(
    explorer: Explorer, table: VariantTable, rows: list[Row], column: str, descending: bool
) -> None:
    wanted = View(sort=column, descending=descending, limit=500)
    found, tokens = [], []
    page = explorer.page(table, wanted)
    while True:
        found += [row["row"] for row in page.rows]
        tokens.append([row["row"] for row in page.rows])
        if page.after is None:
            break
        page = explorer.page(table, view.parse([*wanted.params(), ("page", page.after)], table))
    assert found == sorted_numbers(rows, column, descending)
    for expected in reversed(tokens[:-1]):
        assert page.before
        page = explorer.page(table, view.parse([*wanted.params(), ("page", page.before)], table))
        assert [row["row"] for row in page.rows] == expected
    assert page.before is None


def test_the_order_of_the_genome_can_be_turned_round(explorer: Explorer, table: VariantTable) -> None:
    wanted = View(descending=True, limit=3)
    page = explorer.page(table, wanted)
    assert [row["row"] for row in page.rows] == [table.rows - 1, table.rows - 2, table.rows - 3]
    page = explorer.page(table, view.parse([*wanted.params(), ("page", str(page.after))], table))
    assert page.rows[0]["row"] == table.rows - 4


def test_rows_have_the_columns_that_were_asked_for(explorer: Explorer, table: VariantTable, rows: list[Row]) -> None:
    (row,) = explorer.rows(table, [7], ["QUAL", "HGVSc"])
    assert row == {"row": 7, **{name: rows[7][name] for name in ("CHROM", "POS", "REF", "ALT", "QUAL", "HGVSc")}}
    assert explorer.rows(table, [], ["QUAL"]) == []
    assert explorer.rows(table, [table.rows + 5], ["QUAL"]) == []


def test_batches_come_in_the_order_of_the_file(explorer: Explorer, table: VariantTable, rows: list[Row]) -> None:
    found = [row for batch in explorer.batches(table, Filter(impact=("LOW",)), ["POS"]) for row in batch.to_pylist()]
    assert found == [{"POS": row["POS"]} for row in rows if row["MOST_SEVERE_IMPACT"] == "LOW"]


def test_many_may_ask_at_once(explorer: Explorer, table: VariantTable) -> None:
    wrong: list[BaseException] = []

    def ask(number: int) -> None:
        try:
            for impact in ("HIGH", "LOW", "MODERATE"):
                page = explorer.page(table, View(Filter(impact=(impact,), min_qual=float(number))))
                assert all(row["MOST_SEVERE_IMPACT"] == impact for row in page.rows)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_question_that_takes_too_long_is_given_up(
    explorer: Explorer, table: VariantTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LONGEST_SECONDS", 0.1)
    monkeypatch.setattr(engine, "_FROM", "read_parquet(?, file_row_number = true), range(9000), range(9000)")
    with pytest.raises(TooSlow):
        explorer.count(table, Filter(impact=("LOW",), min_qual=13.0))


def test_a_forged_token_is_refused(explorer: Explorer, table: VariantTable) -> None:
    wanted = View(sort="QUAL")
    forged = view.token(wanted, table, 1, "not a number", False)
    with pytest.raises(BadFilter, match="not one that we made"):
        explorer.page(table, view.parse([*wanted.params(), ("page", forged)], table))


class Unreachable:
    """A source that breaks in the middle."""

    def __init__(self, path: Path) -> None:
        self._file = LocalFile(path)
        self.identity = f"broken:{path}"
        self.size = self._file.size
        self.broken = False

    def read(self, start: int, length: int) -> bytes:
        if self.broken:
            raise ConnectionError("the cable is out")
        return self._file.read(start, length)


def test_what_the_source_raises_comes_out_as_it_is(annotated: Annotated, tmp_path: Path) -> None:
    explorer = Explorer(tmp_path, 1_000_000)
    source = Unreachable(annotated.table)
    table = explorer.open(source)
    explorer.forget(source)
    source.broken = True
    # In DuckDB's own reading, in what is fetched before, and in the footer.
    for act in (
        lambda: explorer.count(table, Filter(text="p.Met", region=())),
        lambda: list(explorer.batches(table, Filter(), ["HGVSp"])),
        lambda: explorer.open(source),
    ):
        with pytest.raises(ConnectionError, match="the cable is out"):
            act()


@pytest.mark.parametrize("what", ["empty", "no table", "another table", "zeros", "cut"])
def test_a_damaged_file_is_told_apart(annotated: Annotated, tmp_path: Path, what: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    shutil.copy(annotated.table, path)
    data = bytearray(path.read_bytes())
    if what == "empty":
        data = bytearray()
    elif what == "no table":
        data = bytearray(b"no table at all" * 1000)
    elif what == "zeros":
        data[4 : len(data) * 3 // 4] = bytes(len(data) * 3 // 4 - 4)
    elif what == "cut":
        data = data[: len(data) // 2]
    path.write_bytes(data)
    if what == "another table":
        pq.write_table(pa.table({"a": [1]}), path)
    explorer = Explorer(tmp_path / "blocks", 10_000_000)
    with pytest.raises(DamagedTable):
        explorer.page(explorer.open(LocalFile(path)), View(Filter(impact=("HIGH",))))


def test_damage_in_the_middle_of_an_export(annotated: Annotated, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    data = bytearray(annotated.table.read_bytes())
    data[4 : len(data) * 3 // 4] = bytes(len(data) * 3 // 4 - 4)
    path.write_bytes(data)
    explorer = Explorer(tmp_path / "blocks", 10_000_000)
    table = explorer.open(LocalFile(path))
    with pytest.raises(DamagedTable):
        list(explorer.batches(table, Filter(), table.columns))
