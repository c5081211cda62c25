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
    if any(overlays) or b"" in annotations or any(key.encode() in text for key in replaced):
        return _one_by_one(found, annotations, overlays, replaced)
    first = found.codes[np.minimum(found.info_starts, len(found.codes) - 1)]
    width = found.info_ends - found.info_starts
    empty = (width == 0) | ((width == 1) & (first == ord(".")))
    ends = np.where(empty, found.info_starts, found.info_ends).tolist()
    keys = [b"CSQ=" if none else b";CSQ=" for none in empty.tolist()]
    pieces: list[bytes] = []
    rests = zip(found.info_ends.tolist(), (found.ends + 1).tolist(), strict=True)
    for start, end, key, annotation, rest in zip(found.starts.tolist(), ends, keys, annotations, rests, strict=True):
        pieces += (text[start:end], key, annotation, text[rest[0] : rest[1]])
    kept = found.ends + 1 - found.starts - np.where(empty, width, 0)
    lengths = kept + np.where(empty, len(b"CSQ="), len(b";CSQ=")) + np.array([len(one) for one in annotations])
    return pieces, lengths


def _one_by_one(
    found: Columns, annotations: Sequence[bytes], overlays: Sequence[str], replaced: Collection[str]
) -> tuple[list[bytes], Ints]:
    pieces: list[bytes] = []
    lengths = []
    places = (found.starts, found.info_starts, found.info_ends, found.ends + 1)
    for (start, info, rest, end), annotation, overlay in zip(
        np.stack(places, axis=1).tolist(), annotations, overlays, strict=True
    ):
        own = without_keys(found.text[info:rest].decode("latin-1"), replaced).encode("latin-1")
        entries = [b"CSQ=" + annotation] if annotation else []
        if overlay:
            entries.append(overlay.encode("latin-1"))
        if entries and own not in (b"", b"."):
            entries.insert(0, own)
        column = b";".join(entries) or own
        pieces += (found.text[start:info], column, found.text[rest:end])
        lengths.append(info - start + len(column) + end - rest)
    return pieces, np.array(lengths, np.int64)
