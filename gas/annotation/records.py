"""One VCF record: is it sound, and if not, why.

Records are what `line.split("\\t", 8)` gives: the eight fixed columns and, when there are more, all the rest in one
string. Text is decoded as latin-1, so every byte survives; `printable` makes any of it fit to be shown.
"""

import codecs
import contextlib
import re
from collections.abc import Collection
from typing import Literal, NamedTuple, Protocol

from gas.annotation.reference import Contig

# The line number in the user's file (from 1) and the split fields.
Record = tuple[int, list[str]]
AlleleKind = Literal["bases", "missing", "star", "symbolic", "breakend"]

FIXED_COLUMNS = 8
POS, REF, ALT, INFO = 1, 3, 4, 7

# NUC-IUB codes (NC-IUB 1984): the bases that each stands for.
IUPAC = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
_BASES = frozenset("ACGT")
_REF_BASES = re.compile(r"[ACGTN]+", re.IGNORECASE)
_NUCLEOTIDES = re.compile(r"[ACGTURYSWKMBDHVN]+", re.IGNORECASE)
# VCF 4.3, section 1.6.1: <ID>; section 5.4: t[p[ t]p] ]p]t [p[t, and single breakends "t." and ".t".
_SYMBOLIC = re.compile(r"<[^<>,\s]+>")
_BREAKEND = re.compile(r"[ACGTN.]*([\[\]])[^\[\]\s,]+\1[ACGTN.]*|\.[ACGTN]+|[ACGTN]+\.", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_IN_SAMPLES = bytes(set(range(32)) - {9} | {127})
_DIGITS_OF_LARGEST_POS = 10


class _Sequence(Protocol):
    """Bases, upper case, sliced 0-based half-open."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> str: ...


class Reject(NamedTuple):
    """A record that is not in the result; `reason` reads "kind: detail" and every field is fit to be shown."""

    line: int
    chrom: str
    pos: str
    reason: str


def printable(text: str, limit: int = 40) -> str:
    """`text` (decoded as latin-1) as people may see it: UTF-8 restored, control characters escaped, cut at `limit`."""
    clipped = text[: 4 * limit]
    whole = len(clipped) == len(text)
    with contextlib.suppress(UnicodeError):
        clipped = codecs.getincrementaldecoder("utf-8")().decode(clipped.encode("latin-1"), final=whole)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in clipped[:limit])
    return shown if whole and len(clipped) <= limit else f"{shown}..."


def reject(line: int, fields: list[str], reason: str) -> Reject:
    """The `Reject` of a record, with its place made printable."""
    return Reject(line, printable(fields[0]), printable(fields[POS]) if len(fields) > POS else "", reason)


def kind_of(reason: str) -> str:
    """What to count a reject's reason under: the part that is the same for every record with this fault."""
    return reason.partition(": ")[0]


def allele_kind(alt: str) -> AlleleKind | None:
    """What one ALT allele is, or None when VCF has no such allele."""
    if _REF_BASES.fullmatch(alt):
        return "bases"
    if alt == ".":
        return "missing"
    if alt == "*":
        return "star"
    if _SYMBOLIC.fullmatch(alt):
        return "symbolic"
    return "breakend" if _BREAKEND.fullmatch(alt) else None


def check(fields: list[str], contig: Contig | None, columns: int) -> str | None:
    """Why this record must be rejected, or None.

    `contig`: what CHROM resolves to in the bundle; `columns`: how many the #CHROM line has. REF is not compared with
    the sequence: see `ref_mismatch_reason`.
    """
    rest = fields[FIXED_COLUMNS] if len(fields) > FIXED_COLUMNS else None
    found = len(fields) if rest is None else FIXED_COLUMNS + 1 + rest.count("\t")
    if found != columns:
        return _column_reason(found, columns)
    if contig is None:
        return f"CHROM is not in the reference: '{printable(fields[0])}'"
    ref, alt = fields[REF], fields[ALT]
    return (
        _pos_reason(fields[POS], len(ref), contig)
        or (None if ref in _BASES and alt in _BASES and ref != alt else allele_reason(ref, alt))
        or _control_reason(fields, rest)
    )


def ref_mismatch_reason(ref: str, pos: int, sequence: _Sequence) -> str | None:
    """Why a checked record's REF (at the 1-based `pos`) contradicts the contig's sequence, or None.

    N agrees with every base, and an ambiguity code of the reference with each base that it stands for.
    """
    ref = ref.upper()
    expected = sequence[pos - 1 : pos - 1 + len(ref)]
    if ref == expected:
        return None
    for offset, (given, base) in enumerate(zip(ref, expected, strict=True)):
        if given != base and given != "N" and given not in IUPAC.get(base, ""):
            where = "" if len(ref) == 1 else f" at position {pos + offset}"
            return f"REF differs from the reference: REF has {given}, the reference has {base}{where}"
    return None


def without_keys(info: str, keys: Collection[str]) -> str:
    """INFO without the entries that have these keys; "." when nothing is left."""
    if not any(key in info for key in keys):
        return info
    kept = [entry for entry in info.split(";") if entry.partition("=")[0] not in keys]
    return ";".join(kept) or "."


def _column_reason(found: int, columns: int) -> str:
    if found < FIXED_COLUMNS:
        return f"too few columns: {found}, a record has at least {FIXED_COLUMNS}, separated by tabs"
    return f"number of columns differs from the #CHROM line: {found} here, {columns} there"


def _pos_reason(text: str, ref_length: int, contig: Contig) -> str | None:
    if not (text.isdecimal() and text.isascii()):
        negative = text[:1] == "-" and text[1:].isdecimal()
        return f"POS is {'negative' if negative else 'not a whole number'}: '{printable(text)}'"
    if len(text) > _DIGITS_OF_LARGEST_POS or (pos := int(text)) > contig.length:
        return f"POS is beyond the end of the contig: {printable(text)}, {contig.name} has {contig.length:,} bases"
    if pos == 0:
        return "POS is 0: the position before the first base (telomere) has no sequence"
    if pos + ref_length - 1 > contig.length:
        return f"REF reaches beyond the end of the contig: {contig.name} has {contig.length:,} bases"
    return None


def allele_reason(ref: str, alt: str) -> str | None:
    """Why a record must be rejected for its REF or ALT column, or None."""
    if not _REF_BASES.fullmatch(ref):
        return _letters_reason("REF", ref)
    upper = ref.upper()
    alleles = alt.split(",")
    kinds = [allele_kind(allele) for allele in alleles]
    # An ambiguous allele is kept, without an annotation, beside one that can have one.
    sound = "bases" in kinds
    for allele, kind in zip(alleles, kinds, strict=True):
        if kind is None and sound and _NUCLEOTIDES.fullmatch(allele):
            continue
        if kind is None or (kind == "missing" and len(alleles) > 1):
            return _letters_reason("ALT", allele)
        if kind == "bases" and allele.upper() == upper:
            return f"ALT equals REF: {printable(allele)}"
    return None


def _letters_reason(column: str, allele: str) -> str:
    if not allele:
        return f"{column} is empty: write the bases" + (", or . for none" if column == "ALT" else "")
    if allele == "-":
        return f"{column} is not an allele of VCF: '-'; an indel is written with the base before it"
    if _NUCLEOTIDES.fullmatch(allele):
        odd = next(c for c in allele if c.upper() not in "ACGTN")
        return f"{column} has an ambiguity code: {odd}; VCF takes A, C, G, T and N"
    return f"{column} is not an allele of VCF: '{printable(allele)}'"


def _control_reason(fields: list[str], rest: str | None) -> str | None:
    text = "".join(fields[:FIXED_COLUMNS])
    # isprintable is quick and false for every control character; only what it doubts is looked at closely.
    if not text.isprintable() and (found := _CONTROL.search(text)):
        return f"control character in the record: {printable(found[0])}"
    if rest is not None:
        raw = rest.encode("latin-1")
        if len(raw.translate(None, _CONTROL_IN_SAMPLES)) != len(raw):
            return "control character in the record: in the sample columns"
    return None
