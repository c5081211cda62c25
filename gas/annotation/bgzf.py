"""BGZF, the blocked gzip of the SAM/BAM specification (section 4.1), made in memory so that blocks can be appended."""

import struct
import zlib

# The specification's empty block that marks the end of a file.
END_OF_FILE = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
# What htslib puts into a block: less than 64 KiB, so that even incompressible bytes fit with their headers.
_BLOCK = 0xFF00
_LEVEL = 6
_HEADER = struct.Struct("<4BI2BH2BHH")


def compress(data: bytes) -> bytes:
    """`data` as whole BGZF blocks, without the end-of-file block."""
    return b"".join([_block(data[place : place + _BLOCK]) for place in range(0, len(data), _BLOCK)])


def _block(data: bytes) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    size = _HEADER.size + len(body) + 8 - 1
    header = _HEADER.pack(31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, size)
    return header + body + struct.pack("<II", zlib.crc32(data), len(data))
