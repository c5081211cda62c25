"""Names that users give their files: kept as data, made harmless where they leave as a header.

A name never chooses a path, a key or a format.
"""

import re
import unicodedata
from urllib.parse import quote

# The longest name of a file on the usual file systems, in bytes (NAME_MAX in <linux/limits.h>).
MAX_NAME_BYTES = 255

# Characters that no common file system or header takes, or that reorder what a reader sees.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f"*/:<>?\\|\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]')
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
# RFC 8187 attr-char beyond letters and digits; everything else is percent-encoded.
_ATTR_CHARS = "!#$&+-.^_`|~"


def kept(name: str) -> str:
    """The name as it is stored: what the user typed, at most 255 bytes of UTF-8, never empty."""
    return _cut(name.encode("utf-8", "replace").decode("utf-8")) or "unnamed"


def printable(name: str) -> str:
    """The name on one line, without control characters: it must not write lines of a mail's header or of a log."""
    return "".join(character if character.isprintable() else " " for character in name).strip() or "your file"


def downloadable(name: str, default: str = "download") -> str:
    """The name a browser may save under: one path component, valid on every common system, at most 255 bytes."""
    composed = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    plain = _UNSAFE.sub("_", composed).strip(" ").lstrip(".-").rstrip(". ")
    if _RESERVED.match(plain):
        plain = f"_{plain}"
    return _cut(plain) or default


def content_disposition(name: str) -> str:
    """The header value that offers a download under this name (RFC 6266, with RFC 8187 for what is not ASCII)."""
    safe = downloadable(name)
    ascii_only = safe.encode("ascii", "replace").decode("ascii").replace("?", "_")
    # A percent sign in the plain form is decoded by some browsers and not by others (RFC 6266, appendix D).
    ascii_only = ascii_only.replace("%", "_")
    return f"attachment; filename=\"{ascii_only}\"; filename*=UTF-8''{quote(safe, safe=_ATTR_CHARS)}"


def _cut(name: str) -> str:
    """Shorten to 255 bytes, keeping the last two suffixes (`.vcf.gz`), which tell programs what it is."""
    raw = name.encode("utf-8")
    if len(raw) <= MAX_NAME_BYTES:
        return name
    suffix = re.search(r"(\.[0-9A-Za-z]{1,8}){1,3}$", name)
    tail = suffix.group().encode("utf-8") if suffix else b""
    return (raw[: MAX_NAME_BYTES - len(tail)].decode("utf-8", "ignore").encode("utf-8") + tail).decode("utf-8")
