"""The arithmetic of the latency bench, with a visitor that answers from a script."""

from pathlib import Path
from typing import Any

import pytest

from scripts.bench import latency
from scripts.bench.latency import NotMeasured, Timing


class ScriptedVisitor:
    """Shows the statuses one after the other, as a site would to somebody who keeps looking."""

    def __init__(self, *statuses: dict[str, Any]) -> None:
        self._statuses = statuses

    def upload(self, path: Path) -> str:
        return "ticket"

    def create_job(self, ticket: str) -> str:
        return f"job of {ticket}"

    def wait(self, job_id: str, patience: float, on_change: Any) -> dict[str, Any]:
        for status in self._statuses:
            on_change(status)
        return self._statuses[-1]


def status(name: str, **more: Any) -> dict[str, Any]:
    return {"job": {"status": name, "error": None}, "receipt": None} | more


RECEIPT = {"seconds": {"annotate": 0.25, "write": 0.125}, "records": {"read": 1000}}


def test_annotation_is_what_the_receipt_accounts_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([10.0, 11.0, 11.5, 13.5, 14.5])
    monkeypatch.setattr(latency.time, "monotonic", lambda: next(ticks))
    done = status("COMPLETED", receipt=RECEIPT)
    timing = latency.time_job(ScriptedVisitor(status("PENDING"), status("RUNNING"), done), Path("a.vcf"))  # type: ignore[arg-type]
    assert timing == Timing(upload=1.0, submit=0.5, queue=2.0, run=1.0, annotation=0.375, records=1000)
    assert (timing.total, timing.overhead) == (4.5, 4.125)


def test_a_job_that_fails_is_not_measured() -> None:
    failed = status("FAILED")
    failed["job"]["error"] = {"message": "The file is empty."}
    with pytest.raises(NotMeasured, match=r"ended FAILED\. The file is empty."):
        latency.time_job(ScriptedVisitor(failed), Path("a.vcf"))  # type: ignore[arg-type]


def test_report_gives_each_job_and_the_medians() -> None:
    timings = [Timing(0.1, 0.1, 0.1, run, 0.2, 1000) for run in (0.7, 1.7, 0.9)]
    lines = latency.report(timings, 5).splitlines()
    assert lines[0].split() == ["job", "upload", "submit", "queue", "run", "total", "annotation", "overhead"]
    assert lines[2].split() == ["2", "0.100", "0.100", "0.100", "1.700", "2.000", "0.200", "1.800"]
    assert lines[-2] == "1,000 records, from click to result: median 1.20 s, slowest 2.00 s (limit 5 s)."
    assert lines[-1] == "Of the median, annotation takes 0.20 s; the pipeline's overhead is 1.00 s."
