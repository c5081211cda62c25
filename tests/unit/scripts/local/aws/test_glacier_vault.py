"""Tree hashes and what a Glacier vault counts."""

import hashlib
import io
import os

import pytest
from botocore.utils import calculate_tree_hash
from hypothesis import given
from hypothesis import strategies as st

from scripts.local.aws.files import Body
from scripts.local.aws.glacier_vault import (
    MIB,
    Part,
    Upload,
    Vault,
    is_tree_hash_aligned,
    leaf_hashes,
    new_id,
    tree_hash,
)


@pytest.mark.parametrize("size", [1, MIB, MIB + 1, 2 * MIB, 3 * MIB - 1, 7 * MIB])
@pytest.mark.parametrize("chunk", [1000, MIB, 5 * MIB])
def test_tree_hash_is_botocores_however_the_bytes_come(size: int, chunk: int) -> None:
    body = os.urandom(size)
    leaves = leaf_hashes(body[start : start + chunk] for start in range(0, size, chunk))
    assert tree_hash(leaves) == calculate_tree_hash(io.BytesIO(body))


def nodes(leaves: int) -> set[tuple[int, int]]:
    """Every node of the tree over so many leaves, as its first leaf and the leaf after its last."""
    level = [(n, n + 1) for n in range(leaves)]
    found = set(level)
    while len(level) > 1:
        pairs = [(left[0], right[1]) for left, right in zip(level[::2], level[1::2], strict=False)]
        level = pairs + (level[-1:] if len(level) % 2 else [])
        found |= set(level)
    return found


@given(st.integers(1, 40), st.integers(0, 39), st.integers(1, 40), st.integers(0, 2))
def test_aligned_is_what_is_a_node_of_the_tree(leaves: int, first: int, count: int, short: int) -> None:
    """The last leaf may be short; a range is aligned if and only if it is a node."""
    size = leaves * MIB - short
    end = min(first + count, leaves)
    if first >= end:
        return
    last = min(end * MIB, size) - 1
    assert is_tree_hash_aligned(first * MIB, last, size) == ((first, end) in nodes(leaves))


def test_a_range_off_the_mebibytes_is_not_aligned() -> None:
    assert not is_tree_hash_aligned(1, MIB, 4 * MIB)
    assert not is_tree_hash_aligned(0, MIB, 4 * MIB)


def test_ids_have_the_services_lengths() -> None:
    assert {len(new_id(103)), len(new_id(69))} == {138, 92}


@pytest.mark.parametrize(
    ("parts", "size", "why"),
    [
        ({0: MIB, MIB: 5}, MIB + 5, ""),
        ({0: MIB}, MIB, ""),
        ({MIB: 5}, 5, "starts at 0"),
        ({0: MIB, 2 * MIB: 5}, 2 * MIB + 5, f"starts at {MIB}"),
        ({0: 5, MIB: 5}, MIB + 5, "not the last"),
        ({0: MIB}, MIB + 1, "the parts have"),
    ],
)
def test_gaps_between_parts(parts: dict[int, int], size: int, why: str) -> None:
    upload = Upload("id", MIB, "")
    upload.parts = {start: Part(Body(bytes(length)), []) for start, length in parts.items()}
    assert why in upload.gap(size)
    assert bool(upload.gap(size)) == bool(why)


def test_the_inventory_is_not_taken_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_STANDIN_INVENTORY_LAG_SECONDS", "1000")
    vault = Vault("v", "arn")
    body = b"archive"
    vault.add(Body(body), [hashlib.sha256(body).digest()], "")
    assert vault.described()["NumberOfArchives"] == 0
    monkeypatch.setenv("AWS_STANDIN_INVENTORY_LAG_SECONDS", "0")
    assert (vault.described()["NumberOfArchives"], vault.described()["SizeInBytes"]) == (1, len(body))
    assert not vault.is_deletable()
