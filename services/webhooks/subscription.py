"""What a subscriber asked for. In: an alert event; out: whether it goes to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events import AlertChanged, Direction, Level, Target, Tlp

Language = Literal["es", "en", "both"]
Kind = Literal["move", "cluster", "blind", "correction"]

CLEARANCE_CAP = Tlp.AMBER_STRICT
"""TLP:RED is for the people in the room: no token makes a machine deliver it."""


class State(StrEnum):
    """`active` sends; `paused` by a person and `disabled` by the system (with a notice) keep every row for later; `deleted` keeps nothing."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    DELETED = "deleted"


class Filters(BaseModel):
    """Empty lists ask for everything. `levels`, when given, replaces `min_level`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    min_level: Level = Level.ELEVATED
    levels: tuple[Level, ...] = ()
    institutions: tuple[Target, ...] = ()
    directions: tuple[Direction, ...] = ()
    kinds: tuple[Kind, ...] = ()
    country: str | None = Field(default=None, max_length=10)
    language: Language = "both"

    def wants(self, level: Level) -> bool:
        return level in self.levels if self.levels else level.rank >= self.min_level.rank


@dataclass(frozen=True, slots=True)
class Subscription:
    """One endpoint (or, with `url` None, one pull feed) and its filters. `clearance` is the most closed TLP it may receive."""

    subscription_id: str
    url: str | None
    state: State
    filters: Filters
    clearance: Tlp


def capped(clearance: Tlp) -> Tlp:
    """The clearance a subscription gets from the token that creates it."""
    return min(clearance, CLEARANCE_CAP, key=lambda tlp: tlp.rank)


def matches(subscription: Subscription, alert: AlertChanged, *, told: bool = False, inhibited: bool = False) -> bool:
    """Whether `alert` goes to `subscription`. `told`: it has received an earlier revision of this alert, so what the alert is about can no longer exclude it.

    `inhibited`: it was told of the open cluster that makes this revision needless; who was not told of the cluster gets it.
    Backfill is never delivered and TLP always binds. A revision passes by its level or by the one it leaves, so that whoever saw it rise sees it fall.
    """
    if inhibited or alert.backfill or alert.tlp.rank > subscription.clearance.rank:
        return False
    filters = subscription.filters
    if filters.country and filters.country != alert.country:
        return False
    if not any(filters.wants(level) for level in (alert.level, alert.previous_level) if level is not None):
        return False
    return told or _about(filters, alert)


def _about(filters: Filters, alert: AlertChanged) -> bool:
    """Kind, institution and direction. A blind source has neither institution nor direction: whoever watches any must know."""
    if filters.kinds and alert.kind not in filters.kinds:
        return False
    if alert.kind == "blind":
        return True
    return _any(filters.institutions, alert.targets) and _any(filters.directions, [alert.direction] if alert.direction else [])


def _any(wanted: Iterable[object], found: Iterable[object]) -> bool:
    wanted = set(wanted)
    return not wanted or bool(wanted & set(found))
