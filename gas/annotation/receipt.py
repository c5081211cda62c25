"""The receipt of one annotation: every record accounted for, and what made the result.

Workers make a `Tally` each; tallies add up in any order. The receipt, its log and the summary hold no variant data
beyond line numbers and reasons: they stay readable after the result itself has been archived.
"""

import heapq
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gas.annotation.records import Reject, kind_of
from gas.annotation.summary import Summary, ordered

KEPT_REJECTS = 1000


@dataclass
class Tally:
    """How many records went where; `rejects` keeps the first `KEPT_REJECTS` by line number."""

    read: int = 0
    annotated: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)

    def reject(self, rejected: Reject) -> None:
        """Count one rejected record (its `read` is counted by the caller)."""
        self.rejected[kind_of(rejected.reason)] += 1
        self.rejects.append(rejected)
        if len(self.rejects) >= 2 * KEPT_REJECTS:
            self._trim()

    def add(self, other: "Tally") -> None:
        """Add another part's counts to these."""
        self.read += other.read
        self.annotated += other.annotated
        self.passed.update(other.passed)
        self.rejected.update(other.rejected)
        self.rejects.extend(other.rejects)
        self._trim()

    @property
    def balanced(self) -> bool:
        """Whether read = annotated + passed + rejected."""
        return self.read == self.annotated + self.passed.total() + self.rejected.total()

    def _trim(self) -> None:
        self.rejects = heapq.nsmallest(KEPT_REJECTS, self.rejects)


@dataclass
class Receipt:
    """All that is to be said about one finished annotation.

    `input_name` is shown, never opened. `sources`: the bundle's manifest entries; `software`: name to version;
    `seconds`: stage to wall time; `notes`: sentences about the input.
    """

    input_name: str
    input_format: str
    input_sha256: str
    result_sha256: str
    bundle: str
    assembly: str
    sources: list[dict[str, Any]]
    software: dict[str, str]
    tally: Tally
    summary: Summary
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether every record read is accounted for."""
        return self.tally.balanced

    def to_dict(self) -> dict[str, Any]:
        """The receipt as JSON types."""
        tally = self.tally
        return {
            "input": {"name": self.input_name, "format": self.input_format, "sha256": self.input_sha256},
            "result": {"sha256": self.result_sha256},
            "bundle": {"name": self.bundle, "assembly": self.assembly, "sources": self.sources},
            "software": self.software,
            "records": {
                "read": tally.read,
                "annotated": tally.annotated,
                "passed": ordered(tally.passed),
                "rejected": ordered(tally.rejected),
                "balanced": self.balanced,
            },
            "rejects": [{"line": r.line, "reason": r.reason} for r in sorted(tally.rejects)[:KEPT_REJECTS]],
            "notes": self.notes,
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "counts": {name: counts for name, counts in self.summary.to_dict().items() if name != "by_position"},
        }

    def to_json(self) -> str:
        """The receipt as JSON text, one line end at its end."""
        return json.dumps(self.to_dict(), indent=1) + "\n"

    def write_log(self, path: str | Path) -> None:
        """Write the receipt as plain text for people."""
        from gas.annotation.log import log_text

        Path(path).write_text(log_text(self), encoding="utf-8")
