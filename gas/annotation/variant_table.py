"""The result as a Parquet file: one row for each ALT allele, in the order of the annotated VCF.

A row holds the record's fixed columns, what all CSQ entries of the allele say together, the one entry that says most,
the overlays' values in their own types, each sample's genotype as seen from the allele, and where in the annotated VCF
its record lies. Whatever is unknown is null.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

FIXED = ("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER")
# The most severe term of any of the allele's entries, that entry's IMPACT, and the genes: see picks.Choice.
TOGETHER = ("MOST_SEVERE", "MOST_SEVERE_IMPACT", "GENES")
# The virtual offset (BGZF) of the record in the annotated VCF.
OFFSET = "VCF_OFFSET"
# A sample's genotype as seen from the row's allele: all of its called alleles are this one, some, none, or none is
# called.
GENOTYPES = ("hom", "het", "ref", "missing")
# Fields of CSQ that hold a whole number or nothing; positions on the transcript may be ranges.
INTEGERS = ("ALLELE_NUM", "DISTANCE", "STRAND", "HGVS_OFFSET")
# Beyond this many samples genotypes stay in the VCF alone.
MOST_SAMPLES = 100
# Rows of a row group: few enough that one row is read quickly from anywhere, many enough that a column is read in bulk.
ROW_GROUP = 1 << 16
SAMPLES_KEY = b"gas.samples"


@dataclass(frozen=True)
class TableLayout:
    """Which columns the table has; picklable, so that workers can have it.

    `csq_fields`: the names in the order of the CSQ entries; `overlays`: INFO key and VCF Type of every overlay column,
    each with one value an ALT allele; `samples`: as the VCF names them.
    """

    csq_fields: tuple[str, ...]
    overlays: tuple[tuple[str, str], ...]
    samples: tuple[str, ...] = ()

    @property
    def genotyped(self) -> tuple[str, ...]:
        """The samples that have a column, all or none."""
        return self.samples if len(self.samples) <= MOST_SAMPLES else ()

    def schema(self) -> "pa.Schema":
        """The Parquet columns: integers and floats are 64 bits wide, all others text."""
        import pyarrow as pa

        types = {"POS": pa.int64(), "QUAL": pa.float64(), "Integer": pa.int64(), "Float": pa.float64()}
        columns = [(name, types.get(name, pa.string())) for name in (*FIXED, *TOGETHER)]
        columns += [(name, types.get(kind, pa.string())) for name, kind in self.overlays]
        columns += [(genotype_column(number), pa.string()) for number in range(len(self.genotyped))]
        columns += [(name, pa.int64() if name in INTEGERS else pa.string()) for name in self.csq_fields]
        return pa.schema([pa.field(name, kind) for name, kind in [*columns, (OFFSET, pa.int64())]])


def genotype_column(number: int) -> str:
    """The column of a sample, from 0. Samples' own names may differ in case alone, which columns' must not."""
    return f"GT_{number + 1}"


class ParquetWriter:
    """Appends serialised batches to a Parquet file, gathered into row groups, so that batches' size is not seen."""

    def __init__(self, path: str | Path, layout: TableLayout, metadata: Mapping[str, str] | None = None) -> None:
        """`metadata`: what to store in the file's key-value metadata, such as the bundle's name."""
        import pyarrow.parquet as pq

        about = {**(metadata or {}), SAMPLES_KEY.decode(): json.dumps(layout.samples)}
        self._schema = layout.schema().with_metadata(about)
        texts = [field.name for field in self._schema if field.type == "string"]
        self._writer = pq.ParquetWriter(
            str(path),
            self._schema,
            compression="zstd",
            use_dictionary=texts,
            column_encoding={OFFSET: "DELTA_BINARY_PACKED", "POS": "DELTA_BINARY_PACKED"},
        )
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: bytes, address: int) -> None:
        """Append what `variant_rows` made of records whose first BGZF block begins at `address` in the VCF."""
        import pyarrow as pa

        read = pa.ipc.read_record_batch(pa.py_buffer(batch), self._schema)
        offsets = np.asarray(read.column(OFFSET)) + (address << 16)
        last = read.num_columns - 1
        self._waiting.append(
            pa.RecordBatch.from_arrays([*read.columns[:last], pa.array(offsets, pa.int64())], schema=self._schema)
        )
        self._rows += read.num_rows
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


def samples_of(metadata: Mapping[bytes, bytes] | None) -> Sequence[str]:
    """The samples that a file's key-value metadata names."""
    names = json.loads((metadata or {}).get(SAMPLES_KEY, b"[]"))
    return [str(name) for name in names]
