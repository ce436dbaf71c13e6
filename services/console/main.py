"""Composition root of the console: reads settings, builds the pages, makes sign-in links."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from services.console.app import HERE, create_app, versions
from services.console.language import load
from services.console.page import Desk
from services.console.siblings import Siblings
from shared.countries import load as load_country
from shared.events import Tlp
from shared.http import client
from shared.identity import Role, SignIn, load_key
from shared.process import Context, Part

LINK_LIFE = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class ConsolePart(Part):
    """The console, and what makes its sign-in links."""

    desk: Desk | None = None


def build(context: Context, siblings: Mapping[str, httpx.Client] | None = None) -> ConsolePart:
    """The console of `context`; `siblings` are the clients of ingest, alerting and webhooks (by default at the addresses of the settings)."""
    settings = context.settings
    pack = load_country(settings.country)
    clients = siblings or {"ingest": client(settings.ingest_url), "alerting": client(settings.alerting_url), "webhooks": client(settings.webhooks_url)}
    desk = Desk(
        pack=pack,
        siblings=Siblings(clients, context.now),
        tongues=load(HERE / "translations", pack.timezone),
        sign_in=SignIn(load_key(settings.keys / "identity.pem"), context.verifier, context.now()),
        now=context.now,
        secure=(settings.public_url or "").startswith("https:"),
        exercise=context.exercise,
        static=versions(HERE / "static"),
    )
    return ConsolePart("console", create_app(context.door({}), desk), desk=desk)


def sign_in_link(part: Part, base_url: str, *, subject: str = "console", roles: Iterable[Role] = (Role.ADMIN,), clearance: Tlp = Tlp.AMBER) -> str:
    """A link that signs one person in once, within ten minutes. The session it opens lasts twelve hours."""
    assert isinstance(part, ConsolePart)
    assert part.desk is not None
    desk = part.desk
    token = desk.sign_in.link_token(subject=subject, roles=roles, clearance=clearance, now=desk.now(), ttl=LINK_LIFE)
    return f"{base_url.rstrip('/')}/session?token={quote(token)}"
