"""When to try again. In: what an attempt came to; out: what becomes of the delivery and how long to wait. Pure."""

from __future__ import annotations

import datetime as dt
import email.utils
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

SCHEDULE = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Longest wait in seconds after the first, second ... failure; one attempt more than waits, at most 27 h 43 min in all."""
FLOOR_SECONDS = 1.0
RETRY_AFTER_CAP = 3600.0
MAX_AGE = dt.timedelta(days=3)
"""A delivery nobody could take for so long (its lane's breaker open) ends as failed; the feed still has it."""


class Reason(StrEnum):
    """Why an attempt ended as it did: bounded, for logs, metrics and people. HTTP answers are told by their class."""

    OK = "ok"
    REFUSED_ADDRESS = "refused_address"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"
    REDIRECT = "redirect"
    GONE = "gone"
    STATUS_1XX = "status_1xx"
    STATUS_4XX = "status_4xx"
    STATUS_429 = "status_429"
    STATUS_5XX = "status_5xx"
    EXPIRED = "expired"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to. `detail` is for people; times in milliseconds; `retry_after` in seconds; `excerpt` is the start of the answer's body."""

    reason: Reason
    status: int | None = None
    detail: str = ""
    retry_after: float | None = None
    dns_ms: float = 0.0
    connect_ms: float = 0.0
    total_ms: float = 0.0
    address: str | None = None
    excerpt: bytes = field(default=b"", repr=False)

    @property
    def delivered(self) -> bool:
        return self.reason is Reason.OK


def reason_of(status: int) -> Reason:
    """The reason code of an HTTP status: only 2xx is taken for an acknowledgement."""
    if 200 <= status < 300:
        return Reason.OK
    if 300 <= status < 400:
        return Reason.REDIRECT
    if status == 410:
        return Reason.GONE
    if status == 429:
        return Reason.STATUS_429
    if 400 <= status < 500:
        return Reason.STATUS_4XX
    return Reason.STATUS_5XX if status >= 500 else Reason.STATUS_1XX


def wait_after(attempts: int, retry_after: float | None = None, *, draw: Callable[[], float] = random.random) -> float | None:
    """Seconds until the next try after `attempts` (1 or more) have failed; None when there is no next.

    Full jitter over the step's length (AWS Architecture Blog, 2015: "Exponential Backoff And Jitter"), never under the floor.
    An endpoint that says Retry-After is obeyed up to the cap.
    """
    if attempts > len(SCHEDULE):
        return None
    wait = max(FLOOR_SECONDS, draw() * SCHEDULE[attempts - 1])
    return wait if retry_after is None else max(wait, min(retry_after, RETRY_AFTER_CAP))


def parse_retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds named by a Retry-After header (RFC 9110 section 10.2.3: seconds or a date); None when absent or not understood."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), RETRY_AFTER_CAP)
    try:
        date = email.utils.parsedate_to_datetime(value)
        seconds = (date if date.tzinfo else date.replace(tzinfo=dt.UTC)) - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(0.0, seconds.total_seconds()), RETRY_AFTER_CAP)
