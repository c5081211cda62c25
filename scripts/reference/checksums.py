"""Publishers' checksums: NCBI's and gnomAD's MD5, and what the program `sum` prints, which Ensembl publishes."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

_MD5 = re.compile(r"\b[0-9a-f]{32}\b")
_SUM = re.compile(r"(\d+)\s+(\d+)\s+(?:\S*/)?(\S+)")


class NoChecksum(Exception):
    """A checksum cannot be had; str() is one sentence for people."""


def published(text: str, method: str, name: str) -> str:
    """The checksum of the file `name` in a publisher's list, as `of` gives it. Raises NoChecksum when it has none."""
    if method == "md5":
        # A list of one file is all there is; NCBI's has a path of its own making in it.
        found = _MD5.search(text)
        if found:
            return found[0]
    for line in text.splitlines():
        entry = _SUM.fullmatch(line.strip())
        if entry and entry[3] == name:
            return f"{int(entry[1])} {int(entry[2])}"
    raise NoChecksum(f"The publisher's list of checksums has none for {name}.")


def of(path: Path, method: str) -> str:
    """The checksum of a file: MD5 in hexadecimal, or "checksum blocks" as `sum` prints them without leading zeros."""
    if method == "md5":
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    program = shutil.which("sum")
    if program is None:
        raise NoChecksum("The program sum, with which Ensembl's files are checked, is not installed (GNU coreutils).")
    # Its 16 bits depend on each other bit by bit; Python takes minutes for a genome.
    with path.open("rb") as file:
        done = subprocess.run([program], stdin=file, capture_output=True, text=True, check=True)
    checksum, blocks = done.stdout.split()[:2]
    return f"{int(checksum)} {int(blocks)}"
