"""What an input may be at most, and the exception for what it may not."""

from dataclasses import dataclass

MIB = 1 << 20


class InputRefused(Exception):
    """The user's file cannot be annotated; str() is one printable sentence or two: what, where, what to do."""


@dataclass(frozen=True)
class Limits:
    """Bounds on a hostile or broken file, in bytes unless named otherwise.

    `max_ratio` is uncompressed over compressed size. DEFLATE cannot exceed 1,032 and a wide cohort of equal
    genotypes in BGZF comes near 650, so only files that hold nothing are beyond the default; what is under it is
    bounded by `max_uncompressed_bytes`.
    """

    max_uncompressed_bytes: int = 128 << 30
    max_ratio: int = 800
    ratio_from_bytes: int = MIB
    max_line_bytes: int = 8 * MIB
    max_header_bytes: int = 64 * MIB
    sort_memory_bytes: int = 128 * MIB
