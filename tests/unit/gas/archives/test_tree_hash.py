import hashlib
import io
import random
from collections.abc import Iterator

import pytest
from botocore.utils import calculate_tree_hash
from hypothesis import given
from hypothesis import strategies as st

from gas.archives import tree_hash
from gas.archives.tree_hash import MEBIBYTE

SIZES = [
    1,
    1000,
    *(mebibytes * MEBIBYTE + more for mebibytes in (1, 2, 3, 4, 5, 7, 8) for more in (-1, 0, 1)),
    11 * MEBIBYTE + 5,
]


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("part_mebibytes", [1, 2, 4])
@pytest.mark.parametrize("size", SIZES)
def test_the_parts_combine_to_what_botocore_says_of_the_whole(size: int, part_mebibytes: int) -> None:
    whole = noise(size)
    parts = [tree_hash.of_part(part) for part in tree_hash.cut([whole], part_mebibytes * MEBIBYTE)]
    assert tree_hash.combined(parts) == calculate_tree_hash(io.BytesIO(whole))


def test_up_to_a_mebibyte_it_is_the_plain_hash() -> None:
    for size in (0, 1, MEBIBYTE):
        assert tree_hash.of_part(noise(size)) == hashlib.sha256(noise(size)).hexdigest()


def test_the_published_rule_by_hand() -> None:
    """Pairs are hashed together, an odd one is carried up: H(H(H(1,2),H(3,4)),5)."""
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(5)]

    def pair(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(left + right).digest()

    expected = pair(pair(pair(leaves[0], leaves[1]), pair(leaves[2], leaves[3])), leaves[4])
    assert tree_hash.combined(leaf.hex() for leaf in leaves) == expected.hex()


def test_one_part_is_the_whole() -> None:
    part = tree_hash.of_part(b"abc")
    assert tree_hash.combined([part]) == part


def test_no_part_has_no_hash() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        tree_hash.combined([])


def test_the_order_of_parts_matters() -> None:
    one, two = tree_hash.of_part(b"1"), tree_hash.of_part(b"2")
    assert tree_hash.combined([one, two]) != tree_hash.combined([two, one])


@given(st.lists(st.binary(max_size=50)), st.integers(1, 20))
def test_cutting_keeps_every_byte_and_only_the_last_part_is_shorter(chunks: list[bytes], part_bytes: int) -> None:
    parts = list(tree_hash.cut(chunks, part_bytes))
    assert b"".join(parts) == b"".join(chunks)
    assert all(len(part) == part_bytes for part in parts[:-1])
    assert all(0 < len(part) <= part_bytes for part in parts)


def test_a_part_is_there_as_soon_as_its_bytes_are() -> None:
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(6):
            taken.append(number)
            yield b"ab"

    next(tree_hash.cut(chunks(), 4))
    assert taken == [0, 1]
