"""The result as a table: one row for each ALT allele, with the one CSQ entry that says most about it.

Workers turn records into rows and rows into TSV text or a serialised Arrow batch; the parent appends those in order.

In the TSV a cell that a spreadsheet would run as a formula gets an apostrophe before it: it begins with = + - @, is
no number, and is longer than that one character (https://owasp.org/www-community/attacks/CSV_Injection). Cells are
quoted as Python's "excel-tab" dialect does, a quote inside is doubled. Parquet holds every value as it is. An unknown
value is empty in the TSV and null in Parquet.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gas.annotation.summary import SEVERITY

if TYPE_CHECKING:
    import pyarrow as pa

RECORD_COLUMNS = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER")
# Rows of a Parquet row group: large enough to be read in bulk, small enough to be held in memory twice.
ROW_GROUP = 1 << 17
# Columns that hold a whole number or nothing.
_INTEGERS = ("POS", "ALLELE_NUM", "DISTANCE", "STRAND", "HGVS_OFFSET")
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
        picked = self._pick(csq, alleles)
        values = self._overlay_values(overlay_info)
        before, after = [_known(cell) for cell in fields[:4]], [_known(cell) for cell in fields[5:7]]
        nothing = [""] * len(self.csq_fields)
        return [
            [*before, allele, *after, *(picked.get(place) or nothing), *(_at(value, place) for value in values)]
            for place, allele in enumerate(alleles)
        ]

    def line(self, fixed: bytes, entry: bytes, overlay_info: str) -> bytes:
        """The row of a record with one ALT allele as a line without its end: what `rows` gives, joined by tabs.

        `fixed`: the record's columns up to FILTER, with the tab behind; `entry`: the CSQ entry that `pick` chose.
        """
        # Twice: one unknown value may stand beside another.
        known = fixed.replace(b"\t.\t", b"\t\t").replace(b"\t.\t", b"\t\t")
        cells = known + entry.replace(b"|", b"\t")
        if not self.overlay_fields:
            return cells
        values = [_at(value, 0) for value in self._overlay_values(overlay_info)]
        return b"\t".join([cells, *[value.encode("latin-1") for value in values]])

    def pick(self, csq: Sequence[str]) -> int:
        """Which of one allele's entries says most: MANE Select's, then a canonical transcript's, then the most severe,
        then one of a protein-coding transcript, then the first.
        """
        return csq.index(self._best(csq))

    def _overlay_values(self, info: str) -> list[list[str]]:
        overlays = dict(entry.partition("=")[::2] for entry in info.split(";") if entry)
        return [overlays.get(name, "").split(",") for name in self.overlay_fields]

    def _pick(self, csq: Sequence[str], alleles: Sequence[str]) -> dict[int, Row]:
        """For each ALT allele (from 0) the entry that says most of it, see `pick`."""
        if len(alleles) == 1:
            return {0: self._best(csq).split("|")} if csq else {}
        number = self.csq_fields.index("ALLELE_NUM")
        of_allele: dict[int, list[str]] = {}
        for entry in csq:
            of_allele.setdefault(int(entry.split("|", number + 1)[number]) - 1, []).append(entry)
        return {place: self._best(entries).split("|") for place, entries in of_allele.items()}

    def _best(self, csq: Sequence[str]) -> str:
        for name, wanted in (("MANE", "MANE_Select"), ("CANONICAL", "YES")):
            # Most records have none, and need not be taken apart to see it.
            named = [entry for entry in csq if wanted in entry] if name in self.csq_fields else []
            place = self.csq_fields.index(name) if named else 0
            csq = [entry for entry in named if wanted in entry.split("|")[place].split("&")] or csq
        ranks = [_severity(entry.split("|", 2)[1]) for entry in csq]
        worst = [entry for entry, rank in zip(csq, ranks, strict=True) if rank == min(ranks)]
        if len(worst) > 1 and "BIOTYPE" in self.csq_fields:
            biotype = self.csq_fields.index("BIOTYPE")
            worst = [entry for entry in worst if entry.split("|", biotype + 1)[biotype] == "protein_coding"] or worst
        return worst[0]


@cache
def _severity(consequence: str) -> int:
    """The rank of the most severe of the terms, the lowest the most severe."""
    return min(SEVERITY.get(term, len(SEVERITY)) for term in consequence.split("&"))


def tsv_header(table: Table) -> str:
    """The first line of the TSV."""
    return "\t".join(table.columns) + "\n"


def tsv_text(rows: Iterable[Row]) -> str:
    """Rows as TSV lines (text decoded as latin-1, like the records), safe to open in a spreadsheet."""
    text = io.StringIO()
    csv.writer(text, dialect="excel-tab", lineterminator="\n").writerows(map(_inert_row, rows))
    return text.getvalue()


def schema(table: Table) -> "pa.Schema":
    """The Parquet columns: integers and doubles for what is a number in every row, all others text.

    Positions on the transcript stay text: a range ("12-14") is one.
    """
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = {"QUAL": pa.float64(), **dict.fromkeys(_INTEGERS, pa.int64())}
    of_type = {"Integer": pa.int64(), "Float": pa.float64()}
    kinds |= {
        name: of_type[stated]
        for name, stated in zip(table.overlay_fields, table.overlay_types, strict=False)
        if stated in of_type
    }
    return pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in table.columns])


def arrow_batch(table: Table, lines: Sequence[bytes]) -> bytes:
    """Rows, each joined by tabs, as one serialised Arrow record batch, for `ParquetWriter.write` in another process."""
    import pyarrow as pa

    text = b"".join([line + b"\n" for line in lines])
    arrays = _ascii_columns(text, table) if lines and text.isascii() else _columns(lines, table)
    for place, field in enumerate(schema(table)):
        if convert := _NUMBERS.get(str(field.type)):
            # Of equal texts, of which there are many, one is converted.
            texts = arrays[place].dictionary_encode()
            values = pa.array([convert(text) for text in texts.dictionary.to_pylist()], field.type)
            arrays[place] = values.take(texts.indices)
    batch: bytes = pa.RecordBatch.from_arrays(arrays, schema=schema(table)).serialize().to_pybytes()
    return batch


def _ascii_columns(text: bytes, table: Table) -> "list[pa.Array]":
    """Lines as columns of text: Arrow's reader takes a tenth of the time that one value after the other takes."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = table.columns
    read = arrow_csv.read_csv(
        pa.py_buffer(text),
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
        parse_options=arrow_csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )
    return [column.combine_chunks() for column in read.columns]


