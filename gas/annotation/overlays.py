"""Overlays: what ClinVar, gnomAD, scores and regions say of a record, looked up in batches.

An overlay of alleles is the sorted integers of a contig's alleles (`overlay_alleles`) with one column a field beside
them, an overlay of intervals its sorted starts and ends; all memory-mapped and opened when first asked for.
`overlay_build` writes them; this module reads them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gas.annotation.overlay_intervals import IntervalOverlay
from gas.annotation.overlay_lookup import AlleleOverlay, Queries
from gas.annotation.reference import BundleError

# (POS, REF, ALT alleles) as they stand in a VCF record.
Variant = tuple[int, str, tuple[str, ...]]

MAX_FIELDS = 60
ALLELES, INTERVALS = "alleles", "intervals"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class OpenBundle(Protocol):
    """What a look-up needs of `reference.Bundle`."""

    path: Path
    manifest: dict[str, Any]

    def sequence(self, contig_name: str) -> Any: ...


@dataclass(frozen=True)
class OverlaySpec:
    """One `--overlay NAME=FILE:FIELD[,FIELD…]`."""

    name: str
    path: Path
    fields: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "OverlaySpec":
        """Read the command line's form; raises BundleError with what is wrong about it."""
        name, equals, rest = text.partition("=")
        file, colon, listed = rest.rpartition(":")
        fields = tuple(field.strip() for field in listed.split(","))
        if not (equals and colon and file and all(fields)):
            raise BundleError(f"{text!r} is no overlay: write NAME=FILE:FIELD or NAME=FILE:FIELD,FIELD.")
        if not _NAME.fullmatch(name):
            raise BundleError(f"{name!r} cannot name an overlay: use letters, digits and '_', a letter first.")
        if len(set(fields)) < len(fields):
            raise BundleError(f"The overlay {name} lists a field twice.")
        if len(fields) > MAX_FIELDS:
            raise BundleError(f"The overlay {name} lists {len(fields)} fields; at most {MAX_FIELDS} are possible.")
        return cls(name, Path(file), fields)


class Overlays:
    """All overlays of a bundle; open one in each process."""

    def __init__(self, bundle: OpenBundle) -> None:
        self._bundle = bundle
        self._entries: list[dict[str, Any]] = bundle.manifest.get("overlays", [])
        self._overlays = [
            (IntervalOverlay if entry.get("shape") == INTERVALS else AlleleOverlay)(
                bundle.path / entry["folder"], entry
            )
            for entry in self._entries
        ]

    @classmethod
    def open(cls, bundle: OpenBundle) -> "Overlays":
        """The overlays that `bundle`'s manifest lists; files are opened when a contig is first asked for."""
        return cls(bundle)

    def header_lines(self) -> list[str]:
        """The ##INFO lines of every overlay field."""
        return [field["header"] for entry in self._entries for field in entry["fields"]]

    def columns(self) -> list[tuple[str, str]]:
        """(INFO id, VCF Type) of every overlay field, in output order."""
        return [(field["id"], field["type"]) for entry in self._entries for field in entry["fields"]]

    def info(self, contig: str, records: Sequence[Variant]) -> list[str]:
        """For each record what the overlays know, as "NAME_FIELD=v1,v2;…" with one value an ALT, or "".

        `contig` is the bundle's own name; positions must lie on it. Batches are quickest; order does not matter.
        """
        positions = np.array([pos for pos, _, _ in records], dtype=np.int64)
        return self.look_up(contig, positions, [ref for _, ref, _ in records], [",".join(a) for _, _, a in records])

    def look_up(self, contig: str, positions: NDArray[np.int64], refs: Sequence[str], alts: Sequence[str]) -> list[str]:
        """As `info`, of records by column; `alts` as the ALT column is written."""
        fragments = [""] * len(refs)
        if not self._overlays or not fragments:
            return fragments
        queries = Queries(positions, refs, alts, self._bundle.sequence(contig))
        for overlay in self._overlays:
            if isinstance(overlay, IntervalOverlay):
                overlay.add(fragments, contig, positions, refs, alts)
            else:
                overlay.add(fragments, contig, queries)
        return fragments


def _opened(folder: Path, entry: dict[str, Any]) -> AlleleOverlay | IntervalOverlay:
    return IntervalOverlay(folder, entry) if entry.get("shape") == INTERVALS else AlleleOverlay(folder, entry)
