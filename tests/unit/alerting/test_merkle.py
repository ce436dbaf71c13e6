"""The Merkle tree against the definitions of RFC 9162, written here a second time in their plain recursive form."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerting.merkle import (
    EMPTY,
    TILE_HEIGHT,
    Frontier,
    append,
    consistency,
    inclusion,
    leaf_hash,
    node_hash,
    subtree,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(1100)]


def plain_root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(plain_root(leaves[:split]), plain_root(leaves[split:]))


def grown(size: int) -> tuple[list[Frontier], dict[tuple[int, int], bytes]]:
    frontiers, kept = [Frontier()], {(0, index): leaf for index, leaf in enumerate(LEAVES[:size])}
    for leaf in LEAVES[:size]:
        frontier, tiles = append(frontiers[-1], leaf)
        frontiers.append(frontier)
        kept |= {(tile.level, tile.index): tile.hash for tile in tiles}
    return frontiers, kept


FRONTIERS, KEPT = grown(len(LEAVES))
ROOTS = [frontier.root() for frontier in FRONTIERS]


def fetch(level: int, start: int, count: int) -> list[bytes]:
    assert level % TILE_HEIGHT == 0
    assert count < 1 << TILE_HEIGHT
    return [KEPT[level, index] for index in range(start, start + count)]


def test_known_hashes_of_the_rfc() -> None:
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(b"a", b"b") == hashlib.sha256(b"\x01ab").digest()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 1023, 1024, 1100])
def test_frontier_and_tiles_give_the_plain_root(size: int) -> None:
    assert ROOTS[size] == plain_root(LEAVES[:size]) == subtree(fetch, 0, size)


def test_every_inclusion_proof_holds_for_all_sizes_to_200() -> None:
    for size in range(1, 201):
        for index in range(size):
            path = inclusion(fetch, index, size)
            assert verify_inclusion(LEAVES[index], index, size, path, ROOTS[size]), (index, size)


def test_every_consistency_proof_holds_for_all_sizes_to_200() -> None:
    for second in range(1, 201):
        for first in range(1, second + 1):
            path = consistency(fetch, first, second)
            assert verify_consistency(first, second, path, ROOTS[first], ROOTS[second]), (first, second)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_proofs_hold_over_tiles_and_fail_for_anything_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))
    path, proof = inclusion(fetch, index, size), consistency(fetch, first, size)
    assert verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])
    assert verify_consistency(first, size, proof, ROOTS[first], ROOTS[size])
    other = data.draw(st.integers(0, size - 1).filter(lambda found: found != index))
    assert not verify_inclusion(LEAVES[other], index, size, path, ROOTS[size])
    assert not verify_inclusion(LEAVES[index], other, size, path, ROOTS[size])
    assert not verify_inclusion(LEAVES[index], index, size, path[:-1], ROOTS[size])
    assert not verify_inclusion(LEAVES[index], index, size, [*path, EMPTY], ROOTS[size])
    assert not verify_consistency(first, size, proof, ROOTS[first - 1], ROOTS[size])
    assert not verify_consistency(first, size, proof, ROOTS[first], ROOTS[size - 1])
    assert not verify_consistency(first, size, [*proof, EMPTY], ROOTS[first], ROOTS[size])
