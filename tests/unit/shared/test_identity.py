"""Who is asking: only what we signed, for us, not expired, not revoked gets in; whatever else is sent gets a clear 401 and never a crash."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Refused, Retryable
from shared.events import Tlp
from shared.identity import API, SIGN_IN, Identity, Revocations, Role, SignIn, Verifier, csrf_matches, csrf_token, issue, load_key, load_public_key, public_pem

NOW = dt.datetime(2026, 7, 28, 12, 0, 0, 500_000, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
KEY = Ed25519PrivateKey.generate()
CLAIMS: dict[str, Any] = {
    "iss": "veedor",
    "aud": API,
    "sub": "ana",
    "org": "mission",
    "roles": ["observer"],
    "tlp": "TLP:AMBER",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + HOUR).timestamp()),
    "jti": "a1",
}


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    return Verifier(KEY.public_key(), Revocations(tmp_path / "revoked"), lambda: NOW)


def a_token(key: Any = KEY, algorithm: str = "EdDSA", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of CLAIMS with changes; a claim that is ... is left out."""
    return jwt.encode({name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}, key, algorithm=algorithm, headers=headers)


def refusal(verifier: Verifier, token: str, **options: Any) -> str:
    with pytest.raises(Refused) as refused:
        verifier.verify(token, **options)
    assert refused.value.status == 401
    return str(refused.value)


def test_what_was_issued_is_accepted_as_it_was_said(verifier: Verifier) -> None:
    token = issue(KEY, subject="ana", organisation="EU EOM", roles=[Role.OBSERVER, Role.ANALYST], clearance=Tlp.AMBER, ttl=HOUR, now=NOW)
    found = verifier.verify(token)
    assert (found.subject, found.organisation, found.roles, found.clearance) == ("ana", "EU EOM", frozenset({Role.OBSERVER, Role.ANALYST}), Tlp.AMBER)
    assert found.expires == (NOW + HOUR).replace(microsecond=0)
    assert not found.by_cookie


def test_two_tokens_of_one_moment_can_be_revoked_apart(verifier: Verifier) -> None:
    first, second = (issue(KEY, subject="ana", roles=[], clearance=Tlp.CLEAR, ttl=HOUR, now=NOW) for _ in range(2))
    assert verifier.verify(first).token_id != verifier.verify(second).token_id


def test_a_forged_token_is_refused(verifier: Verifier) -> None:
    assert "not accepted" in refusal(verifier, a_token(Ed25519PrivateKey.generate()))


def test_a_changed_token_is_refused(verifier: Verifier) -> None:
    head, _, signature = a_token().split(".")
    payload = base64.urlsafe_b64encode(json.dumps({**CLAIMS, "roles": ["admin"]}).encode()).decode().rstrip("=")
    refusal(verifier, f"{head}.{payload}.{signature}")


def test_no_algorithm_is_no_signature(verifier: Verifier) -> None:
    refusal(verifier, a_token(None, "none"))
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    refusal(verifier, f"{head}.{a_token().split('.')[1]}.")


def test_the_public_key_is_no_shared_secret(verifier: Verifier) -> None:
    """The classic confusion: signing by HMAC with the published key as its secret."""
    for secret in (public_pem(KEY.public_key()).encode(), KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)):
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
        payload = a_token().split(".")[1]
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(f"{head}.{payload}".encode(), secret)
        refusal(verifier, f"{head}.{payload}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")


def test_other_algorithms_are_refused(verifier: Verifier) -> None:
    refusal(verifier, a_token(rsa.generate_private_key(65537, 2048), "RS256"))
    refusal(verifier, a_token(ec.generate_private_key(ec.SECP256R1()), "ES256"))


def test_headers_cannot_bring_their_own_key(verifier: Verifier) -> None:
    stranger = Ed25519PrivateKey.generate()
    raw = stranger.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    refusal(verifier, a_token(stranger, headers={"jwk": jwk, "jku": "https://stranger.example/jwks.json", "kid": "../../dev/null"}))


def test_an_expired_token_is_refused_with_its_time(verifier: Verifier) -> None:
    assert "expired at 2026-07-28T12:00:00" in refusal(verifier, a_token(exp=int(NOW.timestamp())))
    refusal(verifier, a_token(exp=0))


def test_a_token_for_someone_else_is_refused(verifier: Verifier) -> None:
    refusal(verifier, a_token(aud="another-api"))
    refusal(verifier, a_token(aud=...))
    refusal(verifier, a_token(iss="another"))
    refusal(verifier, a_token(aud=SIGN_IN))
    refusal(verifier, a_token(), audience=SIGN_IN)


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "jti", "iss"])
def test_a_token_without_its_claims_is_refused(verifier: Verifier, claim: str) -> None:
    without: dict[str, Any] = {claim: ...}
    assert claim in refusal(verifier, a_token(**without))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "tomorrow"},
        {"exp": 1e300},
        {"exp": -(10**18)},
        {"exp": None},
        {"exp": [1]},
        {"iat": "yesterday"},
        {"roles": "admin"},
        {"roles": ["king"]},
        {"roles": None},
        {"roles": 7},
        {"roles": [["admin"]]},
        {"tlp": "TLP:WHITE"},
        {"tlp": ["TLP:RED"]},
        {"sub": 7},
        {"aud": 7},
        {"jti": 7},
    ],
    ids=str,
)
def test_claims_of_the_wrong_kind_are_refused(verifier: Verifier, claims: dict[str, Any]) -> None:
    refusal(verifier, a_token(**claims))


