"""What overlays are made of: alleles or intervals, each with a text for every field."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Allele(NamedTuple):
    """One ALT allele of a source and what it says of it: a text for each field, None where it says nothing."""

    contig: str
    pos: int
    ref: str
    alt: str
    texts: list[str | None]


class Interval(NamedTuple):
    """An interval of a source, 0-based and half open, and a text for each field, None where it says nothing."""

    contig: str
    start: int
    end: int
    texts: list[str | None]


@dataclass(frozen=True)
class Field:
    """A value column: `type` is VCF's Integer, Float, String or Flag."""

    id: str
    type: str
    description: str


class Source(Protocol):
    """What every file of alleles or intervals has: its `name`, `origin` and `version` as the file itself tells them.

    `records` and `skipped` (reason -> how many) count what has been read so far.
    """

    name: str
    fields: list[Field]
    origin: str
    version: str
    records: int
    skipped: Counter[str]


class AlleleSource(Source, Protocol):
    """A file of alleles. `joined`: values of an allele that occurs again are joined; otherwise the first one counts."""

    joined: bool

    def alleles(self) -> Iterator[Allele]: ...


class IntervalSource(Source, Protocol):
    """A file of intervals."""

    def intervals(self) -> Iterator[Interval]: ...
