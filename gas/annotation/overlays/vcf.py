"""Reads overlays from VCF: ClinVar, gnomAD, dbSNP, SpliceAI and whatever else comes as VCF."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from gas.annotation.overlays.lines import Lines, listing
from gas.annotation.overlays.sources import Allele, Field
from gas.annotation.reference import BundleError

_META = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,>]*)')
# Columns of a VCF record that can be asked for beside INFO fields: dbSNP's rs numbers, gnomAD's filters.
_COLUMNS = {"ID": 2, "QUAL": 5, "FILTER": 6}
_VERSION_KEYS = ("dbSNP_BUILD_ID", "version", "fileDate")
# The parts of an INFO field like SpliceAI's or VEP's CSQ stand in its description, with "|" between them.
_FORMAT = re.compile(r"(?:Format: *)?\"?'?((?:[\w.-]+\|)+[\w.-]+)")
# https://github.com/Illumina/SpliceAI: delta scores, 0 to 1.
_DELTA_SCORE = re.compile(r"DS_(AG|AL|DG|DL)")
HIGHEST_DELTA_SCORE = "DS_max"

_Getter = Callable[[list[str], str, list[str]], list[str | None]]


class _Declared(NamedTuple):
    number: str
    type: str
    description: str

    def parts(self) -> dict[str, list[int]]:
        """Each part of the field's entries, and where in an entry it stands; DS_max stands in several places."""
        found = _FORMAT.search(self.description)
        names = found[1].split("|") if found and self.type == "String" else []
        scores = [place for place, name in enumerate(names) if _DELTA_SCORE.fullmatch(name)]
        places = {name: [place] for place, name in enumerate(names)}
        return places | {HIGHEST_DELTA_SCORE: scores} if scores else places


def is_vcf(lines: Lines) -> bool:
    """Whether the first line that is no comment is a VCF's #CHROM line."""
    return lines.first.split("\t")[:5] == ["#CHROM", "POS", "ID", "REF", "ALT"]


class VcfSource:
    """A VCF with INFO fields, or ID, QUAL, FILTER, as values.

    A value with Number=A or R goes to its own allele; any other belongs to each allele of the record, whole. A part of
    a field that lists parts with "|" is named FIELD.PART, or PART alone where no other field has it; it goes to the
    allele that its entry names. Of several entries (one a gene) texts are joined with "&" in file order without
    repeats, and the highest SpliceAI delta score (DS_…) counts, DS_max being the highest of the four; so it is with an
    allele that occurs again. Without such parts the first known value of an allele that occurs again counts.
    """

    def __init__(self, lines: Lines, names: Sequence[str]) -> None:
        """Raises BundleError when the header lacks a field in `names`."""
        self._lines = lines
        self.name = lines.name
        self.records = 0
        self.skipped: Counter[str] = Counter()
        self.joined = False
        self._declared = _declared(lines.comments)
        facts = dict(line[2:].split("=", 1) for line in lines.comments if line.startswith("##") and "=" in line)
        self.origin = facts.get("source", "").strip()
        self.version = next((facts[key].strip() for key in _VERSION_KEYS if facts.get(key)), "")
        self.fields: list[Field] = []
        self._getters: list[_Getter] = []
        for name in names:
            field, getter = self._find(name)
            self.fields.append(field)
            self._getters.append(getter)

    def _find(self, name: str) -> tuple[Field, _Getter]:
        if name in self._declared:
            number, type_, description = self._declared[name]
            whole = number not in ("A", "R", "0", "1")
            field = Field(name, "String" if whole or type_ == "Character" else type_, description)
            if type_ == "Flag":
                return field, _flag(name)
            return field, _listed(name, number == "R") if number in ("A", "R") else _whole(name)
        if name in _COLUMNS:
            type_ = "Float" if name == "QUAL" else "String"
            return Field(name, type_, f"The {name} column"), _column(_COLUMNS[name])
        found = [
            (key, part, places)
            for key, declared in self._declared.items()
            for part, places in declared.parts().items()
            if name in (part, f"{key}.{part}")
        ]
        if len(found) != 1:
            raise self._missing(name, [f"{key}.{part}" for key, part, _ in found])
        key, part, places = found[0]
        self.joined = True
        score = part == HIGHEST_DELTA_SCORE or _DELTA_SCORE.fullmatch(part) is not None
        described = f"{part} of {self._declared[key].description}"
        return Field(name, "Float" if score else "String", described), _part(key, places, highest=score)

    def _missing(self, name: str, several: list[str]) -> BundleError:
        if several:
            return BundleError(f"{self._lines.name} has {name} in several fields; write {' or '.join(several)}.")
        parts = [f"{key}.{part}" for key, declared in self._declared.items() for part in declared.parts()]
        known = listing([*_COLUMNS, *self._declared, *parts])
        return BundleError(f"{self._lines.name} has no INFO field {name}; it has {known}.")

    def alleles(self) -> Iterator[Allele]:
        """Every ALT allele in file order; raises BundleError for a line that is no record."""
        getters = self._getters
        for number, line in self._lines.numbered(self._lines.first_number):
            # Files that were put one after the other have headers in their midst.
            if not line or line[0] == "#":
                continue
            columns = line.split("\t", 8)
            if len(columns) < 8 or not columns[1].isdecimal():
                raise self._lines.refused(number, "this is no VCF record (8 columns, a number in POS).")
            self.records += 1
            contig, pos, _, ref, alt = columns[:5]
            info = f";{columns[7]};"
            alts = alt.split(",")
            values = [getter(columns, info, alts) for getter in getters]
            for index, allele in enumerate(alts):
                yield Allele(contig, int(pos), ref, allele, [value[index] for value in values])


