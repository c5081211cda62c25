"""One allele in full: its row, and every transcript's entry from its record in the annotated VCF."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from gas.annotation.csq import FIELDS
from gas.annotation.picks import severity
from gas.annotation.variant_table import OFFSET
from gas.explore.blocks import Source
from gas.explore.engine import Explorer
from gas.explore.records import DamagedRecords, Records
from gas.explore.table import VariantTable

_INFO, _ALT, _FORMAT = 7, 4, 8


@dataclass(frozen=True)
class Detail:
    """`row`: every column of the table; `transcripts`: CSQ entries by field, the picked one first, then by severity;
    `info`: the record's own INFO entries; `samples`: sample to its fields by FORMAT key.
    """

    row: dict[str, Any]
    transcripts: list[dict[str, str]]
    info: list[tuple[str, str]]
    samples: dict[str, dict[str, str]]


def detail(explorer: Explorer, table: VariantTable, number: int, annotated: Source) -> Detail | None:
    """The allele in a row, None where there is no such row. Raises as `Explorer.page` does, and DamagedRecords."""
    found = explorer.rows(table, [number], [*table.columns, OFFSET]) if 0 <= number < table.rows else []
    if not found:
        return None
    row = found[0]
    offset = row.pop(OFFSET)
    cells = Records(annotated).line(offset).rstrip(b"\n").decode("utf-8", "replace").split("\t")
    if len(cells) <= _INFO or cells[1] != str(row["POS"]) or row["ALT"] not in (*cells[_ALT].split(","), None):
        raise DamagedRecords(f"the record at {offset} is not that of row {number}")
    entries = [entry.partition("=") for entry in cells[_INFO].split(";")]
    info = {name: value for name, _, value in entries if name != "."}
    alleles = cells[_ALT].split(",")
    place = str(alleles.index(row["ALT"]) + 1) if row["ALT"] in alleles else "1"
    transcripts = [
        {name: unquote(value) for name, value in zip(FIELDS, entry.split("|"), strict=False)}
        for entry in info.pop("CSQ", "").split(",")
        if entry
    ]
    own = [entry for entry in transcripts if entry.get("ALLELE_NUM", place) == place]
    picked = row.get("Feature")
    own.sort(key=lambda entry: (entry.get("Feature") != picked, severity(entry["Consequence"])))
    shown = [(name, unquote(value)) for name, value in info.items() if name not in table.types]
    keys = cells[_FORMAT].split(":") if len(cells) > _FORMAT else []
    samples = {
        name: dict(zip(keys, values.split(":"), strict=False))
        for name, values in zip(table.samples, cells[_FORMAT + 1 :], strict=False)
    }
    return Detail(row, own, shown, samples)
