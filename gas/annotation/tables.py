"""The result as TSV: one row for each ALT allele, with the one CSQ entry that says most about it.

Workers turn records into rows and rows into text; the parent appends that in order. A cell that a spreadsheet would run
as a formula gets an apostrophe before it: it begins with = + - @, is no number, and is longer than that one character
(https://owasp.org/www-community/attacks/CSV_Injection). Cells are quoted as Python's "excel-tab" dialect does, a quote
inside is doubled. An unknown value is empty.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gas.annotation.picks import Picks

RECORD_COLUMNS = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER")
_FORMULA = tuple("=+-@\t\r")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

Row = list[str]


@dataclass(frozen=True)
class Table:
    """The columns of the table and how to fill them; picklable, so that workers can have it.

    `csq_fields`: the names in the order of the CSQ entries; `overlay_fields`: the INFO keys of the overlays, which
    have one value an ALT allele; `overlay_types`: their VCF types, text where there is none.
    """

    csq_fields: tuple[str, ...]
    overlay_fields: tuple[str, ...]
    overlay_types: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        return RECORD_COLUMNS + self.csq_fields + self.overlay_fields

    def rows(self, fields: Sequence[str], csq: Sequence[str], overlay_info: str = "") -> list[Row]:
        """The rows of one record of the result, one an ALT allele; "" where there is no value.

        `fields`: the record as read; `csq`: its entries, none for a record that passed without annotation;
        `overlay_info`: the overlays' INFO fragment, "KEY=v1,v2;...".
        """
        alleles = fields[4].split(",")
        choices = Picks(self.csq_fields).of(csq, len(alleles))
        picked = {place: csq[choice.entry].split("|") for place, choice in choices.items()}
        overlays = dict(entry.partition("=")[::2] for entry in overlay_info.split(";") if entry)
        values = [overlays.get(name, "").split(",") for name in self.overlay_fields]
        before, after = [_known(cell) for cell in fields[:4]], [_known(cell) for cell in fields[5:7]]
        nothing = [""] * len(self.csq_fields)
        return [
            [*before, allele, *after, *(picked.get(place) or nothing), *(_at(value, place) for value in values)]
            for place, allele in enumerate(alleles)
        ]


def tsv_header(table: Table) -> str:
    """The first line of the TSV."""
    return "\t".join(table.columns) + "\n"


def tsv_text(rows: Iterable[Row]) -> str:
    """Rows as TSV lines (text decoded as latin-1, like the records), safe to open in a spreadsheet."""
    text = io.StringIO()
    csv.writer(text, dialect="excel-tab", lineterminator="\n").writerows(map(_inert_row, rows))
    return text.getvalue()


class TsvWriter:
    """Appends `tsv_text` to a file whose first line names the columns."""

    def __init__(self, path: str | Path, table: Table) -> None:
        self._file = Path(path).open("w", encoding="latin-1", newline="")  # noqa: SIM115 - closed by close()
        self._file.write(tsv_header(table))

    def write(self, text: str) -> None:
        """Append what `tsv_text` made."""
        self._file.write(text)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def _known(cell: str) -> str:
    return "" if cell == "." else cell


def _at(values: Sequence[str], place: int) -> str:
    return _known(values[place]) if place < len(values) else ""


def _inert_row(row: Row) -> Row:
    return [
        f"'{cell}" if cell.startswith(_FORMULA) and len(cell) > 1 and not _NUMBER.fullmatch(cell) else cell
        for cell in row
    ]
