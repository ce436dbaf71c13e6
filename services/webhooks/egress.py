"""Who may be dialled. In: an address people typed; out: the vetted IP addresses behind it, or Refused saying why. Asked when a subscription is made and again before every dial."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from services.webhooks.address import Address, refusal
from shared.errors import Refused

MAX_URL = 2000
LOOKUPS_AT_ONCE = 32
REMEMBERED = 1000
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)$")
_HOST = re.compile(r"[a-zA-Z0-9_\-.]{1,253}")
_PLAIN = re.compile(r"[!-~\u00a1-\ud7ff\ue000-\uffff]+")
"""Neither blanks nor control characters: parsers disagree on them, and what parsers disagree on is how guards are passed."""

Lookup = Callable[[str], Sequence[str]]


class NoAnswerError(Exception):
    """The name has no address, or nobody said so in time."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says: `host` for SNI, `authority` for the Host header, `literal` when the host is an address itself."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str
    literal: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A vetted destination: dial one of `addresses`."""

    place: Place
    addresses: tuple[Address, ...]


def system_lookup(host: str) -> list[str]:
    """All addresses of a name, as the system's resolver orders them. Raises OSError."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))


@dataclass
class Names:
    """Look-ups in threads of their own, one a name at a time, at most `LOOKUPS_AT_ONCE`: a resolver that hangs holds up nobody else. Answers are remembered `keep` seconds."""

    lookup: Lookup = system_lookup
    keep: float = 5.0
    clock: Callable[[], float] = time.monotonic
    asked: dict[str, Future[tuple[Address, ...]]] = field(default_factory=dict)
    known: dict[str, tuple[float, tuple[Address, ...]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, host: str) -> Future[tuple[Address, ...]]:
        """The addresses of `host`, later. The future raises NoAnswerError."""
        with self.lock:
            until, addresses = self.known.get(host, (0.0, ()))
            if self.clock() < until:
                return _done(addresses)
            if host in self.asked:
                return self.asked[host]
            answer: Future[tuple[Address, ...]] = Future()
            if len(self.asked) >= LOOKUPS_AT_ONCE:
                answer.set_exception(NoAnswerError("too many names are being looked up"))
                return answer
            self.asked[host] = answer
        threading.Thread(target=self._answer, args=(host, answer), name="dns", daemon=True).start()
        return answer

    def _answer(self, host: str, answer: Future[tuple[Address, ...]]) -> None:
        # UnicodeError: names getaddrinfo cannot encode; ValueError: scoped addresses (fe80::1%eth0).
        try:
            found = tuple(ipaddress.ip_address(text) for text in self.lookup(host))
            error = None if found else NoAnswerError(f"{host} has no address")
        except (OSError, UnicodeError, ValueError) as problem:
            found, error = (), NoAnswerError(f"{host}: {problem}")
        with self.lock:
            del self.asked[host]
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            if found:
                self.known[host] = (self.clock() + self.keep, found)
        if error is None:
            answer.set_result(found)
        else:
            answer.set_exception(error)


@dataclass(frozen=True)
class Egress:
    """The guard. `allow_private` lets loopback and private networks through (and then plain http too), never link-local or metadata addresses."""

    allow_private: bool = False
    names: Names = field(default_factory=Names)

    def vet_now(self, url: str, seconds: float = 3.0) -> None:
        """For the API: raises Refused (field `url`). A name nobody answers for in time passes: it may be new, and every dial asks again."""
        place = parse(url, allow_http=self.allow_private)
        try:
            addresses = place.literal or self.names.ask(place.host).result(seconds)
        except (NoAnswerError, FutureTimeout):
            return
        self._judge(place.host, addresses)

    async def vet(self, url: str) -> Target:
        """For a dial. Raises Refused when any address of the name is forbidden, NoAnswerError when there is none; the caller sets the deadline."""
        place = parse(url, allow_http=self.allow_private)
        addresses = place.literal or await asyncio.shield(asyncio.wrap_future(self.names.ask(place.host)))
        self._judge(place.host, addresses)
        return Target(place, addresses)

    def _judge(self, host: str, addresses: Sequence[Address]) -> None:
        for address in addresses:
            if why := refusal(address, allow_private=self.allow_private):
                raise Refused(f"{why}: give {host} an address on the public internet, or another host", field="url")


@functools.lru_cache(4096)
def parse(url: str, *, allow_http: bool = False) -> Place:
    """The parts of an acceptable address, host in ASCII. Pure. Raises Refused (field `url`) saying what to change."""
    if len(url) > MAX_URL or not _PLAIN.fullmatch(url) or "\\" in url:
        raise Refused(f"must be one address of at most {MAX_URL} characters without blanks, control characters or backslashes", field="url")
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
    except ValueError as error:
        raise Refused(f"is no address: {error}", field="url") from error
    if split.scheme not in (("http", "https") if allow_http else ("https",)):
        raise Refused("must begin with https://", field="url")
    if "@" in split.netloc:
        raise Refused("must not carry a user name or password: deliveries are proved by their signature", field="url")
    if port == 0 or split.netloc.endswith(":"):
        raise Refused("must name a port between 1 and 65535, or none", field="url")
    secure, bracketed = split.scheme == "https", split.netloc.startswith("[")
    host, literal = _v6_host(host) if bracketed else _host(host)
    authority = (f"[{host}]" if bracketed else host) + (f":{port}" if port else "")
    path = _percent_encoded(split.path or "/") + (f"?{_percent_encoded(split.query)}" if split.query else "")
    return Place(secure, host, port or (443 if secure else 80), authority, path, literal)


def _host(host: str) -> tuple[str, tuple[Address, ...]]:
    """A name, or an IPv4 address in its one plain form."""
    try:
        # IDNA also turns look-alike digits and dots (１２７。０。０。１) into what a resolver would read.
        host = (host if host.isascii() else host.encode("idna").decode("ascii").lower()).rstrip(".")
    except UnicodeError as error:
        raise Refused(f"has no valid host name: {error}", field="url") from error
    if not _HOST.fullmatch(host):
        raise Refused("has no valid host name", field="url")
    if not _ENDS_IN_NUMBER.search(host):
        return host, ()
    try:
        return host, (ipaddress.IPv4Address(host),)
    except ValueError as error:
        raise Refused("writes an address as a number: use a host name, or four decimal numbers with dots", field="url") from error


def _v6_host(host: str) -> tuple[str, tuple[Address, ...]]:
    try:
        if "%" in host:
            raise ValueError("names a network interface")
        return host, (ipaddress.IPv6Address(host),)
    except ValueError as error:
        raise Refused(f"has no valid IPv6 address in its brackets: {error}", field="url") from error


def _percent_encoded(part: str) -> str:
    """What is not ASCII, as UTF-8 percent codes; all else stays as it was typed."""
    return "".join(character if character.isascii() else "".join(f"%{byte:02X}" for byte in character.encode()) for character in part)


def _done(addresses: tuple[Address, ...]) -> Future[tuple[Address, ...]]:
    answer: Future[tuple[Address, ...]] = Future()
    answer.set_result(addresses)
    return answer
