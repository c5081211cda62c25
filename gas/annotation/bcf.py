"""BCF as VCF text, read by htslib after its framing has been checked here."""

from collections.abc import Iterator
from pathlib import Path

from gas.annotation.decompress import Hasher, chunks
from gas.annotation.formats import recognise
from gas.annotation.limits import MIB, InputRefused, Limits

_ADVICE = "convert it with 'bcftools view' and upload the VCF"


def survey(path: Path, limits: Limits, hasher: Hasher | None = None) -> None:
    """Check that every record of a BCF file is whole and within the limits; raises InputRefused.

    `hasher` gets all of the raw bytes. Framing (BCF2 specification, section 6): magic, l_text, text, then for each
    record l_shared, l_indiv and as many bytes as these say.
    """
    with path.open("rb") as file:
        buffer = bytearray()
        in_header = True
        for piece in chunks(file, "plain" if recognise(file) == "bcf" else "gzip", limits, hasher):
            buffer += piece
            place = 0
            while (size := _frame(buffer, place, in_header, limits)) and place + size <= len(buffer):
                place += size
                in_header = False
            del buffer[:place]
    if buffer or in_header:
        raise InputRefused("The BCF file is truncated: its last record is cut off; upload it again, whole.")


def _frame(buffer: bytearray, place: int, in_header: bool, limits: Limits) -> int:
    """The size of the header or record that begins at `place`; 0 while too little of it has been read to tell."""
    start = 9 if in_header else 8
    if len(buffer) - place < start:
        return 0
    if in_header:
        size = int.from_bytes(buffer[place + 5 : place + 9], "little")
        what, limit = "The header", limits.max_header_bytes
    else:
        size = sum(int.from_bytes(buffer[at : at + 4], "little") for at in (place, place + 4))
        what, limit = "A record", limits.max_line_bytes
    if size > limit:
        raise InputRefused(f"{what} of the BCF file is longer than the limit of {limit:,} bytes.")
    return start + size


def text(path: Path) -> Iterator[bytes]:
    """The file as VCF text, in pieces of whole lines. Raises InputRefused for what htslib cannot read."""
    # Most files are no BCF.
    import pysam

    before = pysam.set_verbosity(0)
    try:
        # By descriptor: htslib takes some names for addresses, and splits others.
        with path.open("rb") as raw, pysam.VariantFile(raw) as file:
            yield str(file.header).encode()
            lines: list[str] = []
            size = 0
            for record in file:
                lines.append(str(record))
                size += len(lines[-1])
                if size >= MIB:
                    yield "".join(lines).encode()
                    lines, size = [], 0
            yield "".join(lines).encode()
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputRefused(f"The BCF file cannot be read; {_ADVICE}.") from error
    finally:
        pysam.set_verbosity(before)
