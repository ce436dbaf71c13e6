"""Merkle trees as in RFC 9162, section 2.1. In: leaf hashes (32 bytes); out: roots, inclusion and consistency proofs, and the frontier that appends in O(log n).

Reading goes through a `Fetch`: hashes of complete subtrees at levels 0 (leaves), 8, 16, ... so that a proof over a million leaves reads a few thousand hashes at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

EMPTY = hashlib.sha256(b"").digest()
TILE_HEIGHT = 8
"""Every eighth level of complete subtrees is kept: 1/255 of the leaves in extra rows."""

Fetch = Callable[[int, int, int], Sequence[bytes]]
"""fetch(level, start, count): the hashes of `count` complete subtrees of 2**level leaves from number `start` on; level is a multiple of TILE_HEIGHT."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tile:
    """The hash of a complete subtree of 2**level leaves, the `index`-th (from 0) of its level."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The complete subtrees of a tree of `size` leaves, left to right: all that appending and the root need."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        """MTH of RFC 9162, section 2.1.1."""
        if not self.hashes:
            return EMPTY
        found = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            found = node_hash(left, found)
        return found


def append(frontier: Frontier, leaf: bytes) -> tuple[Frontier, list[Tile]]:
    """The frontier with one more leaf hash, and the kept subtrees it completed."""
    size = frontier.size + 1
    hashes = [*frontier.hashes, leaf]
    tiles: list[Tile] = []
    level = 1
    while size % (1 << level) == 0:
        right = hashes.pop()
        hashes[-1] = node_hash(hashes[-1], right)
        if level % TILE_HEIGHT == 0:
            tiles.append(Tile(level, (size >> level) - 1, hashes[-1]))
        level += 1
    return Frontier(size, tuple(hashes)), tiles


def subtree(fetch: Fetch, start: int, size: int) -> bytes:
    """Root over leaves start..start+size-1, where `start` is a multiple of every power of two up to `size` (true of all ranges of the RFC's recursion)."""
    if size == 0:
        return EMPTY
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        base = level - level % TILE_HEIGHT
        return _fold(fetch(base, start >> base, size >> base))
    left = _split(size)
    return node_hash(subtree(fetch, start, left), subtree(fetch, start + left, size - left))


def inclusion(fetch: Fetch, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of section 2.1.3.1, from the leaf up. `index` counts from 0 and is below `size`."""
    path: list[bytes] = []
    start = 0
    while size > 1:
        left = _split(size)
        if index < left:
            path.append(subtree(fetch, start + left, size - left))
            size = left
        else:
            path.append(subtree(fetch, start, left))
            start, index, size = start + left, index - left, size - left
    return path[::-1]


def consistency(fetch: Fetch, first: int, second: int) -> list[bytes]:
    """PROOF(first, D[second]) of section 2.1.4.1; 0 < first <= second."""
    path: list[bytes] = []
    start, whole = 0, True
    while first != second:
        left = _split(second)
        if first <= left:
            path.append(subtree(fetch, start + left, second - left))
            second = left
        else:
            path.append(subtree(fetch, start, left))
            start, first, second, whole = start + left, first - left, second - left, False
    if not whole:
        path.append(subtree(fetch, start, second))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(first: int, second: int, path: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Section 2.1.4.2."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    steps = list(path)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, step)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """The largest power of two below `size` (> 1)."""
    return 1 << (size - 1).bit_length() - 1


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Root over complete subtrees of one size; their number is a power of two."""
    found = list(hashes)
    while len(found) > 1:
        found = [node_hash(found[at], found[at + 1]) for at in range(0, len(found), 2)]
    return found[0]
