"""What an operator writes to have an overlay built."""

import re
from dataclasses import dataclass
from pathlib import Path

from gas.annotation.reference import BundleError

# As many as a look-up has bits for.
MAX_FIELDS = 60

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@dataclass(frozen=True)
class OverlaySpec:
    """One `--overlay NAME=FILE:FIELD[,FIELD…]`; `path` may be a pattern that matches several files of one kind."""

    name: str
    path: Path
    fields: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "OverlaySpec":
        """Read the command line's form; raises BundleError with what is wrong about it."""
        name, equals, rest = text.partition("=")
        file, colon, listed = rest.rpartition(":")
        fields = tuple(field.strip() for field in listed.split(","))
        if not (equals and colon and file and all(fields)):
            raise BundleError(f"{text!r} is no overlay: write NAME=FILE:FIELD or NAME=FILE:FIELD,FIELD.")
        if not _NAME.fullmatch(name):
            raise BundleError(f"{name!r} cannot name an overlay: use letters, digits and '_', a letter first.")
        if len(set(fields)) < len(fields):
            raise BundleError(f"The overlay {name} lists a field twice.")
        if len(fields) > MAX_FIELDS:
            raise BundleError(f"The overlay {name} lists {len(fields)} fields; at most {MAX_FIELDS} are possible.")
        return cls(name, Path(file), fields)
