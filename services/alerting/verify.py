"""Offline verification of an exported ledger. In: the export's lines and a public key from elsewhere; out: what holds, or the first thing that is broken.

Trusts nothing inside the export: every line must be canonical JSON, every hash is computed again, every checkpoint is checked with the given key.
An entry withheld from the reader shows only its hash: that stands in the next entry's `previous` and under the signed checkpoints, so it can neither be changed nor left out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import orjson
import rfc8785
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.alerting.canonical import canonical
from services.alerting.checkpoint import Checkpoint, CheckpointError
from services.alerting.ledger import ENTRY_FIELDS, GENESIS, SALT_BYTES, body_digest, chain_hash
from services.alerting.merkle import Frontier, append, leaf_hash
from shared.errors import Refused, VeedorError

HEX = re.compile(r"[0-9a-f]+")
HASH_DIGITS = 64


class ExportError(VeedorError):
    """The export does not hold. `line` counts from 1 (0: the export as a whole), `sequence` is the entry's place in the chain."""

    def __init__(self, what: str, *, line: int, sequence: int) -> None:
        super().__init__(f"line {line}, entry {sequence}: {what}" if line else what)
        self.what = what
        self.line = line
        self.sequence = sequence


@dataclass(frozen=True, slots=True)
class Verification:
    """`broken` is None when everything holds; the counts say how far reading came. `covers` is the size of the last checkpoint seen to hold.

    `withheld` counts entries without a body; of `hidden` of these nothing but the hash was shown.
    """

    entries: int
    checkpoints: int
    withheld: int
    covers: int
    head: str
    broken: ExportError | None = None
    hidden: int = 0

    @property
    def ok(self) -> bool:
        return self.broken is None


@dataclass
class Reader:
    """Walks an export line by line, holding no more than the tree's frontier."""

    key: Ed25519PublicKey
    since: Checkpoint | None = None
    frontier: Frontier = field(default_factory=Frontier)
    head: str = GENESIS
    revisions: dict[str, int] = field(default_factory=dict)
    checkpoints: int = 0
    withheld: int = 0
    hidden: int = 0
    covers: int = -1
    origin: str | None = None
    line: int = 0

    def read(self, raw: bytes) -> None:
        """One line, with its newline. Raises ExportError."""
        self.line += 1
        if not raw.endswith(b"\n"):
            self._fail("the line does not end: the export is cut short")
        try:
            value = orjson.loads(raw)
            exact = canonical(value) + b"\n" == raw
        except (orjson.JSONDecodeError, rfc8785.CanonicalizationError, RecursionError):
            self._fail("is not JSON")
        if not exact:
            self._fail("is not canonical JSON (RFC 8785): something was rewritten")
        if not isinstance(value, dict):
            self._fail("is neither an entry nor a checkpoint")
        if value.keys() == {"checkpoint"}:
            self._checkpoint(value["checkpoint"])
        elif value.keys() == {"body", "entry", "hash", "salt"} and isinstance(value["entry"], dict):
            self._entry(value)
        elif value.keys() == {"hash", "sequence", "withheld"} and value["withheld"] is True:
            self._hidden(value)
        else:
            self._fail("is neither an entry nor a checkpoint")

    def finish(self) -> None:
        """What only the whole can show. Raises ExportError."""
        self.line = 0
        if self.covers < self.frontier.size:
            self._fail(f"entries after number {max(0, self.covers)} are covered by no signed checkpoint: the export is cut short or they were added")
        if self.since is not None and self.since.size > self.frontier.size:
            self._fail(f"the export ends at entry {self.frontier.size}, but your checkpoint covers {self.since.size}: entries were removed")

    def _entry(self, value: dict[str, Any]) -> None:
        entry, sequence = value["entry"], self.frontier.size + 1
        if entry.keys() != ENTRY_FIELDS:
            self._fail(f"the entry's fields are not those of an entry: {', '.join(sorted(entry.keys() ^ ENTRY_FIELDS))}")
        if not isinstance(entry["alert_id"], str):
            self._fail("alert_id is no text")
        if entry["sequence"] != sequence or isinstance(entry["sequence"], bool):
            self._fail(f"sequence is {entry['sequence']!r} where {sequence} must stand: an entry was removed, added or moved")
        if entry["previous"] != self.head:
            self._fail("previous is not the hash of the entry before")
        if chain_hash(self.head, canonical(entry)) != value["hash"]:
            self._fail("hash is not the hash of this entry: the entry was changed")
        self._body(entry, value["salt"], value["body"])
        self._times(entry)
        self._take(value["hash"])

    def _hidden(self, value: dict[str, Any]) -> None:
        """An entry of which only the hash is shown: the signed root over it says whether that is the one."""
        sequence = self.frontier.size + 1
        if value["sequence"] != sequence or isinstance(value["sequence"], bool):
            self._fail(f"sequence is {value['sequence']!r} where {sequence} must stand: an entry was removed, added or moved")
        if not isinstance(value["hash"], str) or len(value["hash"]) != HASH_DIGITS or not HEX.fullmatch(value["hash"]):
            self._fail("hash is not 32 bytes in hex")
        self.withheld += 1
        self.hidden += 1
        self._take(value["hash"])

    def _take(self, hash_: str) -> None:
        self.frontier, _ = append(self.frontier, leaf_hash(bytes.fromhex(hash_)))
        self.head = hash_
        self._meet_since()

    def _body(self, entry: dict[str, Any], salt: Any, body: Any) -> None:
        if body is None:
            if salt is not None:
                self._fail("the body is withheld but its salt is not")
            self.withheld += 1
            return
        if not isinstance(salt, str) or len(salt) != 2 * SALT_BYTES or not HEX.fullmatch(salt):
            self._fail(f"salt is not {SALT_BYTES} bytes in hex")
        if body_digest(bytes.fromhex(salt), canonical(body)) != entry["body_digest"]:
            self._fail("the body is not the one the entry commits to: it was changed")

    def _times(self, entry: dict[str, Any]) -> None:
        try:
            dt.date.fromisoformat(entry["as_of"])
            dt.datetime.fromisoformat(entry["recorded_at"])
        except (TypeError, ValueError):
            self._fail("as_of or recorded_at is no date")
        following = self.revisions.get(entry["alert_id"], 0) + 1
        revision = entry["revision"]
        if not isinstance(revision, int) or isinstance(revision, bool) or not following <= revision <= following + self.hidden:
            self._fail(f"revision is {revision!r} where {following} must follow")
        self.revisions[entry["alert_id"]] = entry["revision"]

    def _checkpoint(self, data: Any) -> None:
        try:
            found = Checkpoint.open(data, self.key)
        except CheckpointError as error:
            self._fail(f"checkpoint: {error}")
        if found.origin != (self.origin or found.origin):
            self._fail(f"checkpoint: its origin is {found.origin!r}, the one before was {self.origin!r}: two ledgers were mixed")
        if found.size != self.frontier.size:
            self._fail(f"checkpoint: it covers {found.size} entries but stands after {self.frontier.size}")
        if found.root_hash != self.frontier.root():
            self._fail("checkpoint: its signed root is not the root of the entries before it: the ledger was rewritten")
        self.origin = found.origin
        self.covers = found.size
        self.checkpoints += 1

    def _meet_since(self) -> None:
        if self.since is not None and self.since.size == self.frontier.size and self.since.root_hash != self.frontier.root():
            self._fail("the entries up to here are not those your checkpoint was signed over: the ledger was rewritten")

    def _fail(self, what: str) -> NoReturn:
        raise ExportError(what, line=self.line, sequence=self.frontier.size + (1 if self.line else 0))


