"""What a change really does to a protein, by writing it into the genome, splicing and translating; and HGVSp read back.

Shares nothing with gas.annotation but the genetic code.
"""

import re

from gas.annotation.codons import ONE_LETTER, TABLES, reverse_complement
from tests.fuzz.genes import Transcript

_RESIDUE = r"([A-Z][a-z]{2})(\d+)"
_NAME = re.compile(rf"p\.{_RESIDUE}(?:_{_RESIDUE})?(.*)")


def translate(bases: str) -> str:
    """The residues of whole codons, `*` for a stop."""
    return "".join(TABLES[1].get(bases[start : start + 3], "X") for start in range(0, len(bases) - 2, 3))


def spliced(bases: str, transcript: Transcript) -> tuple[str, int, int]:
    """The transcript's bases, and where its whole coding codons begin and end in them (from 0)."""
    assert transcript.coding is not None
    places = transcript.places()
    joined = "".join(bases[place - 1] for place in places)
    if transcript.strand == "-":
        joined = joined.translate(str.maketrans("ACGT", "TGCA"))
    ends = sorted(places.index(place) for place in transcript.coding)
    return joined, ends[0], ends[1] + 1


def both(bases: str, transcript: Transcript, start: int, end: int, alt: str) -> tuple[str, str] | None:
    """The protein before and after a change of bases `start` to `end`.

    What is altered ends with the first stop, if there is one. None where the change is not inside of one exon's coding
    part, beyond the first codon, and where a stop codon lies in the coding region before its last codon.
    """
    low, high = min(start, end), max(start, end)
    if not any(first <= low and high <= last for first, last in transcript.coding_parts()):
        return None
    joined, first, last = spliced(bases, transcript)
    places = transcript.places()
    at = sorted((places.index(low), places.index(high)))
    deleted = (at[0], at[1] + 1) if start <= end else (at[1], at[1])
    inserted = alt if transcript.strand == "+" else reverse_complement(alt)
    pad = (3 - transcript.phase) % 3
    before = "N" * pad + joined[first:last]
    after = "N" * pad + joined[first : deleted[0]] + inserted + joined[deleted[1] :]
    codon = (deleted[0] - first + pad) // 3 + 1
    if codon == 1:
        return None
    protein, altered = translate(before), translate(after)
    if "*" in protein[:-1] or (protein.endswith("*") and len(before) % 3):
        return None
    return protein, "".join(altered.partition("*")[:2])


def apply(name: str, before: str) -> str | None:
    """What HGVSp says the protein is: to its stop `*` if the name knows it, otherwise to the last residue named.

    None where the name does not say.
    """
    name = name.replace("%3D", "=")
    found = _NAME.fullmatch(name)
    if not found or "?" in name.replace("Ter?", ""):
        # Substitutions of several codons that change no residue ("p.GlyIle27=") or the start codon.
        return None
    one, first, other, last, event = found.groups()
    start, end = int(first), int(last or first)
    if event.startswith(f"{one}fs"):
        # The altered protein ends before a residue differs; VEP counts on to the next.
        return None
    if start == 1 or end > len(before):
        # A codon that lacks bases; VEP takes what stands behind a protein without a stop for one.
        return None
    for residue, place in ((one, start), (other, end)):
        if residue:
            here = before[place - 1 : place]
            assert here == ("*" if residue == "Ter" else ONE_LETTER[residue]), f"{name} names {residue}, it is {here}"
    head, tail = before[: start - 1], before[end:]
    if event == "=":
        return before
    if event.startswith("delext"):
        return head
    if event == "del":
        return head + tail
    if event == "dup":
        return before[:end] + before[start - 1 : end] + tail
    if extension := re.fullmatch(r"([A-Z][a-z]{2})?extTer(\d+|\?)", event):
        return head + letters(extension[1] or "")
    if shift := re.fullmatch(r"([A-Z][a-z]{2})fsTer(\d+|\?)", event):
        return head + letters(shift[1])
    inserted = letters(re.sub("^(delins|ins)", "", event))
    kept = before[:start] if event.startswith("ins") else head
    rest = before[start:] if event.startswith("ins") else tail
    return kept + inserted + ("" if "*" in inserted else rest)


def check_stop(name: str, after: str) -> None:
    """Assert that the first stop of the protein `after` is where HGVSp says it is."""
    found = re.search(rf"p\.{_RESIDUE}(?:_{_RESIDUE})?.*?(fs|ext)Ter(\d+|\?)$", name)
    if not found:
        return
    _, first, _, last, kind, count = found.groups()
    stop = after.find("*") + 1
    if count == "?":
        # A deletion that brings a stop before the place of the old one has no extension that could be counted.
        assert not stop or (kind == "ext" and stop <= int(last or first)), f"{name}, but the stop is {stop} of {after}"
    else:
        said = int(first) + int(count) - 1 if kind == "fs" else int(last or first) + int(count)
        assert said == stop, f"{name}, but the stop is {stop} of {after}"


def letters(text: str) -> str:
    """Residues in one letter, to the first stop."""
    found = "".join("*" if name == "Ter" else ONE_LETTER[name] for name in re.findall("[A-Z][a-z]{2}", text))
    return found.partition("*")[0] + "*" if "*" in found else found
