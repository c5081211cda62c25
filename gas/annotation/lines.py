"""From uncompressed bytes to lines of text: latin-1, so that every byte survives, without line ends."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gas.annotation.formats import UTF8_MARK
from gas.annotation.limits import InputRefused, Limits
from gas.annotation.records import FIXED_COLUMNS, Record


@dataclass
class LineFacts:
    """What was seen of the lines so far; `count`: how many have been given out."""

    count: int = 0
    blank: int = 0
    first_blank: int = 0
    byte_order_mark: bool = False
    carriage_returns: bool = False


@dataclass(frozen=True)
class Lines:
    """Some lines that hold records, each with its number in the user's file; in `text` all end with a newline."""

    numbers: Sequence[int]
    text: bytes

    @classmethod
    def of(cls, numbered: Sequence[tuple[int, str]]) -> "Lines":
        """Of lines without their ends."""
        return cls([n for n, _ in numbered], "".join([f"{line}\n" for _, line in numbered]).encode("latin-1"))

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Record]:
        """The records one by one."""
        for number, line in zip(self.numbers, self.text.decode("latin-1").split("\n")[:-1], strict=True):
            yield number, line.split("\t", FIXED_COLUMNS)

    def all_of(self, chrom: str) -> bool:
        """Whether every record has this CHROM."""
        begin = f"{chrom}\t".encode("latin-1")
        return self.text.startswith(begin) and self.text.count(b"\n" + begin) == len(self.numbers) - 1

    def by_chrom(self) -> Iterator[tuple[str, "Lines"]]:
        """Each run of records with the same CHROM."""
        chrom = self.text[: self.text.find(b"\t")].decode("latin-1")
        if self.all_of(chrom):
            yield chrom, self
            return
        for chrom, run in groupby(self, key=lambda record: record[1][0]):
            yield chrom, Lines.of([(number, "\t".join(fields)) for number, fields in run])


def line_blocks(pieces: Iterable[bytes], limits: Limits, facts: LineFacts) -> Iterator[list[str]]:
    """The lines of consecutive pieces of a file, some thousands at a time; empty lines are kept, `facts` is filled.

    Raises InputRefused for a NUL byte and for a line over the limit, naming the line.
    """
    parts: list[bytes] = []
    waiting = 0
    for piece in _without_mark(pieces, facts):
        end = piece.rfind(b"\n")
        if end < 0:
            parts.append(piece)
            waiting += len(piece)
            if waiting > limits.max_line_bytes:
                raise _too_long(facts.count + 1, limits)
            continue
        block = b"".join([*parts, piece[:end]])
        parts, waiting = [piece[end + 1 :]], len(piece) - end - 1
        yield _lines(block, limits, facts)
    if last := b"".join(parts):
        yield _lines(last, limits, facts)


def _without_mark(pieces: Iterable[bytes], facts: LineFacts) -> Iterator[bytes]:
    for place, piece in enumerate(pieces):
        if place == 0 and piece.startswith(UTF8_MARK):
            facts.byte_order_mark = True
            piece = piece[len(UTF8_MARK) :]
        yield piece


def _lines(block: bytes, limits: Limits, facts: LineFacts) -> list[str]:
    if b"\0" in block:
        damaged = facts.count + 1 + block.count(b"\n", 0, block.index(b"\0"))
        raise InputRefused(f"Line {damaged:,} holds a NUL byte: the file is damaged or no text; upload it again.")
    if b"\r" in block:
        facts.carriage_returns = True
        block = block.replace(b"\r\n", b"\n").removesuffix(b"\r")
    lines = block.decode("latin-1").split("\n")
    if len(block) > limits.max_line_bytes:
        for number, line in enumerate(lines, facts.count + 1):
            if len(line) > limits.max_line_bytes:
                raise _too_long(number, limits)
    facts.count += len(lines)
    return lines


def _too_long(number: int, limits: Limits) -> InputRefused:
    return InputRefused(f"Line {number:,} is longer than the limit of {limits.max_line_bytes:,} bytes.")
