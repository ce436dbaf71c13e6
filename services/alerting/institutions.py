"""Reading pressure: each institution with its pressure now, a year ago and over time, and its open alerts by level."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, func, select

from services.alerting import tables
from services.alerting.pressure import HALF_LIFE, each_day, series
from services.alerting.tally import Tally
from shared.countries import Pack
from shared.database import Database
from shared.errors import Refused
from shared.events import Level, Target, Tlp

YEAR = 365
STEP = 14
SHOWN = 52 * STEP
MOST_DAYS = 8000


class Institutions:
    """Pressure as readers see it. "Now" is the newest day any assessment is about: a replay has its own."""

    def __init__(self, database: Database, pack: Pack) -> None:
        self.database = database
        self.pack = pack
        self.opened: Tally[dict[Target, dict[str, int]]] = Tally()

    def all(self, clearance: Tlp) -> dict[str, Any]:
        """Every institution; the series is two years in steps of two weeks, ending now."""
        with self.database.reading() as session:
            connection = session.connection()
            as_of = _as_of(connection)
            changes = _changes(connection, since=as_of - dt.timedelta(days=SHOWN)) if as_of else defaultdict(dict)
            opened = self.opened.count(connection, clearance, lambda: _open(connection, clearance))
        items = [self._item(target, changes[target], opened.get(target, {}), as_of) for target in Target]
        return {"items": items, "next": None, "total": len(items), "as_of": as_of, "half_life_days": HALF_LIFE}

    def pressure(self, code: str, since: dt.date | None, until: dt.date | None) -> dict[str, Any]:
        """The daily series of one institution, never past "now"; two years unless told otherwise. Raises Refused (404, 422)."""
        try:
            target = Target(code)
        except ValueError as error:
            raise Refused(f"there is no institution {code!r}: /v1/institutions lists them", field="code", status=404) from error
        with self.database.reading() as session:
            connection = session.connection()
            as_of = _as_of(connection)
            changes = _changes(connection, target=target)[target]
        last = min(until or as_of, as_of) if as_of else until
        first = since or (last - dt.timedelta(days=2 * YEAR) if last else None)
        if first and last and (last - first).days > MOST_DAYS:
            raise Refused(f"asks for more than {MOST_DAYS} days: choose a later day", field="since")
        days = each_day(first, last) if as_of and first and last and first <= last else ()
        found = [{"date": day, "value": value} for day, value in series(changes, days)]
        return {"code": target, "name": self.pack.target_label(target).model_dump(), "as_of": as_of, "half_life_days": HALF_LIFE, "series": found}

    def _item(self, target: Target, changes: dict[dt.date, float], opened: dict[str, int], as_of: dt.date | None) -> dict[str, Any]:
        days = each_day(as_of - dt.timedelta(days=SHOWN), as_of, STEP) if as_of else ()
        found = list(series(changes, days))
        year_ago = list(series(changes, [as_of - dt.timedelta(days=YEAR)])) if as_of else []
        return {
            "code": target,
            "name": self.pack.target_label(target).model_dump(),
            "pressure": found[-1][1] if found else 0.0,
            "previous_year": year_ago[0][1] if year_ago else 0.0,
            "open": {str(level): opened.get(str(level), 0) for level in Level if level is not Level.NONE},
            "open_total": sum(opened.values()),
            "series": [{"date": day, "value": value} for day, value in found],
        }


def _as_of(connection: Connection) -> dt.date | None:
    found: dt.date | None = connection.execute(select(func.max(tables.assessments.c.as_of))).scalar_one()
    return found


def _changes(connection: Connection, *, since: dt.date = dt.date.min, target: Target | None = None) -> dict[Target, dict[dt.date, float]]:
    """What each day added; all before `since` as one sum on the day before it, so that reading does not grow with the years."""
    row = tables.pressure.c
    chosen = [row.target == target] if target else []
    before = connection.execute(select(row.target, func.sum(row.change)).where(row.day < since, *chosen).group_by(row.target)).all() if since > dt.date.min else ()
    found: dict[Target, dict[dt.date, float]] = defaultdict(dict)
    for code, change in before:
        found[Target(code)][since - dt.timedelta(days=1)] = change
    for code, day, change in connection.execute(select(row.target, row.day, row.change).where(row.day >= since, *chosen)):
        found[Target(code)][day] = change
    return found


def _open(connection: Connection, clearance: Tlp) -> dict[Target, dict[str, int]]:
    alert, about = tables.alerts.c, tables.alert_targets.c
    joined = tables.alerts.join(tables.alert_targets, about.alert_id == alert.alert_id)
    seen = (alert.level_rank > 0, alert.tlp_rank <= clearance.rank)  # a cancelled one stands at none
    rows = connection.execute(select(about.target, alert.level, func.count()).select_from(joined).where(*seen).group_by(about.target, alert.level)).all()
    found: dict[Target, dict[str, int]] = defaultdict(dict)
    for target, level, count in rows:
        found[Target(target)][level] = count
    return found
