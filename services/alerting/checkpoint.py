"""Signed checkpoints: what the ledger was at a size. In: a Merkle root and an Ed25519 key; out: a C2SP signed note, and back.

The note's text is a tlog-checkpoint (c2sp.org/tlog-checkpoint): origin, size, root in base64, and one extension line with the time; the signature line is c2sp.org/signed-note.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from shared.errors import VeedorError
from shared.events import Frozen

ED25519 = b"\x01"
MAX_SIZE = 2**53 - 1


class CheckpointError(VeedorError):
    """A checkpoint that its key did not sign, or that does not say what its note says."""


class Checkpoint(Frozen):
    """`root` is base64, `time` RFC 3339 UTC, `note` the whole signed note, `key_id` the note's name and key hash."""

    origin: str = Field(min_length=1, max_length=200)
    size: int = Field(ge=0, le=MAX_SIZE)
    root: str
    time: str
    note: str
    key_id: str

    @property
    def root_hash(self) -> bytes:
        return base64.b64decode(self.root)

    @classmethod
    def sign(cls, key: Ed25519PrivateKey, *, origin: str, size: int, root: bytes, time: dt.datetime) -> Checkpoint:
        """`origin` names the ledger and the key: no spaces, no plus sign."""
        encoded, moment = base64.b64encode(root).decode(), rfc3339(time)
        text = _text(origin, size, encoded, moment)
        key_hash = _key_hash(origin, key.public_key())
        signature = base64.b64encode(key_hash + key.sign(text.encode())).decode()
        return cls.model_construct(origin=origin, size=size, root=encoded, time=moment, note=f"{text}\n\u2014 {origin} {signature}\n", key_id=f"{origin}+{key_hash.hex()}")

    @classmethod
    def open(cls, data: Any, key: Ed25519PublicKey) -> Self:
        """The checkpoint as its JSON says it, once `key` is seen to have signed exactly that. Raises CheckpointError."""
        try:
            found = cls.model_validate(data, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise CheckpointError(f"{'.'.join(map(str, first['loc'])) or 'checkpoint'}: {first['msg']}") from error
        if isinstance(data, dict) and data.keys() - cls.model_fields.keys():
            raise CheckpointError(f"it has a field that checkpoints do not have: {min(data.keys() - cls.model_fields.keys())}")
        read = cls.read_note(found.note, key)
        for name in cls.model_fields:
            if getattr(read, name) != getattr(found, name):
                raise CheckpointError(f"{name} is not what the signed note says")
        return found

    @classmethod
    def read_note(cls, note: str, key: Ed25519PublicKey) -> Self:
        """A checkpoint from the bare signed note. Raises CheckpointError."""
        text, mark, signed = note.partition("\n\n")
        lines = text.split("\n")
        if not mark or len(lines) != 4 or not lines[3].startswith("time ") or not lines[1].isascii() or not lines[1].isdigit() or len(lines[1]) > 16:
            raise CheckpointError("the note is no checkpoint: origin, size, root and time, an empty line, a signature")
        origin, size, root = lines[0], int(lines[1]), lines[2]
        key_hash = _key_hash(origin, key)
        raw = _signature(signed, origin)
        if raw[:4] != key_hash:
            raise CheckpointError(f"it is signed with another key than the one given ({origin}+{raw[:4].hex()}, given {origin}+{key_hash.hex()})")
        try:
            key.verify(raw[4:], f"{text}\n".encode())
        except InvalidSignature as error:
            raise CheckpointError("the signature does not belong to the note") from error
        if _text(origin, size, root, lines[3][5:]) != f"{text}\n" or len(_decode(root)) != 32:
            raise CheckpointError("size or root is not written as checkpoints write them")
        return cls(origin=origin, size=size, root=root, time=lines[3][5:], note=note, key_id=f"{origin}+{key_hash.hex()}")


def rfc3339(moment: dt.datetime) -> str:
    """UTC with microseconds, always of one length."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def fingerprint(key: Ed25519PublicKey) -> str:
    """Eight hex characters that tell keys apart."""
    return hashlib.sha256(_raw(key)).hexdigest()[:8]


def _text(origin: str, size: int, root: str, time: str) -> str:
    return f"{origin}\n{size}\n{root}\ntime {time}\n"


def _key_hash(name: str, key: Ed25519PublicKey) -> bytes:
    """c2sp.org/signed-note: SHA-256(name || 0x0A || type || key), first four bytes."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + _raw(key)).digest()[:4]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _signature(line: str, origin: str) -> bytes:
    head = f"\u2014 {origin} "
    if not line.startswith(head) or not line.endswith("\n") or line.count("\n") != 1:
        raise CheckpointError("the note has not exactly one signature line of its origin")
    raw = _decode(line[len(head) : -1])
    if len(raw) != 68:
        raise CheckpointError("the signature has not the length of an Ed25519 signature with its key hash")
    return raw


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError(f"{text[:20]!r} is not base64") from error
    # Base64 has spare bits: two spellings of one value would let a flipped bit go unseen.
    if base64.b64encode(raw).decode() != text:
        raise CheckpointError(f"{text[:20]!r} is not the one base64 spelling of its value")
    return raw
