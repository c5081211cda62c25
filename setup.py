"""Compiles the gene engine's inner modules with mypyc, where there is a C compiler; without one they stay plain Python.

The sources are the same, and so is every byte that they write: tests/unit/gas/annotation/test_compiled.py. With
GAS_COMPILE=0 nothing is compiled, for a wheel that fits every machine.
"""

import io
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from setuptools import Extension, setup

ENGINE = Path("gas/annotation")
# Where the time goes. Not what processes hand to each other: compiled classes cannot be pickled.
COMPILED = (
    *("annotations", "coding", "coding_effect", "coding_indels", "codons", "columns", "consequence", "csq", "hgvs"),
    *("indel_parts", "indel_templates", "info", "picks", "probe", "records", "rows", "segments", "spots", "templates"),
    *("terms", "transcripts", "variant_rows"),
)


def extensions() -> list[Extension]:
    """What to compile; nothing where that cannot be done."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if os.environ.get("GAS_COMPILE") == "0" or not shutil.which(compiler) or not headers.exists():
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        return []
    options = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]
    sources = [str(ENGINE / f"{name}.py") for name in COMPILED]
    made = _told_only_of_failure(
        lambda: mypycify([*options, *sources], group_name="gas.annotation.compiled", debug_level="0")
    )
    for extension in made:
        # A warning of a compiler that mypyc does not know yet is no reason to fail.
        extension.extra_compile_args = [flag for flag in extension.extra_compile_args if flag != "-Werror"]
    return made


def _told_only_of_failure(compiling: Callable[[], list[Extension]]) -> list[Extension]:
    """mypyc also prints what might be faster, which is nothing for whoever starts the service."""
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            return compiling()
    except SystemExit:
        print(said.getvalue(), file=sys.stderr)
        raise


if __name__ == "__main__":
    setup(ext_modules=extensions())