def _columns(lines: Sequence[bytes], table: Table) -> "list[pa.Array]":
    import pyarrow as pa

    rows = [line.decode("latin-1").split("\t") for line in lines]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(table.columns)
    return [pa.array([_text(cell) for cell in cells], type=pa.string()) for cells in columns]


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


class ParquetWriter:
    """Appends `arrow_batch`es to a Parquet file, gathered into large row groups (so the batches' size is not seen)."""

    def __init__(self, path: str | Path, table: Table, metadata: Mapping[str, str] | None = None) -> None:
        """`metadata`: what to store in the file's key-value metadata, such as the bundle's name."""
        import pyarrow.parquet as pq

        self._schema = schema(table).with_metadata(dict(metadata or {}))
        self._writer = pq.ParquetWriter(str(path), self._schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: bytes) -> None:
        """Append what `arrow_batch` made."""
        import pyarrow as pa

        self._waiting.append(pa.ipc.read_record_batch(pa.py_buffer(batch), self._schema))
        self._rows += self._waiting[-1].num_rows
        if self._rows >= ROW_GROUP:
            self._flush(whole_groups=True)

    def close(self) -> None:
        """Write what is waiting and finish the file."""
        self._flush(whole_groups=False)
        self._writer.close()

    def _flush(self, whole_groups: bool) -> None:
        import pyarrow as pa

        waiting = pa.Table.from_batches(self._waiting, schema=self._schema)
        ready = self._rows - self._rows % ROW_GROUP if whole_groups else self._rows
        self._writer.write_table(waiting.slice(0, ready), row_group_size=ROW_GROUP)
        self._waiting = waiting.slice(ready).to_batches()
        self._rows -= ready


def _known(cell: str) -> str:
    return "" if cell == "." else cell


def _at(values: Sequence[str], place: int) -> str:
    return _known(values[place]) if place < len(values) else ""


def _inert_row(row: Row) -> Row:
    return [
        f"'{cell}" if cell.startswith(_FORMULA) and len(cell) > 1 and not _NUMBER.fullmatch(cell) else cell
        for cell in row
    ]


def _text(cell: str) -> str | None:
    if cell.isascii():
        return cell or None
    raw = cell.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return cell


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _integer(cell: str) -> int | None:
    return int(cell) if cell else None


_NUMBERS: dict[str, Callable[[str], float | None]] = {"int64": _integer, "double": _number}
