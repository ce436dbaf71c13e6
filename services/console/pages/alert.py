"""One alert: the sentence, the clock, why this level, what would change it, its history with sources, proof, and who was told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from markupsafe import Markup

from services.console import chart, timeline
from services.console.answers import AlertDetail, Delivery, Listing, Subscription
from services.console.axis import Mark, shortened
from services.console.language import Tongue
from services.console.page import Page, Say, capital
from services.console.quote import marked
from shared.countries.form import Citation, MilestoneDate
from shared.errors import Refused
from shared.events import Assessment, Direction, Factor, Level, Move, Stage, Step
from shared.identity import Role

FEWEST = 5
"""A chart with fewer days than this is a sentence instead."""

PARTS = ("severity", "imminence", "confidence")


def show(page: Page, alert_id: str) -> Response:
    summary = page.summary()
    today = page.today(summary)
    found = detail(page, alert_id, today)
    return page.render("alert.html", today=today, shown=found, alert_id=alert_id, summary=summary)


@dataclass(frozen=True)
class Reason:
    """One factor ready to be drawn: its bar on the list's common scale, the words that weighed, the standard it rests on."""

    factor: Factor
    label: str
    picture: Markup
    citation: str
    url: str | None


@dataclass(frozen=True)
class Part:
    """One part of the score with its factors, longest bar first."""

    name: str
    value: float
    reasons: Sequence[Reason]


@dataclass(frozen=True)
class Shown:
    """All that the alert page draws."""

    alert: AlertDetail
    clocks: Sequence[Markup]
    window: bool
    numbers: Sequence[str]
    ballot: MilestoneDate | None
    late: bool
    parts: Sequence[Part]
    formula: Markup | None
    title: Markup
    summary: Markup
    steps: Sequence[tuple[Step, Markup | None]]
    course: Markup | None
    chance: Markup | None
    deliveries: Sequence[Delivery] | None
    names: Mapping[str, str]
    delivered: int
    silent: bool


def detail(page: Page, alert_id: str, today: dt.date) -> Shown | None:
    """The alert with everything around it; None while alerting is silent and it was never read. Raises Refused (404) for an unknown id."""
    if not all(c.isascii() and (c.isalnum() or c in "._:-") for c in alert_id):
        raise Refused("there is no alert of this name", field="alert_id", status=404)
    alert = page.read("alerting", f"/v1/alerts/{alert_id}", AlertDetail).value
    if alert is None:
        return None
    page.mark([alert])
    quotes = [factor.quote for factor in alert.assessment.factors if factor.quote] if alert.assessment else []
    told, silent = deliveries(page, alert)
    return Shown(
        alert=alert,
        clocks=clocks(page, alert, today),
        window=window(page, alert, today) is not None,
        numbers=numbers(alert.move.aliases) if alert.move else (),
        ballot=page.pack.next_milestone(today),
        late=(line := page.pack.one_year_line(today)) is not None and line <= today,
        parts=parts(page, alert.assessment),
        formula=formula(page.tongue, alert.assessment),
        title=marked(alert.title, quotes),
        summary=marked(alert.move.summary or "", quotes) if alert.move else Markup(""),
        steps=[(step, chart.votes(step.votes) if step.votes and step.votes.no is not None else None) for step in reversed(alert.move.steps)] if alert.move else [],
        course=course(page, alert),
        chance=chance(page.tongue, alert),
        deliveries=told,
        names=subscribers(page) if told else {},
        silent=silent,
        delivered=sum(1 for delivery in told or () if delivery.status == "delivered"),
    )


def numbers(aliases: Sequence[str], most: int = 3) -> list[str]:
    """The official numbers, each in its fullest form."""
    return [name for name in dict.fromkeys(aliases) if not any(other != name and other.startswith(name) for other in aliases)][:most]


def deliveries(page: Page, alert: AlertDetail) -> tuple[Sequence[Delivery] | None, bool]:
    """Where this alert went, newest first (None when this session may not know or it cannot be read), and whether webhooks is silent."""
    found = page.read("webhooks", "/v1/deliveries", Listing[Delivery], alert_id=alert.alert_id, limit=200)
    told = None if found.value is None else [delivery for delivery in found.value.items if delivery.alert_id == alert.alert_id]
    return told, found.silent_since is not None


def subscribers(page: Page) -> dict[str, str]:
    """The names of the subscriptions by id, for those who run the system: to others who is told is not shown."""
    if not page.identity.may(Role.OPERATOR):
        return {}
    found = page.read("webhooks", "/v1/subscriptions", Listing[Subscription], limit=500).value
    return {subscription.id: subscription.name for subscription in found.items} if found else {}


