"""The chain of everything that was said. In: statements and the head; out: sealed entries, the new head, the tiles of its Merkle tree.

hash = SHA-256(previous hash || canonical entry); the entry commits to the body by a salted digest, so that a body can be withheld without breaking the chain.
A Merkle leaf is the entry's 32-byte hash.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.alerting.canonical import canonical
from services.alerting.checkpoint import rfc3339
from services.alerting.merkle import Frontier, Tile, append, leaf_hash

GENESIS = "0" * 64
SALT_BYTES = 16
ENTRY_FIELDS = frozenset({"sequence", "alert_id", "revision", "kind", "as_of", "recorded_at", "body_digest", "previous"})


def body_digest(salt: bytes, body: bytes) -> str:
    """SHA-256(salt || canonical body), hex. The salt keeps a short withheld body from being guessed."""
    return hashlib.sha256(salt + body).hexdigest()


def chain_hash(previous: str, entry: bytes) -> str:
    """SHA-256(previous hash as 32 bytes || canonical entry), hex."""
    return hashlib.sha256(bytes.fromhex(previous) + entry).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    """What is to be said: one revision of one alert. `body` holds plain JSON values."""

    alert_id: str
    revision: int
    kind: str
    as_of: dt.date
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain stands; sequences count from 1."""

    sequence: int = 0
    hash: str = GENESIS
    frontier: Frontier = field(default_factory=Frontier)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A statement in the chain. `entry` and `body` are canonical JSON."""

    sequence: int
    entry: bytes
    previous: str
    hash: str
    salt: bytes
    body: bytes


def seal(head: Head, statements: Iterable[Statement], salts: Iterable[bytes], recorded_at: dt.datetime) -> tuple[Head, list[Sealed], list[Tile]]:
    """Appends the statements in order, one salt each. `recorded_at` is real time (UTC) whatever `as_of` is."""
    entries: list[Sealed] = []
    tiles: list[Tile] = []
    for statement, salt in zip(statements, salts, strict=True):
        sealed = _seal_one(head, statement, salt, recorded_at)
        frontier, found = append(head.frontier, leaf_hash(bytes.fromhex(sealed.hash)))
        head = Head(sealed.sequence, sealed.hash, frontier)
        entries.append(sealed)
        tiles += found
    return head, entries, tiles


def _seal_one(head: Head, statement: Statement, salt: bytes, recorded_at: dt.datetime) -> Sealed:
    body = canonical(statement.body)
    entry = canonical(
        {
            "sequence": head.sequence + 1,
            "alert_id": statement.alert_id,
            "revision": statement.revision,
            "kind": statement.kind,
            "as_of": statement.as_of.isoformat(),
            "recorded_at": rfc3339(recorded_at),
            "body_digest": body_digest(salt, body),
            "previous": head.hash,
        }
    )
    return Sealed(head.sequence + 1, entry, head.hash, chain_hash(head.hash, entry), salt, body)


def entry_line(entry: bytes, hash_: str, salt: bytes, body: bytes | None) -> bytes:
    """One entry of an export. A withheld body takes its salt along: the salt alone would let the body be guessed."""
    shown = b"null" if body is None else body
    spice = b"null" if body is None else b'"%s"' % salt.hex().encode()
    return b'{"body":%s,"entry":%s,"hash":"%s","salt":%s}\n' % (shown, entry, hash_.encode(), spice)


def withheld_line(sequence: int, hash_: str) -> bytes:
    """An entry of an export that is above the reader's clearance: its place and its hash, which is the leaf that the signed checkpoints cover."""
    return canonical({"hash": hash_, "sequence": sequence, "withheld": True}) + b"\n"


def checkpoint_line(checkpoint: Mapping[str, Any]) -> bytes:
    """One checkpoint of an export, after the entry of its size."""
    return canonical({"checkpoint": checkpoint}) + b"\n"


def hexes(hashes: Sequence[bytes]) -> list[str]:
    return [found.hex() for found in hashes]
