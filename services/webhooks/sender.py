"""One attempt. In: an address, a body, headers; out: an Outcome, always - within one deadline over DNS, connect, TLS, headers and body, at most 16 KiB read, no redirect followed.

aiohttp and not httpx (STYLE.md): the dialled URL carries the vetted address, so an idle connection is used again only while its address is still vetted.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.webhooks.address import Address
from services.webhooks.egress import Egress, NoAnswerError, Target
from services.webhooks.retry import Outcome, Reason, parse_retry_after, reason_of
from shared.errors import Refused
from shared.process import utc_now

DEADLINE_SECONDS = 15.0
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 4.0
"""Kept shorter than receivers' own limits (5 s is common): fewer posts meet a connection that is just being closed."""
MAX_ANSWER = 16 << 10
EXCERPT = 1024
HEADERS = {"User-Agent": "Veedor-Webhooks/1", "Accept": "*/*", "Accept-Encoding": "identity"}


class NoNames(AbstractResolver):
    """aiohttp is handed addresses only; a name that reaches it is a bug and is not dialled."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        raise OSError(f"{host} was not vetted")

    async def close(self) -> None:
        return None


@dataclass
class _Attempt:
    """What is known of an attempt while it runs."""

    started: float
    dns_ms: float = 0.0
    connect_ms: float = 0.0
    address: str | None = None
    reused: bool = False
    step: str = "looking up the name"


class Sender:
    """Sends over connections of its own; enter it inside the event loop that uses it."""

    def __init__(self, egress: Egress, *, deadline: float = DEADLINE_SECONDS, tls: ssl.SSLContext | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.egress = egress
        self.deadline = deadline
        self.tls = tls or ssl.create_default_context()
        self.clock = clock

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, resolver=NoNames(), use_dns_cache=False, keepalive_timeout=IDLE_SECONDS, ssl=self.tls, happy_eyeballs_delay=None)
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            trace_configs=[_tracing()],
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Never raises but for cancellation and bugs."""
        attempt = _Attempt(self.clock())
        try:
            async with asyncio.timeout(self.deadline):
                outcome = await self._try(url, body, headers, attempt)
        except TimeoutError:
            outcome = Outcome(Reason.TIMEOUT, detail=f"no complete answer within {self.deadline:g} s, while {attempt.step}")
        return replace(outcome, dns_ms=attempt.dns_ms, connect_ms=attempt.connect_ms, total_ms=(self.clock() - attempt.started) * 1000, address=attempt.address)

    async def _try(self, url: str, body: bytes, headers: Mapping[str, str], attempt: _Attempt) -> Outcome:
        try:
            target = await self.egress.vet(url)
        except Refused as error:
            return Outcome(Reason.REFUSED_ADDRESS, detail=error.detail)
        except NoAnswerError as error:
            return Outcome(Reason.DNS, detail=str(error))
        finally:
            attempt.dns_ms = (self.clock() - attempt.started) * 1000
        outcome = Outcome(Reason.CONNECT, detail="no address to dial")
        for address in target.addresses[:3]:
            outcome = await self._dial(target, address, body, headers, attempt)
            if outcome.reason not in (Reason.CONNECT, Reason.TIMEOUT):
                break
        return outcome

    async def _dial(self, target: Target, address: Address, body: bytes, headers: Mapping[str, str], attempt: _Attempt) -> Outcome:
        attempt.address = str(address)
        outcome = await self._post(target, address, body, headers, attempt)
        if outcome.reason is Reason.RESET and attempt.reused:
            # The receiver closed an idle connection just as this post left: nothing was read, so it goes again at once with the same id.
            outcome = await self._post(target, address, body, headers, attempt)
        return outcome

    async def _post(self, target: Target, address: Address, body: bytes, headers: Mapping[str, str], attempt: _Attempt) -> Outcome:
        place = target.place
        host = f"[{address}]" if address.version == 6 else str(address)
        url = URL(f"{'https' if place.secure else 'http'}://{host}:{place.port}{place.path}", encoded=True)
        attempt.step, attempt.reused = "connecting", False
        try:
            async with self.session.post(
                url,
                data=body,
                headers={**HEADERS, **headers, "Host": place.authority},
                server_hostname=place.host if place.secure else None,
                allow_redirects=False,
                trace_request_ctx=attempt,
            ) as response:
                attempt.step = "reading the answer"
                answer = await _at_most(response, MAX_ANSWER)
                return _outcome(response, answer)
        except aiohttp.ClientSSLError as error:
            return Outcome(Reason.TLS, detail=str(error))
        except aiohttp.ConnectionTimeoutError:
            return Outcome(Reason.TIMEOUT, detail=f"no connection (with TLS) to {address} within {CONNECT_SECONDS:g} s")
        except aiohttp.ClientConnectorError as error:
            return Outcome(Reason.CONNECT, detail=str(error))
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError) as error:
            return Outcome(Reason.RESET, detail=str(error) or "the connection was closed before an answer")
        except (aiohttp.ClientError, ValueError) as error:
            return Outcome(Reason.PROTOCOL, detail=f"the answer is not HTTP: {error}"[:500])


async def _at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The raw start of the answer; a longer answer's connection is closed instead of drained."""
    parts: list[bytes] = []
    size = 0
    while size < limit and (part := await response.content.read(limit - size)):
        parts.append(part)
        size += len(part)
    if size >= limit:
        response.close()
    return b"".join(parts)


def _outcome(response: aiohttp.ClientResponse, answer: bytes) -> Outcome:
    reason = reason_of(response.status)
    detail = f"answered {response.status}"
    if reason is Reason.REDIRECT:
        detail += ": redirects are not followed; subscribe the final address"
    return Outcome(reason, response.status, detail, parse_retry_after(response.headers.get("Retry-After"), utc_now()), excerpt=answer[:EXCERPT])


def _tracing() -> aiohttp.TraceConfig:
    """Notes connection times and whether a connection was used before."""

    async def started(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.connecting = time.monotonic()

    async def connected(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        attempt: _Attempt = context.trace_request_ctx
        attempt.connect_ms = (time.monotonic() - context.connecting) * 1000
        attempt.step = "waiting for the answer"

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        attempt: _Attempt = context.trace_request_ctx
        attempt.reused, attempt.step = True, "waiting for the answer"

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_start.append(started)
    tracing.on_connection_create_end.append(connected)
    tracing.on_connection_reuseconn.append(reused)
    return tracing