def clocks(page: Page, alert: AlertDetail, today: dt.date) -> list[Markup]:
    """The time axis in three widths; nothing without a dated step."""
    if not alert.move or not alert.move.steps:
        return []
    t, steps = page.tongue, [step.date for step in alert.move.steps if step.date <= today] or [today]
    found = marks(page, alert, alert.move, today)
    title = t("clock.described", marks="; ".join(f"{mark.name}: {mark.said}" for mark in sorted(found, key=lambda mark: mark.day)), today=t.date(today))
    return [timeline.clock(found, steps, today, window(page, alert, today), t, title, width=width) for width in (1150, 660, 340)]


def window(page: Page, alert: AlertDetail, today: dt.date) -> tuple[dt.date, dt.date] | None:
    """The days on which this would be law early enough to apply to the next ballot."""
    law, line = alert.earliest_law, page.pack.one_year_line(today)
    return (law, line) if law and line and today <= law < line and not alert.cancelled else None


def marks(page: Page, alert: AlertDetail, move: Move, today: dt.date) -> list[Mark]:
    """What the axis names: first and latest step, earliest law, the one-year line, the next ballot."""
    t, say = page.tongue, Say(page.pack, page.tongue)
    steps = [step for step in move.steps if step.date <= today and step.stage is not Stage.OTHER]
    found = [Mark(step.date, say.stage(step.stage), t.date(step.date, step.precision), "step") for step in {id(step): step for step in (*steps[:1], *steps[-1:])}.values()]
    if alert.earliest_law and alert.earliest_law > today and not alert.cancelled:
        found.append(Mark(alert.earliest_law, str(t("clock.earliest")), f"{t.date(alert.earliest_law)} · {t.distance(alert.earliest_law, today)}", f"law level-{alert.level}"))
    ballot, line = page.pack.next_milestone(today), page.pack.one_year_line(today)
    if ballot and line and line >= min((step.date for step in steps), default=today):
        found.append(Mark(line, str(t("clock.one_year")), t.date(line), "line"))
    if ballot:
        found.append(Mark(ballot.date, shortened(t.pick(ballot.label)), f"{t.date(ballot.date)} · {t.distance(ballot.date, today)}", "election"))
    return found


def parts(page: Page, assessment: Assessment | None) -> list[Part]:
    """The factors by part, on one scale; each with the standard the country pack describes."""
    if assessment is None:
        return []
    values = {"severity": assessment.severity, "imminence": assessment.imminence, "confidence": assessment.confidence * 100}
    cited = {citation.short: citation for citation in page.pack.citations.values()} | dict(page.pack.citations)
    most = max([factor.points for factor in assessment.factors] + [1.0])
    lowest = min([factor.points for factor in assessment.factors] + [0.0])
    longest_first = sorted(assessment.factors, key=lambda factor: -abs(factor.points))
    return [Part(name, values[name], [reason(page.tongue, factor, most, lowest, cited) for factor in longest_first if factor.part == name]) for name in PARTS]


def reason(tongue: Tongue, factor: Factor, most: float, lowest: float, cited: dict[str, Citation]) -> Reason:
    citation = cited.get(factor.citation)
    named = tongue.pick(citation.name) if citation else factor.citation
    return Reason(factor, capital(tongue.pick(factor.label)) or factor.rule, chart.factor(factor.points, most, lowest), named, citation.url if citation else None)


def formula(tongue: Tongue, assessment: Assessment | None) -> Markup | None:
    """The risk worked out with its own numbers (DESIGN.md section 3); None when they do not give the risk, so that nothing false is shown."""
    if assessment is None:
        return None
    weakens = assessment.direction_probabilities.get(Direction.WEAKENS)
    if weakens is None:
        return None
    risk = 100 * assessment.relevance * weakens * assessment.severity / 100 * (0.7 + 0.3 * assessment.imminence / 100)
    if abs(risk - assessment.risk) > 1:
        return None
    said: dict[str, Any] = {"relevance": assessment.relevance, "weakens": weakens, "severity": assessment.severity / 100, "imminence": assessment.imminence / 100}
    return tongue("why.formula", risk=tongue.number(assessment.risk), **{name: tongue.number(value, 2) for name, value in said.items()})


def course(page: Page, alert: AlertDetail) -> Markup | None:
    """The risk day by day against the levels' thresholds; None where there is too little to draw."""
    points = [(point.as_of, point.risk) for point in alert.course]
    if len({day for day, _ in points}) < FEWEST:
        return None
    say, thresholds = Say(page.pack, page.tongue), page.pack.rubric.levels
    rungs = [(level, getattr(thresholds, level.value), say.level(level)) for level in Level if level is not Level.NONE]
    return chart.course(points, rungs, page.tongue, page.tongue("history.described"))


def chance(tongue: Tongue, alert: AlertDetail) -> Markup | None:
    if alert.p_law is None or alert.p_law_base is None:
        return None
    return chart.chance(alert.p_law, alert.p_law_base, tongue("chance.described", p=tongue.percent(alert.p_law), base=tongue.percent(alert.p_law_base)))
