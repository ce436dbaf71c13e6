"""The shape of a country pack's files: what each may say, checked on load. Values only."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared.events import Direction, HttpUrl, Instrument, Level, Mechanism, Stage, Target, Words


class Form(BaseModel):
    """A value of a pack file: frozen, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _both(words: Words) -> Words:
    if not words.es.strip() or not words.en.strip():
        raise ValueError("needs words in es and in en")
    return words


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Label = Annotated[Words, AfterValidator(_both)]
Scale = Annotated[int, Field(ge=0, le=3)]
Phrases = tuple[str, ...]
Alternatives = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Trust = Literal["sourced", "recalled", "derived"]


class Period(Form):
    """A parliamentary period: both days included; chambers by the letter that stands in keys."""

    code: str
    start: dt.date
    end: dt.date
    chambers: dict[str, Label]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end: must come after start")
        return self


class CountryFile(Form):
    """pack.yaml"""

    code: str
    edition: str
    timezone: str
    name: Label
    holidays: str
    periods: tuple[Period, ...]


class Citation(Form):
    """A standard a factor rests on. `short` is what a factor quotes; `tag` says whether the wording was seen (S) or recalled (R)."""

    short: str
    name: Label
    url: HttpUrl | None = None
    tag: Literal["S", "R", "D"]


class CitationsFile(Form):
    """citations.yaml"""

    citations: dict[str, Citation]


class Institution(Form):
    """A body or office. `centrality` 0..3 after STANDARDS H1; `phrases` are the ways a text names it; `office` marks persons who hold it."""

    target: Target
    name: Label
    short: str
    centrality: Scale
    citation: str
    phrases: Phrases = ()
    office: bool = False


class InstitutionsFile(Form):
    """institutions.yaml"""

    targets: dict[Target, Label]
    institutions: dict[str, Institution]


class WordsFile(Form):
    """words.yaml: plain words for every term of the vocabulary, and the native stages."""

    stages: dict[Stage, Label]
    instruments: dict[Instrument, Label]
    mechanisms: dict[Mechanism, Label]
    directions: dict[Direction, Label]
    levels: dict[Level, Label]
    terminal: tuple[Stage, ...]
    native_stages: dict[Stage, Phrases]
    native_starts: dict[Stage, Phrases]


class MilestoneDate(Form):
    """A dated point of the electoral calendar. `known_from`: first day on which it could be known, so that replays see no future."""

    code: str
    kind: Literal["election_day", "runoff", "one_year_line", "deadline", "convocation", "proclamation", "installation"]
    label: Label
    date: dt.date
    known_from: dt.date
    source: str
    confidence: Trust


class CalendarFile(Form):
    """calendar.yaml"""

    milestones: tuple[MilestoneDate, ...]


class Norm(Form):
    """What a law, decree or article regulates. `direction` and `effect` are the norm's own, so that its repeal is the inverse.

    `central` marks how authorities are chosen, kept or removed; `ambiguous` that a change to it touches only one of its targets.
    """

    targets: tuple[Target, ...]
    subject: Label
    mechanism: Mechanism | None = None
    citation: str | None = None
    direction: Direction | None = None
    effect: Scale = 1
    central: bool = False
    ambiguous: bool = False
    known_from: dt.date | None = None


class Body(Form):
    """A code or constitution whose articles are listed, with the ways texts name it."""

    name: Label
    phrases: Phrases
    otherwise: Norm | None = None
    articles: dict[str, Norm]


class NormsFile(Form):
    """norms.yaml: laws and decrees by number, bodies of articles, and names that stand for a number."""

    laws: dict[str, Norm]
    decrees: dict[str, Norm]
    bodies: dict[str, Body]
    names: dict[str, str]


class LexiconFile(Form):
    """lexicon.yaml: concepts and the phrases that express them. Longest phrase wins; `blank` phrases hide what stands inside them."""

    empty: Phrases
    blank: Phrases
    preamble: Phrases
    claims: Phrases
    concepts: dict[str, Phrases]


class Rule(Form):
    """Reads a direction: every group of `all` needs one of its concepts within `within` words of the lexicon, and none of `none` may stand near."""

    id: str
    label: Label
    direction: Direction
    effect: Scale
    mechanism: Mechanism
    all: tuple[Alternatives, ...]
    none: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    within: int = Field(default=10, ge=1, le=60)
    ordered: bool = False
    negated: Literal["invert", "drop", "ignore"] = "invert"
    incumbents: bool = False
    weight: float = Field(default=3.0, ge=0, le=8)
    citation: str


class RulesFile(Form):
    """rules.yaml"""

    rules: tuple[Rule, ...]


class Points(Form):
    """One published line of the rubric."""

    part: Literal["severity", "imminence", "confidence"]
    points: float
    label: Label
    citation: str


class Levels(Form):
    """Risk from which a level begins; critical also asks for both parts to be high."""

    watch: float
    elevated: float
    high: float
    critical: float
    critical_severity: float
    critical_imminence: float


class Rubric(Form):
    """rubric.yaml: every weight of the score."""

    levels: Levels
    constants: dict[str, float]
    undisclosed: dict[Target, float]
    factors: dict[str, Points]


class Legislature(Form):
    """An ordinary legislature, from month-day to month-day."""

    start: MonthDay
    end: MonthDay


class Shortcut(Form):
    """A way around a step of the procedure and how records write it."""

    label: Label
    phrases: Phrases
    citation: str


class Procedure(Form):
    """procedure.yaml: how long the law says each step takes, in days or working days."""

    legislatures: tuple[Legislature, ...]
    days_report_to_debate: int
    days_first_to_second_vote: int
    working_days_to_promulgate: int
    working_days_to_send: int
    two_legislatures: tuple[Instrument, ...]
    laws: tuple[Instrument, ...]
    shortcuts: dict[str, Shortcut]


class FilingFile(Form):
    """filing.yaml: how often moves that weaken each institution were filed in the `years` whose filings are complete.

    `shape` of the Gamma law that yearly rates follow; `session` and `recess`: filings a day while an ordinary legislature sits and while none does, against the average day.
    """

    years: float = Field(gt=0)
    shape: float = Field(gt=0)
    session: float = Field(gt=0)
    recess: float = Field(gt=0)
    counts: dict[Target, Annotated[int, Field(ge=0)]]


class Landmark(Form):
    """A move that readers of the country's recent history expect in a replay: the record's key and what people call it."""

    key: str
    es: str
    en: str


class LandmarksFile(Form):
    """landmarks.yaml: what `veedor demo` shows by name, in this order."""

    landmarks: tuple[Landmark, ...]
