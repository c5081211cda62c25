"""A client between the code and the stand-in, for what the network or the service may do wrong."""

import io
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gas.archives import Draft

MEBIBYTE = 1024**2


class Through:
    """A client whose answers to some operations pass through a function: `Through(client, operation=change)`."""

    def __init__(self, client: Any, **changes: Callable[[Any], Any]) -> None:
        self._client = client
        self._changes = changes
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._client, operation)

        def call(*arguments: Any, **parameters: Any) -> Any:
            self.calls.append((operation, parameters))
            return self._changes.get(operation, lambda answer: answer)(method(*arguments, **parameters))

        return call

    def count(self, operation: str) -> int:
        return sum(called == operation for called, _ in self.calls)


def times(count: int, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The change, for the first so many answers only."""
    left = iter(range(count))
    return lambda answer: answer if next(left, None) is None else change(answer)


def with_body(change: Callable[[bytes], bytes]) -> Callable[[Any], Any]:
    """A change of an answer's body."""
    return lambda answer: {**answer, "body": io.BytesIO(change(answer["body"].read()))}


def flipped(body: bytes) -> bytes:
    """The same bytes but for one bit in the middle."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def in_chunks(data: bytes, size: int = 300_000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


class Stop(Exception):
    """Raised by a note, as when the lease is lost."""


class Notes:
    """What `store` notes; stops it at the n-th note if told to."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.drafts: list[Draft] = []
        self._stop_at = stop_at

    def __call__(self, draft: Draft) -> None:
        self.drafts.append(draft)
        if len(self.drafts) == self._stop_at:
            raise Stop


def broken_off(chunks: Iterable[bytes], after: int) -> Iterator[bytes]:
    """The chunks until so many bytes came, then an error."""
    done = 0
    for chunk in chunks:
        if done >= after:
            raise Stop
        done += len(chunk)
        yield chunk


@contextmanager
def peak() -> Iterator[list[int]]:
    """Measures the most bytes that Python had allocated inside; the list has them afterwards."""
    found: list[int] = []
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
