"""The demo believes nothing that it has not checked."""

import gzip
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from scripts import demo

FIELDS = "Allele|Consequence|IMPACT|SYMBOL|HGVSc|HGVSp|DISTANCE"
HEADER = f'##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations from GAS. Format: {FIELDS}">\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
ANNOTATED = (
    "MT\t8993\t.\tT\tG\t.\t.\tAC=1;CSQ=G|downstream_gene_variant|MODIFIER|MT-CO2|||724,"
    "G|missense_variant|MODERATE|MT-ATP6|c.467T>G|p.Leu156Arg|;MITOMAP_Disease=NARP\n"
)
PASSED = "MT\t100\t.\tA\t<DEL>\t.\t.\t.\n"


def write(path: Path, *records: str) -> Path:
    with gzip.open(path, "wt") as file:
        file.writelines(["##fileformat=VCFv4.2\n", HEADER, COLUMNS, *records])
    return path


def receipt_of(path: Path, read: int, annotated: int, passed: int, rejected: int) -> dict[str, Any]:
    return {
        "result": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        "records": {
            "read": read,
            "annotated": annotated,
            "passed": {"symbolic allele": passed},
            "rejected": {"REF differs": rejected},
        },
    }


def test_true_receipt_is_accepted(tmp_path: Path) -> None:
    path = write(tmp_path / "r.vcf.gz", ANNOTATED, PASSED)
    demo.check_result(receipt_of(path, 3, 1, 1, 1), path)


@pytest.mark.parametrize(
    ("counts", "complaint"),
    [((4, 1, 1, 1), "does not add up"), ((4, 2, 1, 1), "the result has 2 records, the receipt 3")],
)
def test_wrong_counts_fail(tmp_path: Path, counts: tuple[int, int, int, int], complaint: str) -> None:
    path = write(tmp_path / "r.vcf.gz", ANNOTATED, PASSED)
    with pytest.raises(demo.DemoFailed, match=complaint):
        demo.check_result(receipt_of(path, *counts), path)


def test_another_file_fails(tmp_path: Path) -> None:
    path = write(tmp_path / "r.vcf.gz", ANNOTATED, PASSED)
    receipt = receipt_of(path, 2, 1, 1, 0)
    other = write(tmp_path / "o.vcf.gz", ANNOTATED, ANNOTATED)
    with pytest.raises(demo.DemoFailed, match="sha256"):
        demo.check_result(receipt, other)


def test_missing_receipt_fails(tmp_path: Path) -> None:
    with pytest.raises(demo.DemoFailed, match="no receipt"):
        demo.check_result(None, tmp_path / "r.vcf.gz")


def test_table_shows_variant_nearest_consequence_first_and_overlay(tmp_path: Path) -> None:
    table = demo.variant_table(write(tmp_path / "r.vcf.gz", PASSED, ANNOTATED)).splitlines()
    assert table == [
        "The first annotated variants",
        "  MT:8993 T>G",
        "      MT-ATP6 missense_variant MODERATE c.467T>G p.Leu156Arg",
        "      MT-CO2 downstream_gene_variant MODIFIER",
        "      MITOMAP_Disease=NARP",
    ]


def test_table_goes_on_to_what_does_harm(tmp_path: Path) -> None:
    harm = ANNOTATED.replace("8993", "8994").replace("MODERATE", "HIGH")
    records = [ANNOTATED] * (demo.SHOWN_VARIANTS + 3) + [harm] * (demo.SHOWN_VARIANTS + 3)
    table = demo.variant_table(write(tmp_path / "r.vcf.gz", *records)).splitlines()
    assert table.count("  MT:8993 T>G") == demo.SHOWN_VARIANTS
    assert table.count("  MT:8994 T>G") == demo.SHOWN_VARIANTS
    assert table.index("The first of those after them with a high impact") < table.index("  MT:8994 T>G")


def test_table_says_when_nothing_was_annotated(tmp_path: Path) -> None:
    assert "passed through" in demo.variant_table(write(tmp_path / "r.vcf.gz", PASSED))


def test_long_alleles_are_cut() -> None:
    assert demo.short("ACGT") == "ACGT"
    assert demo.short("A" * 300) == "AAAAAAAAAAAA…(300)"


def test_steps_are_timed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    steps = demo.Steps()
    for name in ("first", "second"):
        with steps.step(name):
            pass
    assert [name for name, _ in steps.taken] == ["first", "second"]
    assert re.fullmatch(r"[0-9:]{8} first …\n[0-9:]{8} second …\n", capsys.readouterr().out)
    assert "first" in steps.table()
