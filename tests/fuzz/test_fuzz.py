"""The fuzzers, short and seeded: mutated files, random alleles on random genes, and what long runs found before."""

import random
from pathlib import Path

import pytest

from gas.annotation.reference import Bundle
from tests.fuzz import alleles, bundle
from tests.fuzz.files import check_file, seeds

MUTANTS = 40
GENOMES = 6


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle.build(tmp_path_factory.mktemp("fuzz"))


def mutant(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The data with a few bytes lost, doubled, changed, or exchanged for a piece of another file."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice((1, 1, 2, 8, 64, 500)))
        begin = rng.randrange(len(other) + 1)
        piece = rng.choice((b"", rng.randbytes(2), data[start:end] * 2, other[begin : begin + 200], b"\t", b"\n", b"9"))
        data = data[:start] + piece + data[end:]
    return data


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_are_refused_or_accounted_for(fuzzed: Bundle, seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    corpus = seeds(tmp_path)
    for _ in range(MUTANTS // 4):
        check_file(mutant(rng, rng.choice(corpus), rng.choice(corpus)), fuzzed)


def test_random_alleles_on_random_genes(tmp_path: Path) -> None:
    done = alleles.run(20261130, seconds=600, folder=tmp_path, genomes=GENOMES)
    assert all(done[check] > 20 for check in ("paths", "names", "proteins", "mirrored", "repeats")), done


# Genomes whose proteins VEP names in a way that has to be read with care.
@pytest.mark.parametrize("seed", ["5:23", "5:87"])
def test_genomes_with_odd_names(seed: str, tmp_path: Path) -> None:
    alleles.check_genome(seed, tmp_path, alleles.Counter())
