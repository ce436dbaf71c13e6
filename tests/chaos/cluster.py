"""The phase on Kafka and PostgreSQL: load and faults together, then quiet, then the evidence."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg

from shared.bus.kafka import KafkaBus
from shared.events import ALERTS, ASSESSMENTS, MOVES
from tests.chaos import stores, topics
from tests.chaos.endpoint import Endpoint, flaky
from tests.chaos.evidence import Evidence
from tests.chaos.injector import Injector
from tests.chaos.load import Load
from tests.chaos.plan import SERVICES, Fault
from tests.chaos.poison import Poison
from tests.chaos.progress import Progress
from tests.parts.faketime import Clock
from tests.parts.production import Production, production, subscribe
from tests.parts.veedor import run as command
from tests.parts.veedor import token
from tests.parts.waiting import TooLateError, until

BUS = "&session_timeout_ms=6000&heartbeat_interval_ms=2000"
QUIET = """SELECT (SELECT count(*) FROM ingest.outbox), (SELECT sequence - published_through FROM alerting.head),
    (SELECT count(*) FROM webhooks.deliveries WHERE status = 'pending'), (SELECT count(DISTINCT move_id) FROM alerting.assessments)"""

Found = dict[str, Any]


def run(seed: int, moves: int, plan: Sequence[Fault], rate: float, progress: Progress, judge: Callable[[Evidence], Found], *, settle: float = 180) -> Found:
    """What `judge` makes of the evidence, and what was done. Raises TooLateError when the stack does not even start."""
    with production(partitions=6, bus_options=BUS) as made, Endpoint(seed, flaky(moves)).serving() as endpoint:
        clock = Clock(made.cluster.folder / "clock")
        _start(made, clock)
        endpoint.secret = subscribe(made.cluster.url("webhooks"), made.cluster.home, endpoint.url, min_level="watch")["secret"]
        progress.say("the stack is up")
        injector = Injector(made, Poison(made.broker.url, seed), clock)
        load = Load(injector.addresses, token(made.cluster.home, "analyst"), lima_day(), range(1, moves + 1), rate)
        injector.look = lambda: progress.now_and_then(
            lambda: f"{len(load.accepted)} of {moves} accepted, {len(endpoint.arrivals.kept)} alerts arrived, {len(injector.faults)} faults"
        )
        load.start()
        injector.run(plan, lambda: len(load.accepted) / rate if not load.finished else math.inf)
        progress.say(f"{len(injector.faults)} faults and mendings done, {len(load.accepted)} of {moves} moves accepted")
        answered = _join(load, injector)
        progress.say(f"load {'answered' if answered else 'NOT answered'}: {len(load.accepted)} accepted in {load.tries} tries")
        unquiet = _wait_for_quiet(made, injector, len(load.accepted), settle)
        progress.say(f"{'NOT quiet: ' + unquiet if unquiet else 'quiet'}: counting")
        return judge(_evidence(made, endpoint, injector, load, unquiet)) | {"tries": load.tries, "faults": injector.faults}


def _start(made: Production, clock: Clock) -> None:
    """All services; the worker of webhooks on a clock of its own, which can be made to jump while it runs."""
    made.cluster.process("webhooks", extra=clock.environment).start(lambda: True)
    made.cluster.start(*(service for service in SERVICES if service != "webhooks"))
    made.cluster.wait_ready("webhooks.0")


def lima_day() -> dt.date:
    return dt.datetime.now(ZoneInfo("America/Lima")).date()


def _join(load: Load, injector: Injector) -> bool:
    """Waits for the load; what dies meanwhile is started again."""
    for _ in range(1200):
        if load.finished:
            break
        injector.mend()
        injector.look()
        load.gave_up.wait(0.25)
    return load.join(0)


def _wait_for_quiet(made: Production, injector: Injector, accepted: int, seconds: float) -> str:
    """Nothing waits anywhere; else what still waits when the time is up."""
    with psycopg.connect(made.dsn, autocommit=True) as look:

        def quiet() -> bool:
            injector.mend()
            injector.look()
            # In the order of the way: a delivery may be written after one look, by the alert that the next finds consumed.
            outbox, ledger_behind, _, assessed = look.execute(QUIET).fetchone() or (1, 1, 1, 0)
            if (outbox, ledger_behind) != (0, 0) or assessed < accepted or lag(made):
                return False
            return (look.execute(QUIET).fetchone() or (1, 1, 1, 0))[2] == 0

        try:
            until(quiet, "quiet", seconds=seconds, every=0.5)
        except TooLateError:
            return f"outbox, ledger behind, deliveries pending, assessed: {look.execute(QUIET).fetchone()}; lag {lag(made)}"
    return ""


def lag(made: Production) -> int:
    """Records no group has committed, all three topics."""
    bus = KafkaBus(made.broker.url)
    return sum(bus.lag(f"veedor.{service}", topic) for service, topic in (("scoring", MOVES), ("alerting", ASSESSMENTS), ("webhooks", ALERTS)))


def _evidence(made: Production, endpoint: Endpoint, injector: Injector, load: Load, unquiet: str) -> Evidence:
    with psycopg.connect(made.dsn) as look:
        found = stores.read(lambda service, question: look.execute(question.format(f"{service}.").encode()).fetchall())
    return Evidence(
        asked=len(load.numbers),
        accepted=load.accepted,
        grave=load.grave,
        refused=load.refused,
        stores=found,
        arrivals=endpoint.arrivals,
        wires=topics.wires(made.broker.address),
        poison_taken=injector.poison.taken,
        poison_tried=injector.poison.tried,
        dead=topics.dead(made.broker.address),
        ledger_trouble=ledger_trouble(made.cluster.url("alerting"), made.cluster.home),
        unquiet=unquiet,
        unready=injector.unready(),
        crashes=injector.crashes,
    )


def ledger_trouble(url: str, home: Path) -> str:
    """What `veedor verify` has against an export of the ledger, with a key got by another way than the export; "" when all holds."""
    headers = {"Authorization": f"Bearer {token(home, 'observer')}"}
    export, key = home.parent / "export.jsonl", home.parent / "ledger.pub"
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        key.write_text(client.get("/v1/ledger/key").raise_for_status().text, encoding="ascii")
        export.write_bytes(client.get("/v1/ledger/export").raise_for_status().content)
    try:
        command({}, "verify", str(export), "--key", str(key))
    except subprocess.CalledProcessError as error:
        return f"{error.stdout}{error.stderr}"[-1000:] or f"exit code {error.returncode}"
    return ""
