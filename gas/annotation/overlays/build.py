"""Builds overlays: opens what the operator names, has it written, and describes it for the manifest."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from gas.annotation.overlays.build_alleles import write_alleles
from gas.annotation.overlays.build_intervals import write_intervals
from gas.annotation.overlays.columns import Column, column_for
from gas.annotation.overlays.files import files_of, open_sources, sha256_of_all
from gas.annotation.overlays.fit import BEYOND_END, REF_DIFFERS, Reference, unfit
from gas.annotation.overlays.lookup import ALLELES, INTERVALS
from gas.annotation.overlays.sources import Field, Source
from gas.annotation.overlays.spec import OverlaySpec
from gas.annotation.reference import BundleError

# What an INFO key may not hold (VCF 4.3, section 1.6.1).
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_.]")


def build(spec: OverlaySpec, reference: Reference, out: Path) -> dict[str, Any]:
    """Write the overlay into the folder `out`/NAME and return its manifest entry; `out` lies in the bundle's folder.

    What cannot be looked up is left out and counted by reason in the entry's "skipped". Raises BundleError when a
    file, its header or a field cannot be used, or its alleles are evidently those of another reference.
    """
    sources = open_sources(spec.path, spec.fields, reference.assembly)
    folder = out / spec.name
    if folder.exists():
        raise BundleError(f"Two overlays are called {spec.name}.")
    folder.mkdir(parents=True)
    first: Source = sources[0]
    columns = [column_for(item.type, folder / f"field{number}") for number, item in enumerate(first.fields)]
    skipped: Counter[str] = Counter()
    shape = INTERVALS if hasattr(first, "intervals") else ALLELES
    write: Any = write_intervals if shape == INTERVALS else write_alleles
    contigs: dict[str, dict[str, Any]] = write(sources, columns, reference, folder, skipped)
    for column in columns:
        column.close()
    records, rows = sum(source.records for source in sources), sum(entry["rows"] for entry in contigs.values())
    if records and (not rows or skipped[REF_DIFFERS] + skipped[BEYOND_END] > rows):
        raise unfit(spec.path.name, reference.assembly, records, rows, skipped)
    _count_malformed(first, columns, skipped)
    return {
        "name": spec.name,
        "folder": f"{out.name}/{spec.name}",
        "shape": shape,
        "source": {
            "name": spec.name,
            "file": spec.path.name,
            "version": first.version,
            "sha256": sha256_of_all(files_of(spec.path)),
        },
        "records": records,
        shape: rows,
        "skipped": {reason: count for reason, count in sorted(skipped.items()) if count},
        "fields": [
            _field(spec, first, item, column.kind()) for item, column in zip(first.fields, columns, strict=True)
        ],
        "contigs": contigs,
    }


def _count_malformed(source: Source, columns: list[Column], skipped: Counter[str]) -> None:
    for item, column in zip(source.fields, columns, strict=True):
        if column.malformed:
            skipped[f"{item.id} is not {'an' if item.type == 'Integer' else 'a'} {item.type}"] = column.malformed


def _field(spec: OverlaySpec, source: Source, item: Field, kind: str) -> dict[str, str]:
    """A field's manifest entry, with its ##INFO line."""
    id_ = f"{spec.name}_{_NOT_IN_ID.sub('_', item.id)}"
    type_ = "Integer" if kind == "flag" else item.type
    published = ", ".join(part for part in (source.origin, source.version) if part) or spec.path.name
    origin = f"{spec.name}: {published}".replace("\\", "\\\\").replace('"', '\\"')
    description = f"{item.description} [{origin}]" if item.description else origin
    return {
        "id": id_,
        "type": type_,
        "kind": kind,
        "header": f'##INFO=<ID={id_},Number=A,Type={type_},Description="{description}">',
    }
