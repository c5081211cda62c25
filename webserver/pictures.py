"""Pictures of a result's counts: where every bar of an SVG stands, and the same numbers as a table."""

from dataclasses import dataclass
from urllib.parse import urlencode

from gas.annotation.frequencies import BINS, UNKNOWN
from gas.annotation.summary import LONGEST_EXACT_INDEL
from gas.explore.filters import IMPACTS
from webserver.summaries import Counts, Summary
from webserver.words import number

WIDTH = 360
# Room for the words of a horizontal bar and for its number.
_LABEL, _FIGURE, _ROW = 150, 62, 22
_UPRIGHT, _AXIS = 130, 34
_STRIP, _STRIP_LABEL, _STRIP_ROW = 14, 46, 22
_MOST_CONSEQUENCES, _MOST_CONTIGS = 12, 30
# Indels beyond are counted together.
_LONGEST_SHOWN = 15
# The six kinds of substitution, each with its complement.
_KINDS = {"C>A": "G>T", "C>G": "G>C", "C>T": "G>A", "T>A": "A>T", "T>C": "A>G", "T>G": "A>C"}
_TRANSITIONS = ("C>T", "T>C")


@dataclass(frozen=True)
class Bar:
    """A rectangle of the picture; `label` stands at (label_x, label_y), `link` leads to the variants it counts."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float
    label_x: float
    label_y: float
    link: str | None = None
    strong: bool = False


@dataclass(frozen=True)
class Strip:
    """A contig's line: `path` is its outline, from (x, y) to the right."""

    label: str
    value: int
    path: str
    y: float
    width: float
    link: str | None = None


@dataclass(frozen=True)
class Picture:
    """One picture: `kind` is "lying", "upright" or "strips"; `says` is what a glance at it tells."""

    name: str
    title: str
    says: str
    kind: str
    height: float
    unit: str
    bars: list[Bar]
    strips: list[Strip]


def pictures(summary: Summary, variants: str) -> list[Picture]:
    """All pictures that there are numbers for. `variants`: the explorer's address for links, "" for none."""
    made = (
        _consequences(summary, variants),
        _impact(summary, variants),
        _substitutions(summary),
        _indels(summary),
        _frequencies(summary, variants),
        _along(summary, variants),
    )
    return [picture for picture in made if picture is not None]


def _link(variants: str, **params: str | float) -> str | None:
    return f"{variants}?{urlencode(params)}" if variants else None


def _lying(name: str, title: str, says: str, rows: list[tuple[str, int, str | None]]) -> Picture:
    most = max(value for _, value, _ in rows)
    bars = [
        Bar(
            label,
            value,
            _LABEL,
            row * _ROW + 4,
            max((WIDTH - _LABEL - _FIGURE) * value / most, 1),
            _ROW - 8,
            _LABEL - 8,
            row * _ROW + 15,
            link,
        )
        for row, (label, value, link) in enumerate(rows)
    ]
    return Picture(name, title, says, "lying", len(rows) * _ROW + 2, "Records", bars, [])


def _upright(name: str, title: str, says: str, rows: list[tuple[str, int, str | None, bool]]) -> Picture:
    most = max((value for _, value, _, _ in rows), default=1) or 1
    step = WIDTH / len(rows)
    bars = []
    for place, (label, value, link, strong) in enumerate(rows):
        height = max((_UPRIGHT - 18) * value / most, 1 if value else 0)
        x = place * step + step * 0.12
        middle = place * step + step / 2
        bars.append(Bar(label, value, x, _UPRIGHT - height, step * 0.76, height, middle, _UPRIGHT + 15, link, strong))
    return Picture(name, title, says, "upright", _UPRIGHT + _AXIS, "Alleles", bars, [])


def _consequences(summary: Summary, variants: str) -> Picture | None:
    counts = summary.by_consequence
    if not counts:
        return None
    largest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_CONSEQUENCES]
    rows = [(term.replace("_", " "), count, _link(variants, consequence=term)) for term, count in largest]
    first, count = rows[0][:2]
    says = f"Most often {first}: {number(count)} of {number(sum(counts.values()))} records."
    return _lying("consequences", "Most severe consequence", says, rows)


