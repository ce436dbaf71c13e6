"""Every word, date and number people read. In: keys and values; out: Spanish (Peru) or English, with plurals, escaped for HTML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from markupsafe import Markup

from shared.events import Words

DEFAULT = "es"
LOCALES = {"es": "es_PE", "en": "en"}
MINUS = "\u2212"
NARROW = "\u202f"


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested translations as dotted keys; a mapping of plural forms (`one`, `other`) stays whole."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping) and "other" not in value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def choose(asked: str | None, remembered: str | None, accepted: str | None) -> str:
    """The language of a page: the one asked for, else the one remembered, else the best the browser accepts, else Spanish."""
    return next((code for code in (asked, remembered, accepted) if code in LOCALES), DEFAULT)


@dataclass(frozen=True)
class Tongue:
    """One language with its translations; `zone` is the country's time zone, in which hours are shown."""

    code: str
    locale: Locale
    words: Mapping[str, Any]
    zone: ZoneInfo

    def __call__(self, key: str, **values: Any) -> Markup:
        """The sentence under `key`; `n` chooses the plural form. Values are escaped unless they are Markup. KeyError for an unknown key."""
        found = self.words[key]
        if isinstance(found, Mapping):
            n = values["n"]
            found = found.get("zero") if n == 0 and "zero" in found else found.get(self.locale.plural_form(n), found["other"])
            values["n"] = self.number(n)
        return Markup(found).format(**values)  # noqa: S704 - our own translations; the values are escaped by format

    def pick(self, words: Words | None) -> str:
        """Our language's side of a pair, else the other one."""
        if words is None:
            return ""
        return (words.es or words.en) if self.code == "es" else (words.en or words.es)

    def date(self, day: dt.date, precision: str = "day") -> str:
        """`14 may 2024`, `may 2024` or `2024`, as precisely as it is known."""
        pattern = {"day": "d MMM y", "month": "MMM y", "year": "y"}[precision]
        return format_date(day, pattern, locale=self.locale).replace(".", "").replace(" ", "\u00a0")

    def short_date(self, day: dt.date) -> str:
        """`14 may`: where the year is plain from the place."""
        return format_date(day, "d MMM", locale=self.locale).replace(".", "").replace(" ", "\u00a0")

    def month(self, day: dt.date) -> str:
        return format_date(day, "MMM", locale=self.locale).replace(".", "")

    def hour(self, moment: dt.datetime) -> str:
        """`19:12` in the country's zone."""
        return moment.astimezone(self.zone).strftime("%H:%M")

    def moment(self, moment: dt.datetime) -> str:
        """`9 abr 2024, 19:12` in the country's zone."""
        return f"{self.date(moment.astimezone(self.zone).date())}, {self.hour(moment)}"

    def number(self, value: float, digits: int = 0) -> str:
        """A number with at most `digits` decimals and a true minus sign."""
        return format_decimal(round(value, digits) + 0, format="#,##0" + ("." + "#" * digits if digits else ""), locale=self.locale).replace("-", MINUS)

    def signed(self, value: float) -> str:
        return ("+" if round(value, 1) > 0 else "") + self.number(value, 1)

    def percent(self, share: float) -> str:
        """`46 %` of a share in 0..1; what is tiny or nearly certain is not rounded to nothing or all."""
        if 0 < share < 0.01:
            return f"<{NARROW}1{NARROW}%"
        if 0.99 < share < 1:
            return f">{NARROW}99{NARROW}%"
        return f"{self.number(share * 100)}{NARROW}%"

    def distance(self, day: dt.date, today: dt.date) -> str:
        """`hace 3 días`, `hoy`, `faltan 12 días`."""
        days = (day - today).days
        near = {0: "time.today", -1: "time.yesterday", 1: "time.tomorrow"}.get(days)
        return str(self(near) if near else self("time.days_ago", n=-days) if days < 0 else self("time.days_left", n=days))

    def join(self, items: list[str]) -> str:
        """`A, B y C`."""
        if len(items) < 2:
            return "".join(items)
        last = items[-1]
        glue = "list.and_i" if self.code == "es" and last.lower().startswith(("i", "hi")) and not last.lower().startswith("hie") else "list.and"
        return str(self(glue, first=", ".join(items[:-1]), last=last))


def load(folder: Path, zone: str) -> dict[str, Tongue]:
    """The languages of `folder` (`es.yaml`, `en.yaml`) by code."""
    return {code: Tongue(code, Locale.parse(name), flatten(yaml.safe_load((folder / f"{code}.yaml").read_text("utf-8"))), ZoneInfo(zone)) for code, name in LOCALES.items()}
