"""Now: is anything new and can we see, what moved, which institutions are under pressure, what the clock says."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from flask import Response, request
from markupsafe import Markup

from services.console import chart, timeline
from services.console.answers import Alert, Institution, Listing, Point, SourceHealth
from services.console.axis import Mark, shortened
from services.console.page import Page, Say
from services.console.sight import sight
from services.console.visit import COOKIE, next_visit
from shared.countries.form import MilestoneDate
from shared.events import Direction, Level

MOVED = 8
GRAVEST = 6
AHEAD = 6
PRESSED = 8
HORIZON = dt.timedelta(days=3 * 365)
YEAR = dt.timedelta(days=365)


def show(page: Page) -> Response:
    visit = next_visit(request.cookies.get(COOKIE), page.desk.now())
    summary = page.summary()
    today = page.today(summary)
    sources = page.read("ingest", "/v1/sources", Listing[SourceHealth]).value
    moved = page.alerts(sort="-changed", limit=MOVED)
    fresh = page.alerts(changed_since=visit.since.isoformat(), limit=1).total if visit.since else None
    opened = [alert for alert in page.alerts(sort="-risk", min_level=Level.WATCH, limit=200).items if not alert.cancelled]
    counts = summary.open_by_level if summary.open_by_level is not None else Counter(alert.level.value for alert in opened)
    shown = {alert.alert_id for alert in moved.items}
    drawn, say = multiples(page, today), Say(page.pack, page.tongue)
    response = page.render(
        "now.html",
        today=today,
        visit=visit,
        summary=summary,
        fresh=fresh,
        counts=counts,
        blocked=summary.withheld and not moved.items,
        sight=sight(sources.items if sources else None),
        moved=moved.items,
        gravest=[alert for alert in opened if alert.alert_id not in shown][:GRAVEST],
        multiples=[found for found in drawn if found.pressed][:PRESSED],
        calm=[say.head(found.institution.code) for found in drawn if not found.pressed],
        milestones=ahead(page, today)[:AHEAD],
        nearest=nearest(opened, today)[:AHEAD],
        horizons=horizons(page, nearest(opened, today), today),
    )
    response.set_cookie(COOKIE, visit.cookie(), max_age=365 * 86400, httponly=True, samesite="Lax", secure=page.desk.secure)
    return response


@dataclass(frozen=True)
class Multiple:
    """One institution's small chart with the figures beside it."""

    institution: Institution
    picture: Markup
    change: float | None

    @property
    def pressed(self) -> bool:
        """Whether there is pressure to speak of: as much as is shown as more than zero."""
        return self.institution.pressure >= 0.05


def multiples(page: Page, today: dt.date) -> list[Multiple]:
    """Institutions under most pressure, each drawn over a year on the scale of the gravest."""
    found = page.read("alerting", "/v1/institutions", Listing[Institution]).value
    bodies = sorted(found.items if found else (), key=lambda body: -body.pressure)
    top = chart.scale_top(point.value for body in bodies for point in body.series)
    return [Multiple(body, picture(page, body, top, today), None if body.previous_year is None else body.pressure - body.previous_year) for body in bodies]


def split(points: tuple[Point, ...], today: dt.date) -> tuple[chart.Series, chart.Series]:
    """The last year, and the year before it moved onto the same days."""
    start = today - YEAR
    return [(point.date, point.value) for point in points if point.date >= start], [(point.date + YEAR, point.value) for point in points if point.date < start]


def picture(page: Page, body: Institution, top: float, today: dt.date) -> Markup:
    t = page.tongue
    now, before = split(body.series, today)
    past = t("pressure.year_ago", value=t.number(body.previous_year, 1)) if body.previous_year is not None else t("pressure.year_ago_unknown")
    return chart.multiple(now, before, top, t("pressure.described", name=t.pick(page.pack.target_label(body.code)), value=t.number(body.pressure, 1), past=past))


def ahead(page: Page, today: dt.date) -> list[MilestoneDate]:
    """Milestones of the electoral calendar from today on that could be known today, nearest first."""
    return sorted((found for found in page.pack.milestones if found.known_from <= today <= found.date), key=lambda found: found.date)


def soon(found: list[MilestoneDate], today: dt.date) -> list[MilestoneDate]:
    """Those of the next three years, or the nearest: what lies further would squeeze the rest together."""
    return [milestone for milestone in found if milestone.date <= today + HORIZON] or found[:1]


def nearest(alerts: list[Alert], today: dt.date) -> list[Alert]:
    """Open alerts of moves that weaken an institution and can still become law, by the earliest day they can."""
    able = [alert for alert in alerts if alert.earliest_law and alert.earliest_law >= today and alert.direction is not Direction.STRENGTHENS]
    return sorted(able, key=lambda alert: (alert.earliest_law or today, -alert.level.rank))


def horizons(page: Page, alerts: list[Alert], today: dt.date) -> list[Markup]:
    """The clock drawn wide and narrow; the style sheet shows the one that fits."""
    t = page.tongue
    kinds = {"election_day": "election", "runoff": "election", "one_year_line": "line"}
    marks = [
        Mark(found.date, shortened(t.pick(found.label)), f"{t.date(found.date)} · {t.distance(found.date, today)}", kinds.get(found.kind, found.kind))
        for found in soon(ahead(page, today)[:AHEAD], today)
    ]
    dates = [
        (alert.earliest_law, alert.level, f"{page.headline(alert.headline)} · {t.date(alert.earliest_law)}", f"/alerts/{alert.alert_id}")
        for alert in alerts[:60]
        if alert.earliest_law
    ]
    return [timeline.horizon(marks, dates, today, t, t("clock.horizon"), width=width) for width in (1200, 340)] if marks or dates else []
