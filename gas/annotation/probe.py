"""A look at the first records of a file, for what is wrong with all of it: spaces for tabs, another assembly."""

from collections.abc import Sequence

from gas.annotation.assemblies import other_assemblies
from gas.annotation.header import VcfHeader, looks_like, stated_assembly
from gas.annotation.limits import InputRefused
from gas.annotation.order import refuse_header_line
from gas.annotation.records import (
    ALT,
    FIXED_COLUMNS,
    POS,
    REF,
    Record,
    check,
    printable,
    ref_mismatch_reason,
)
from gas.annotation.reference import Bundle, Contig

# Half of the comparable records: a base agrees with a wrong sequence by chance one time in four, and a file made
# against the bundle's assembly has nearly no mismatch.
_FEWEST_COMPARED = 10
_GENOTYPES_READ = 20


def refuse_header_lines(records: Sequence[Record]) -> None:
    """Raise InputRefused when one of the records is a header line."""
    for number, fields in records:
        refuse_header_line(number, fields[0])


def refuse_spaces(records: Sequence[Record]) -> None:
    """Raise InputRefused when the first record has spaces where its tabs should be."""
    for number, fields in records[:1]:
        if len(fields) < FIXED_COLUMNS and len("\t".join(fields).split()) >= FIXED_COLUMNS:
            raise InputRefused(
                f"The columns of line {number:,} are separated by spaces; a VCF has tabs. Write it again with tabs."
            )


def refuse_wrong_assembly(compared: int, mismatched: int, header: VcfHeader, bundle: Bundle) -> None:
    """Raise InputRefused when so many of the REF alleles compared contradict the sequence that it is another one's."""
    if compared >= _FEWEST_COMPARED and 2 * mismatched > compared:
        raise InputRefused(
            f"REF does not match the reference {bundle.name} ({bundle.assembly}) nearly everywhere ({mismatched:,} of "
            f"{compared:,} records compared): the file was probably made against another (wrong) assembly"
            f"{_which_assembly(header, bundle)}. Choose the reference that it was made against."
        )


def _which_assembly(header: VcfHeader, bundle: Bundle) -> str:
    others = other_assemblies(bundle.assembly)
    stated = stated_assembly(header)
    if stated and (not others or stated in others):
        return f", by its header {stated}"
    return f", such as {' or '.join(others)}" if others else ""


def compare_with_reference(records: Sequence[Record], header: VcfHeader, bundle: Bundle) -> None:
    """Raise InputRefused when the REF alleles of these records are those of another assembly."""
    contigs: dict[str, Contig | None] = {}
    compared = mismatched = 0
    for _, fields in records:
        chrom = fields[0]
        if chrom not in contigs:
            contigs[chrom] = header.resolve(chrom, bundle)
        contig = contigs[chrom]
        if contig is None or check(fields, contig, header.column_count):
            continue
        compared += 1
        mismatched += ref_mismatch_reason(fields[REF], int(fields[POS]), bundle.sequence(contig.name)) is not None
    refuse_wrong_assembly(compared, mismatched, header, bundle)


def refuse_unknown_contigs(header: VcfHeader, bundle: Bundle, seen: Sequence[str]) -> None:
    """Raise InputRefused: none of the contigs that the records name (`seen`, some of them) is in the bundle."""
    expected = ", ".join(list(bundle.contigs)[:5]) + (", ..." if len(bundle.contigs) > 5 else "")
    found = ", ".join(printable(name) for name in seen[:5]) + (", ..." if len(seen) > 5 else "")
    raise InputRefused(
        f"No contig of the file ({found}) is in the reference {bundle.name} ({bundle.assembly}), which has {expected}."
        f"{looks_like(header, bundle)}"
    )


def genotype_note(records: Sequence[Record], header: VcfHeader) -> str | None:
    """A sentence about the first genotype that names an allele its record does not have, or None."""
    for number, fields in records:
        if len(fields) <= FIXED_COLUMNS or not fields[FIXED_COLUMNS].startswith("GT"):
            continue
        alleles = 0 if fields[ALT] == "." else fields[ALT].count(",") + 1
        cells = fields[FIXED_COLUMNS].split("\t", _GENOTYPES_READ + 1)[1 : _GENOTYPES_READ + 1]
        for cell in cells:
            for index in cell.partition(":")[0].replace("|", "/").split("/"):
                if index.isascii() and index.isdecimal() and (len(index) > 5 or int(index) > alleles):
                    return (
                        f"A genotype in line {number:,} has an allele index out of range ({printable(index)}, the "
                        f"record has {alleles}); genotypes are kept as they are."
                    )
    return None
