"""The header of a VCF: what must be refused, what can be mended, and what the result's header says."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gas.annotation.assemblies import HG19_MITOCHONDRION, known_assembly, named_assembly
from gas.annotation.limits import InputRefused, Limits
from gas.annotation.records import FIXED_COLUMNS, printable
from gas.annotation.reference import Bundle, Contig

DEFAULT_VERSION = "##fileformat=VCFv4.2"
_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
_VERSION = re.compile(r"##fileformat=VCFv4\.[0-5]")
# VCF 4.3, section 1.4: "##key=value", and for these keys "##key=<ID=...,...>" with quotes that are closed.
_STRUCTURED = ("INFO", "FORMAT", "FILTER", "contig", "ALT", "SAMPLE", "PEDIGREE", "META")
_PLAIN_META = re.compile(r"##[^=\s<>]+=.*")
_ID = re.compile(r"[<,]ID=([^,>]+)")
_LENGTH = re.compile(r"[<,]length=(\d{1,18})[,>]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LISTED = 20
# VCF 4.3, sections 1.4.7 and 1.4.8, and what callers write.
_ABOUT_REFERENCE = re.compile(r"##(?:reference=|assembly=|contig=<.*\bassembly=)([^,>]*)", re.IGNORECASE)


@dataclass
class VcfHeader:
    """`meta`: the ## lines of the result and `columns` its #CHROM line, without line ends.

    `contigs`: name to length as the file declares them; `foreign`: names that are those of a contig of the bundle
    but stand for another sequence; `lines`: how many lines of the file the header takes; `format_left_out`: the file
    has a FORMAT column without samples, which htslib cannot read, so `columns` and the records have none.
    """

    meta: list[str]
    columns: str
    samples: tuple[str, ...]
    contigs: dict[str, int | None]
    lines: int
    foreign: frozenset[str] = frozenset()
    format_left_out: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def column_count(self) -> int:
        """How many columns a record must have."""
        return self.columns.count("\t") + 1

    def resolve(self, name: str, bundle: Bundle) -> Contig | None:
        """The bundle's contig that a record's CHROM means, or None."""
        return None if name in self.foreign else bundle.resolve(name)


def parse_header(lines: Iterable[str], limits: Limits, replaced_info: Collection[str]) -> VcfHeader:
    """Read the header from the file's first lines (as many as it takes).

    The declarations of `replaced_info` (INFO keys that the annotation writes anew) are left out of `meta`.
    Raises InputRefused, naming the line, for what is no VCF header.
    """
    meta: list[tuple[int, str]] = []
    blank = size = number = 0
    for number, line in enumerate(lines, 1):
        size += len(line) + 1
        if size > limits.max_header_bytes:
            raise InputRefused(f"The header is longer than the limit of {limits.max_header_bytes:,} bytes.")
        if line.startswith("##"):
            meta.append((number, line))
        elif line[:6].upper() == "#CHROM":
            samples = _samples(number, line)
            header = VcfHeader([], line, samples, {}, number)
            _take_meta(header, meta, replaced_info)
            if not samples and line.endswith("\tFORMAT"):
                header.columns, header.format_left_out = line.removesuffix("\tFORMAT"), True
                header.notes.append("The file has a FORMAT column but no samples; the column was left out.")
            if blank:
                header.notes.append(f"{blank:,} empty lines in the header were skipped.")
            return header
        elif line.strip():
            raise InputRefused(_no_header(number, line, bool(meta)))
        else:
            blank += 1
    if meta:
        raise InputRefused(f"The file ends at line {number:,} without a #CHROM line; it may be cut off.")
    raise InputRefused("The file is not a VCF: it holds only empty lines.")


def check_contigs(header: VcfHeader, bundle: Bundle) -> None:
    """Refuse a header whose contig lengths contradict the bundle's; note what differs harmlessly."""
    for name, length in header.contigs.items():
        contig = bundle.resolve(name)
        if contig is None or length is None or length == contig.length:
            continue
        if length == HG19_MITOCHONDRION and "MT" in (contig.name, *contig.synonyms):
            header.foreign |= {name}
            header.notes.append(
                f"{printable(name)} of this file is the mitochondrion of UCSC's hg19 (NC_001807), which the reference "
                "does not have; its records are rejected."
            )
            continue
        raise InputRefused(
            f"Contig lengths differ from the reference {bundle.name} ({bundle.assembly}): {printable(name)} has "
            f"{length:,} bases in the header and {contig.length:,} in the reference.{looks_like(header, bundle)}"
        )


def looks_like(header: VcfHeader, bundle: Bundle) -> str:
    """A further sentence naming the assembly whose lengths the header has, or that it states; or ""."""
    assembly = known_assembly(header.contigs) or stated_assembly(header)
    known = assembly and assembly != named_assembly(bundle.assembly)
    return f" The file looks like {assembly}: choose a reference for that assembly." if known else ""


def stated_assembly(header: VcfHeader) -> str | None:
    """The assembly that the header's lines about the reference name; None if none, or several, are known."""
    stated = {match[1] for line in header.meta if (match := _ABOUT_REFERENCE.match(line))}
    found = {named_assembly(text) for text in stated} - {None}
    return found.pop() if len(found) == 1 else None


