"""`lists`: what a page of alerts and the pressure on institutions cost at 10,000 and at 1,000,000 alerts on PostgreSQL: flat, or not.

`_anew`: when an alert has changed since somebody asked, so that all must be counted again.
"""

from __future__ import annotations

import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from services.alerting import tables
from services.alerting.catalogue import AlertFilter, Catalogue
from services.alerting.institutions import Institutions
from services.alerting.store import Store
from services.scoring.assess import ScoringPack, assess_all
from services.scoring.wire import Wire
from shared.database import Database
from shared.events import Direction, Instrument, Level, Move, MoveAssessed, MoveObserved, Stage, Step, Target, Tlp
from tests.benchmarks.measure import Report, row
from tests.parts import moves
from tests.parts.postgres import Postgres

DAY = dt.date(2026, 11, 25)
LEVELS = ("watch", "elevated", "high", "critical")
ENDED = "(i / 100 + i * 7) % 10 < 7"
RANK = "(1 + (CASE WHEN i * 31 % 100 < 80 THEN 0 WHEN i * 31 % 100 < 95 THEN 1 WHEN i * 31 % 100 < 99 THEN 2 ELSE 3 END))"
VARIED = {
    "alert_id": "'alert.pe.load.' || i",
    "move_id": "'pe.load.' || i",
    "sequence": "1000 + i",
    "risk": "20 + (i::bigint * 7919 % 80000) / 1000.0",
    "changed_as_of": "DATE '2021-07-28' + (i::bigint * 7919 % 1901)::int",
    "opened_as_of": "DATE '2021-07-28' + (i::bigint * 7919 % 1901)::int",
    "level": f"CASE WHEN {ENDED} THEN 'none' ELSE (ARRAY{list(LEVELS)})[{RANK}] END",
    "level_rank": f"CASE WHEN {ENDED} THEN 0 ELSE {RANK} END",
    "peak_level": f"(ARRAY{list(LEVELS)})[{RANK}]",
    "peak_rank": RANK,
    "lifecycle": f"CASE WHEN {ENDED} THEN 'Cancel' ELSE 'Alert' END",
    "direction": "(ARRAY['weakens', 'weakens', 'weakens', 'mixed', 'mixed', 'neutral'])[1 + i / 10 % 6]",
    "stage": "CASE WHEN i % 10000 = 17 THEN 'struck_down' WHEN i * 11 % 100 < 70 THEN 'committee' ELSE 'report' END",
    "country": "CASE WHEN i % 1000 = 3 THEN 'uy' WHEN i * 17 % 100 < 10 THEN 'cl' ELSE 'pe' END",
    "recorded_at": "TIMESTAMPTZ '2021-07-28Z' + i * INTERVAL '1 minute'",
    "search": "a.search || 'palabra' || chr(97 + i * 7 % 26) || chr(97 + i / 26 % 26) || CASE WHEN i % 200 = 11 THEN ' alguna ' ELSE ' ' END || i || ' '",
}
"""Columns of a made alert that differ from the real one it is made of; `i` counts."""


@contextmanager
def database() -> Iterator[tuple[Database, ScoringPack]]:
    """Alerting's schema with one real alert in it."""
    pack = ScoringPack.load("pe")
    with tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder))
        server.start()
        try:
            found = Database(server.create("lists"), "alerting")
            found.migrate()
            Store(found, pack.country, Ed25519PrivateKey.generate(), "veedor/bench", lambda: dt.datetime.now(dt.UTC)).handle([_assessed(pack)])
            yield found, pack
            found.close()
        finally:
            server.stop()


def _assessed(pack: ScoringPack) -> MoveAssessed:
    event = _event()
    return MoveAssessed.decode(Wire(pack).encoded(event, assess_all([(event.move, event.as_of)], pack)[0]))


def _event() -> MoveObserved:
    said = moves.observation(10, DAY, grave=True)
    step = Step(stage=Stage.FILED, date=DAY)
    move = Move(move_id="pe.2026-2031.D.bill.10", key=said["key"], country="pe", period="2026-2031", chamber="D", instrument=Instrument.BILL, title=said["title"], steps=(step,))
    return MoveObserved(move=move, revision=1, as_of=DAY)


