"""One observation: what a source said about a move on a day. In: a line of the record as plain values; out: a frozen `Observation`, or Refused naming the field.

Pure. `docs/record.schema.json` is generated from this model.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Annotated, Any, Literal, TypeVar
from unicodedata import category

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.countries import Pack
from shared.countries.form import Period
from shared.errors import Refused
from shared.events import Instrument, Precision, Source, Stage, Votes, Words, digest, http_url
from shared.folding import unaccented

UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
MOJIBAKE = re.compile("\ufffd|[ÃÂ][\u0080-\u00bf]|â€")
"""UTF-8 read as Windows-1252 ("ComisiÃ³n"), or what a decoder put where it could not read."""

LONGEST_NAME = 200

INVISIBLE = "Cf"
"""Unicode's category of format characters: soft hyphens, joiners, marks of direction, tags. Nobody sees them, so no title of ours carries them."""


def _clean(text: str) -> str:
    """Blanks collapsed, invisible characters dropped. Raises ValueError for what no title contains."""
    # One of these signs stands in everything MOJIBAKE matches: a quick look spares most texts the search.
    if text.isprintable() and not ("  " in text or "Ã" in text or "Â" in text or "â" in text or "\ufffd" in text):
        return text.strip()
    if found := UNREADABLE.search(text):
        raise ValueError(f"has the control character U+{ord(found[0]):04X}: remove it")
    if MOJIBAKE.search(text):
        raise ValueError("is garbled, a text in UTF-8 read as something else: export it again as UTF-8")
    return " ".join("".join(c for c in text if category(c) != INVISIBLE).split())


def _some(text: str) -> str:
    if not text:
        raise ValueError("is empty: give it a text")
    return text


def _comparable(text: str) -> str:
    """As it is compared, without accents, a name may be another length: one sign of Korean is three letters there, an accent alone none."""
    plain = text if text.isascii() else unaccented(text)
    if not plain.strip():
        raise ValueError("has accents alone: give it a letter or a digit")
    if len(plain) > LONGEST_NAME:
        raise ValueError(f"has {len(plain)} characters once accents are taken off: shorten it to {LONGEST_NAME}")
    return text


Line = Annotated[str, Field(max_length=500), AfterValidator(_clean)]
Prose = Annotated[str, Field(max_length=20_000), AfterValidator(_clean)]
Title = Annotated[str, Field(max_length=2000), AfterValidator(_clean), AfterValidator(_some)]
Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_clean), AfterValidator(_some), AfterValidator(_comparable)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]


class Told(BaseModel):
    """Base of what a source tells: frozen, and a field we do not know is refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ToldVotes(Votes):
    """Members who voted."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    yes: Count
    no: Count | None = None
    abstentions: Count | None = None


class ToldSource(Source):
    """Where it can be read: an http(s) address, its title, its own date."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: Annotated[str, Field(max_length=2000), AfterValidator(_clean), AfterValidator(http_url)] | None = None
    title: Line | None = None
    date: Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")] | None = None


class ToldNote(Words):
    """Our note for people, written with hindsight: scoring never reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    es: Prose = ""
    en: Prose = ""


