"""The life of clusters. In: revisions of moves' alerts, in the ledger's order; out: the same with the clusters' own revisions after those that cause them.

A cluster opens when a burst stands, is revised when its members or its level change, ends when too few are pending or the burst has another first day by now.
Looked at only when a move's alert is revised, so whoever holds the ledger can work it out again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from services.alerting import cluster_wording as wording
from services.alerting.alert import Alert, Change
from services.alerting.cluster import Burst, Filing, Member, bursts, enters, filing
from shared.countries import Pack
from shared.events import Direction, Level, Lifecycle, MoveAssessed, Stage, Target, Unit, Words

MOST_MEMBERS = 100
"""Members an alert lists, pending ones first; its count counts all."""
LOUD = frozenset({Stage.FIRST_VOTE, Stage.SECOND_VOTE, Stage.PASSED, Stage.ENACTED, Stage.PUBLISHED, Stage.IN_FORCE, Stage.OBSERVED, Stage.INSISTENCE, Stage.RESTORED})
"""Stages of which everybody is told, cluster or not: from the first vote of the plenary on."""

Place = tuple[str, Target]
"""A country and an institution."""


class ClusterAlert(Alert):
    """A cluster as lists show it; risk, severity and the like are those of its gravest pending member. `count`: separate moves filed in the window, however many are still pending.

    `chance`: of so many somewhere in a year under the usual rate; `expected`: how many that rate gives in such a window.
    """

    window_from: dt.date
    window_until: dt.date
    count: int
    pending: int
    expected: float
    chance: Unit
    members: tuple[Member, ...]


@dataclass
class Docket:
    """The filings and clusters that a batch touches.

    `filings` holds all of an institution's where `whole` says so, elsewhere only those of the batch's moves: there no burst is possible. `touched` is to be stored.
    """

    pack: Pack
    filings: dict[Place, dict[str, Filing]] = field(default_factory=dict)
    clusters: dict[str, ClusterAlert] = field(default_factory=dict)
    whole: frozenset[Place] = frozenset()
    touched: dict[tuple[Place, str], Filing] = field(default_factory=dict)

    def follow(self, changes: Iterable[tuple[Change, MoveAssessed]]) -> Iterator[tuple[Change, MoveAssessed]]:
        """Every change with what it does to clusters after it; one of a member that an open cluster makes needless names that cluster."""
        for change, event in changes:
            yield self._inhibited(change), event
            for place in self._note(change.alert, event):
                if place in self.whole:
                    yield from ((said, event) for said in self._judge(place, event))

    def _note(self, alert: Alert, event: MoveAssessed) -> list[Place]:
        """Takes the revision into the filings; where anything changed."""
        country, move_id = event.move.country, event.move.move_id
        known = {place for place, found in self.filings.items() if place[0] == country and move_id in found}
        new = {(country, target) for target in event.assessment.targets} if enters(alert, event) else set()
        changed, now = [], None
        for place in sorted(known | new):
            held = self.filings.setdefault(place, {}).get(move_id)
            now = filing(alert, event, place[1], held, now)
            if now != held:
                self.filings[place][move_id] = self.touched[place, move_id] = now
                changed.append(place)
        return changed

    def _judge(self, place: Place, event: MoveAssessed) -> Iterator[Change]:
        """What the clusters of one institution have to say now; ended ones first."""
        found = {burst.alert_id: burst for burst in bursts(self.filings[place].values(), self.pack)}
        for current in sorted(self.clusters.values(), key=lambda cluster: cluster.alert_id):
            if current.open and (current.country, current.targets[0]) == place and current.alert_id not in found:
                yield self._keep(_ended(current, event, wording.dissolved(), self.pack))
        for alert_id, burst in found.items():
            change = decide(self.clusters.get(alert_id), burst, event, self.pack)
            if change:
                yield self._keep(change)

    def _keep(self, change: Change) -> Change:
        assert isinstance(change.alert, ClusterAlert)
        self.clusters[change.alert.alert_id] = change.alert
        return change

    def _inhibited(self, change: Change) -> Change:
        """A member's revision that only tells a step in committee or towards the floor need not be told beside an open cluster's."""
        if not change.stage_only or change.alert.stage in LOUD:
            return change
        alert_id = change.alert.alert_id
        over = [cluster.alert_id for cluster in self.clusters.values() if cluster.open and any(member.alert_id == alert_id and member.pending for member in cluster.members)]
        return replace(change, inhibited_by=min(over)) if over else change


def decide(current: ClusterAlert | None, burst: Burst, event: MoveAssessed, pack: Pack) -> Change | None:
    """The next revision of a cluster; None when there is nothing new to say."""
    was_open = current is not None and current.open
    if not burst.stands:
        return _ended(current, event, wording.thinned(len(burst.pending)), pack, burst) if current is not None and was_open else None
    alert = _alert(current, burst, event, pack, Lifecycle.UPDATE if was_open else Lifecycle.ALERT)
    reason = wording.changed(current, alert, pack) if current is not None else None
    if current is not None and was_open and reason is None:
        return None
    return Change(alert, wording.body(alert, pack, reason), reason)


def _ended(current: ClusterAlert, event: MoveAssessed, reason: Words, pack: Pack, burst: Burst | None = None) -> Change:
    alert = current.model_copy(
        update={
            "lifecycle": Lifecycle.CANCEL,
            "level": Level.NONE,
            "previous_level": current.level,
            "headline": wording.lifted(current.headline),
            "revision": current.revision + 1,
            "changed_as_of": max(current.changed_as_of, event.as_of),
            "backfill": event.backfill,
            "exercise": event.exercise,
            **({"members": _members(burst), "pending": len(burst.pending), "count": burst.count} if burst else {}),
        }
    )
    return Change(alert, wording.body(alert, pack, reason), reason)


def _alert(current: ClusterAlert | None, burst: Burst, event: MoveAssessed, pack: Pack, lifecycle: Lifecycle) -> ClusterAlert:
    pending = burst.pending
    gravest = max(pending, key=lambda found: (found.member.level.rank, found.member.risk, found.move_id))
    level = max(Level.ELEVATED, gravest.member.level, key=lambda found: found.rank)
    opened = current.opened_as_of if current else event.as_of
    named = wording.title(burst.target, pack)
    return ClusterAlert(
        alert_id=burst.alert_id,
        move_id=burst.alert_id,
        key=f"{burst.target} {burst.first.isoformat()}",
        kind="cluster",
        lifecycle=lifecycle,
        level=level,
        previous_level=current.level if current else None,
        peak_level=max(level, current.peak_level if current else level, key=lambda found: found.rank),
        peak_risk=max(gravest.member.risk, current.peak_risk if current else 0.0),
        first_level=current.first_level if current else level,
        direction=Direction.WEAKENS,
        targets=(burst.target,),
        mechanisms=tuple(sorted({mechanism for one in pending for mechanism in one.mechanisms})),
        stage=gravest.member.stage,
        country=burst.country,
        risk=gravest.member.risk,
        severity=gravest.severity,
        imminence=gravest.imminence,
        confidence=gravest.confidence,
        headline=wording.headline(burst, pack),
        title=named.es,
        title_en=named.en,
        revision=current.revision + 1 if current else 1,
        opened_as_of=opened,
        changed_as_of=max(current.changed_as_of, event.as_of) if current else event.as_of,
        tlp=max((found.tlp for found in burst.filings), key=lambda found: found.rank),
        exercise=event.exercise,
        backfill=event.backfill,
        window_from=burst.first,
        window_until=burst.last,
        count=burst.count,
        pending=len(pending),
        expected=round(burst.expected, 3),
        chance=round(burst.chance, 12),
        members=_members(burst),
    )


def _members(burst: Burst) -> tuple[Member, ...]:
    """Pending ones first, gravest first, then by day."""
    ordered = sorted(burst.filings, key=lambda found: (not found.member.pending, -found.member.level.rank, found.place))
    return tuple(found.member for found in ordered[:MOST_MEMBERS])