def grow(found: Database, first: int, last: int) -> None:
    """Alerts number `first` to `last`, made of the real one by the server itself, with two institutions and a move each and the pressure of their days."""
    names = [column.name for column in tables.alerts.columns]
    values = ", ".join(VARIED.get(name, f"a.{name}") for name in names)
    targets = list(map(str, Target))
    with found.transaction() as session:
        run = session.connection().execute
        run(text(f"INSERT INTO alerts ({', '.join(names)}) SELECT {values} FROM alerts a, generate_series({first}, {last}) i WHERE a.move_id = 'pe.2026-2031.D.bill.10'"))
        run(text(f"INSERT INTO moves SELECT 'pe.load.' || i, 1, DATE '2026-11-25', 0, 'JNE', '' FROM generate_series({first}, {last}) i"))
        for shift in (0, 5):
            run(text(f"INSERT INTO alert_targets SELECT (ARRAY{targets})[1 + (i + {shift}) % 12], 'alert.pe.load.' || i FROM generate_series({first}, {last}) i"))
        run(text(f"INSERT INTO pressure SELECT t, DATE '2021-07-28' + d, 0.01 FROM unnest(ARRAY{targets}) t, generate_series(0, 1899) d ON CONFLICT DO NOTHING"))
    with found.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def questions(found: Database, pack: ScoringPack) -> Mapping[str, Callable[[], Any]]:
    with found.reading() as session:
        newest = session.connection().execute(text("SELECT max(recorded_at) FROM alerts WHERE move_id LIKE 'pe.load.%'")).scalar_one()
    catalogue, institutions = Catalogue(found), Institutions(found, pack.country)

    def page(**chosen: Any) -> Callable[[], Any]:
        return lambda: catalogue.page(AlertFilter(**chosen), Tlp.RED, sort="-changed", cursor=None, limit=50)

    deep = catalogue.page(AlertFilter(), Tlp.RED, sort="-risk", cursor=None, limit=500)["next"]
    return {
        "page": page(),
        "page_critical": page(level=[Level.CRITICAL]),
        "page_institution": page(institution=[Target.JNE]),
        "page_direction_of_none": page(direction=[Direction.STRENGTHENS]),
        "page_stage_of_few": page(stage=[Stage.STRUCK_DOWN]),
        "page_country_of_few": page(country=["uy"]),
        "page_changed_since": page(changed_since=newest - dt.timedelta(minutes=100)),
        "page_word_of_few": page(q="alguna"),
        "page_word_of_all": page(q="LEY"),
        "page_number": page(q="ley 9137"),
        "page_word_and_level": page(q="palabrac", level=[Level.CRITICAL]),
        "page_level_and_country": page(level=[Level.CRITICAL], country=["cl"]),
        "page_institution_and_country": page(institution=[Target.JNE], country=["cl"]),
        "page_by_risk_deep": lambda: catalogue.page(AlertFilter(), Tlp.RED, sort="-risk", cursor=deep, limit=50),
        "one": lambda: catalogue.one("alert.pe.2026-2031.D.bill.10", Tlp.RED),
        "summary": lambda: catalogue.summary(Tlp.RED),
        "summary_anew": lambda: Catalogue(found).summary(Tlp.RED),
        "institutions": lambda: institutions.all(Tlp.RED),
        "institutions_anew": lambda: Institutions(found, pack.country).all(Tlp.RED),
        "pressure": lambda: institutions.pressure("JNE", None, None),
    }


def milliseconds(ask: Callable[[], Any], runs: int) -> list[float]:
    ask()
    spent = []
    for _ in range(runs):
        started = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - started) * 1000)
    return spent


def bench(runs: int, *, quick: bool) -> Report:
    sizes = (10_000, 100_000) if quick else (10_000, 1_000_000)
    report = Report([])
    with database() as (found, pack):
        before = 0
        for size in sizes:
            grow(found, before + 1, size)
            before = size
            for name, ask in questions(found, pack).items():
                report.rows.append(row(f"{size}_alerts", f"p50_{name}", [statistics.median(milliseconds(ask, 15)) for _ in range(runs)]))
        for name in questions(found, pack):
            report.compare(f"growth_{name}", (f"{sizes[1]}_alerts", f"p50_{name}"), (f"{sizes[0]}_alerts", f"p50_{name}"))
    return report
