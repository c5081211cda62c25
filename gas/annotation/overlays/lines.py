"""The lines of an overlay's file, numbered for messages: plain, gzip, bgzip, or a zip that holds one file."""

import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pysam

from gas.annotation.reference import BundleError

_COMMENTS_LOOKED_AT = 10_000


class Lines:
    """Lines without their ends, decoded as latin-1 so that bytes survive.

    `first`: the first line that is no comment, "" if there is none; `comments`: the lines before it; `first_number`:
    where it stands. A line that begins with # is a comment unless it has columns.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.comments: list[str] = []
        self.first = ""
        self.first_number = 0
        with closing(self.numbered()) as lines:
            for number, line in lines:
                if not line or is_comment(line):
                    self.comments.append(line)
                    if len(self.comments) > _COMMENTS_LOOKED_AT:
                        raise BundleError(f"{self.name}: its first {_COMMENTS_LOOKED_AT:,} lines are all comments.")
                    continue
                self.first, self.first_number = line, number
                break

    def numbered(self, after: int = 0) -> Generator[tuple[int, str], None, None]:
        """(number from 1, line) of every line after line `after`; raises BundleError when the file cannot be read."""
        # htslib writes to standard error what is wrong, besides saying so.
        before = pysam.set_verbosity(0)
        try:
            with _open(self.path) as file:
                for number, raw in enumerate(file, 1):
                    if number > after:
                        yield number, raw.decode("latin-1").rstrip("\r\n")
        except (OSError, zlib.error, zipfile.BadZipFile) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged or cut off"
            raise BundleError(f"The overlay file {self.path} cannot be read: {reason}.") from error
        finally:
            pysam.set_verbosity(before)

    def refused(self, number: int, what: str) -> BundleError:
        """The exception for a line that is wrong."""
        return BundleError(f"{self.name}, line {number}: {what}")


def is_comment(line: str) -> bool:
    """Whether a line says nothing of any allele and is no header either."""
    if line.startswith(("##", "track ", "browser ")):
        return True
    return line.startswith("#") and "\t" not in line and ("," not in line or " " in line)


def _open(path: Path) -> Any:
    with path.open("rb") as start:
        magic = start.read(4)
    if magic == b"PK\x03\x04":
        return _only_member(path)
    # htslib unpacks twice as fast as Python's own gzip.
    return pysam.BGZFile(str(path), "r", index=None) if magic[:2] == b"\x1f\x8b" else path.open("rb")


def _only_member(path: Path) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise BundleError(f"{path.name} holds {len(members)} files; an overlay is made of one.")
        return archive.open(members[0])


def listing(names: list[str]) -> str:
    """Names for a message; of very many only the first."""
    shown = ", ".join(names[:100])
    return f"{shown} and {len(names) - 100:,} more" if len(names) > 100 else shown
