"""Standard Webhooks signatures. In: a body, its id, the time, keys; out: headers - and a verifier that answers yes or no to anything. Pure.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md: what is signed is `id.timestamp.body`; `v1` is HMAC-SHA256, `v1a` Ed25519.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET_PREFIX = "whsec_"  # noqa: S105 - how secrets are written, not one
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300
SIGNATURE_BYTES = {"v1": 32, "v1a": 64}


def written_secret(secret: bytes) -> str:
    """A symmetric secret as subscribers store it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signed_headers(body: bytes, *, webhook_id: str, timestamp: int, secrets: Sequence[bytes], key: Ed25519PrivateKey) -> dict[str, str]:
    """The three headers. `timestamp` in Unix seconds, real time, new on each try; one `v1` for each of `secrets` (two while one is being replaced), then `v1a`."""
    content = _content(body, webhook_id, str(timestamp))
    signatures = [f"v1,{_base64(_hmac(secret, content))}" for secret in secrets]
    signatures.append(f"v1a,{_base64(key.sign(content))}")
    return {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    now: float,
    secrets: Sequence[bytes] = (),
    keys: Sequence[Ed25519PublicKey] = (),
    tolerance: float = TOLERANCE_SECONDS,
) -> bool:
    """Whether one signature holds for one of `secrets` or `keys` and the time is within `tolerance` seconds of `now` (Unix). False, never an exception, for junk."""
    given = {name.lower(): value for name, value in headers.items()}
    webhook_id, timestamp, signatures = (given.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature"))
    if not webhook_id or not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(now - int(timestamp)) > tolerance:
        return False
    content = _content(body, webhook_id, timestamp)
    return any(_holds(written, content, secrets, keys) for written in signatures[:4000].split(" "))


def _holds(written: str, content: bytes, secrets: Sequence[bytes], keys: Sequence[Ed25519PublicKey]) -> bool:
    version, _, encoded = written.partition(",")
    try:
        signature = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return False
    if len(signature) != SIGNATURE_BYTES.get(version):
        return False
    if version == "v1":
        return any(hmac.compare_digest(_hmac(secret, content), signature) for secret in secrets)
    return any(_signed_by(key, signature, content) for key in keys)


def _signed_by(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def jwks(keys: Sequence[Ed25519PublicKey]) -> dict[str, list[dict[str, str]]]:
    """The public keys as a JWK set; `kid` is the thumbprint of RFC 7638 (members of RFC 8037)."""
    return {"keys": [_jwk(key) for key in keys]}


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public_bytes_raw())}
    thumbprint = hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    return {**members, "kid": _base64url(thumbprint), "use": "sig", "alg": "EdDSA"}


def _content(body: bytes, webhook_id: str, timestamp: str) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body


def _hmac(secret: bytes, content: bytes) -> bytes:
    return hmac.digest(secret, content, "sha256")


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
