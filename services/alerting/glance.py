"""An assessment as far as a move without an alert needs it. In: the bytes of a MoveAssessed; out: a Glance, and the whole event when there is something to say. Pure.

Nine of ten assessments open no alert: to read all of their words, reasons and calendar costs three times what is read here.
What is passed over is checked when it is used; what is wrong in the part that is read ends with the dead letters as ever.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Self, TypeAlias

from pydantic import Field

from shared.events import Direction, Event, Frozen, Hundred, Level, MoveAssessed, Stage, Target, assessment_id


class Dated(Frozen):
    """A step: what was reached and when."""

    stage: Stage
    date: dt.date


class Named(Frozen):
    """A move: which one, and how far it is."""

    move_id: str
    country: str
    steps: tuple[Dated, ...] = ()

    @property
    def stage(self) -> Stage:
        """As `Move.stage`."""
        return next((step.stage for step in reversed(self.steps) if step.stage is not Stage.OTHER), Stage.FILED)


class Judged(Frozen):
    """An assessment: what is stored of every one."""

    targets: tuple[Target, ...] = ()
    direction: Direction
    risk: Hundred
    level: Level


class Glance(Event):
    """A MoveAssessed read in part; `raw` is all of it."""

    TYPE: ClassVar[str] = MoveAssessed.TYPE
    TOPIC: ClassVar[str] = MoveAssessed.TOPIC
    SOURCE: ClassVar[str] = MoveAssessed.SOURCE

    move: Named
    revision: int = Field(ge=1)
    as_of: dt.date
    pack_version: str
    model_version: str
    assessment: Judged
    raw: ClassVar[bytes] = b""  # of each its own, set by `decode`: as a field it would be read from the data

    @property
    def event_id(self) -> str:
        return assessment_id(self.move.move_id, self.revision, self.as_of, self.pack_version, self.model_version)

    @property
    def key(self) -> str:
        return self.move.move_id

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Raises InvalidMessage."""
        glance = super().decode(raw)
        vars(glance)["raw"] = raw
        return glance

    def whole(self) -> MoveAssessed:
        """The event itself. Raises InvalidMessage for what is wrong in the rest of it."""
        return MoveAssessed.decode(self.raw)


Assessed: TypeAlias = MoveAssessed | Glance
"""What alerting is told: the event, or as much of it as was read."""


def whole(event: Assessed) -> MoveAssessed:
    """The event with all it says. Raises InvalidMessage."""
    return event.whole() if isinstance(event, Glance) else event
