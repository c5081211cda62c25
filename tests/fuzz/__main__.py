"""Fuzz the engine for as long as is wanted, outside of the test suite.

    python -m tests.fuzz files --seconds 600 [--seed 1] [--corpus FOLDER] [--kept FOLDER]
    python -m tests.fuzz alleles --seconds 600 [--seed 1]

`files` gives the whole engine mutated files, guided by the coverage of gas.annotation (needs atheris: pip install
atheris); the corpus begins with the bad inputs of tests/data. `alleles` checks random alleles on random genes. Both end
at the first finding; add it to tests/data/fuzz, which the suite replays.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests import sources


def main() -> None:
    """Run one of the fuzzers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=["files", "alleles"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="keep the inputs that reached new code here, and begin with them")
    parser.add_argument("--kept", type=Path, default=Path("."), help="where an input that found something goes")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gas-fuzz-") as folder:
        if chosen.target == "files":
            files(chosen.seconds, chosen.seed, chosen.corpus or Path(folder, "corpus"), chosen.kept, Path(folder))
        else:
            from tests.fuzz import alleles

            print(alleles.run(chosen.seed, chosen.seconds, Path(folder)))


def files(seconds: int, seed: int, corpus: Path, kept: Path, folder: Path) -> None:
    """libFuzzer over the bytes of files. Does not return."""
    try:
        import atheris
    except ImportError:
        sys.exit("Fuzzing files needs atheris, which is no part of make setup: .venv/bin/pip install atheris")
    sources.prefer()
    with atheris.instrument_imports(include=["gas.annotation"]):
        from tests.fuzz.bundle import build
        from tests.fuzz.files import check_file, seeds

    bundle = build(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(folder)):
        (corpus / f"seed{number}").write_bytes(content)

    def one(data: bytes) -> None:
        check_file(data, bundle)

    options = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=20000", "-timeout=20", "-rss_limit_mb=2500"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={kept}/", str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
