"""The variant table made again from an annotated VCF of ours, for when the table was lost."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from gas.annotation import csq
from gas.annotation.limits import InputRefused
from gas.annotation.picks import Picks
from gas.annotation.variant_rows import VariantRows
from gas.annotation.variant_table import ParquetWriter, TableLayout

BATCH = 4_000
_INFO_LINE = re.compile(r"##INFO=<ID=([^,]+),Number=[^,]+,Type=([^,]+),")
_BUNDLE_LINE = re.compile(r'##GAS=<ID=bundle,Name="([^"]*)",Assembly="([^"]*)">')
_VERSION_LINE = re.compile(r'##GAS=<ID=software,Version="([^"]*)">')
_ALT, _INFO = 4, 7


def rebuild(vcf: Path, table: Path) -> int:
    """Write the table of `vcf`, which the annotator has written; returns the number of records.

    Raises InputRefused when the file is no annotated VCF of ours.
    """
    import pysam

    records = 0
    with cast(Any, pysam.BGZFile)(str(vcf)) as file:
        header, first = _header(file)
        layout, about = _layout(header)
        picks = Picks()
        overlays = tuple(f"{name}=" for name, _ in layout.overlays)
        writer = ParquetWriter(table, layout, about)
        for batch in _batches(file, first):
            made = VariantRows(layout, picks)
            for _, line in batch:
                fields = line.split(b"\t", _INFO + 1)
                entries = fields[_INFO].decode("latin-1").split(";")
                annotation = next((entry[4:] for entry in entries if entry.startswith("CSQ=")), "")
                known = ";".join(entry for entry in entries if entry.startswith(overlays)) if overlays else ""
                made.add(line, fields[_ALT].count(b",") + 1, annotation.encode("latin-1"), known)
            writer.write(made.serialise(np.array([offset for offset, _ in batch], np.int64)), 0)
            records += len(batch)
        writer.close()
    return records


def _header(file: Any) -> tuple[list[str], tuple[int, bytes] | None]:
    """The header's lines, and the first record with its offset."""
    lines: list[str] = []
    for offset, line in _lines(file):
        if not line.startswith(b"#"):
            return lines, (offset, line)
        lines.append(line.decode("utf-8", "replace"))
    return lines, None


def _layout(header: list[str]) -> tuple[TableLayout, dict[str, str]]:
    if csq.HEADER not in header or not header[-1].startswith("#CHROM\t"):
        raise InputRefused("This is no VCF that GAS has annotated, so no table can be made of it.")
    # Between CSQ's line and our own stand those of the overlays.
    behind = header[header.index(csq.HEADER) + 1 :]
    declared = [match for line in behind[: _first_own(behind)] if (match := _INFO_LINE.match(line))]
    overlays = tuple((match[1], match[2]) for match in declared)
    about: dict[str, str] = {}
    for line in behind:
        if found := _BUNDLE_LINE.match(line):
            about |= {"gas.bundle": found[1], "gas.assembly": found[2]}
        elif found := _VERSION_LINE.match(line):
            about["gas.version"] = found[1]
    return TableLayout(csq.FIELDS, overlays, tuple(header[-1].split("\t")[9:])), about


def _first_own(lines: list[str]) -> int:
    return next((place for place, line in enumerate(lines) if line.startswith("##GAS=")), len(lines))


def _batches(file: Any, first: tuple[int, bytes] | None) -> Iterator[list[tuple[int, bytes]]]:
    batch = [first] if first else []
    for record in _lines(file):
        batch.append(record)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _lines(file: Any) -> Iterator[tuple[int, bytes]]:
    while True:
        offset = file.tell()
        line = file.readline()
        if not line:
            return
        yield offset, bytes(line)