def supply_contigs(header: VcfHeader, bundle: Bundle, seen: Collection[str]) -> None:
    """Add ##contig lines that the file lacks, under the names that its records use.

    `seen`: the CHROM values at the file's beginning. A header without any gets all of the bundle's.
    """
    undeclared = [name for name in seen if name not in header.contigs and header.resolve(name, bundle)]
    if not header.contigs:
        in_file = {contig.name: name for name in undeclared if (contig := bundle.resolve(name))}
        chr_style = any(name.startswith("chr") for name in undeclared)
        names = [in_file.get(contig.name) or _styled(contig, chr_style, in_file) for contig in bundle.contigs.values()]
        header.notes.append(f"The header declares no contigs; they were taken from the reference {bundle.name}.")
    elif undeclared:
        names = undeclared
        listed = ", ".join(printable(name) for name in undeclared[:5])
        header.notes.append(f"The header lacks contigs of its records ({listed}); they were taken from the reference.")
    else:
        return
    for name in names:
        contig = bundle.resolve(name)
        if contig is not None:
            header.meta.append(f"##contig=<ID={name},length={contig.length}>")


def _styled(contig: Contig, chr_style: bool, in_file: dict[str, str]) -> str:
    """The contig's name with or without "chr", as the file writes its others."""
    if not in_file:
        return contig.name
    fitting = [name for name in (contig.name, *contig.synonyms) if name.startswith("chr") == chr_style]
    return fitting[0] if fitting else contig.name


def _no_header(number: int, line: str, has_meta: bool) -> str:
    cells = line.split("\t")
    is_record = len(cells) >= FIXED_COLUMNS or (not line.startswith("#") and len(line.split()) >= FIXED_COLUMNS)
    if has_meta and is_record:
        return f"The #CHROM line is missing: line {number:,} is already a record; put it before the first record."
    if has_meta:
        return f"Line {number:,} is neither a header line (##...), nor the #CHROM line: '{printable(line)}'."
    if is_record and len(cells) > 1 and cells[1].isdecimal():
        return (
            f"The file has no VCF header: line {number:,} is already a record; a VCF begins with ##fileformat and has "
            "a #CHROM line before its records."
        )
    return f"The file is not a VCF: line {number:,} is '{printable(line)}'."


def _samples(number: int, line: str) -> tuple[str, ...]:
    cells = line.split("\t")
    if len(cells) < FIXED_COLUMNS and len(line.split()) >= FIXED_COLUMNS:
        raise InputRefused(
            f"The columns of the #CHROM line (line {number:,}) are separated by spaces; they must be tabs."
        )
    for place, (cell, expected) in enumerate(zip(cells, _COLUMNS, strict=False), 1):
        if cell != expected:
            raise InputRefused(
                f"Column {place} of the #CHROM line (line {number:,}) is called '{printable(cell)}'; "
                f"it must be {expected}."
            )
    if len(cells) < FIXED_COLUMNS:
        raise InputRefused(
            f"The #CHROM line (line {number:,}) has {len(cells)} columns; the first {FIXED_COLUMNS} must be "
            f"{' '.join(_COLUMNS[:FIXED_COLUMNS])}."
        )
    samples = tuple(cells[FIXED_COLUMNS + 1 :])
    seen: set[str] = set()
    for sample in samples:
        if not sample or sample in seen or _CONTROL.search(sample):
            fault = "has a sample without a name"
            if sample:
                twice = sample in seen
                fault = f"has a {'duplicate' if twice else 'damaged'} sample name, '{printable(sample)}'"
            raise InputRefused(f"The #CHROM line (line {number:,}) {fault}; sample names must be unique.")
        seen.add(sample)
    return samples


def _take_meta(header: VcfHeader, meta: list[tuple[int, str]], replaced_info: Collection[str]) -> None:
    version = next((line for _, line in meta if line.startswith("##fileformat=")), None)
    if version is None:
        header.notes.append("The line ##fileformat is missing; the file was read as VCF 4.2.")
    elif not _VERSION.fullmatch(version):
        header.notes.append(f"The VCF version is not known ({printable(version[13:])}); the file was read as VCF 4.")
    header.meta.append(DEFAULT_VERSION if version is None or _CONTROL.search(version) else version)
    malformed = []
    for number, line in meta:
        key, _, value = line[2:].partition("=")
        if key == "fileformat":
            continue
        if not _is_sound(key, line):
            malformed.append(number)
            continue
        identifier = match[1] if (match := _ID.search(value)) else ""
        if key == "INFO" and identifier in replaced_info:
            header.notes.append(f"The file already has {printable(identifier)} annotations; they were replaced.")
            continue
        if key == "contig":
            length = _LENGTH.search(value)
            header.contigs[identifier] = int(length[1]) if length else None
        header.meta.append(line)
    for number in malformed[:_LISTED]:
        header.notes.append(f"Line {number:,} of the header is malformed and was left out of the result.")
    if len(malformed) > _LISTED:
        header.notes.append(f"{len(malformed) - _LISTED:,} more header lines are malformed and were left out.")


def _is_sound(key: str, line: str) -> bool:
    if _CONTROL.search(line):
        return False
    if key not in _STRUCTURED:
        return bool(_PLAIN_META.fullmatch(line))
    unescaped = line.replace("\\\\", "").replace('\\"', "")
    closed = line.rstrip().endswith(">") and unescaped.count('"') % 2 == 0
    return closed and line[len(key) + 2 :].startswith("=<") and bool(_ID.search(line) or key == "PEDIGREE")
