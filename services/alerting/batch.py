"""A batch of assessments against what is held. In: held moves and alerts, assessments in order; out: the changes to say, the alerts touched, what pressure gains and loses."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

from services.alerting.alert import Alert, Change, decide, refreshed
from services.alerting.glance import Assessed, whole
from services.alerting.pressure import weight
from shared.countries import Pack
from shared.events import Level, MoveAssessed, Target

NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class HeldMove:
    """The newest assessment of a move and what it adds to pressure."""

    revision: int
    as_of: dt.date
    weight: float
    targets: tuple[str, ...]
    latest: Assessed | None = None


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """An alert as stored: its last ledger entry (0: not written yet); `aliases` only when it was touched in this batch."""

    alert: Alert
    sequence: int = 0
    recorded_at: dt.datetime = NEVER
    aliases: str = ""


@dataclass
class Batch:
    """What a batch finds stored and what it changes, before it is written."""

    moves: dict[str, HeldMove]
    alerts: dict[str, HeldAlert]
    changes: list[tuple[Change, MoveAssessed]] = field(default_factory=list)
    pressure: dict[tuple[str, dt.date], float] = field(default_factory=lambda: defaultdict(float))
    touched: dict[str, HeldAlert] = field(default_factory=dict)
    listed: dict[str, frozenset[Target]] = field(default_factory=dict)
    """The institutions under which an alert is stored, an alert that is."""

    def take(self, event: Assessed, pack: Pack) -> None:
        """One assessment, in order; one older than the held changes nothing. Raises InvalidMessage for one that is wrong where it is read only now."""
        move_id = event.move.move_id
        held = self.moves.get(move_id)
        if held and (event.revision, event.as_of) < (held.revision, held.as_of):
            return
        known = self.alerts.get(move_id)
        if known is None and event.assessment.level is Level.NONE:
            self._press(held, event, pack)
            return
        self._decide(known, held, whole(event), pack)

    def _decide(self, known: HeldAlert | None, held: HeldMove | None, event: MoveAssessed, pack: Pack) -> None:
        self._press(held, event, pack)
        change = decide(known.alert if known else None, event, pack)
        if change:
            self.changes.append((change, event))
            self._touch(change.alert, event, known)
        elif known and (newer := refreshed(known.alert, event)) != known.alert:
            self._touch(newer, event, known)

    def _press(self, held: HeldMove | None, event: Assessed, pack: Pack) -> None:
        now, targets = weight(event, pack), tuple(event.assessment.targets)
        if held and held.weight:
            for target in held.targets:
                self.pressure[target, event.as_of] -= held.weight
        if now:
            for target in targets:
                self.pressure[target, event.as_of] += now
        self.moves[event.move.move_id] = HeldMove(event.revision, event.as_of, now, targets, event)

    def _touch(self, alert: Alert, event: MoveAssessed, known: HeldAlert | None) -> None:
        move = event.move
        aliases = " ".join((move.key, move.move_id, *move.aliases))
        held = HeldAlert(alert, known.sequence, known.recorded_at, aliases) if known else HeldAlert(alert, aliases=aliases)
        self.alerts[move.move_id] = self.touched[alert.alert_id] = held
