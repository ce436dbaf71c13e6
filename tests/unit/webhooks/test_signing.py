"""Signatures hold for the public verifier, for ours, and for nothing else."""

from __future__ import annotations

import base64
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.webhooks.signing import jwks, signed_headers, verify, written_secret

SECRET, OTHER = b"s" * 32, b"o" * 32
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()
BODY = '{"título": "reforma del artículo 179"}'.encode()
NOW = 1_800_000_000


def headers(timestamp: int = NOW, secrets: tuple[bytes, ...] = (SECRET,)) -> dict[str, str]:
    return signed_headers(BODY, webhook_id="msg_1", timestamp=timestamp, secrets=secrets, key=KEY)


def test_the_public_verifier_accepts_it() -> None:
    assert Webhook(written_secret(SECRET)).verify(BODY, headers(int(time.time())))
    with pytest.raises(WebhookVerificationError):
        Webhook(written_secret(OTHER)).verify(BODY, headers(int(time.time())))


def test_while_a_secret_is_replaced_both_verify() -> None:
    both = headers(int(time.time()), (SECRET, OTHER))
    for secret in (SECRET, OTHER):
        assert Webhook(written_secret(secret)).verify(BODY, both)


def test_ours_accepts_either_signature() -> None:
    assert verify(BODY, headers(), now=NOW, secrets=[SECRET])
    assert verify(BODY, headers(), now=NOW, keys=[PUBLIC])
    assert verify(BODY, {name.title(): value for name, value in headers().items()}, now=NOW, keys=[PUBLIC])


def test_ours_refuses_everything_else() -> None:
    good = headers()
    assert not verify(BODY + b" ", good, now=NOW, secrets=[SECRET], keys=[PUBLIC])
    assert not verify(BODY, good, now=NOW, secrets=[OTHER], keys=[Ed25519PrivateKey.generate().public_key()])
    assert not verify(BODY, good, now=NOW)
    for name in good:
        assert not verify(BODY, {**good, name: ""}, now=NOW, secrets=[SECRET], keys=[PUBLIC])
    assert not verify(BODY, {**good, "webhook-id": "msg_2"}, now=NOW, secrets=[SECRET], keys=[PUBLIC])


@pytest.mark.parametrize(("age", "holds"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_the_time_must_be_near(age: int, holds: bool) -> None:
    assert verify(BODY, headers(NOW - age), now=NOW, secrets=[SECRET]) is holds


def test_one_version_is_not_taken_for_the_other() -> None:
    swapped = headers()["webhook-signature"].replace("v1a,", "v2,").replace("v1,", "v1a,")
    assert not verify(BODY, {**headers(), "webhook-signature": swapped}, now=NOW, secrets=[SECRET], keys=[PUBLIC])


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x"]), st.text(st.characters(), max_size=80)), st.binary(max_size=200))
def test_junk_is_refused_and_never_raises(junk: dict[str, str], body: bytes) -> None:
    assert verify(body, junk, now=NOW, secrets=[SECRET], keys=[PUBLIC]) is False


@given(st.text(st.characters(), max_size=200))
def test_a_junk_signature_beside_good_headers_never_raises(signature: str) -> None:
    assert verify(BODY, {**headers(), "webhook-signature": signature}, now=NOW, secrets=[SECRET], keys=[PUBLIC]) is False
    assert verify(BODY, {**headers(), "webhook-signature": f"{signature} {headers()['webhook-signature']}"}, now=NOW, keys=[PUBLIC])


def test_the_key_set_gives_back_the_key() -> None:
    (found,) = jwks([PUBLIC])["keys"]
    assert jwt.PyJWK(found).key.public_bytes_raw() == PUBLIC.public_bytes_raw()
    assert found["kid"] == jwks([PUBLIC])["keys"][0]["kid"]
    assert (found["kty"], found["crv"], found["use"], found["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """RFC 8037, appendix A.3."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    x = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert jwks([Ed25519PublicKey.from_public_bytes(x)])["keys"][0]["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
