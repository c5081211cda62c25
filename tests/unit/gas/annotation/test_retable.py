"""A table made again is the table that was made at first."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gas.annotation import bgzf, csq, retable
from gas.annotation.limits import InputRefused
from gas.cli import run
from tests.explored import Annotated, annotated

__all__ = ["annotated"]


def test_it_is_the_same_table(annotated: Annotated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retable, "BATCH", 700)
    out = tmp_path / "again.parquet"
    assert run(["table", str(annotated.vcf), "-o", str(out)]) == 0
    first, again = pq.read_table(annotated.table), pq.read_table(out)
    assert again.equals(first, check_metadata=True)


def test_what_gas_has_not_annotated_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(bgzf.compress(b"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"))
    assert run(["table", str(path), "-o", str(tmp_path / "t")]) == 2
    assert "no VCF that GAS has annotated" in capsys.readouterr().err
    with pytest.raises(InputRefused):
        retable.rebuild(path, tmp_path / "t")


def test_a_result_without_records(tmp_path: Path) -> None:
    path, out = tmp_path / "x.vcf.gz", tmp_path / "t.parquet"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    path.write_bytes(bgzf.compress(f"{csq.HEADER}\n{columns}\n".encode()))
    assert retable.rebuild(path, out) == 0
    assert pq.read_table(out).num_rows == 0
