"""What is asked of a result's variants, as data: read from a URL's parameters and written to them."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from gas.annotation import terms
from gas.annotation.variant_table import GENOTYPES

IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
# ClinVar's classifications, as far as a filter tells them apart; `none`: the variant is not in ClinVar.
CLINVAR = {
    "pathogenic": "Pathogenic",
    "likely_pathogenic": "Likely pathogenic",
    "uncertain": "Uncertain significance",
    "conflicting": "Conflicting",
    "likely_benign": "Likely benign",
    "benign": "Benign",
    "other": "Other",
    "none": "Not in ClinVar",
}
# Any of several alternatives: more than people type, few enough that a URL holds them.
MOST_VALUES = 200
MOST_TEXT = 100
LAST_POSITION = 2**31 - 1
_REGION = re.compile(r"([^\s:]+)(?::([\d,]{1,15})(?:-([\d,]{1,15}))?)?")
_CARRIER = "carrier"
KINDS = (*GENOTYPES, _CARRIER)


class BadFilter(Exception):
    """A filter that makes no sense. `faults`: for each parameter that is wrong, one sentence."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = dict(faults)


@dataclass(frozen=True)
class Region:
    """A stretch of a contig, both ends included; 1-based."""

    contig: str
    start: int = 1
    end: int = LAST_POSITION

    def __str__(self) -> str:
        if (self.start, self.end) == (1, LAST_POSITION):
            return self.contig
        return f"{self.contig}:{self.start}-{self.end}"


@dataclass(frozen=True)
class Genotype:
    """What a sample must have of the variant: one of KINDS. `carrier`: het or hom."""

    sample: str
    kind: str

    def __str__(self) -> str:
        return f"{self.sample}:{self.kind}"


@dataclass(frozen=True)
class Filter:
    """All of these must hold; of several values of one field, any one. Empty: everything.

    genes: symbols or ids, of any transcript; consequence and impact: of the most severe on any transcript;
    max_af: the highest frequency that any database of the bundle has for the allele, unknown counting as 0;
    text: a part of the picked transcript's HGVS names, or an rs number.
    """

    gene: tuple[str, ...] = ()
    region: tuple[Region, ...] = ()
    consequence: tuple[str, ...] = ()
    impact: tuple[str, ...] = ()
    clinvar: tuple[str, ...] = ()
    max_af: float | None = None
    min_af: float | None = None
    min_qual: float | None = None
    passed: bool = False
    gt: tuple[Genotype, ...] = ()
    text: str = ""

    def params(self) -> list[tuple[str, str]]:
        """The URL parameters that `parse` reads back, always in the same order."""
        found: list[tuple[str, str]] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                found += [(field.name, str(one)) for one in value]
            elif value is True:
                found.append((field.name, "1"))
            elif value not in (None, False, ""):
                found.append((field.name, f"{value:.17g}" if isinstance(value, float) else value))
            elif value == 0.0 and value is not False:
                found.append((field.name, "0"))
        return found


# Reads (name, values, faults); what is wrong goes into `faults`.
_Reader = Callable[[str, list[str], dict[str, str]], Any]
NAMES = frozenset(field.name for field in fields(Filter))


def parse(params: Iterable[tuple[str, str]]) -> Filter:
    """Read a filter; parameters that are none of its own are left alone, empty ones count as absent.

    Raises BadFilter with a sentence for every parameter that makes no sense.
    """
    given: dict[str, list[str]] = {}
    for name, value in params:
        if name in NAMES and value.strip():
            given.setdefault(name, []).append(value.strip())
    faults: dict[str, str] = {}
    read = {name: _READ[name](name, values, faults) for name, values in given.items()}
    low, high = read.get("min_af"), read.get("max_af")
    if low is not None and high is not None and low > high:
        faults["min_af"] = f"The lowest frequency ({low:g}) is above the highest ({high:g}), so nothing can match."
    if faults:
        raise BadFilter(faults)
    return Filter(**read)


def _words(name: str, values: list[str], faults: dict[str, str]) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word for value in values for word in re.split(r"[\s,;]+", value) if word))
    if len(words) > MOST_VALUES:
        faults[name] = f"At most {MOST_VALUES} values of `{name}` can be asked for at once."
    return words


def _one_of(known: Iterable[str]) -> _Reader:
    known = tuple(known)

    def read(name: str, values: list[str], faults: dict[str, str]) -> tuple[str, ...]:
        words = _words(name, values, faults)
        strange = [word for word in words if word not in known]
        if strange:
            listed = ", ".join(known) if len(known) < 10 else "the Sequence Ontology's terms as VEP writes them"
            faults[name] = f"There is no {name} {strange[0][:60]!r}; there are: {listed}."
        return tuple(word for word in known if word in words)

    return read


def _regions(name: str, values: list[str], faults: dict[str, str]) -> tuple[Region, ...]:
    # A comma separates regions only where it does not stand within a number.
    words = [word for value in values for word in re.split(r"[\s;]+|,(?!\d{3}(?:\D|$))", value) if word]
    if len(words) > MOST_VALUES:
        faults[name] = f"At most {MOST_VALUES} regions can be asked for at once."
    found = []
    for word in words[:MOST_VALUES]:
        match = _REGION.fullmatch(word)
        if match is None:
            faults[name] = f"{word[:60]!r} is no region: write chr1:1000-2000, chr1:1000 or chr1."
            continue
        contig, first, last = match.groups()
        start = int(first.replace(",", "") or 0) if first else 1
        end = int(last.replace(",", "") or 0) if last else start if first else LAST_POSITION
        if not 1 <= start <= end:
            faults[name] = f"The region {word[:60]} ends before it begins; positions count from 1."
        found.append(Region(contig, start, min(end, LAST_POSITION)))
    return tuple(dict.fromkeys(found))


def _number(lowest: float, highest: float, what: str) -> _Reader:
    def read(name: str, values: list[str], faults: dict[str, str]) -> float:
        try:
            value = float(values[-1])
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest or math.isinf(value):
            faults[name] = f"{values[-1][:40]!r} is no {what}."
            return 0.0
        return value

    return read


def _flag(name: str, values: list[str], faults: dict[str, str]) -> bool:
    if values[-1] not in ("0", "1"):
        faults[name] = f"`{name}` is 1 or is left out."
    return values[-1] == "1"


def _genotypes(name: str, values: list[str], faults: dict[str, str]) -> tuple[Genotype, ...]:
    found = []
    for value in values[:MOST_VALUES]:
        sample, colon, kind = value.rpartition(":")
        if not colon or not sample or kind not in KINDS:
            faults[name] = f"{value[:60]!r} is no genotype: write SAMPLE:KIND, where KIND is one of {', '.join(KINDS)}."
        found.append(Genotype(sample, kind))
    return tuple(dict.fromkeys(found))


def _text(name: str, values: list[str], faults: dict[str, str]) -> str:
    text = values[-1]
    if len(text) > MOST_TEXT:
        faults[name] = f"The text to look for has {len(text)} characters; at most {MOST_TEXT} are looked for."
    return text


_READ: dict[str, _Reader] = {
    "gene": _words,
    "region": _regions,
    "consequence": _one_of(terms.NAMES),
    "impact": _one_of(IMPACTS),
    "clinvar": _one_of(CLINVAR),
    "max_af": _number(0, 1, "frequency: write a number from 0 to 1, such as 0.01"),
    "min_af": _number(0, 1, "frequency: write a number from 0 to 1, such as 0.01"),
    "min_qual": _number(-1e300, 1e300, "quality: write a number, such as 30"),
    "passed": _flag,
    "gt": _genotypes,
    "text": _text,
}
