"""Official numbers as identities. In: text such as "PL 05981/2023-CR" or "Ley N° 32108"; out: a `Number` with its series and the period where the series runs.

The forms are data of the country pack (numbers.yaml), read once a process; reading a number is pure.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from shared.countries import Pack
from shared.countries.document import Document
from shared.countries.form import Form, Period
from shared.events import Instrument
from shared.folding import unaccented

NAME = "name"
"""The series of whatever is no official number: a record's key, a nickname. It restarts never."""

REMEMBERED = 50_000


class Series(Form):
    """A run of numbers of numbers.yaml."""

    label: str
    restarts: Literal["chamber", "period", "never"]
    origin: bool
    instruments: tuple[Instrument, ...] = ()


class NumberForm(Form):
    """A way to write a number of a series."""

    series: str
    written: str
    pattern: str


class NumbersFile(Form):
    """numbers.yaml"""

    series: dict[str, Series]
    chambers: dict[str, str]
    chamber: str
    forms: tuple[NumberForm, ...]
    pieces: dict[str, str]


@dataclass(frozen=True, slots=True)
class Number:
    """`scope` is where the number is unique: "" everywhere, a period, or period.chamber; None when nobody tells. `written` is its tidy form for people.

    `name` (series:value) is what is looked up when nobody knows the period; `alias` is the identity, equal for equal numbers however written.
    `period` and `chamber` are what the number itself tells of them.
    """

    series: str
    value: str
    scope: str | None
    written: str
    origin: bool
    period: str | None = None
    chamber: str | None = None
    name: str = field(init=False)
    alias: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.series}:{self.value}")
        object.__setattr__(self, "alias", f"{self.scope or ''}|{self.name}")


@dataclass(frozen=True)
class Numbering:
    """How one country numbers its moves. Remembers what it read: a bill's number comes once a step."""

    file: NumbersFile
    forms: tuple[tuple[NumberForm, re.Pattern[str]], ...] = field(repr=False)
    pack: Pack
    known: dict[str, Number] = field(default_factory=dict, repr=False)
    ranks: dict[str, int] = field(init=False, repr=False)
    born: dict[Instrument, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranks", {name: rank for rank, name in enumerate(self.file.series)})
        object.__setattr__(self, "born", {instrument: name for name, series in reversed(self.file.series.items()) for instrument in series.instruments})

    @classmethod
    def of(cls, pack: Pack) -> Numbering:
        """By numbers.yaml of the pack's directory. Raises PackError naming file, line and field."""
        return cls(*_load(pack.directory / "numbers.yaml"), pack)

    def read(self, text: str, period: str | None = None, chamber: str | None = None) -> Number:
        """The number `text` writes. `period` and `chamber` are those of the observation; what the number itself says wins."""
        number = self.known.get(text)
        if number is None:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            number = self.known[text] = self._read(text)
        if number.scope == "" or not (period or chamber):
            return number
        scope = self._scope(number.series, number.period or period, number.chamber or chamber)
        return number if scope == number.scope else replace(number, scope=scope)

    def _read(self, text: str) -> Number:
        """What the text alone tells."""
        plain = _plain(text)
        for form, pattern in self.forms:
            if found := pattern.fullmatch(plain):
                return self._number(form, {key: value for key, value in found.groupdict().items() if value})
        return Number(NAME, plain, "", " ".join(text.split()), origin=True)

    def series_of(self, instrument: Instrument) -> str | None:
        """The series in which an instrument is numbered at its birth."""
        return self.born.get(instrument)

    def rank(self, series: str) -> int:
        """Order in which series lend their number to an id; names come last."""
        return self.ranks.get(series, len(self.ranks))

    def _number(self, form: NumberForm, found: dict[str, str]) -> Number:
        series = self.file.series[form.series]
        words = {key: word.upper() for key, word in found.items()}
        value = words["number"] = words["number"].replace(".", "").replace(",", "")
        words["label"] = series.label
        period, chamber = self._period(found), self.file.chambers.get(found.get("chamber", ""))
        return Number(form.series, value, self._scope(form.series, period, chamber), form.written.format_map(words), series.origin, period, chamber)

    def _scope(self, series: str, period: str | None, chamber: str | None) -> str | None:
        """Where a number of the series is unique, by the period and chamber it is known to be of."""
        restarts = self.file.series[series].restarts
        if restarts == "never":
            return ""
        if period is None or restarts == "period":
            return period
        return f"{period}.{chamber or self.file.chamber}"

    def _period(self, found: dict[str, str]) -> str | None:
        period: Period | None = None
        if start := found.get("start"):
            period = self.pack.period(start)
        elif session := found.get("session"):
            # The annual session begins with the period, in late July: on 1 August its first year is always inside.
            period = self.pack.period_on(dt.date(max(1, int(session)), 8, 1))
        return period.code if period else None


def _plain(text: str) -> str:
    return " ".join(unaccented(text).split())


def _expanded(pattern: str, pieces: dict[str, str]) -> str:
    for name, piece in pieces.items():
        pattern = pattern.replace(f"<{name}>", piece)
    return pattern


@lru_cache(maxsize=4)
def _load(path: Path) -> tuple[NumbersFile, tuple[tuple[NumberForm, re.Pattern[str]], ...]]:
    document = Document(path)
    file = document.read(NumbersFile)
    forms = []
    for at, form in enumerate(file.forms):
        if form.series not in file.series:
            raise document.error(("forms", at, "series"), f"{form.series!r} is no series of this file: add it or correct it")
        try:
            forms.append((form, re.compile(_expanded(form.pattern, file.pieces))))
        except re.error as error:
            raise document.error(("forms", at, "pattern"), f"is no regular expression: {error}") from error
    return file, tuple(forms)
