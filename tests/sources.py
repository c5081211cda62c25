"""The gene engine from its Python sources in this process, compiled or not: coverage and fuzzers see nothing of what is
compiled. Processes that a test starts run what `make setup` compiled; test_compiled.py holds that both write the same.
"""

import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent / "gas/annotation"


def prefer() -> None:
    """To be called before the engine is imported."""
    sys.path_hooks.insert(0, _finder)


def _finder(path: str) -> FileFinder:
    if Path(path) != ENGINE:
        raise ImportError
    return FileFinder(path, (SourceFileLoader, SOURCE_SUFFIXES))
