"""A filtered view as a file, made while it is sent: nothing is held but a few thousand rows."""

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from gas.annotation import bgzf
from gas.annotation.variant_table import OFFSET, ROW_GROUP, SAMPLES_KEY
from gas.explore.blocks import Source
from gas.explore.engine import Explorer
from gas.explore.filters import Filter
from gas.explore.records import Records
from gas.explore.table import VariantTable

# What a spreadsheet would run: https://owasp.org/www-community/attacks/CSV_Injection. Numbers and single signs are not.
_FORMULA = r"^[=+\-@\t\r].+"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_TEXT_BYTES = 64 * 1024


def tsv(explorer: Explorer, table: VariantTable, wanted: Filter, columns: Sequence[str] = ()) -> Iterator[bytes]:
    """Tab-separated values, one line a row, safe to open in a spreadsheet. Raises as `Explorer.batches` does."""
    names = list(columns) or list(table.columns)
    yield ("\t".join(map(table.heading, names)) + "\n").encode()
    options = pa.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="needed")
    for batch in explorer.batches(table, wanted, names):
        text = io.BytesIO()
        pa.csv.write_csv(pa.table([_inert(column) for column in batch.columns], names=names), text, options)
        yield text.getvalue()


def parquet(explorer: Explorer, table: VariantTable, wanted: Filter, columns: Sequence[str] = ()) -> Iterator[bytes]:
    """A Parquet file with the columns asked for, or all. Raises as `Explorer.batches` does."""
    names = list(columns) or list(table.columns)
    about = {key: value for key, value in (table.footer.metadata or {}).items() if key.startswith(b"gas.")}
    schema = table.footer.schema.to_arrow_schema()
    schema = pa.schema([schema.field(name) for name in names], metadata={SAMPLES_KEY: b"[]", **about})
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in explorer.batches(table, wanted, names):
            waiting.append(batch)
            if sum(one.num_rows for one in waiting) >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting).cast(schema))
                waiting = []
                yield sink.take()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting).cast(schema))
    yield sink.take()


def vcf(explorer: Explorer, table: VariantTable, wanted: Filter, annotated: Source) -> Iterator[bytes]:
    """The annotated VCF's header and the records of which the filter leaves an allele, as BGZF.

    Raises as `Explorer.batches` does, and DamagedRecords.
    """
    records = Records(annotated)
    waiting = [records.header()]
    size = len(waiting[0])
    offsets = (offset for batch in explorer.batches(table, wanted, [OFFSET]) for offset in batch.column(0).to_pylist())
    for line in records.lines(offsets):
        waiting.append(line)
        size += len(line)
        if size >= _TEXT_BYTES:
            yield bgzf.compress(b"".join(waiting))
            waiting, size = [], 0
    yield bgzf.compress(b"".join(waiting)) + bgzf.END_OF_FILE


class _Sink(io.RawIOBase):
    """Takes what is written until somebody fetches it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        self._written += len(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces = []
        return taken


def _inert(column: pa.Array) -> pa.Array:
    if not pa.types.is_string(column.type):
        return column
    formula = pc.match_substring_regex(column, _FORMULA)
    if not pc.any(formula).as_py():
        return column
    runs = pc.and_(formula, pc.invert(pc.match_substring_regex(column, _NUMBER)))
    return pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
