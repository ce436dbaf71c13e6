"""Headlines a day later: what alerting writes is what the console knows how to say as past."""

from __future__ import annotations

import datetime as dt

import pytest

from services.alerting.wording import headline
from services.console.headline import as_of
from shared.events import Words
from tests.unit.alerting.sample import assessed, pack


@pytest.mark.parametrize("month", range(1, 13))
def test_the_first_day_of_a_real_headline_is_past_the_day_after(month: int) -> None:
    day = dt.date(2024, month, 28)
    event = assessed("m.1", assessment={"earliest_law": day})
    said = headline(event, pack())
    assert as_of(said, day) == said
    later = as_of(said, day + dt.timedelta(days=1))
    assert "pudo regir desde el 28 " in later.es
    assert "could have bound since 28 " in later.en
    assert "no antes" not in later.es
    assert "earliest" not in later.en


@pytest.mark.parametrize("said", ["", "; it can bind from 99 Foo 2023 at the earliest", "Nothing of a date."])
def test_what_is_no_such_sentence_stays(said: str) -> None:
    assert as_of(Words(es=said, en=said), dt.date(2030, 1, 1)) == Words(es=said, en=said)
