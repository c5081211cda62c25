"""CSQ for the records of a batch: each by the quickest way that is sure of it."""

import numpy as np

from gas.annotation import rows, structural
from gas.annotation.columns import Columns, Ints
from gas.annotation.records import INFO
from gas.annotation.templates import CHANGES, Seen, Templates

# Every change of one base for another.
SUBSTITUTIONS = list(CHANGES.values())
# By the characters of REF and ALT: the change's place in `SUBSTITUTIONS`, -1 for none.
_SUBSTITUTION = np.full((256, 256), -1, np.int8)
for _place, (_ref, _alt) in enumerate(CHANGES):
    _SUBSTITUTION[ord(_ref), ord(_alt)] = _place


def substitutions(found: Columns) -> Ints:
    """For each record the place of its change in `SUBSTITUTIONS`, -1 for what is not one base for another."""
    ref_lengths, alt_lengths = found.lengths()
    single = (ref_lengths == 1) & (alt_lengths == 1)
    places: Ints = np.where(single, _SUBSTITUTION[found.first_characters()], -1)
    return places


def annotate(
    templates: Templates, open_mate: structural.OpenMate, found: Columns, changes: Ints
) -> tuple[list[bytes], list[Seen | None], list[Seen]]:
    """Each record's CSQ, b"" for those that have no allele to annotate; what `Picks.like` may remember it by; and
    what was seen, to be counted.

    `changes`: what `substitutions` gave.
    """
    pure = found.pure()
    # A pure deletion begins with the base behind the one that both alleles have, an insertion lies beside that.
    places = templates.segments.find(found.positions + (pure & (found.ref_ends - found.ref_starts > 1)))
    positions: list[int] = found.positions.tolist()
    kinds: list[int] = changes.tolist()
    indels: list[bool] = pure.tolist()
    annotations: list[bytes] = []
    known: list[Seen | None] = []
    seen: list[Seen] = []
    for place, position in enumerate(positions):
        change = kinds[place]
        alike: Seen | None = None
        if change >= 0:
            annotation, alike = templates.single_base(places[place], position, SUBSTITUTIONS[change])
            seen.append(alike)
        elif indels[place]:
            ref, alt = found.alleles(place)
            end = position + len(ref) - 1
            annotation, one = rows.indel(templates, places[place], position + 1, end, ref[1:], alt[1:])
            seen.append(one)
            # Only rows of all of a template's transcripts are picked from alike.
            alike = one if one[0] else None
        else:
            ref, alt = found.alleles(place)
            text = rows.record(templates, places[place], position, ref, alt)
            if structural.CANDIDATE.search(alt):
                more = structural.record(templates.segments, open_mate, position, ref, alt, found.fields(place)[INFO])
                text = f"{text},{more}" if text and more else text or more
            annotation = text.encode("latin-1")
            if annotation:
                seen.append((None, _described(annotation)))
        annotations.append(annotation)
        known.append(alike)
    return annotations, known, seen


def _described(annotation: bytes) -> tuple[bytes, ...]:
    """The Consequence|IMPACT of every row."""
    return tuple([b"|".join(row.split(b"|", 3)[1:3]) for row in annotation.split(b",")])
