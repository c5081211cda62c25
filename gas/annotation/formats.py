"""What a file is, by its first bytes and never by its name; what to tell people whose file is something else."""

import os
import struct
from typing import BinaryIO, Literal

from gas.annotation.limits import InputRefused

Format = Literal["plain", "gzip", "bgzf", "bcf"]

# Enough for the magic number of a tar archive, which stands at byte 257.
HEAD_BYTES = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"
UTF8_MARK = b"\xef\xbb\xbf"

_BCF_MAGIC = b"BCF\x02"
# SAM/BCF specification (samtools/hts-specs SAMv1, section 4.1): a BGZF block is a gzip member whose extra field "BC"
# holds its size, and the file ends with this empty one.
BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BGZF_HEADER = 18

_UPLOAD_VCF = "upload the VCF itself"
# First bytes, what the file is, and what to do instead.
FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive (or an office document)", "unpack it and upload the VCF inside it"),
    (b"PK\x05\x06", "an empty zip archive", _UPLOAD_VCF),
    (b"BZh", "compressed with bzip2", "unpack it, or compress it with bgzip or gzip"),
    (b"\xfd7zXZ\x00", "compressed with xz", "unpack it, or compress it with bgzip or gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it, or compress it with bgzip or gzip"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "unpack it, or compress it with bgzip or gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and upload the VCF inside it"),
    (b"Rar!", "a rar archive", "unpack it and upload the VCF inside it"),
    (b"BAM\x01", "BAM (alignments), not VCF", "call variants first, then upload the VCF"),
    (b"CRAM", "CRAM (alignments), not VCF", "call variants first, then upload the VCF"),
    (b"TBI\x01", "a tabix index", "upload the VCF that it belongs to"),
    (b"CSI\x01", "an index", "upload the VCF that it belongs to"),
    (b"BCF\x04", "BCF version 1", "convert it with 'bcftools view'"),
    (b"\x89PNG", "a PNG image", _UPLOAD_VCF),
    (b"\xff\xd8\xff", "a JPEG image", _UPLOAD_VCF),
    (b"GIF8", "a GIF image", _UPLOAD_VCF),
    (b"%PDF", "a PDF document", _UPLOAD_VCF),
    (b"\xd0\xcf\x11\xe0", "an office document", "save the table as a VCF"),
    (b"\xff\xfe\x00\x00", "text in UTF-32", "save it as UTF-8"),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
    (b"##gff-version", "GFF3 (features), not VCF", _UPLOAD_VCF),
    (b"@HD\t", "SAM (alignments), not VCF", "call variants first, then upload the VCF"),
    (b">", "FASTA (sequences), not VCF", _UPLOAD_VCF),
)
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body")


def recognise(file: BinaryIO) -> Format:
    """The format of an open file (left at its start); raises InputRefused for what is certainly no VCF or BCF."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise InputRefused("The file is empty.")
    if head.startswith(GZIP_MAGIC):
        return "bgzf" if bgzf_block_size(head) else "gzip"
    if head.startswith(_BCF_MAGIC):
        return "bcf"
    refuse_foreign(head, "The file")
    return "plain"


def holds_bcf(content: bytes) -> bool:
    """Whether the uncompressed content is BCF 2."""
    return content.startswith(_BCF_MAGIC)


def refuse_foreign(head: bytes, subject: str) -> None:
    """Raise InputRefused when the first bytes are those of another kind of file; `subject` begins the sentence."""
    for magic, what, advice in FOREIGN:
        if head.startswith(magic):
            raise InputRefused(f"{subject} is {what}; {advice}.")
    if head[:4096].removeprefix(UTF8_MARK).lstrip().lower().startswith(_MARKUP):
        raise InputRefused(f"{subject} is an HTML page, perhaps an error page saved by a download; {_UPLOAD_VCF}.")
    if head[257:262] == b"ustar":
        raise InputRefused(f"{subject} is a tar archive; unpack it and upload the VCF inside it.")
    if head[:2] in (b"#\x00", b"\x00#"):
        raise InputRefused(f"{subject} is text in UTF-16; save it as UTF-8.")
    first = head.partition(b"\n")[0][:4096]
    if not first.removeprefix(UTF8_MARK).startswith(b"#") and is_binary(first):
        raise InputRefused(f"{subject} is not a VCF: it holds binary data.")


def is_binary(line: bytes) -> bool:
    """Whether a line has more control and non-ASCII bytes than text has."""
    return 10 * sum(byte < 9 or 13 < byte < 32 or byte > 126 for byte in line) > len(line)


def bgzf_block_size(block: bytes) -> int:
    """The whole size in bytes of the BGZF block that begins here, or 0 when none does."""
    if len(block) < _BGZF_HEADER or block[:4] != b"\x1f\x8b\x08\x04" or block[12:16] != b"BC\x02\x00":
        return 0
    size: int = struct.unpack_from("<H", block, 16)[0] + 1
    return size


def refuse_unfinished_bgzf(file: BinaryIO) -> None:
    """Raise InputRefused unless a BGZF file ends with the end-of-file block; leaves the file at its start."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - len(BGZF_EOF)))
    finished = file.read() == BGZF_EOF
    if not finished:
        raise InputRefused(_how_bgzf_ends(file, end))
    file.seek(0)


def _how_bgzf_ends(file: BinaryIO, end: int) -> str:
    place, last = 0, b""
    while place < end:
        file.seek(place)
        block = file.read(len(BGZF_EOF))
        size = bgzf_block_size(block)
        if not size and last == BGZF_EOF:
            return f"There are {end - place:,} bytes after the end of the BGZF (bgzip) data; compress the VCF again."
        if not size or place + size > end:
            return "The BGZF (bgzip) file is truncated: its last block is cut off; upload it again, whole."
        last, place = block, place + size
    return "The BGZF (bgzip) file is truncated: its end-of-file block is missing; upload it again, whole."