def verify_export(lines: Iterable[bytes], public_key: Ed25519PublicKey, since: Checkpoint | None = None) -> Verification:
    """Reads the export to its end or to the first thing that is broken. `since` is a checkpoint got earlier, by another way, and opened with the same key."""
    reader = Reader(public_key, since)
    broken: ExportError | None = None
    try:
        for raw in lines:
            reader.read(raw)
        reader.finish()
    except ExportError as error:
        broken = error
    return Verification(reader.frontier.size, reader.checkpoints, reader.withheld, max(0, reader.covers), reader.head, broken, reader.hidden)


def verify_file(path: Path, key_path: Path, since: Path | None = None) -> str | None:
    """None when all holds, else the first thing that is broken, for people. Raises Refused as `read_file` does."""
    broken = read_file(path, key_path, since).broken
    return str(broken) if broken else None


def read_file(path: Path, key_path: Path, since: Path | None = None) -> Verification:
    """`veedor verify EXPORT --key KEY [--since CHECKPOINT]`. Raises Refused naming the argument when a file cannot be read or is not what it should be."""
    key = read_public_key(key_path)
    held = read_checkpoint(since, key) if since is not None else None
    try:
        with path.open("rb") as lines:
            return verify_export(lines, key, held)
    except OSError as error:
        raise Refused(f"cannot be read: {error.strerror}", field="EXPORT") from error


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The key at `path` (PEM). Get it from the operator by another way than the export. Raises Refused."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise Refused(f"cannot be read: {error.strerror}", field="--key") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused("is no public key in PEM: save the answer of /v1/ledger/key", field="--key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Refused("is not an Ed25519 key: save the answer of /v1/ledger/key", field="--key")
    return key


def read_checkpoint(path: Path, key: Ed25519PublicKey) -> Checkpoint:
    """A checkpoint as JSON, as the bare signed note, or inside an event or webhook that carries one. Raises Refused."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Refused(f"cannot be read: {error.strerror}", field="--since") from error
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = None
    try:
        if not isinstance(value, dict):
            return Checkpoint.read_note(raw.decode("utf-8", "replace"), key)
        inner = value.get("data")
        carrier = inner if isinstance(inner, dict) else value
        return Checkpoint.open(carrier.get("checkpoint", carrier), key)
    except CheckpointError as error:
        raise Refused(f"is no checkpoint signed with the given key: {error}", field="--since") from error
