"""Reading alerts: the filtered list by pages, one alert with everything, exactly the filtered set for export, the summary. Nothing above the reader's clearance is seen here."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, Field
from sqlalchemy import Column, ColumnElement, Connection, Date, Float, RowMapping, and_, exists, func, literal, select, true, tuple_

from services.alerting import tables
from services.alerting.search import matching
from services.alerting.tally import Tally
from shared.database import Database
from shared.errors import Refused
from shared.events import Direction, Level, Lifecycle, Stage, Target, Tlp
from shared.http import Query

PAGE = 500
MOST_COURSE = 1000
MOST_COUNTED = 10_000
FEW = 5
"""Times as many as are counted: of so many alerts an index of words may be asked for all."""
OTHERS = ("cluster", "blind", "correction")
"""Kinds of alerts that are no move's."""
FIRST_DAY, LAST_DAY = dt.date(1990, 1, 1), dt.date(2100, 1, 1)
Day = Annotated[dt.date, Field(ge=FIRST_DAY, le=LAST_DAY)]
Moment = Annotated[AwareDatetime, Field(ge=dt.datetime(1990, 1, 1, tzinfo=dt.UTC), le=dt.datetime(2100, 1, 1, tzinfo=dt.UTC))]
Sort = Literal["-changed", "-risk", "-peak"]

ORDERS: dict[Sort, tuple[Column[Any], ...]] = {
    "-changed": (tables.alerts.c.changed_as_of, tables.alerts.c.sequence),
    "-risk": (tables.alerts.c.risk, tables.alerts.c.sequence),
    "-peak": (tables.alerts.c.peak_rank, tables.alerts.c.peak_risk, tables.alerts.c.sequence),
}
"""Columns a list goes down by; the last tells equal ones apart."""


class AlertFilter(Query):
    """What a list is narrowed to; repeat a parameter to allow several values. `as_of_*` are days of the matter, `*_since` moments of real time (RFC 3339)."""

    level: list[Level] = Field(default=[], max_length=5)
    min_level: Level | None = None
    institution: list[Target] = Field(default=[], max_length=12)
    direction: list[Direction] = Field(default=[], max_length=4)
    stage: list[Stage] = Field(default=[], max_length=19)
    kind: list[Literal["move", "cluster", "blind", "correction"]] = Field(default=[], max_length=4)
    lifecycle: list[Lifecycle] = Field(default=[], max_length=3)
    country: list[Annotated[str, Field(pattern=r"^[a-z]{2}$")]] = Field(default=[], max_length=20)
    exercise: bool | None = None
    q: str | None = Field(default=None, max_length=200, description="Words of the title, the headline or a number, in any order")
    as_of_since: Day | None = None
    as_of_until: Day | None = None
    updated_since: Moment | None = Field(default=None, description="Any figure changed since")
    changed_since: Moment | None = Field(default=None, description="A revision was recorded since")

    def conditions(self, connection: Connection, clearance: Tlp, few: int) -> ColumnElement[bool]:
        """The filter and the clearance as one SQL condition over the alerts; `few` as search.matching takes it."""
        alert, about = tables.alerts.c, tables.alert_targets.c
        chosen: tuple[tuple[ColumnElement[str], Sequence[str]], ...] = (
            (alert.direction, self.direction),
            (alert.stage, self.stage),
            (alert.kind, self.kind),
            (alert.country, self.country),
        )
        found: list[ColumnElement[bool]] = [column.in_([str(value) for value in values]) for column, values in chosen if values]
        if self.lifecycle:
            alone = set(self.lifecycle) == {Lifecycle.UPDATE}
            found.append(tables.REVISED if alone else alert.lifecycle.in_(list(map(str, self.lifecycle))))  # type: ignore[arg-type]
        if self.level:
            found.append(alert.level_rank.in_([level.rank for level in self.level]))
        if self.min_level is not None:
            found.append(alert.level_rank >= self.min_level.rank)
        if self.institution:
            found.append(exists().where(about.alert_id == alert.alert_id, about.target.in_([str(target) for target in self.institution])))
        if self.exercise is not None:
            found.append(alert.exercise.is_(self.exercise))
        if self.q and (words := matching(connection, self.q, few)) is not None:
            found.append(words)
        return and_(true(), alert.tlp_rank <= clearance.rank, *found, *self._bounds(connection, few))

    def _bounds(self, connection: Connection, few: int) -> Iterator[ColumnElement[bool]]:
        alert = tables.alerts.c
        if self.as_of_since is not None:
            yield alert.changed_as_of >= self.as_of_since
        if self.as_of_until is not None:
            yield alert.changed_as_of <= self.as_of_until
        if self.updated_since is not None:
            yield _since(connection, alert.updated_at, self.updated_since, few)
        if self.changed_since is not None:
            yield _since(connection, alert.recorded_at, self.changed_since, few)


