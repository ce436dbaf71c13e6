"""The life of a move's alert. In: the alert as it stands and a new assessment; out: its next revision, or None when there is nothing new to say.

Opens at watch (Alert), is revised when level, stage or direction changes (Update), ends when the move dies or its risk falls below watch (Cancel), opens again when it revives.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal

from services.alerting import wording
from services.alerting.phrasing import shortened
from shared.countries import Pack
from shared.events import Direction, Frozen, HttpUrl, Hundred, Level, Lifecycle, Mechanism, MoveAssessed, Stage, Target, Tlp, Unit, Words

DYING = frozenset({Stage.REJECTED, Stage.WITHDRAWN, Stage.SHELVED, Stage.STRUCK_DOWN})
"""Ends after which nothing binds; a published law has ended too, but it binds, so its alert stays."""


class Alert(Frozen):
    """An alert as lists show it. Dates are those of `as_of`; `level` is none once it is cancelled and `peak_level` keeps what it was."""

    alert_id: str
    move_id: str
    key: str
    kind: Literal["move", "cluster", "blind", "correction"] = "move"
    lifecycle: Lifecycle
    level: Level
    previous_level: Level | None = None
    peak_level: Level
    peak_risk: Hundred
    first_level: Level
    direction: Direction
    targets: tuple[Target, ...] = ()
    mechanisms: tuple[Mechanism, ...] = ()
    stage: Stage
    country: str
    risk: Hundred
    severity: Hundred
    imminence: Hundred
    confidence: Unit
    p_law: Unit | None = None
    p_law_base: Unit | None = None
    earliest_law: dt.date | None = None
    headline: Words
    title: str
    title_en: str | None = None
    title_origin: Literal["official", "reconstructed"] = "official"
    revision: int
    opened_as_of: dt.date
    changed_as_of: dt.date
    tlp: Tlp = Tlp.GREEN
    exercise: bool = False
    backfill: bool = False
    url: HttpUrl | None = None

    @property
    def open(self) -> bool:
        return self.lifecycle is not Lifecycle.CANCEL


@dataclass(frozen=True, slots=True)
class Change:
    """One revision: the alert after it, its text, and why it was made (None for the first).

    `stage_only`: nothing but the stage differs from the revision before; `inhibited_by`: the open cluster beside which it need not be told.
    """

    alert: Alert
    body: Words
    reason: Words | None
    stage_only: bool = False
    inhibited_by: str | None = None


def alert_id(move_id: str) -> str:
    return f"alert.{move_id}"


def dead(stage: Stage, pack: Pack) -> bool:
    return stage in DYING and pack.terminal(stage)


def decide(current: Alert | None, assessed: MoveAssessed, pack: Pack) -> Change | None:
    """The next revision of a move's alert. `assessed` is newer than whatever `current` was made from."""
    stage, now = assessed.move.stage, assessed.assessment
    alarming = now.level.rank >= Level.WATCH.rank and not dead(stage, pack)
    if current is None or not current.open:
        return _change(current, assessed, pack, Lifecycle.ALERT, wording.revived(stage, pack) if current else None) if alarming else None
    if not alarming:
        reason = wording.died(stage, pack) if dead(stage, pack) else wording.calmed(assessed, current.level, pack)
        return _change(current, assessed, pack, Lifecycle.CANCEL, reason)
    if (now.level, stage, now.direction) == (current.level, current.stage, current.direction):
        return None
    change = _change(current, assessed, pack, Lifecycle.UPDATE, wording.moved(assessed, current.level, current.direction, current.stage, pack))
    return replace(change, stage_only=(now.level, now.direction) == (current.level, current.direction))


def refreshed(current: Alert, assessed: MoveAssessed) -> Alert:
    """The alert with today's figures, between revisions. A cancelled one stays as it ended."""
    if not current.open:
        return current
    return current.model_copy(update=_figures(assessed) | {"peak_risk": max(current.peak_risk, assessed.assessment.risk)})


def _figures(assessed: MoveAssessed) -> dict[str, object]:
    now = assessed.assessment
    return {
        "targets": now.targets,
        "mechanisms": now.mechanisms,
        "risk": now.risk,
        "severity": now.severity,
        "imminence": now.imminence,
        "confidence": now.confidence,
        "p_law": now.p_law,
        "p_law_base": now.p_law_base,
        "earliest_law": now.earliest_law,
        "title": shortened(assessed.move.title, 2000),
        "title_en": shortened(assessed.move.title_en, 2000) if assessed.move.title_en else None,
        "title_origin": assessed.move.title_origin,
        "url": assessed.move.url,
    }


def _change(current: Alert | None, assessed: MoveAssessed, pack: Pack, lifecycle: Lifecycle, reason: Words | None) -> Change:
    now, alarming = assessed.assessment, lifecycle is not Lifecycle.CANCEL
    level = now.level if alarming else Level.NONE
    alert = Alert.model_validate(
        {
            **_figures(assessed),
            "alert_id": alert_id(assessed.move.move_id),
            "move_id": assessed.move.move_id,
            "lifecycle": lifecycle,
            "level": level,
            "previous_level": current.level if current else None,
            "key": shortened(assessed.move.key, 200),
            "peak_risk": max(now.risk if alarming else 0.0, current.peak_risk if current else 0.0),
            "peak_level": max(level, current.peak_level if current else level, key=lambda found: found.rank),
            "first_level": current.first_level if current else level,
            "direction": now.direction,
            "stage": assessed.move.stage,
            "country": assessed.move.country,
            "headline": wording.headline(assessed, pack, lifted=not alarming),
            "revision": current.revision + 1 if current else 1,
            "opened_as_of": current.opened_as_of if current else assessed.as_of,
            "changed_as_of": assessed.as_of,
            "tlp": current.tlp if current else Tlp.GREEN,
            "exercise": assessed.exercise,
            "backfill": assessed.backfill,
        }
    )
    return Change(alert, wording.body(assessed, pack, level, reason), reason)
