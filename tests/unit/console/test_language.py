"""Words, dates and numbers in both languages."""

from __future__ import annotations

import datetime as dt

import pytest
from markupsafe import Markup

from services.console.app import HERE
from services.console.language import choose, load
from shared.events import Words

TONGUES = load(HERE / "translations", "America/Lima")
ES, EN = TONGUES["es"], TONGUES["en"]
DAY = dt.date(2024, 5, 14)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_dates_are_written_as_precisely_as_they_are_known() -> None:
    assert plain(ES.date(DAY)) == "14 may 2024"
    assert plain(EN.date(DAY)) == "14 May 2024"
    assert plain(ES.date(dt.date(2024, 9, 1), "month")) == "set 2024"
    assert ES.date(DAY, "year") == "2024"


def test_hours_are_lima_hours() -> None:
    late = dt.datetime(2024, 4, 10, 0, 12, tzinfo=dt.UTC)
    assert plain(ES.moment(late)) == "9 abr 2024, 19:12"


@pytest.mark.parametrize(
    ("days", "spanish", "english"),
    [(0, "hoy", "today"), (-1, "ayer", "yesterday"), (1, "mañana", "tomorrow"), (-34, "hace 34 días", "34 days ago"), (2, "faltan 2 días", "2 days left")],
)
def test_distances(days: int, spanish: str, english: str) -> None:
    there = DAY + dt.timedelta(days=days)
    assert (ES.distance(there, DAY), EN.distance(there, DAY)) == (spanish, english)


def test_small_and_nearly_certain_chances_are_not_rounded_away() -> None:
    assert [plain(ES.percent(share)) for share in (0.0, 0.004, 0.46, 0.996, 1.0)] == ["0 %", "< 1 %", "46 %", "> 99 %", "100 %"]


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert ES.signed(-6) == "\u22126"
    assert ES.signed(24.25) == "+24.2"
    assert ES.number(-0.01) == "0"
    assert EN.number(4182) == "4,182"


def test_plurals_and_nought() -> None:
    assert ES("alerts.total", n=0) == "Ninguna alerta"
    assert ES("alerts.total", n=1) == "1 alerta"
    assert EN("alerts.total", n=1200) == "1,200 alerts"


def test_values_are_escaped_unless_they_are_markup() -> None:
    assert ES("session.how_link", command="<b>") == Markup("Abra el enlace que imprime &lt;b&gt; al arrancar; sirve una vez, durante diez minutos.")
    assert "<code>" in ES("session.how_link", command=Markup("<code>"))


def test_a_missing_side_of_a_pair_is_read_from_the_other() -> None:
    assert ES.pick(Words(en="only English")) == "only English"
    assert EN.pick(Words(es="hola", en="hello")) == "hello"
    assert EN.pick(None) == ""


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "chosen"),
    [("en", "es", "es", "en"), ("xx", "en", "es", "en"), (None, None, "en", "en"), (None, None, None, "es"), ("<script>", None, None, "es")],
)
def test_the_language_of_a_page(asked: str | None, remembered: str | None, accepted: str | None, chosen: str) -> None:
    assert choose(asked, remembered, accepted) == chosen
