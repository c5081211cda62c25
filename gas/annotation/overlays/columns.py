"""Columns of an overlay while it is built: texts are turned into numbers, and stored as small as loses nothing."""

import os
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

DISTINCT_TEXTS_IN_MEMORY = 500_000
UNKNOWN_INT = int(np.iinfo(np.int64).min)
_EXACT_INTEGERS = 2**53  # of a double
# Six significant digits survive a single-precision float between these (FLT_DIG, ISO C).
_SINGLE_MIN, _SINGLE_MAX = 1e-37, 1e38

# VCF 4.3 section 1.2: what an INFO value must not hold, percent-encoded; a "%" that encodes already stays. A space is
# allowed from 4.3 on only, and the user's file may be older.
_FORBIDDEN = re.compile(r"[;=,\s]|%(?!(?:3A|3B|3D|25|2C|0D|0A|09|20))")


def encoded(text: str) -> str:
    """`text` as a value that any INFO field may hold."""
    return _FORBIDDEN.sub(lambda match: f"%{ord(match[0]):02X}", text)


class Column(Protocol):
    """`dtype` of the spilled values; `malformed` counts texts that were no value of the column's type."""

    dtype: Any
    malformed: int

    def store(self, text: str) -> Any: ...

    def unknown(self) -> Any: ...

    def kind(self) -> str: ...

    def joined(self, values: Sequence[Any]) -> Any:
        """One value of several that are known, in file order: the highest number, or all texts with "&" between."""

    def close(self) -> None: ...


class TextWriter:
    """Writes the table that `values.TextTable` reads: stem.texts and stem.offsets. Numbers begin with 1."""

    def __init__(self, stem: Path) -> None:
        self._texts = open(f"{stem}.texts", "w+b")  # noqa: SIM115 (closed by close)
        self._offsets = open(f"{stem}.offsets", "w+b")  # noqa: SIM115
        self._ends = array("Q", [0])
        self._end = 0
        self._count = 0

    def add(self, text: str) -> int:
        """Append `text`; returns its number."""
        self._end += self._texts.write(text.encode("latin-1", "replace"))
        self._ends.append(self._end)
        if len(self._ends) >= 1 << 16:
            self._flush()
        self._count += 1
        return self._count

    def _flush(self) -> None:
        self._ends.tofile(self._offsets)
        self._ends = array("Q")

    def read(self, number: int) -> str:
        """A text that was added before."""
        self._flush()
        self._texts.flush()
        self._offsets.flush()
        bounds = array("Q", os.pread(self._offsets.fileno(), 16, 8 * (number - 1)))
        return os.pread(self._texts.fileno(), bounds[1] - bounds[0], bounds[0]).decode("latin-1")

    def close(self) -> None:
        self._flush()
        self._texts.close()
        self._offsets.close()


class TextColumn:
    """Texts, each distinct one kept once (as far as memory allows)."""

    dtype = np.uint32

    def __init__(self, stem: Path) -> None:
        self._writer = TextWriter(stem)
        self._numbers: dict[str, int] = {}
        self._joined: dict[tuple[int, ...], int] = {}
        self.malformed = 0

    def store(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            if len(self._numbers) >= DISTINCT_TEXTS_IN_MEMORY:
                self._numbers.clear()
            number = self._numbers[text] = self._writer.add(encoded(text))
        return number

    def joined(self, values: Sequence[int]) -> int:
        numbers = tuple(dict.fromkeys(int(value) for value in values))
        if len(numbers) == 1:
            return numbers[0]
        number = self._joined.get(numbers)
        if number is None:
            if len(self._joined) >= DISTINCT_TEXTS_IN_MEMORY:
                self._joined.clear()
            # Equal texts may have several numbers.
            texts = dict.fromkeys(self._writer.read(number) for number in numbers)
            number = self._joined[numbers] = self._writer.add("&".join(texts))
        return number

    def unknown(self) -> int:
        return 0

    def kind(self) -> str:
        return "text"

    def close(self) -> None:
        self._writer.close()


class FlagColumn:
    """Present or not."""

    dtype = np.uint8
    malformed = 0

    def store(self, text: str) -> int:
        return 1

    def unknown(self) -> int:
        return 0

    def joined(self, values: Sequence[int]) -> int:
        return max(values)

    def kind(self) -> str:
        return "flag"

    def close(self) -> None:
        pass


class IntegerColumn:
    """Whole numbers, 32 bits wide if all of them fit."""

    dtype = np.int64

    def __init__(self) -> None:
        self.malformed = 0
        self._widest = 0

    def store(self, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            self.malformed += 1
            return UNKNOWN_INT
        if abs(value) >= 1 << 63:
            self.malformed += 1
            return UNKNOWN_INT
        self._widest = max(self._widest, abs(value))
        return value

    def unknown(self) -> int:
        return UNKNOWN_INT

    def joined(self, values: Sequence[int]) -> int:
        return max(values)

    def kind(self) -> str:
        return "int32" if self._widest < 1 << 31 else "int64"

    def close(self) -> None:
        pass


class FloatColumn:
    """Real numbers: as integers if all are whole, in single precision if no number loses a digit by it."""

    dtype = np.float64

    def __init__(self) -> None:
        self.malformed = 0
        self._whole = True
        self._widest = 0.0
        self._single = True

    def store(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            self.malformed += 1
            return np.nan
        if value != value:
            return value
        size = abs(value)
        self._widest = max(self._widest, size)
        if self._whole and not value.is_integer():
            self._whole = False
        if self._single and size and not (float(f"{value:g}") == value and _SINGLE_MIN < size < _SINGLE_MAX):
            self._single = False
        return value

    def unknown(self) -> float:
        return np.nan

    def joined(self, values: Sequence[float]) -> float:
        return max(values)

    def kind(self) -> str:
        if self._whole and self._widest < _EXACT_INTEGERS:
            return "int32" if self._widest < 1 << 31 else "int64"
        return "float32" if self._single else "float64"

    def close(self) -> None:
        pass


def column_for(type_: str, stem: Path) -> Column:
    """The column that holds values of this VCF Type; texts are written beside `stem`."""
    if type_ == "Flag":
        return FlagColumn()
    if type_ == "Integer":
        return IntegerColumn()
    return FloatColumn() if type_ == "Float" else TextColumn(stem)


def final(values: NDArray[Any], kind: str) -> NDArray[Any]:
    """Spilled values in the width that `kind` is stored with."""
    if kind not in ("int32", "int64"):
        return values.astype({"flag": np.uint8, "text": np.uint32, "float32": np.float32, "float64": np.float64}[kind])
    width = np.dtype(kind)
    known = ~np.isnan(values) if values.dtype == np.float64 else values != UNKNOWN_INT
    stored = np.full(len(values), np.iinfo(width).min, dtype=width)
    stored[known] = values[known]
    return stored
