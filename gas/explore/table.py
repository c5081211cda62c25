"""One result's variant table: its columns, its samples, and where in the file each column lies."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from gas.annotation.csq import FIELDS
from gas.annotation.frequencies import NAME
from gas.annotation.variant_table import FIXED, OFFSET, genotype_column, samples_of
from gas.explore.blocks import BlockFile, Blocks, Source

# Overlay columns by what they hold, whatever the overlay is called, such as CLINVAR_CLNSIG.
_FREQUENCY = re.compile(NAME, re.IGNORECASE)
_CLINVAR = re.compile(r".*_CLNSIG", re.IGNORECASE)
_IDS = re.compile(r".*_ID", re.IGNORECASE)
_NO_OVERLAYS = {*FIXED, *FIELDS}
_SHOWN = ("SYMBOL", "MOST_SEVERE", "MOST_SEVERE_IMPACT")
_NAMES = ("HGVSc", "HGVSp")
_SHOWN_SAMPLES = 3


class DamagedTable(Exception):
    """The file is not the table that was written; str() is for the operator's log."""


@dataclass(frozen=True)
class VariantTable:
    """What is known of a table without its rows. `types`: column to "text", "integer" or "float", in file order."""

    source: Source
    rows: int
    types: dict[str, str]
    samples: tuple[str, ...]
    assembly: str
    bundle: str
    footer: pq.FileMetaData

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that people see and sort by."""
        return tuple(name for name in self.types if name != OFFSET)

    @property
    def default_columns(self) -> tuple[str, ...]:
        """What is shown, beside a variant's place and bases, unless somebody chooses."""
        genotypes = [genotype_column(number) for number in range(min(len(self.genotyped), _SHOWN_SAMPLES))]
        known = (*self.clinvar[:1], *self.frequencies[:1])
        wanted = (*_SHOWN, *known, *_NAMES, *self.ids[:1], *genotypes, "QUAL", "FILTER")
        return tuple(name for name in wanted if name in self.types)

    @property
    def genotyped(self) -> tuple[str, ...]:
        """The samples that have a column."""
        return self.samples if genotype_column(0) in self.types else ()

    @property
    def frequencies(self) -> tuple[str, ...]:
        """Columns with the frequency of the allele in a population."""
        return self._overlays(_FREQUENCY, "float")

    @property
    def clinvar(self) -> tuple[str, ...]:
        """The column with ClinVar's classification, if the bundle has one."""
        return self._overlays(_CLINVAR, "text")

    @property
    def ids(self) -> tuple[str, ...]:
        """Columns with names of variants: the record's own and those of the overlays."""
        return (*self._overlays(_IDS, "text"), "ID")

    def sample_column(self, sample: str) -> str | None:
        """The genotype column of a sample, None where there is none."""
        return genotype_column(self.genotyped.index(sample)) if sample in self.genotyped else None

    def heading(self, column: str) -> str:
        """What a column is called outside of the file: a sample's by the sample's name."""
        number = column.removeprefix("GT_")
        if number != column and number.isdecimal() and int(number) <= len(self.genotyped):
            return f"GT:{self.genotyped[int(number) - 1]}"
        return column

    def extents(self, columns: Collection[str], groups: Collection[int] | None = None) -> Iterator[tuple[int, int]]:
        """Where (start, end) the columns' bytes lie in the file, in all row groups unless some are named."""
        places = [place for place, name in enumerate(self.types) if name in columns]
        for group in range(self.footer.num_row_groups) if groups is None else groups:
            found = self.footer.row_group(group)
            for place in places:
                chunk = found.column(place)
                start = chunk.data_page_offset
                if chunk.dictionary_page_offset:
                    start = min(start, chunk.dictionary_page_offset)
                yield start, start + chunk.total_compressed_size

    def groups_of(self, rows: Collection[int]) -> set[int]:
        """The row groups that hold these rows."""
        ends = []
        end = 0
        for group in range(self.footer.num_row_groups):
            end += self.footer.row_group(group).num_rows
            ends.append(end)
        return {next(group for group, end in enumerate(ends) if row < end) for row in rows if row < self.rows}

    def _overlays(self, pattern: re.Pattern[str], kind: str) -> tuple[str, ...]:
        return tuple(
            name
            for name, known in self.types.items()
            if known == kind and name not in _NO_OVERLAYS and pattern.fullmatch(name)
        )


def read(blocks: Blocks, source: Source) -> VariantTable:
    """Look into a table's footer. Raises DamagedTable, or what reading the source raises."""
    file = BlockFile(blocks, source)
    try:
        footer = pq.read_metadata(cast(IO[Any], file))
        schema = footer.schema.to_arrow_schema()
        about = footer.metadata or {}
        samples = tuple(samples_of(about))
    except (pa.ArrowException, json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise DamagedTable(str(error)) from error
    except OSError as error:
        # Arrow says so of a file without its mark, too.
        if file.failure is not None:
            raise file.failure from error
        raise DamagedTable(str(error)) from error
    types = {field.name: _type(field.type) for field in schema}
    if not {*FIXED, OFFSET}.issubset(types):
        raise DamagedTable("it has not the columns of a variant table")
    return VariantTable(
        source,
        footer.num_rows,
        types,
        samples,
        about.get(b"gas.assembly", b"").decode(),
        about.get(b"gas.bundle", b"").decode(),
        footer,
    )


def _type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "integer"
    return "float" if pa.types.is_floating(kind) else "text"