def _declared(comments: list[str]) -> dict[str, _Declared]:
    found = {}
    for line in comments:
        if line.startswith("##INFO=<"):
            keys = dict(_META.findall(line.removeprefix("##INFO=<")))
            if {"ID", "Number", "Type"} <= keys.keys():
                description = keys.get("Description", "")
                if description.startswith('"'):
                    description = description[1:-1]
                found[keys["ID"]] = _Declared(keys["Number"], keys["Type"], description)
    return found


def _value(info: str, key: str) -> str | None:
    """What follows `key`, which is ";name=", in an INFO column between two semicolons."""
    start = info.find(key)
    if start < 0:
        return None
    start += len(key)
    return info[start : info.index(";", start)]


def _column(place: int) -> _Getter:
    return lambda columns, info, alts: [columns[place]] * len(alts)


def _flag(key: str) -> _Getter:
    return lambda columns, info, alts: ["1" if f";{key};" in info or f";{key}=" in info else None] * len(alts)


def _whole(key: str) -> _Getter:
    written = f";{key}="
    return lambda columns, info, alts: [_value(info, written)] * len(alts)


def _listed(key: str, reference_first: bool) -> _Getter:
    written = f";{key}="

    def get(columns: list[str], info: str, alts: list[str]) -> list[str | None]:
        value = _value(info, written)
        values: list[str | None] = list(value.split(",")[reference_first:]) if value else []
        # A list of another length cannot be told apart by allele.
        return values if len(values) == len(alts) else [None] * len(alts)

    return get


def _part(key: str, places: list[int], highest: bool) -> _Getter:
    written = f";{key}="

    def get(columns: list[str], info: str, alts: list[str]) -> list[str | None]:
        value = _value(info, written)
        found: list[list[str]] = [[] for _ in alts]
        for entry in value.split(",") if value else ():
            parts = entry.split("|")
            known = [parts[place] for place in places if place < len(parts) and parts[place] not in ("", ".")]
            for index, alt in enumerate(alts):
                if len(alts) == 1 or parts[0] in (alt, _as_vep_writes(columns[3], alt)):
                    found[index] += known
        return [_joined(values, highest) if values else None for values in found]

    return get


def _joined(values: list[str], highest: bool) -> str:
    if highest and len(values) > 1:
        try:
            return max(values, key=float)
        except ValueError:
            pass  # counted as malformed when it is stored
    return "&".join(dict.fromkeys(values))


def _as_vep_writes(ref: str, alt: str) -> str:
    """VEP drops a first base that REF and ALT share, and writes "-" for nothing."""
    return (alt[1:] or "-") if ref[:1] == alt[:1] and len(ref) != len(alt) else alt