class Catalogue:
    """Alerts as readers see them. A list is counted up to `most_counted`: a page costs the same however many alerts there are."""

    def __init__(self, database: Database, most_counted: int = MOST_COUNTED) -> None:
        self.database = database
        self.most_counted = most_counted
        self.totals: Tally[tuple[Counter[int], Counter[int]]] = Tally()
        self.scored: Tally[int] = Tally()

    def page(self, chosen: AlertFilter, clearance: Tlp, *, sort: Sort, cursor: str | None, limit: int) -> dict[str, Any]:
        """`limit` items in a stable order, where the next page begins, and how many there are in all, as far as they are counted. Raises Refused for a cursor that is none."""
        order = ORDERS[sort]
        place = () if cursor is None else (tuple_(*order) < tuple_(*_place(cursor, sort)),)
        with self.database.reading() as session:
            connection = session.connection()
            conditions = chosen.conditions(connection, clearance, FEW * self.most_counted)
            statement = select(tables.alerts.c.item, *order).where(conditions, *place).order_by(*(column.desc() for column in order)).limit(limit + 1)
            rows = connection.execute(statement).all()
            alone = cursor is None and len(rows) <= limit
            total = len(rows) if alone else self._counted(connection, conditions)
        following = _cursor(sort, rows[limit - 1][1:]) if len(rows) > limit else None
        return {"items": [orjson.Fragment(row[0]) for row in rows[:limit]], "next": following, "total": min(total, self.most_counted), "total_is_floor": total > self.most_counted}

    def _counted(self, connection: Connection, conditions: ColumnElement[bool]) -> int:
        """How many there are, to one more than are counted."""
        found = select(literal(1)).select_from(tables.alerts).where(conditions).limit(self.most_counted + 1).subquery()
        return int(connection.execute(select(func.count()).select_from(found)).scalar_one())

    def every(self, chosen: AlertFilter, clearance: Tlp) -> Iterator[bytes]:
        """The JSON of each alert of the filtered set once, by id: an order that no change meanwhile can upset."""
        alert, last = tables.alerts.c, ""
        while True:
            with self.database.reading() as session:
                connection = session.connection()
                conditions = chosen.conditions(connection, clearance, FEW * self.most_counted)
                rows = connection.execute(select(alert.alert_id, alert.item).where(conditions, alert.alert_id > last).order_by(alert.alert_id).limit(PAGE)).all()
            yield from (bytes(row.item) for row in rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].alert_id

    def one(self, alert_id: str, clearance: Tlp) -> dict[str, Any]:
        """An alert with its text, whole assessment and move, history and the course of its level. Raises Refused (404)."""
        alert, entry, move = tables.alerts.c, tables.ledger.c, tables.moves.c
        with self.database.reading() as session:
            connection = session.connection()
            row = connection.execute(select(alert.item, alert.move_id).where(alert.alert_id == alert_id, alert.tlp_rank <= clearance.rank)).one_or_none()
            if row is None:
                raise Refused("there is no such alert, or not at your clearance: look it up in /v1/alerts", field="alert_id", status=404)
            said = connection.execute(select(entry.entry, entry.hash, entry.body, entry.tlp_rank).where(entry.alert_id == alert_id).order_by(entry.sequence)).mappings().all()
            latest = connection.execute(select(move.latest).where(move.move_id == row.move_id)).scalar_one_or_none()
            course = self._course(connection, row.move_id)
            checkpoint = connection.execute(select(tables.head.c.checkpoint)).scalar_one()
        history = [_revision(found, clearance) for found in said]
        basis = orjson.loads(latest) if latest else {}
        assessment = basis.get("assessment")
        versions = {name: basis.get(name) for name in ("pack_version", "model_version")}
        return {
            **orjson.loads(row.item),
            "body": _body(said[-1], clearance).get("body") if said else None,
            "assessment": assessment and assessment | versions | {"as_of": basis["as_of"], "move_revision": basis["revision"]},
            "move": basis.get("move"),
            "history": history,
            "course": course,
            "counterfactuals": (assessment or {}).get("counterfactuals", []),
            "checkpoint": orjson.loads(checkpoint) if checkpoint else None,
        }

    def summary(self, clearance: Tlp) -> dict[str, Any]:
        """How many moves were scored and alerted, by the peak of each and by what is open now; no number where one above the clearance would make it false."""
        alert = tables.alerts.c
        with self.database.reading() as session:
            connection = session.connection()
            withheld = connection.execute(select(exists().where(*_above(clearance)))).scalar_one()
            scored = self.scored.count(connection, None, lambda: connection.execute(select(func.count()).select_from(tables.moves)).scalar_one(), changing=True)
            peaks, opened = self.totals.count(connection, None, lambda: (_peaks(connection), _counts(connection, alert.level_rank, alert.level_rank > 0)))
            head = connection.execute(select(tables.head.c.sequence, tables.head.c.published_through)).one()
            as_of = connection.execute(select(func.max(tables.assessments.c.as_of))).scalar_one()
        alerted = peaks.total()
        levels = [level for level in Level if level is not Level.NONE]
        return {
            "scored": scored,
            "withheld": bool(withheld),
            "alerted": None if withheld else alerted,
            "not_alerted": None if withheld else max(0, scored - alerted),
            "by_level": None if withheld else {str(level): peaks[level.rank] for level in levels},
            "open_by_level": None if withheld else {str(level): opened[level.rank] for level in levels},
            "last_sequence": head.sequence,
            "waiting": head.sequence - head.published_through,
            "last_as_of": as_of,
        }

    @staticmethod
    def _course(connection: Connection, move_id: str) -> list[dict[str, Any]]:
        """The move's level and risk by day, oldest first, at most the last thousand assessments."""
        found = tables.assessments.c
        rows = connection.execute(
            select(found.as_of, found.level, found.risk, found.stage, found.direction)
            .where(found.move_id == move_id)
            .order_by(found.as_of.desc(), found.revision.desc())
            .limit(MOST_COURSE)
        ).all()
        return [dict(row._mapping) for row in reversed(rows)]