class Observation(Told):
    """One line of the record: what could be read of a move on a day, and apart from it a note for people."""

    key: Name = Field(description="Stable name of the move in its source: equal keys are the same move.")
    aliases: tuple[Name, ...] = Field(default=(), max_length=200, description="Official numbers known that day, such as 'PL 5981/2023-CR' or 'Ley 32108'.")
    instrument: Instrument
    observed_on: str = Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$", description="The day, month or year it happened: 2024-05-30, 2024-05 or 2024.")
    precision: Precision = Field(default="day", description="How exactly the date is known; told by its form when absent.")
    stage: Stage | None = Field(default=None, description="Country-neutral stage; absent when native_stage tells it.")
    native_stage: Line | None = Field(default=None, description="The stage in the source's own words.")
    detail: Prose | None = Field(default=None, description="What the source adds to the stage.")
    undated: bool = Field(default=False, description="The source tells a state but not since when: observed_on is the day somebody looked.")
    title: Title
    title_origin: Literal["official", "reconstructed"] = "official"
    title_en: Title | None = None
    summary: Prose | None = None
    text: Annotated[str, Field(max_length=200_000), AfterValidator(_clean)] | None = None
    proponent: Line | None = Field(default=None, description="The kind of proponent, such as 'Congreso' or 'Poder Ejecutivo'.")
    groups: tuple[Name, ...] = Field(default=(), max_length=50, description="Parliamentary groups that filed it: for clusters, never for scoring.")
    related: tuple[Name, ...] = Field(default=(), max_length=500, description="Numbers of other moves it was joined with or renews.")
    votes: ToldVotes | None = None
    shortcut: Line | None = None
    source: ToldSource | None = None
    confidence: Literal["sourced", "inferred"] = "sourced"
    partly_recalled: bool = False
    partly_inferred: bool = False
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    period: Annotated[str, Field(max_length=20)] | None = None
    chamber: Annotated[str, Field(max_length=20)] | None = None
    note: ToldNote | None = None

    @cached_property
    def first_day(self) -> dt.date:
        """First day of the date as far as it is known."""
        return dt.date.fromisoformat(f"{self.observed_on}-01-01"[:10])

    @cached_property
    def last_day(self) -> dt.date:
        """Last day of the date as far as it is known."""
        first = self.first_day
        if self.precision == "day":
            return first
        return first.replace(month=12, day=31) if self.precision == "year" else first.replace(day=calendar.monthrange(first.year, first.month)[1])

    @property
    def digest(self) -> str:
        """Identity of what is said. A state without a date is the same one whenever somebody looks again."""
        return digest(self.content if not self.undated else _undated(self))

    @cached_property
    def content(self) -> str:
        """Canonical JSON of what is said; `read_content` reads it back."""
        return orjson.dumps(self.model_dump(mode="json", exclude_defaults=True), option=orjson.OPT_SORT_KEYS).decode()


def _undated(observation: Observation) -> str:
    said = observation.model_dump(mode="json", exclude_defaults=True, exclude={"observed_on"})
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()


def read_content(written: str | bytes) -> Observation:
    """The observation whose `content` this is (or a line of it). What is ours was checked when it came: it is put together as `model_construct` would, several times as fast."""
    said: dict[str, Any] = orjson.loads(written)
    content = (written if isinstance(written, str) else written.decode()).rstrip("\n")
    for name in said.keys() & NOT_PLAIN.keys():
        said[name] = NOT_PLAIN[name](said[name])
    return put_together(Observation, said, content=content)


Kind = TypeVar("Kind", bound=BaseModel)


def put_together(kind: type[Kind], said: dict[str, Any], **known: object) -> Kind:
    """A model of values that were checked before; `known` are what it would work out of them."""
    model = kind.__new__(kind)
    object.__setattr__(model, "__dict__", {**_absent(kind), **said, **known})
    object.__setattr__(model, "__pydantic_fields_set__", set(said))
    object.__setattr__(model, "__pydantic_extra__", None)
    object.__setattr__(model, "__pydantic_private__", None)
    return model


@cache
def _absent(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: None if field.is_required() else field.default for name, field in kind.model_fields.items()}


NOT_PLAIN: dict[str, Callable[[Any], Any]] = {
    "instrument": Instrument,
    "stage": Stage,
    "aliases": tuple,
    "groups": tuple,
    "related": tuple,
    "votes": lambda votes: put_together(ToldVotes, votes),
    "source": lambda source: put_together(ToldSource, source),
    "note": lambda note: put_together(ToldNote, note),
}


def visible_from(observation: Observation) -> dt.date:
    """First day on which it may be known: an imprecise date is visible from the last day of its period."""
    return observation.last_day