def _impact(summary: Summary, variants: str) -> Picture | None:
    counts = summary.by_impact
    if not counts:
        return None
    rows = [(name.capitalize(), counts.get(name, 0), _link(variants, impact=name)) for name in IMPACTS]
    says = f"{number(counts.get('HIGH', 0))} of {number(sum(counts.values()))} records have a high impact."
    return _lying("impact", "Impact", says, rows)


def _substitutions(summary: Summary) -> Picture | None:
    counts = {kind: _of(summary.substitutions, kind, other) for kind, other in _KINDS.items()}
    if not any(counts.values()):
        return None
    ratio = "none without transversions" if summary.ti_tv is None else f"{summary.ti_tv:.2f}"
    says = f"Transitions over transversions: {ratio}. The strong bars are transitions; complements count together."
    rows = [(kind, count, None, kind in _TRANSITIONS) for kind, count in counts.items()]
    return _upright("substitutions", "Substitutions", says, rows)


def _of(counts: Counts, *names: str) -> int:
    return sum(counts.get(name, 0) for name in names)


def _indels(summary: Summary) -> Picture | None:
    lengths: dict[int, int] = {}
    for label, count in summary.indel_lengths.items():
        beyond = label.endswith("or more")
        change = (LONGEST_EXACT_INDEL + 1) * (-1 if label.startswith("-") else 1) if beyond else int(label)
        bound = max(-_LONGEST_SHOWN, min(_LONGEST_SHOWN, change))
        lengths[bound] = lengths.get(bound, 0) + count
    if not lengths:
        return None
    shown = [change for change in range(-_LONGEST_SHOWN, _LONGEST_SHOWN + 1) if change]
    gone = sum(count for change, count in lengths.items() if change < 0)
    new = sum(lengths.values()) - gone
    says = f"{number(gone)} deletions on the left, {number(new)} insertions on the right, by how many bases."
    rows = [(_length(change), lengths.get(change, 0), None, change > 0) for change in shown]
    return _upright("indels", "Insertions and deletions", says, rows)


def _length(change: int) -> str:
    edge = abs(change) == _LONGEST_SHOWN
    return f"{change:+d}{' or more' if edge else ''}".replace("-", "−")


def _frequencies(summary: Summary, variants: str) -> Picture | None:
    counts = summary.by_frequency
    if not any(counts.get(label) for label in BINS):
        return None
    rows = []
    for label, (low, high) in BINS.items():
        # Each bar begins where the one before it ends.
        words = f"> {low:g}" if high == 1 else f"≤ {high:g}"
        rows.append((words, counts.get(label, 0), _link(variants, min_af=f"{low:g}", max_af=f"{high:g}"), False))
    rows.append(("unknown", counts.get(UNKNOWN, 0), None, False))
    rare = _of(counts, *list(BINS)[:3])
    says = f"{number(rare)} alleles are known and nowhere above 0.01; {number(counts.get(UNKNOWN, 0))} are in none."
    return _upright("frequencies", "Frequency in the databases", says, rows)


def _along(summary: Summary, variants: str) -> Picture | None:
    contigs = sorted(summary.by_position.items(), key=lambda pair: -pair[1].length)[:_MOST_CONTIGS]
    shown = {name for name, _ in contigs}
    rows = [(name, one) for name, one in summary.by_position.items() if name in shown]
    if not rows:
        return None
    longest = max(one.length for _, one in rows)
    most = max(max(one.counts) for _, one in rows)
    strips = []
    for row, (name, one) in enumerate(rows):
        base = row * _STRIP_ROW + _STRIP + 4
        scale = (WIDTH - _STRIP_LABEL) / longest
        steps = [f"M{_STRIP_LABEL} {base}"]
        for place, count in enumerate(one.counts):
            top = base - _STRIP * count / most
            end = _STRIP_LABEL + min((place + 1) * one.bin, one.length) * scale
            steps.append(f"V{top:.1f}H{end:.1f}")
        width = one.length * scale
        link = _link(variants, region=name)
        strips.append(Strip(name, sum(one.counts), f"{''.join(steps)}V{base}Z", base, round(width, 1), link))
    fullest = max(strips, key=lambda strip: strip.value)
    says = f"Most records are on {fullest.label}: {number(fullest.value)}. Each line is a contig, drawn to scale."
    return Picture("along", "Along the genome", says, "strips", len(rows) * _STRIP_ROW + 6, "Records", [], strips)
