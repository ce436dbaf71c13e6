"""The day begins once, by the country's own calendar."""

from __future__ import annotations

import datetime as dt
import threading

from services.ingest.store import Store
from services.ingest.watch import Watch
from shared.countries import Pack
from shared.errors import Retryable
from tests.integration.ingest.ledger import events
from tests.unit.ingest.examples import TODAY, told


def test_a_day_begins_once_ends_what_lapsed_and_issues_the_rest(embedded: Store, pack: Pack) -> None:
    embedded.observe([told(pack), told(pack, key="case", instrument="ruling", aliases=[], stage="admitted", observed_on="2024-08-01")], as_of=TODAY)
    days = [TODAY, TODAY + dt.timedelta(days=1), TODAY + dt.timedelta(days=1), dt.date(2026, 7, 27)]
    calendar, woken = iter(days), []
    watch = Watch(embedded, lambda: next(calendar), lambda: woken.append(True))
    assert [watch.look() for _ in days] == [True, True, False, True]
    assert [(event.as_of, event.reason) for event in events(embedded.database)][2:] == [
        (days[1], "clock"),
        (days[1], "clock"),
        (days[3], "period_ended"),
        (days[3], "clock"),
    ]
    assert len(woken) == 3


def test_a_second_process_begins_the_same_day_without_effect(embedded: Store, pack: Pack) -> None:
    embedded.observe([told(pack)], as_of=TODAY)
    tomorrow = TODAY + dt.timedelta(days=1)
    for _ in range(2):
        assert Watch(embedded, lambda: tomorrow, lambda: None).look()
    assert len(events(embedded.database)) == 2


def test_a_database_that_does_not_answer_is_asked_again(embedded: Store, pack: Pack) -> None:
    embedded.observe([told(pack)], as_of=TODAY)
    stop, asked = threading.Event(), []

    def today() -> dt.date:
        asked.append(True)
        if len(asked) == 1:
            raise Retryable("database of ingest: gone")
        return TODAY + dt.timedelta(days=1)

    thread = threading.Thread(target=Watch(embedded, today, stop.set).run, args=(stop,))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert len(events(embedded.database)) == 2