def understand(said: Mapping[str, Any], pack: Pack, today: dt.date) -> Observation:
    """`said` as an Observation. Raises Refused naming the first field that is wrong; `today` is the day in the country's own zone."""
    try:
        observation = Observation.model_validate(_by_its_form(said))
    except ValidationError as error:
        raise _refusal(error) from error
    _check_date(observation, pack, today)
    _check_place(observation, pack)
    if observation.stage is None and not observation.native_stage:
        raise Refused("is missing: give the stage, or native_stage in the source's own words", field="stage")
    return observation


def _by_its_form(said: Mapping[str, Any]) -> dict[str, Any]:
    """Nulls dropped, `group` listed among the groups, the precision told by the date's form where nobody tells it."""
    given = {key: value for key, value in said.items() if value is not None}
    if "group" in given and "groups" not in given:
        given["groups"] = [given.pop("group")]
    day = given.get("observed_on")
    if isinstance(day, str) and "precision" not in given:
        given["precision"] = {4: "year", 7: "month"}.get(len(day), "day")
    return given


def _check_date(observation: Observation, pack: Pack, today: dt.date) -> None:
    known = {4: "year", 7: "month", 10: "day"}[len(observation.observed_on)]
    if known != observation.precision:
        raise Refused(f"{observation.precision!r} does not fit the date {observation.observed_on!r}: it tells the {known}", field="precision")
    try:
        first = observation.first_day
    except ValueError as error:
        raise Refused(f"{observation.observed_on} is no date of the calendar ({error})", field="observed_on") from error
    if first > today + dt.timedelta(days=1):
        raise Refused(f"{observation.observed_on} lies in the future (today is {today}): correct the date", field="observed_on")
    if observation.period is None and pack.period_on(visible_from(observation)) is None:
        raise Refused(f"{observation.observed_on} is before the first period this country's pack knows: correct the date, or name the period", field="observed_on")


def _check_place(observation: Observation, pack: Pack) -> None:
    if observation.country not in (None, pack.code):
        raise Refused(f"{observation.country!r} is unknown: this installation reads {pack.code!r}", field="country")
    period = _period(observation, pack)
    if observation.chamber is not None and (period is None or observation.chamber not in period.chambers):
        known = ", ".join(period.chambers) if period else "none"
        raise Refused(f"{observation.chamber!r} is no chamber of that period: use one of {known}", field="chamber")


def _period(observation: Observation, pack: Pack) -> Period | None:
    """The period told, else the one of the date."""
    code = observation.period
    if code is None:
        return pack.period_on(visible_from(observation)) if observation.chamber else None
    period = next((found for found in pack.periods if found.code == code), None) or pack.period(code)
    if period is None:
        raise Refused(f"{code!r} is unknown: use one of {', '.join(found.code for found in pack.periods)}", field="period")
    return period


def _refusal(error: ValidationError) -> Refused:
    found = [(".".join(map(str, item["loc"])), _said(item)) for item in error.errors(include_url=False)]
    field, detail = found[0]
    others = sorted({other for other, _ in found[1:]} - {field})
    return Refused(detail + (f" (wrong too: {', '.join(others)[:300]})" if others else ""), field=field)


def _said(item: Any) -> str:
    match item["type"]:
        case "missing":
            return "is missing: add it"
        case "extra_forbidden":
            return "is no field of the record: remove it or correct its name"
        case "enum" | "literal_error":
            return f"{str(item['input'])[:80]!r} is unknown: use one of {item['ctx']['expected']}"
        case "string_pattern_mismatch" if item["loc"][-1] in ("observed_on", "date"):
            return f"{str(item['input'])[:80]!r} is no date: write 2024-05-30, 2024-05 or 2024"
        case "string_too_long":
            return f"has {len(item['input'])} characters: shorten it to {item['ctx']['max_length']}"
        case "tuple_type":
            return "must be a list"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be an object of named values"
        case "value_error":
            return str(item["ctx"]["error"])
        case _:
            return str(item["msg"])
