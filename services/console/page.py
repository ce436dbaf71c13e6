"""What every page is made of: the session it is drawn for, its language, the day it stands on, and the frame around it (TLP, exercise, silence of siblings)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, make_response, render_template, request
from pydantic import BaseModel

from services.console.answers import Alert, Listing, Summary
from services.console.axis import shortened
from services.console.headline import as_of
from services.console.language import LOCALES, Tongue
from services.console.siblings import Answer, Params, Siblings, stale
from shared.countries import Pack
from shared.countries.pack import folded
from shared.events import Direction, Level, Stage, Target, Tlp, Words
from shared.identity import ANONYMOUS, Identity, SignIn, csrf_token

Model = TypeVar("Model", bound=BaseModel)
NOTHING = Listing[Alert]()


@dataclass(frozen=True)
class Desk:
    """The parts all pages share. `now` is the wall clock (UTC); `static` maps a file's name to its versioned address; `secure` marks cookies for https only,
    `exercise` says that this home holds a replay."""

    pack: Pack
    siblings: Siblings
    tongues: Mapping[str, Tongue]
    sign_in: SignIn
    now: Callable[[], dt.datetime]
    secure: bool = False
    exercise: bool = False
    static: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Page:
    """One request's page. Remembers what it read, so that the frame can say what is fresh and how it is marked."""

    desk: Desk
    tongue: Tongue
    identity: Identity = ANONYMOUS
    token: str = ""
    answers: list[Answer[Any]] = field(default_factory=list)
    tlp: Tlp = Tlp.CLEAR
    exercise: bool = False
    day: dt.date | None = None

    @property
    def marking(self) -> Tlp:
        """How the page is marked: as the most closed thing on it, and never above what its reader may see."""
        return min(self.tlp, self.identity.clearance, key=lambda tlp: tlp.rank)

    @property
    def wanted_clearance(self) -> Tlp:
        """The clearance to ask for where this reader's shows nothing: the next one."""
        return next((tlp for tlp in Tlp if tlp.rank > self.identity.clearance.rank), Tlp.RED)

    @property
    def pack(self) -> Pack:
        return self.desk.pack

    def read(self, service: str, path: str, model: type[Model], **params: Any) -> Answer[Model]:
        """What a sibling answers to this session; remembered for the frame."""
        answer = self.desk.siblings.read(service, path, model, token=self.token, params={name: value for name, value in params.items() if value not in (None, "", [])})
        self.answers.append(answer)
        return answer

    def alerts(self, **params: Any) -> Listing[Alert]:
        """A list of alerts, empty while alerting is silent and nothing was read before; the page takes over their marking."""
        found = self.read("alerting", "/v1/alerts", Listing[Alert], **params).value or NOTHING
        self.mark(found.items)
        return found

    def unread(self, service: str) -> bool:
        """Whether something of a sibling could not be read at all: an empty list then means nothing."""
        return any(answer.service == service and answer.value is None and answer.silent_since for answer in self.answers)

    def denied(self, service: str) -> bool:
        """Whether a sibling said that this session may not read something."""
        return any(answer.service == service and answer.denied for answer in self.answers)

    def headline(self, headline: Words) -> str:
        """An alert's sentence as it reads on the day the page stands on."""
        return self.tongue.pick(as_of(headline, self.day) if self.day else headline)

    def mark(self, alerts: Iterable[Alert]) -> None:
        """The page is as closed as the most closed alert on it, and an exercise when one of them is."""
        for alert in alerts:
            self.tlp = max(self.tlp, alert.tlp, key=lambda tlp: tlp.rank)
            self.exercise = self.exercise or alert.exercise

    def summary(self) -> Summary:
        """Totals of alerting; a replay is told by the newest alert."""
        found = self.read("alerting", "/v1/summary", Summary).value or Summary()
        if found.last_sequence and not self.exercise:
            self.alerts(sort="-changed", limit=1)
        return found

    def today(self, summary: Summary) -> dt.date:
        """The day the page stands on: the country's date, or in an exercise the newest day that was replayed."""
        replayed = summary.last_as_of if self.exercise else None
        self.day = replayed or self.desk.now().astimezone(self.tongue.zone).date()
        return self.day

    def write(self, method: str, path: str, body: Params | None = None) -> dict[str, Any]:
        """A change of subscriptions on behalf of this session."""
        return self.desk.siblings.write("webhooks", method, path, token=self.token, body=body)

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The page as HTML in its frame."""
        frame = {
            "t": self.tongue,
            "page": self,
            "say": Say(self.pack, self.tongue),
            "static": self.desk.static,
            "silent": stale(self.answers),
            "csrf": csrf_token(self.token) if self.token else "",
            "languages": [(code, address(lang=code)) for code in LOCALES],
            "Level": Level,
        }
        response = make_response(render_template(template, **(frame | values)), status)
        response.headers["Content-Language"] = self.tongue.code
        response.headers["Cache-Control"] = "no-store"
        return response


@dataclass(frozen=True)
class Say:
    """Plain words for the vocabulary's terms, from the country pack, in the page's language."""

    pack: Pack
    tongue: Tongue

    def level(self, level: Level | str) -> str:
        return self.tongue.pick(self.pack.level_label(Level(level)))

    def level_name(self, level: Level | str) -> str:
        """The level as it stands beside its shape."""
        return capital(self.level(level))

    def stage(self, stage: Stage) -> str:
        return self.tongue.pick(self.pack.stage_label(stage))

    def stage_name(self, stage: Stage) -> str:
        return capital(self.stage(stage))

    def capital(self, words: str) -> str:
        return capital(words)

    def direction(self, direction: Direction) -> str:
        return self.tongue.pick(self.pack.direction_label(direction))

    def target(self, target: Target) -> str:
        return self.tongue.pick(self.pack.target_label(target))

    def short(self, target: Target) -> str:
        """Its acronym where the body itself goes by it, else its name before any colon or bracket."""
        known = any(body.short == target for body in self.pack.institutions.values())
        return target.value if known else self.head(target)

    def head(self, target: Target) -> str:
        return shortened(self.target(target), 200)

    def shortcut(self, said: str) -> str:
        """The way around a step in plain words where the country pack knows it, else as the source said it."""
        found = next((known for known in self.pack.procedure.shortcuts.values() if any(folded(phrase) in folded(said) for phrase in known.phrases)), None)
        return self.tongue.pick(found.label) if found else said

    def country(self) -> str:
        return self.tongue.pick(self.pack.name)


def capital(words: str) -> str:
    """With a capital first letter, the rest as it is."""
    return words[:1].upper() + words[1:]


def address(**changes: str | None) -> str:
    """This page's own address with parameters changed; None takes one away."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    query = urlencode(kept + [(name, value) for name, value in changes.items() if value is not None])
    return f"{request.path}?{query}" if query else request.path