def _above(clearance: Tlp) -> Iterator[ColumnElement[bool]]:
    """What an alert above the clearance meets; said so that the index of the few marked ones serves."""
    yield tables.alerts.c.tlp_rank > clearance.rank
    if clearance.rank >= Tlp.GREEN.rank:
        yield tables.MARKED  # type: ignore[misc]


def _peaks(connection: Connection) -> Counter[int]:
    """Moves' alerts by the rank of their peak: all less the few of other kinds, for an index alone tells both."""
    alert = tables.alerts.c
    return _counts(connection, alert.peak_rank) - _counts(connection, alert.peak_rank, alert.kind.in_(OTHERS))


def _counts(connection: Connection, column: Column[int], *conditions: ColumnElement[bool]) -> Counter[int]:
    """How many alerts there are of each value of `column`."""
    rows = connection.execute(select(column, func.count()).where(*conditions).group_by(column))
    return Counter({row[0]: row[1] for row in rows})


def _since(connection: Connection, column: Column[dt.datetime], moment: dt.datetime, few: int) -> ColumnElement[bool]:
    """That a moment is not earlier. SQLite has no idea how many alerts that leaves: of few it is made to begin with them."""
    later = column >= moment
    if connection.dialect.name != "sqlite":
        return later
    found = select(tables.alerts.c.alert_id).where(later)
    several = connection.execute(select(func.count()).select_from(found.limit(few + 1).subquery())).scalar_one()
    return tables.alerts.c.alert_id.in_(found.correlate(None)) if several <= few else later


def _revision(row: RowMapping, clearance: Tlp) -> dict[str, Any]:
    entry, said = orjson.loads(row["entry"]), _body(row, clearance)
    return (
        {name: entry[name] for name in ("revision", "sequence", "as_of", "recorded_at")}
        | {name: said.get(name) for name in ("lifecycle", "level", "previous_level", "reason")}
        | {"hash": row["hash"]}
    )


def _body(row: RowMapping, clearance: Tlp) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(row["body"]) if row["body"] is not None and row["tlp_rank"] <= clearance.rank else {}
    return found


def _cursor(sort: Sort, place: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([sort, *place])).decode().rstrip("=")


def _place(cursor: str, sort: Sort) -> list[ColumnElement[Any]]:
    """Where a page begins: a value for each column of the sort. Raises Refused."""
    try:
        given, *place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if given != sort:
            raise ValueError(given)
        return [literal(_value(value, column.type), column.type) for value, column in zip(place, ORDERS[sort], strict=True)]
    except (ValueError, TypeError, binascii.Error) as error:
        raise Refused("is not one this list gave for this sort: start again without it", field="cursor") from error


def _value(value: Any, kind: Any) -> Any:
    if isinstance(kind, Date):
        return dt.date.fromisoformat(value)
    if isinstance(kind, Float):
        return float(value)
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError(value)
    return value
