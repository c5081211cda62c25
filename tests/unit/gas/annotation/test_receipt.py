"""The receipt: every record accounted for, the parts in any order, nothing private in the log."""

import json
import random
from pathlib import Path

from gas.annotation.receipt import KEPT_REJECTS, Receipt, Tally
from gas.annotation.records import Reject
from gas.annotation.summary import Summary


def tally(lines: range) -> Tally:
    part = Tally(read=len(lines))
    for line in lines:
        if line % 3 == 0:
            part.reject(Reject(line, "chr1", str(line), f"POS is not a whole number: 'x{line}'"))
        elif line % 3 == 1:
            part.passed["symbolic allele"] += 1
        else:
            part.annotated += 1
    return part


def receipt(counted: Tally) -> Receipt:
    summary = Summary()
    summary.add_variant("chr1", "A", ["G"])
    summary.add_csq(["G|missense_variant|MODERATE|X"])
    return Receipt(
        input_name="in.vcf",
        input_format="bgzf",
        input_sha256="a" * 64,
        result_sha256="b" * 64,
        bundle="grch38",
        assembly="GRCh38",
        sources=[{"name": "genes", "file": "g.gff3", "version": "115", "sha256": "c" * 64}],
        software={"gas": "1.0"},
        tally=counted,
        summary=summary,
        notes=["The file was odd."],
        seconds={"annotate": 1.23456},
    )


def test_parts_add_up_in_any_order_and_keep_the_first_rejects() -> None:
    parts = [tally(range(start, start + 500)) for start in range(1, 9001, 500)]
    receipts = []
    for seed in range(3):
        total = Tally()
        for part in random.Random(seed).sample(parts, len(parts)):
            total.add(part)
        assert total.balanced
        receipts.append(receipt(total).to_json())
    assert len(set(receipts)) == 1
    parsed = json.loads(receipts[0])
    assert parsed["records"] == {
        "read": 9000,
        "annotated": 3000,
        "passed": {"symbolic allele": 3000},
        "rejected": {"POS is not a whole number": 3000},
        "balanced": True,
    }
    assert [r["line"] for r in parsed["rejects"]] == list(range(3, 3 * KEPT_REJECTS + 1, 3))
    assert parsed["rejects"][0] == {"line": 3, "reason": "POS is not a whole number: 'x3'"}


def test_one_part_keeps_few_rejects() -> None:
    part = tally(range(1, 90_001))
    assert part.balanced
    assert len(part.rejects) < 2 * KEPT_REJECTS
    assert min(part.rejects).line == 3


def test_a_lost_record_is_seen() -> None:
    counted = tally(range(1, 10))
    counted.read += 1
    assert not receipt(counted).balanced
    assert json.loads(receipt(counted).to_json())["records"]["balanced"] is False


def test_the_log_is_for_people(tmp_path: Path) -> None:
    receipt(tally(range(1, 901))).write_log(tmp_path / "log.txt")
    log = (tmp_path / "log.txt").read_text()
    for words in (
        "in.vcf (bgzf)",
        "grch38 (GRCh38)",
        "genes g.gff3 115 " + "c" * 64,
        "The file was odd.",
        "         900  read",
        "Rejected, not in the result: 300",
        "           1  SNV",
        "           1  missense_variant",
        "Rejected line 3: POS is not a whole number: 'x3'",
        "... and 200 more",
        "annotate 1.23",
    ):
        assert words in log
    assert "chr1" not in log
    assert "do not add up" not in log


def test_the_log_says_when_the_counts_do_not_add_up(tmp_path: Path) -> None:
    counted = tally(range(1, 4))
    counted.annotated += 1
    receipt(counted).write_log(tmp_path / "log.txt")
    assert "do not add up" in (tmp_path / "log.txt").read_text()
