"""Alerts: the live list with its filters, and beside it on a wide screen the alert that is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.datastructures import MultiDict

from services.console.page import Page, address
from services.console.pages.alert import detail
from shared.errors import Refused
from shared.events import Direction, Level, Lifecycle, Stage, Target

PAGE = 40
SORTS = {"-changed": "alerts.sort_changed", "-risk": "alerts.sort_risk", "-peak": "alerts.sort_peak"}
FIRST = "-changed"
LEVELS = tuple(level for level in reversed(Level) if level is not Level.NONE)
FREE = frozenset({"q", "cursor", "selected", "lang"})
STATES = ("cancelled", "new")
KNOWN: Mapping[str, Sequence[str]] = {
    "level": LEVELS,
    "min_level": LEVELS,
    "institution": list(Target),
    "direction": list(Direction),
    "stage": list(Stage),
    "state": STATES,
    "sort": list(SORTS),
}


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to. `misread` is what the address asked for and we do not understand: an old bookmark still opens, and says so."""

    level: tuple[Level, ...] = ()
    institution: Target | None = None
    direction: Direction | None = None
    stage: Stage | None = None
    state: str = ""
    q: str = ""
    sort: str = FIRST
    misread: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        return bool(self.level or self.institution or self.direction or self.stage or self.state or self.q)

    @property
    def finer(self) -> bool:
        """Whether one of the filters that are folded away is in use."""
        return bool(self.institution or self.direction or self.stage or self.state or self.sort != FIRST)

    def params(self) -> dict[str, Any]:
        """As alerting's API takes them, less the sort."""
        given = {
            "level": [str(level) for level in self.level],
            "institution": self.institution,
            "direction": self.direction,
            "stage": self.stage,
            "lifecycle": {"cancelled": str(Lifecycle.CANCEL), "new": str(Lifecycle.ALERT)}.get(self.state),
            "q": self.q,
        }
        return {name: value if isinstance(value, list) else str(value) for name, value in given.items() if value}

    def export(self, form: str) -> str:
        """Address of exactly this set as a file."""
        query = urlencode(self.params(), doseq=True)
        return f"/v1/exports/alerts.{form}" + (f"?{query}" if query else "")


def filters(given: Mapping[str, Any]) -> Filters:
    """Filters of an address's query (a MultiDict)."""
    levels = given.getlist("level") if hasattr(given, "getlist") else []
    least = next((level for level in LEVELS if level == given.get("min_level")), None)
    return Filters(
        level=tuple(level for level in LEVELS if level in levels or (least and level.rank >= least.rank)),
        institution=Target(given["institution"]) if given.get("institution") in list(Target) else None,
        direction=Direction(given["direction"]) if given.get("direction") in list(Direction) else None,
        stage=Stage(given["stage"]) if given.get("stage") in list(Stage) else None,
        state=given.get("state", "") if given.get("state") in STATES else "",
        q="".join(c for c in str(given.get("q", "")) if c.isprintable()).strip()[:200],
        sort=given.get("sort", "") if given.get("sort") in SORTS else FIRST,
        misread=tuple(_misread(given)),
    )


def _misread(given: Mapping[str, Any]) -> Iterator[str]:
    """`name=value` of each parameter that narrows nothing although it has a value, shortened for people, ten at most."""
    pairs = given.items(multi=True) if isinstance(given, MultiDict) else given.items()
    wrong = (f"{name}={value}" for name, value in pairs if value and name not in FREE and value not in KNOWN.get(name, ()))
    return ("".join(c for c in said if c.isprintable())[:80] for said in islice(wrong, 10))


def show(page: Page) -> Response:
    chosen = filters(request.args)
    cursor = request.args.get("cursor") or None
    summary = page.summary()
    try:
        found = page.alerts(**chosen.params(), sort=chosen.sort, limit=PAGE, cursor=cursor)
    except Refused as error:
        if error.status != 422 or cursor is None:
            raise
        found = page.alerts(**chosen.params(), sort=chosen.sort, limit=PAGE)
    today = page.today(summary)
    selected = request.args.get("selected") or next((alert.alert_id for alert in found.items), None)
    return page.render(
        "alerts.html",
        today=today,
        filters=chosen,
        found=found,
        summary=summary,
        levels=LEVELS,
        sorts=SORTS.items(),
        stages=list(Stage),
        targets=list(Target),
        directions=list(Direction),
        selected=selected,
        shown=detail(page, selected, today) if selected else None,
        first=address(cursor=None, selected=None) if cursor else None,
        following=address(cursor=found.next, selected=None) if found.next else None,
    )
