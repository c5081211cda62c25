"""The receipt as plain text for people: what came in, what came out, what was counted, what was left out and why."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gas.annotation.summary import ordered

if TYPE_CHECKING:
    from gas.annotation.receipt import Receipt

# The log names this many rejects; the receipt has more.
LISTED_REJECTS = 100


def log_text(receipt: "Receipt") -> str:
    """The log, with line ends."""
    return "\n".join(_lines(receipt)) + "\n"


def _lines(receipt: "Receipt") -> Iterable[str]:
    tally, summary = receipt.tally, receipt.summary
    yield "GAS annotation log"
    yield ""
    name = "".join(c if c.isprintable() else "_" for c in receipt.input_name)
    yield f"Input       {name} ({receipt.input_format})"
    yield f"  sha256    {receipt.input_sha256}"
    yield f"Result      sha256 {receipt.result_sha256}"
    yield f"Reference   {receipt.bundle} ({receipt.assembly})"
    for source in receipt.sources:
        words = [str(source.get(key) or "") for key in ("name", "file", "version", "sha256")]
        yield f"  {' '.join(word for word in words if word)}"
    yield f"Software    {', '.join(f'{name} {version}' for name, version in receipt.software.items())}"
    for note in receipt.notes:
        yield f"Note        {note}"
    yield ""
    yield from _table("Records", {"read": tally.read, "annotated": tally.annotated})
    yield from _table("Passed through without annotation", ordered(tally.passed), tally.passed.total())
    yield from _table("Rejected, not in the result", ordered(tally.rejected), tally.rejected.total())
    if not receipt.balanced:
        yield "The counts do not add up: read is not annotated + passed + rejected. Please report this as a fault."
        yield ""
    yield from _table("Variant alleles by type", ordered(summary.by_type))
    yield from _table("Records by most severe consequence", ordered(summary.by_consequence))
    yield from _table("Records by impact", ordered(summary.by_impact))
    yield from _table("Consequences of all transcripts", ordered(summary.all_consequences))
    if summary.ti_tv is not None:
        yield f"Transitions per transversion: {summary.ti_tv:.3f}"
        yield ""
    if summary.clinvar_classes:
        yield from _table("Variant alleles by ClinVar's class", ordered(summary.clinvar_classes))
    if summary.by_frequency:
        yield from _table("Variant alleles by their highest frequency", summary.to_dict()["by_frequency"])
    yield from _rejects(receipt)
    yield f"Seconds     {', '.join(f'{stage} {seconds:.2f}' for stage, seconds in receipt.seconds.items())}"


def _table(title: str, counts: Mapping[str, int], total: int | None = None) -> Iterable[str]:
    yield title if total is None else f"{title}: {total:,}"
    yield from (f"  {count:>12,}  {name}" for name, count in counts.items())
    yield ""


def _rejects(receipt: "Receipt") -> Iterable[str]:
    rejects = sorted(receipt.tally.rejects)
    for reject in rejects[:LISTED_REJECTS]:
        yield f"Rejected line {reject.line:,}: {reject.reason}"
    more = receipt.tally.rejected.total() - min(len(rejects), LISTED_REJECTS)
    if more > 0:
        yield f"... and {more:,} more; the receipt lists the first 1,000."
    if rejects:
        yield ""
