"""When someone last looked. In: the visit cookie and the present; out: the moment since which things are new, and the cookie to set. The browser keeps it, nobody else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

COOKIE = "veedor_visit"
BREAK = dt.timedelta(minutes=30)
"""Pages opened closer together than this belong to one visit."""


@dataclass(frozen=True)
class Visit:
    """`since` is when the previous visit ended (None on the first), `latest` when a page was last opened. UTC."""

    since: dt.datetime | None
    latest: dt.datetime

    def cookie(self) -> str:
        return f"{int(self.since.timestamp()) if self.since else 0}.{int(self.latest.timestamp())}"


def next_visit(cookie: str | None, now: dt.datetime) -> Visit:
    """The visit that a page opened at `now` belongs to; junk in the cookie counts as a first visit."""
    since, _, latest = (cookie or "").partition(".")
    if not (since.isascii() and since.isdigit() and latest.isascii() and latest.isdigit()) or len(cookie or "") > 30 or not int(latest) <= now.timestamp() + 1:
        return Visit(None, now)
    last = dt.datetime.fromtimestamp(int(latest), dt.UTC)
    before = dt.datetime.fromtimestamp(min(int(since), int(latest)), dt.UTC) if int(since) else None
    return Visit(last if now - last > BREAK else before, now)
