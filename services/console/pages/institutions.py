"""Institutions: pressure on each over time, and the open alerts that make it."""

from __future__ import annotations

import datetime as dt

from flask import Response
from markupsafe import Markup

from services.console import chart
from services.console.answers import Institution, Listing, Point, Pressure
from services.console.page import Page
from services.console.pages.now import YEAR, multiples, split
from shared.errors import Refused
from shared.events import Level, Target

FEWEST = 5
"""A chart with fewer points than this is a sentence instead."""


def show(page: Page) -> Response:
    today = page.today(page.summary())
    return page.render("institutions.html", today=today, multiples=multiples(page, today))


def show_one(page: Page, code: str) -> Response:
    if code not in list(Target):
        raise Refused("there is no institution of this code", field="code", status=404)
    target = Target(code)
    summary = page.summary()
    today = page.today(summary)
    found = page.read("alerting", "/v1/institutions", Listing[Institution]).value
    daily = page.read("alerting", f"/v1/institutions/{target}/pressure", Pressure, since=(today - 2 * YEAR).isoformat(), until=today.isoformat()).value
    points = daily.series if daily else ()
    alerts = page.alerts(institution=target.value, min_level=Level.WATCH, sort="-risk", limit=100)
    return page.render(
        "institution.html",
        today=today,
        withheld=summary.withheld,
        target=target,
        institution=next((body for body in found.items if body.code == target), None) if found else None,
        pictures=pictures(page, target, points, today),
        points=points,
        alerts=[alert for alert in alerts.items if not alert.cancelled],
        table=monthly(points),
    )


def pictures(page: Page, target: Target, points: tuple[Point, ...], today: dt.date) -> list[Markup]:
    """The chart wide and narrow, or none when there are too few points to draw."""
    now, before = split(points, today)
    if len(now) < FEWEST:
        return []
    t = page.tongue
    name = t.pick(page.pack.target_label(target))
    title = t("pressure.chart", name=name, first=t.date(now[0][0]), start=t.number(now[0][1], 1), last=t.date(now[-1][0]), end=t.number(now[-1][1], 1))
    return [chart.pressure(now, before, t, title, width=width) for width in (1200, 360)]


def monthly(points: tuple[Point, ...]) -> list[Point]:
    """The series at the end of each month, newest first: the chart as a table."""
    last: dict[tuple[int, int], Point] = {}
    for point in points:
        last[(point.date.year, point.date.month)] = point
    return list(last.values())[::-1][:13]
