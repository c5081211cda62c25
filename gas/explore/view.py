"""A page of variants as it is asked for: the filter, the order, the columns and where the page begins."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gas.explore import filters
from gas.explore.filters import BadFilter, Filter
from gas.explore.table import VariantTable

PAGE_ROWS = 50
MOST_PAGE_ROWS = 500
# The order of the genome, which is the order of the rows.
POSITION = "position"


@dataclass(frozen=True)
class Mark:
    """The row that a page begins behind (or ends before): its number, and the value that it is sorted by."""

    row: int
    value: Any
    backward: bool = False


@dataclass(frozen=True)
class View:
    """`sort`: a column, or POSITION. Unknown values come last in either direction. `columns`: () for the default."""

    filter: Filter = field(default_factory=Filter)
    sort: str = POSITION
    descending: bool = False
    columns: tuple[str, ...] = ()
    limit: int = PAGE_ROWS
    mark: Mark | None = None

    def params(self) -> list[tuple[str, str]]:
        """The URL parameters of this view's first page."""
        found = self.filter.params()
        if self.sort != POSITION or self.descending:
            found += [("sort", self.sort), ("order", "desc" if self.descending else "asc")]
        if self.columns:
            found.append(("columns", ",".join(self.columns)))
        if self.limit != PAGE_ROWS:
            found.append(("limit", str(self.limit)))
        return found


def parse(params: Iterable[tuple[str, str]], table: VariantTable) -> View:
    """Read a view from URL parameters. Raises BadFilter with a sentence for each that makes no sense."""
    given = list(params)
    faults: dict[str, str] = {}
    wanted = Filter()
    try:
        wanted = filters.parse(given)
    except BadFilter as bad:
        faults = bad.faults
    rest = {name: value.strip() for name, value in given if name not in filters.NAMES and value.strip()}
    sort = rest.get("sort", POSITION)
    if sort != POSITION and sort not in table.columns:
        faults["sort"] = f"There is no column {sort[:60]!r} to sort by."
    order = rest.get("order", "asc")
    if order not in ("asc", "desc"):
        faults["order"] = "The order is `asc` or `desc`."
    # The form of the column chooser sends each column by itself.
    chosen = [name for given_name, value in given if given_name == "columns" for name in value.split(",") if name]
    unknown = [name for name in chosen if name not in table.columns]
    if unknown:
        faults["columns"] = f"There is no column {unknown[0][:60]!r}."
    limit = rest.get("limit", str(PAGE_ROWS))
    if not limit.isdecimal() or not 1 <= int(limit[:6]) <= MOST_PAGE_ROWS:
        faults["limit"] = f"`limit` is a number from 1 to {MOST_PAGE_ROWS}."
        limit = str(PAGE_ROWS)
    view = View(wanted, sort, order == "desc", tuple(dict.fromkeys(chosen)), int(limit[:6]))
    mark = None
    if "page" in rest and not faults:
        mark = _read_token(rest["page"], view, table)
        if mark is None:
            faults["page"] = (
                "This page belongs to another result, filter or order, so it cannot be shown here. "
                "Leave `page` out to begin with the first one."
            )
    if faults:
        raise BadFilter(faults)
    return View(wanted, view.sort, view.descending, view.columns, view.limit, mark)


def token(view: View, table: VariantTable, row: int, value: Any, backward: bool) -> str:
    """What `page` holds to go on behind (or before) a row of this view, and of no other."""
    text = json.dumps([fingerprint(view, table), row, value, backward])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def fingerprint(view: View, table: VariantTable) -> str:
    """Equal for views of the same table with the same rows in the same order."""
    parts = [table.source.identity, view.filter.params(), view.sort, view.descending]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def _read_token(text: str, view: View, table: VariantTable) -> Mark | None:
    try:
        whose, row, value, backward = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        return None
    known = isinstance(row, int) and isinstance(backward, bool) and isinstance(value, str | int | float | None)
    return Mark(row, value, backward) if known and whose == fingerprint(view, table) else None
