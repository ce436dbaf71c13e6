"""The console's small pure parts: visits, sight, quotes, filters."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict

from services.console.answers import SourceHealth
from services.console.pages.alerts import filters
from services.console.quote import marked
from services.console.sight import sight
from services.console.visit import Visit, next_visit
from shared.events import Level

NOW = dt.datetime(2024, 5, 31, 14, 41, tzinfo=dt.UTC)


def test_a_visit_lasts_while_pages_are_opened_and_then_the_next_begins() -> None:
    first = next_visit(None, NOW)
    assert first == Visit(None, NOW)
    same = next_visit(first.cookie(), NOW + dt.timedelta(minutes=20))
    assert same.since is None
    later = next_visit(same.cookie(), NOW + dt.timedelta(hours=20))
    assert later.since == NOW + dt.timedelta(minutes=20)
    assert next_visit(later.cookie(), NOW + dt.timedelta(hours=20, minutes=5)).since == later.since


@given(st.text())
def test_junk_in_the_visit_cookie_is_a_first_visit(junk: str) -> None:
    visit = next_visit(junk, NOW)
    assert visit.latest == NOW
    assert visit.since is None or visit.since <= NOW


def test_sight_tells_silence_from_nothing() -> None:
    seen = SourceHealth(source="a", kind="watch", status="ok", last_seen=NOW)
    silent = SourceHealth(source="b", kind="watch", status="silent", last_seen=NOW - dt.timedelta(days=2))
    assert sight(None).state == "unknown"
    assert sight([]).state == "none"
    assert sight([seen]).state == "clear"
    assert sight([seen, silent]).silent == (silent,)
    assert sight([silent]).state == "blind"
    assert sight([seen, silent]).seen_at == NOW


@pytest.mark.parametrize("kind", ["import", "record", "api"])
def test_what_was_told_once_is_never_in_sight(kind: str) -> None:
    told = SourceHealth(source="f", kind=kind, status="ok", last_seen=NOW - dt.timedelta(days=9), trouble="2 of 40 lines rejected")
    seen = SourceHealth(source="a", kind="watch", status="ok", last_seen=NOW)
    assert (sight([told]).state, sight([told]).seen_at, sight([told]).incomplete) == ("told", told.last_seen, (told,))
    assert (sight([told, seen]).state, sight([told, seen]).total, sight([told, seen]).seen_at) == ("clear", 1, NOW)
    assert told.rejected == (2, 40)
    assert seen.rejected is None


def test_quotes_are_marked_whatever_their_case_and_joined_where_they_touch() -> None:
    assert marked("Ley contra el Crimen Organizado", ["crimen organizado", "contra el crimen"]) == Markup("Ley <mark>contra el Crimen Organizado</mark>")
    assert marked("nada", ["otra cosa", ""]) == "nada"


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=4))
def test_marking_changes_no_word_and_lets_no_tag_through(said: str, quotes: list[str]) -> None:
    assert marked(said, quotes).replace("<mark>", "").replace("</mark>", "") == escape(said)


def test_filters_of_an_old_bookmark_still_open() -> None:
    found = filters(MultiDict([("level", "high"), ("level", "nonsense"), ("institution", "XXX"), ("sort", "drop table"), ("q", " ley\x00 32108 ")]))
    assert found.level == (Level.HIGH,)
    assert found.institution is None
    assert found.sort == "-changed"
    assert found.params() == {"level": ["high"], "q": "ley 32108"}
    assert found.export("csv") == "/v1/exports/alerts.csv?level=high&q=ley+32108"


@pytest.mark.parametrize(("query", "narrowed", "finer"), [({}, False, False), ({"q": "a"}, True, False), ({"stage": "report"}, True, True), ({"sort": "-risk"}, False, True)])
def test_filters_in_use(query: dict[str, str], narrowed: bool, finer: bool) -> None:
    found = filters(MultiDict(query))
    assert (found.narrowed, found.finer) == (narrowed, finer)
