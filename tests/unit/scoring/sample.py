"""A scoring pack whose linear model and forecast say the same of every text, so that tests see what law and procedure read."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.scoring.assess import ScoringPack, assess
from services.scoring.terms import Conventions
from shared.countries import Pack, load
from shared.events import Assessment, Direction, Instrument, Mechanism, Move, Stage, Step, Target

AS_OF = dt.date(2024, 9, 10)


@dataclass(frozen=True)
class Said:
    """What a model says of a text, as assess.Readings asks for it."""

    relevance: float
    targets: Mapping[Target, float]
    mechanisms: Mapping[Mechanism, float]
    direction: Mapping[Direction, float]
    severity: float
    alarm: float
    cues: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Flat:
    """Says the same of every text; remembers the texts it was given."""

    version: str = "flat"
    texts: list[str] = field(default_factory=list)

    def read(self, text: str, words: Sequence[str] | None = None, marks: Iterable[str] = ()) -> Said:
        self.texts.append(text)
        return Said(
            relevance=0.5,
            targets=dict.fromkeys(Target, 0.1),
            mechanisms={mechanism: 0.5 if mechanism is Mechanism.OTHER else 0.1 for mechanism in Mechanism},
            direction={Direction.WEAKENS: 0.1, Direction.STRENGTHENS: 0.2, Direction.MIXED: 0.6, Direction.NEUTRAL: 0.1},
            severity=1.5,
            alarm=0.05,
            cues=(("ley", 1.0),),
        )


class Even:
    """One chance in five, whatever the move."""

    version = "even"

    def of_law(self, move: Move, as_of: dt.date, words: Sequence[str] | None = None) -> tuple[float, float]:
        return 0.2, 0.29


@functools.cache
def country() -> Pack:
    return load("pe")


@functools.cache
def pack() -> ScoringPack:
    conventions = Conventions.load(country().directory / "weights")
    return ScoringPack.build(country(), Flat(), Even(), conventions.parties, conventions.names)


def step(stage: Stage, day: str, **more: object) -> Step:
    return Step.model_validate({"stage": stage, "date": day, **more})


def move(title: str, *steps: Step, summary: str | None = None, instrument: Instrument = Instrument.BILL, **more: object) -> Move:
    given: Sequence[Step] = steps or (step(Stage.FILED, "2024-09-01"),)
    values = {
        "move_id": "m",
        "key": "k",
        "country": "pe",
        "period": "2021-2026",
        "chamber": "C",
        "instrument": instrument,
        "title": title,
        "summary": summary,
        "steps": tuple(given),
    }
    return Move.model_validate({**values, **more})


def assessed(title: str, *steps: Step, as_of: dt.date = AS_OF, **more: object) -> Assessment:
    return assess(move(title, *steps, **more), pack(), as_of)  # type: ignore[arg-type]
