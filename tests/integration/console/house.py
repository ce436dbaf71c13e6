"""The console on fake siblings, built as `main.build` builds it but with a clock the test sets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from flask import Flask

from services.console.app import HERE, create_app, versions
from services.console.language import load
from services.console.main import ConsolePart, sign_in_link
from services.console.page import Desk
from services.console.siblings import Siblings
from shared.countries import Pack
from shared.events import Tlp
from shared.http import Door, client
from shared.identity import COOKIE, Revocations, Role, SignIn, Verifier, csrf_token, issue, load_key
from shared.operations import Liveness
from tests.integration.console import examples
from tests.integration.console.fake_siblings import Fake, create_fake


@dataclass
class House:
    """A console with everything around it; `now` is what its clock says."""

    home: Path
    pack: Pack
    fake: Fake = field(default_factory=Fake)
    now: dt.datetime = examples.NOW

    def __post_init__(self) -> None:
        self.key = load_key(self.home / "identity.pem")
        self.verifier = Verifier(self.key.public_key(), Revocations(self.home / "revoked"), lambda: self.now)
        self.siblings_app = create_fake(self.fake)
        inside = client("http://siblings.internal", transport=httpx.WSGITransport(app=self.siblings_app))
        self.desk = Desk(
            pack=self.pack,
            siblings=Siblings(dict.fromkeys(("ingest", "alerting", "webhooks"), inside), lambda: self.now),
            tongues=load(HERE / "translations", self.pack.timezone),
            sign_in=SignIn(self.key, self.verifier, self.now),
            now=lambda: self.now,
            static=versions(HERE / "static"),
        )
        self.door = Door(self.verifier, Liveness())
        self.app: Flask = create_app(self.door, self.desk)

    def token(self, *roles: Role, clearance: Tlp = Tlp.AMBER) -> str:
        return issue(self.key, subject="mission", roles=roles or (Role.ADMIN,), clearance=clearance, ttl=dt.timedelta(hours=1), now=self.now)

    def link(self, base_url: str = "") -> str:
        return sign_in_link(ConsolePart("console", self.app, desk=self.desk), base_url)

    def browser(self, token: str | None = None, language: str = "es") -> Browser:
        return Browser(self.app, self.token() if token is None else token, language)


class Browser:
    """Flask's test client as a signed-in browser."""

    def __init__(self, app: Flask, token: str, language: str) -> None:
        self.client = app.test_client()
        self.csrf = csrf_token(token)
        self.headers = {"Accept": "text/html", "Accept-Language": language}
        if token:
            self.client.set_cookie(COOKIE, token, domain="localhost")

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, headers=self.headers)
        assert answer.status_code == status, (answer.status_code, answer.text[:2000])
        return answer.text

    def post(self, path: str, form: dict[str, str], status: int = 303, *, csrf: bool = True) -> str:
        answer = self.client.post(path, data=form | ({"csrf": self.csrf} if csrf else {}), headers=self.headers)
        assert answer.status_code == status, (answer.status_code, answer.text[:2000])
        return answer.text
