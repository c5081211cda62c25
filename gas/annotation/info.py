"""INFO of annotated records: what the user's file has there, then CSQ, then what the overlays know."""

from collections.abc import Collection, Sequence

import numpy as np

from gas.annotation.columns import Columns, Ints
from gas.annotation.records import without_keys


def with_annotation(
    found: Columns, annotations: Sequence[bytes], overlays: Sequence[str], replaced: Collection[str]
) -> tuple[list[bytes], Ints]:
    """The lines of these records, in pieces, and each line's length.

    `annotations` are CSQ's values and `overlays` entries of INFO, "" for none. `replaced`: keys whose entries in the
    file's own INFO are dropped.
    """
    text = found.text
    additions = _additions(annotations, overlays)
    if any(key.encode() in text for key in replaced):
        return _one_by_one(found, additions, replaced)
    sizes = np.array([len(one) for one in additions])
    first = found.codes[np.minimum(found.info_starts, len(found.codes) - 1)]
    width = found.info_ends - found.info_starts
    empty = (width == 0) | ((width == 1) & (first == ord(".")))
    dropped = empty & (sizes > 0)
    ends = np.where(dropped, found.info_starts, found.info_ends).tolist()
    marks = [b";" if joined else b"" for joined in (~empty & (sizes > 0)).tolist()]
    pieces: list[bytes] = []
    rests = zip(found.info_ends.tolist(), (found.ends + 1).tolist(), strict=True)
    for start, end, mark, addition, rest in zip(found.starts.tolist(), ends, marks, additions, rests, strict=True):
        pieces += (text[start:end], mark, addition, text[rest[0] : rest[1]])
    kept = found.ends + 1 - found.starts - np.where(dropped, width, 0)
    return pieces, kept + np.array([len(mark) for mark in marks]) + sizes


def _additions(annotations: Sequence[bytes], overlays: Sequence[str]) -> list[bytes]:
    """What each record's INFO gets, b"" for nothing."""
    additions = [b"CSQ=" + one if one else b"" for one in annotations]
    if not any(overlays):
        return additions
    known = [one.encode("latin-1") for one in overlays]
    return [b"%b;%b" % (one, more) if one and more else one or more for one, more in zip(additions, known, strict=True)]


def _one_by_one(found: Columns, additions: Sequence[bytes], replaced: Collection[str]) -> tuple[list[bytes], Ints]:
    pieces: list[bytes] = []
    lengths = []
    places = (found.starts, found.info_starts, found.info_ends, found.ends + 1)
    for (start, info, rest, end), addition in zip(np.stack(places, axis=1).tolist(), additions, strict=True):
        own = without_keys(found.text[info:rest].decode("latin-1"), replaced).encode("latin-1")
        if addition:
            own = addition if own in (b"", b".") else b"%b;%b" % (own, addition)
        pieces += (found.text[start:info], own, found.text[rest:end])
        lengths.append(info - start + len(own) + end - rest)
    return pieces, np.array(lengths, np.int64)