def test_no_roles_and_no_clearance_mean_the_least(verifier: Verifier) -> None:
    found = verifier.verify(a_token(roles=..., tlp=..., org=...))
    assert (found.roles, found.clearance, found.organisation) == (frozenset(), Tlp.CLEAR, "")


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "ñandú", "\x00", "Bearer x", "." * 5000, "é.é.é", "\ud800.x.y"], ids=repr)
def test_junk_is_refused(verifier: Verifier, token: str) -> None:
    refusal(verifier, token)


@pytest.mark.parametrize(
    "header", [b"[" * 20_000, b'{"a":' * 5000, b"null", b"[]", b'{"alg": 7}', b'{"alg": ["EdDSA"]}', b'{"alg": "EdDSA", "b64": false, "crit": ["b64"]}', b"\xff"]
)
def test_a_header_of_junk_is_refused(verifier: Verifier, header: bytes) -> None:
    _, payload, signature = a_token().split(".")
    refusal(verifier, f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{payload}.{signature}")


@given(token=st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_\-]{0,20}\.[A-Za-z0-9_\-]{0,20}\.[A-Za-z0-9_\-]{0,20}", fullmatch=True))
def test_no_text_breaks_the_verifier(token: str) -> None:
    refusal(Verifier(KEY.public_key(), Revocations(Path("/nonexistent")), lambda: NOW), token)


def test_a_revoked_token_is_refused_from_then_on(verifier: Verifier) -> None:
    token = a_token()
    assert verifier.verify(token)
    verifier.revoked.add("another")
    assert verifier.verify(token)
    verifier.revoked.add("a1")
    assert "revoked" in refusal(verifier, token)


def test_the_list_of_revoked_is_read_again_when_another_process_adds(verifier: Verifier, tmp_path: Path) -> None:
    assert verifier.verify(a_token())
    Revocations(tmp_path / "revoked").add("a1")
    refusal(verifier, a_token())


def test_a_list_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "revoked").mkdir()
    with pytest.raises(Retryable, match="cannot be read"):
        Verifier(KEY.public_key(), Revocations(tmp_path / "revoked"), lambda: NOW).verify(a_token())


def test_roles_open_what_they_name_and_admin_opens_all() -> None:
    def person(*roles: Role) -> Identity:
        return Identity("ana", "", frozenset(roles), Tlp.CLEAR, "", NOW)

    assert person(Role.ANALYST).may(Role.OBSERVER, Role.ANALYST)
    assert not person(Role.OBSERVER).may(Role.OPERATOR)
    assert not person().may(Role.OBSERVER)
    assert person(Role.ADMIN).may(Role.OPERATOR)


def sign_in(verifier: Verifier, started: dt.datetime = NOW) -> SignIn:
    return SignIn(KEY, verifier, started)


def test_a_link_is_good_once(verifier: Verifier) -> None:
    desk = sign_in(verifier)
    link = desk.link_token(subject="ana", roles=[Role.OBSERVER], now=NOW)
    session = verifier.verify(desk.redeem(link), by_cookie=True)
    assert (session.subject, session.roles, session.by_cookie) == ("ana", frozenset({Role.OBSERVER}), True)
    with pytest.raises(Refused, match="used already"):
        desk.redeem(link)


def test_a_link_is_good_once_however_many_ask_at_once(verifier: Verifier) -> None:
    desk = sign_in(verifier)
    for _ in range(20):
        link, start = desk.link_token(subject="ana", roles=[], now=NOW), threading.Barrier(4)

        def redeem(_: int, link: str = link, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                return bool(desk.redeem(link))
            except Refused:
                return False

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(redeem, range(4))) == 1


def test_a_link_does_not_outlive_its_process(verifier: Verifier) -> None:
    link = sign_in(verifier).link_token(subject="ana", roles=[], now=NOW - HOUR)
    with pytest.raises(Refused, match="older than this console"):
        sign_in(verifier).redeem(link)


def test_an_expired_link_is_refused(verifier: Verifier) -> None:
    link = sign_in(verifier).link_token(subject="ana", roles=[], now=NOW, ttl=-HOUR)
    with pytest.raises(Refused, match="expired"):
        sign_in(verifier).redeem(link)


def test_a_session_is_no_link_and_a_link_no_session(verifier: Verifier) -> None:
    desk = sign_in(verifier)
    link = desk.link_token(subject="ana", roles=[], now=NOW)
    refusal(verifier, link)
    with pytest.raises(Refused):
        desk.redeem(desk.redeem(link))


@pytest.mark.parametrize("given", [None, "", "x", "ñ", "\ud800"])
def test_a_wrong_csrf_token_does_not_match(given: str | None) -> None:
    assert not csrf_matches("session", given)


def test_a_csrf_token_belongs_to_its_session() -> None:
    assert csrf_matches("session", csrf_token("session"))
    assert not csrf_matches("another", csrf_token("session"))


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "identity.pem"
    with ThreadPoolExecutor(8) as pool:
        keys = {public_pem(key.public_key()) for key in pool.map(lambda _: load_key(path), range(8))}
    assert len(keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["identity.pem"]  # noqa: PTH208 - names are what is compared


def test_a_key_of_another_kind_is_refused_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "identity.pem"
    path.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    with pytest.raises(Refused, match="Ed25519"):
        load_key(path)


def test_where_only_the_public_half_was_handed_out_it_is_enough(tmp_path: Path) -> None:
    (tmp_path / "identity.pub").write_text(public_pem(KEY.public_key()), encoding="ascii")
    assert public_pem(load_public_key(tmp_path / "identity.pem")) == public_pem(KEY.public_key())
