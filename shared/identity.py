"""Who is asking: bearer tokens (JWT, EdDSA) minted by `veedor token issue` and verified offline, one-time sign-in links, the CSRF token of a cookie session."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.errors import Refused, Retryable
from shared.events import Tlp

ISSUER = "veedor"
API = "veedor-api"
SIGN_IN = "veedor-sign-in"
COOKIE = "veedor_session"
CSRF_HEADER = "X-CSRF-Token"
MOST_KNOWN = 1000


class Role(StrEnum):
    """What a person or a machine may do; an admin may do all."""

    OBSERVER = "observer"
    ANALYST = "analyst"
    SUBSCRIBER = "subscriber"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified caller. `clearance` is the most closed TLP they may read; `token_id` can be revoked; `by_cookie` asks for a CSRF token on writes."""

    subject: str
    organisation: str
    roles: frozenset[Role]
    clearance: Tlp
    token_id: str
    expires: dt.datetime
    by_cookie: bool = False
    issued: dt.datetime | None = None

    def may(self, *roles: Role) -> bool:
        return Role.ADMIN in self.roles or bool(self.roles & set(roles))


ANONYMOUS = Identity("anonymous", "", frozenset(), Tlp.CLEAR, "", dt.datetime.max.replace(tzinfo=dt.UTC))


def load_key(path: Path) -> Ed25519PrivateKey:
    """The private key at `path` (PEM), made on first use, readable by its owner only. Two processes that race end with one key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused("is not an Ed25519 private key in PEM", field=str(path))
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The public half of the key at `path`: from `path` with suffix .pub where only that was handed out, else from the private key itself (made on first use)."""
    public = path.with_suffix(".pub")
    if path.exists() or not public.exists():
        return load_key(path).public_key()
    key = serialization.load_pem_public_key(public.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise Refused("is not an Ed25519 public key in PEM", field=str(public))
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@dataclass
class Revocations:
    """Ids of revoked tokens, one a line in a file that is read again when it changes. A file that cannot be read lets nobody in (Retryable)."""

    path: Path
    _stamp: tuple[int, int] | None = None
    _ids: frozenset[str] = frozenset()

    def __contains__(self, token_id: str) -> bool:
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._ids = frozenset(self.path.read_text(encoding="ascii").split())
                self._stamp = stamp
        except FileNotFoundError:
            return False
        except (OSError, UnicodeDecodeError) as error:
            raise Retryable(f"the list of revoked tokens {self.path} cannot be read: {error}") from error
        return token_id in self._ids

    def add(self, token_id: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as file:
            file.write(f"{token_id}\n")


def issue(key: Ed25519PrivateKey, *, subject: str, roles: Iterable[Role], clearance: Tlp, ttl: dt.timedelta, now: dt.datetime, organisation: str = "", audience: str = API) -> str:
    """A signed token. `ttl` counts from `now` (UTC)."""
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "sub": subject,
        "org": organisation or subject,
        "roles": sorted(roles),
        "tlp": clearance,
        "iat": now,
        "exp": now + ttl,
        "jti": secrets.token_hex(16),
    }
    return jwt.encode(claims, key, algorithm="EdDSA")


@dataclass
class Verifier:
    """Verifies tokens offline. `now` is injected; `revoked` answers `id in revoked`."""

    key: Ed25519PublicKey
    revoked: Revocations
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    known: dict[tuple[str, str, bool], Identity] = field(default_factory=dict)
    """Tokens whose signature held: a caller sends the same one with every request."""

    def verify(self, token: str, *, audience: str = API, by_cookie: bool = False) -> Identity:
        """Raises Refused (401) saying what is wrong with the token and what to do; Retryable when the revocations cannot be read."""
        identity = self.known.get((token, audience, by_cookie)) or self._read(token, audience, by_cookie)
        if identity.expires <= self.now():
            raise Refused(f"token expired at {identity.expires.isoformat()}: ask your operator for a new one (`veedor token issue`)", field="Authorization", status=401)
        if identity.token_id in self.revoked:
            raise Refused("token was revoked: ask your operator for a new one (`veedor token issue`)", field="Authorization", status=401)
        if len(self.known) >= MOST_KNOWN:
            self.known.clear()
        self.known[token, audience, by_cookie] = identity
        return identity

    def _read(self, token: str, audience: str, by_cookie: bool) -> Identity:
        """What the token says, its signature checked. Raises Refused (401)."""
        try:
            claims = jwt.decode(
                token,
                self.key,
                algorithms=["EdDSA"],
                audience=audience,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "jti"], "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            return Identity(
                str(claims["sub"]),
                str(claims.get("org", "")),
                frozenset(Role(role) for role in claims.get("roles", [])),
                Tlp(claims.get("tlp", Tlp.CLEAR)),
                str(claims["jti"]),
                dt.datetime.fromtimestamp(int(claims["exp"]), dt.UTC),
                by_cookie,
                dt.datetime.fromtimestamp(int(claims["iat"]), dt.UTC),
            )
        # RecursionError: a header of brackets nested a thousand deep is read before its signature.
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
            raise Refused(f"token not accepted ({error}): ask your operator for a new one (`veedor token issue`)", field="Authorization", status=401) from error


@dataclass
class SignIn:
    """One-time links of one console process: a link is good once, until it expires or the process ends."""

    key: Ed25519PrivateKey
    verifier: Verifier
    started: dt.datetime
    used: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def link_token(self, *, subject: str, roles: Iterable[Role], clearance: Tlp = Tlp.AMBER, now: dt.datetime, ttl: dt.timedelta = dt.timedelta(hours=12)) -> str:
        return issue(self.key, subject=subject, roles=roles, clearance=clearance, ttl=ttl, now=now, audience=SIGN_IN)

    def redeem(self, token: str, *, session: dt.timedelta = dt.timedelta(hours=12)) -> str:
        """The session token for a link's token. Raises Refused (401) when it was used, expired or is older than this process."""
        identity = self.verifier.verify(token, audience=SIGN_IN)
        # What was used before a restart is not known any more, so nothing issued before it is good. Tokens count whole seconds.
        if identity.issued is None or identity.issued < self.started.replace(microsecond=0):
            raise Refused("this sign-in link is older than this console: take the newest that `veedor up` printed, or run `veedor token link`", field="token", status=401)
        with self.lock:
            used = identity.token_id in self.used
            self.used.add(identity.token_id)
        if used:
            raise Refused("this sign-in link was used already: restart `veedor up` or run `veedor token link` for a new one", field="token", status=401)
        return issue(
            self.key, subject=identity.subject, roles=identity.roles, clearance=identity.clearance, ttl=session, now=self.verifier.now(), organisation=identity.organisation
        )


def csrf_token(session_token: str) -> str:
    """The token a page sends back with a write: bound to the session, worthless without its cookie."""
    return hmac.new(session_token.encode(), b"veedor csrf", hashlib.sha256).hexdigest()


def csrf_matches(session_token: str, given: str | None) -> bool:
    return given is not None and hmac.compare_digest(csrf_token(session_token).encode(), given.encode("utf-8", "replace"))
