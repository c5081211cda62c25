"""Answers questions about variant tables with DuckDB, which reads only the columns and row groups that it needs.

A page takes two questions: which rows, from the few columns that the filter and the order look at; then those rows'
other columns, from the row groups that hold them.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from fsspec import AbstractFileSystem

from gas.explore.blocks import BlockFile, Blocks, Source
from gas.explore.filters import BadFilter, Filter
from gas.explore.sql import ROW, Condition, condition, select, sort_key
from gas.explore.table import DamagedTable, VariantTable, read
from gas.explore.view import POSITION, Mark, View, fingerprint, token

THREADS = 2
MEMORY = "128MB"
# A question takes a second at most; one that takes so long is given up.
LONGEST_SECONDS = 30
_TABLES, _COUNTS = 8, 1000
EXPORT_ROWS = 8_192
# Without a row in it, a table's file is read by nobody.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class TooSlow(Exception):
    """The question was given up: it needed more than LONGEST_SECONDS, or more than MEMORY."""


@dataclass(frozen=True)
class Page:
    """Rows as column to value, each with its number under `row`. `before`, `after`: tokens of the pages beside it."""

    rows: list[dict[str, Any]]
    total: int
    before: str | None
    after: str | None


class Explorer:
    """One for a process; safe to share between threads. `folder` keeps up to `limit` bytes of what was read."""

    def __init__(self, folder: Path, limit: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._blocks = Blocks(folder, limit)
        self._files = _Files(self._blocks)
        self._tables: OrderedDict[str, VariantTable] = OrderedDict()
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._database = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY, "temp_directory": ""})
        self._database.register_filesystem(self._files)
        self._database.execute("SET parquet_metadata_cache = true")

    def open(self, source: Source) -> VariantTable:
        """Look into a table. Raises DamagedTable, or what reading the source raises."""
        with self._lock:
            known = self._tables.get(source.identity)
        table = known or read(self._blocks, source)
        with self._lock:
            _keep(self._tables, source.identity, table, _TABLES)
        return table

    def forget(self, source: Source) -> None:
        """Drop what is kept of a table, because it is damaged or gone."""
        with self._lock:
            self._tables.pop(source.identity, None)
        self._blocks.forget(source)

    def page(self, table: VariantTable, view: View) -> Page:
        """One page of a view. Raises BadFilter, DamagedTable, TooSlow, or what reading the source raises."""
        found = condition(table, view.filter)
        keys = self._keys(table, view, found)
        mark = view.mark
        backward = mark is not None and mark.backward
        more = len(keys) > view.limit
        keys = keys[: view.limit]
        if backward:
            keys.reverse()
        rows = self.rows(table, [row for row, _ in keys], view.columns or table.default_columns)
        before = after = None
        if keys and (more if backward else mark is not None):
            before = token(view, table, *keys[0], True)
        if keys and (mark is not None if backward else more):
            after = token(view, table, *keys[-1], False)
        return Page(rows, self.count(table, view.filter), before, after)

    def count(self, table: VariantTable, wanted: Filter) -> int:
        """How many rows a filter leaves, exactly. Raises as `page` does."""
        if wanted == Filter():
            return table.rows
        key = fingerprint(View(wanted), table)
        with self._lock:
            known = self._counts.get(key)
        if known is None:
            found = condition(table, wanted)
            self._fetch(table, found.columns, wanted)
            sql = f"SELECT count(*) FROM {_FROM} WHERE {found.sql}"  # noqa: S608 - made of names
            known = int(self._ask(table, sql, found.values)[0][0])
            with self._lock:
                _keep(self._counts, key, known, _COUNTS)
        return known

    def rows(self, table: VariantTable, numbers: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """These rows, in this order, with the columns asked for and those that name a variant."""
        if not numbers:
            return []
        names = list(dict.fromkeys(["CHROM", "POS", "REF", "ALT", *columns]))
        self._blocks.fetch(table.source, table.extents(names, table.groups_of(numbers)))
        marks = ", ".join("?" * len(numbers))
        sql = f"SELECT {ROW}, {select(names)} FROM {_FROM} WHERE {ROW} IN ({marks})"  # noqa: S608 - names of columns
        found = {row: values for row, *values in self._ask(table, sql, numbers)}
        return [{"row": row, **dict(zip(names, found[row], strict=True))} for row in numbers if row in found]

    def batches(self, table: VariantTable, wanted: Filter, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows that a filter leaves, in the order of the genome, a few thousand at a time."""
        found = condition(table, wanted)
        sql = f"SELECT {select(columns)} FROM {_FROM} WHERE {found.sql}"  # noqa: S608 - names of columns
        with self._cursor(table) as cursor:
            asked = cursor.sql(sql, params=[self._files.path(table.source), *found.values])
            reader = asked.to_arrow_reader(EXPORT_ROWS)
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                except (pa.ArrowException, OSError) as error:
                    raise self._files.failure_of(table.source) or DamagedTable(str(error)) from error
                yield batch

    def _keys(self, table: VariantTable, view: View, found: Condition) -> list[tuple[int, Any]]:
        """Number and sorted value of the page's rows and of one more, in the order that they are looked for."""
        key = ROW if view.sort == POSITION else sort_key(view.sort)
        self._fetch(table, found.columns | ({view.sort} & set(table.types) if key != ROW else set()), view.filter)
        backward = view.mark is not None and view.mark.backward
        beyond, values = _beyond(key, view.descending, view.mark)
        sql = (
            f"SELECT {ROW}, {key} FROM {_FROM} WHERE ({found.sql}) AND {beyond} "  # noqa: S608 - made of names
            f"ORDER BY {_order(key, view.descending, backward)} LIMIT {view.limit + 1}"
        )
        return [(row, value) for row, value in self._ask(table, sql, [*found.values, *values])]

    def _fetch(self, table: VariantTable, columns: Collection[str], wanted: Filter) -> None:
        # A region is found by the statistics of POS; of the other columns DuckDB then reads what belongs to it.
        if not wanted.region:
            self._blocks.fetch(table.source, table.extents(columns))

    def _ask(self, table: VariantTable, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._cursor(table) as cursor:
            timer = threading.Timer(LONGEST_SECONDS, cursor.interrupt)
            timer.start()
            try:
                return cursor.execute(sql, [self._files.path(table.source), *values]).fetchall()
            finally:
                timer.cancel()

    @contextmanager
    def _cursor(self, table: VariantTable) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._database.cursor()
        try:
            yield cursor
        except (duckdb.InterruptException, duckdb.OutOfMemoryException) as error:
            # Neither says anything of the file.
            raise TooSlow from error
        except duckdb.ConversionException as error:
            raise BadFilter(
                {"page": "This page's address is not one that we made. Begin with the first one."}
            ) from error
        except duckdb.ProgrammingError:
            # A fault in our SQL says nothing about the file.
            raise
        except duckdb.Error as error:
            raise self._files.failure_of(table.source) or DamagedTable(str(error)) from error
        finally:
            cursor.close()


_FROM = f"read_parquet(?, {ROW} = true)"


class _Files(AbstractFileSystem):  # type: ignore[misc]
    """What DuckDB opens: sources by a name of their own."""

    protocol = "gas"
    cachable = False

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self._all = blocks
        self._sources: dict[str, Source] = {}
        self._opened: dict[str, list[BlockFile]] = {}

    def path(self, source: Source) -> str:
        """The name by which SQL reads a source."""
        name = f"gas://{source.identity.encode().hex()}"
        self._sources[name] = source
        return name

    def failure_of(self, source: Source) -> Exception | None:
        """What reading a source has raised since this was last asked."""
        opened = self._opened.pop(self.path(source), [])
        return next((file.failure for file in opened if file.failure is not None), None)

    def open(self, path: str, mode: str = "rb", **_: Any) -> BlockFile:
        file = BlockFile(self._all, self._sources[path])
        # Only failures are asked for later.
        self._opened[path] = [one for one in self._opened.get(path, []) if one.failure is not None] + [file]
        return file

    def glob(self, path: str, **_: Any) -> list[str]:
        return [path]

    def exists(self, path: str, **_: Any) -> bool:
        return path in self._sources

    def isfile(self, path: str) -> bool:
        return path in self._sources

    def size(self, path: str) -> int:
        return self._sources[path].size

    def modified(self, path: str) -> datetime:
        # What has another content has another name.
        return _EPOCH


def _order(key: str, descending: bool, backward: bool) -> str:
    up, down = ("DESC", "ASC") if backward else ("ASC", "DESC")
    if key == ROW:
        return f"{ROW} {down if descending else up}"
    nulls = "FIRST" if backward else "LAST"
    return f"{key} {down if descending else up} NULLS {nulls}, {ROW} {up}"


def _beyond(key: str, descending: bool, mark: Mark | None) -> tuple[str, list[Any]]:
    """The rows behind a mark in the view's order, or before it."""
    if mark is None:
        return "true", []
    further = "<" if descending != mark.backward else ">"
    if key == ROW:
        return f"{ROW} {further} ?", [mark.row]
    row = f"{ROW} {'<' if mark.backward else '>'} ?"
    unknown = f"{key} IS NULL"
    if mark.value is None:
        return (f"({key} IS NOT NULL OR {row})" if mark.backward else f"({unknown} AND {row})"), [mark.row]
    known = f"{key} {further} ? OR ({key} = ? AND {row})"
    return f"({known}{'' if mark.backward else f' OR {unknown}'})", [mark.value, mark.value, mark.row]


def _keep(kept: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
