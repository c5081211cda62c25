"""What `make setup` has compiled writes what the sources write, to the byte."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import setup
from gas.annotation import engine
from gas.annotation.engine import Options
from gas.annotation.reference import Bundle
from tests.sources import ENGINE
from tests.unit.gas.annotation.agreement import SYNTHETIC

COMPILED = sorted(path.name.partition(".")[0] for path in ENGINE.glob("*.so"))

pytestmark = pytest.mark.skipif(not COMPILED, reason="make setup found no C compiler, or no headers of Python")


def test_this_process_has_the_sources() -> None:
    for name in setup.COMPILED:
        assert str(importlib.import_module(f"gas.annotation.{name}").__file__).endswith(f"{name}.py")


def test_all_of_it_is_compiled() -> None:
    names = ", ".join(setup.COMPILED)
    code = f"from gas.annotation import {names}\nfor one in ({names}): print(one.__file__)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert [path.endswith(".so") for path in done.stdout.split()] == [True] * len(setup.COMPILED)
    assert sorted([*setup.COMPILED, "compiled__mypyc"]) == COMPILED


def test_it_writes_the_same(synthetic_bundle: Bundle, tmp_path: Path) -> None:
    given, ours = SYNTHETIC / "input.vcf.gz", tmp_path / "sources"
    ours.mkdir()
    made = {name: ours / name for name in ("tsv", "parquet", "summary")}
    engine.annotate(Options(given, synthetic_bundle, ours / "vcf.gz", **made))
    theirs = tmp_path / "compiled"
    theirs.mkdir()
    options = [part for name in made for part in (f"--{name}", str(theirs / name))]
    program = Path(sys.executable).with_name("gas")
    bundle = ["--bundle", str(synthetic_bundle.path)]
    subprocess.run([program, "annotate", *bundle, "-o", theirs / "vcf.gz", *options, given], check=True)
    for name in ("vcf.gz", "vcf.gz.tbi", *made):
        assert (theirs / name).read_bytes() == (ours / name).read_bytes(), name
