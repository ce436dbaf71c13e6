"""The phase on Kafka and PostgreSQL: load and faults together, then quiet, then the count."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg

from shared.bus.kafka import KafkaBus
from shared.events import ALERTS, ASSESSMENTS, MOVES
from tests.chaos import ledger
from tests.chaos.endpoint import Endpoint
from tests.chaos.injector import Injector
from tests.chaos.ledger import Stores
from tests.chaos.load import Load
from tests.chaos.plan import SERVICES, Fault
from tests.chaos.poison import Poison
from tests.parts.production import Production, production, subscribe
from tests.parts.veedor import run as command
from tests.parts.veedor import token
from tests.parts.waiting import TooLateError, until

BUS = "&session_timeout_ms=6000&heartbeat_interval_ms=2000"
QUIET = """SELECT (SELECT count(*) FROM ingest.outbox), (SELECT sequence - published_through FROM alerting.head),
    (SELECT count(*) FROM webhooks.deliveries WHERE status = 'pending'), (SELECT count(DISTINCT move_id) FROM alerting.assessments)"""

Say = Callable[[str], None]


def run(seed: int, moves: int, plan: Sequence[Fault], rate: float, say: Say, *, settle: float = 180) -> dict[str, Any]:
    """Keys as in DESIGN.md section 7. Raises TooLateError when the stack does not even start."""
    with production(partitions=6, bus_options=BUS) as made, Endpoint(seed).serving() as endpoint:
        made.cluster.start(*SERVICES)
        endpoint.secret = subscribe(made.cluster.url("webhooks"), made.cluster.home, endpoint.url, min_level="watch")["secret"]
        say("the stack is up")
        injector = Injector(made, Poison(made.broker.url, seed))
        load = Load(injector.addresses, token(made.cluster.home, "analyst"), lima_day(), range(1, moves + 1), rate)
        load.start()
        injector.run(plan)
        say(f"{len(injector.faults)} faults and mendings done, {len(load.accepted)} of {moves} moves accepted")
        answered = _join(load, injector)
        say(f"load {'answered' if answered else 'NOT answered'}: {len(load.accepted)} accepted in {load.tries} tries")
        unquiet = _wait_for_quiet(made, injector, len(load.accepted), settle)
        say(f"{'NOT quiet: ' + unquiet if unquiet else 'quiet'}")
        return _count(made, endpoint, injector, load) | {"unquiet": unquiet}


def lima_day() -> dt.date:
    return dt.datetime.now(ZoneInfo("America/Lima")).date()


def _join(load: Load, injector: Injector) -> bool:
    """Waits for the load; what dies meanwhile is started again."""
    for _ in range(1200):
        if not any(thread.is_alive() for thread in load.threads):
            break
        injector.mend()
        load.gave_up.wait(0.25)
    return load.join(0)


def _wait_for_quiet(made: Production, injector: Injector, accepted: int, seconds: float) -> str:
    """Nothing waits anywhere; else what still waits when the time is up."""
    with psycopg.connect(made.dsn, autocommit=True) as look:

        def quiet() -> bool:
            injector.mend()
            outbox, ledger_behind, pending, assessed = look.execute(QUIET).fetchone() or (1, 1, 1, 0)
            return (outbox, ledger_behind, pending) == (0, 0, 0) and assessed >= accepted and lag(made) == 0

        try:
            until(quiet, "quiet", seconds=seconds, every=0.5)
        except TooLateError:
            return f"outbox, ledger behind, deliveries pending, assessed: {look.execute(QUIET).fetchone()}; lag {lag(made)}"
    return ""


def lag(made: Production) -> int:
    """Records no group has committed, all three topics."""
    bus = KafkaBus(made.broker.url)
    return sum(bus.lag(f"veedor.{service}", topic) for service, topic in (("scoring", MOVES), ("alerting", ASSESSMENTS), ("webhooks", ALERTS)))


def _stores(made: Production) -> Stores:
    with psycopg.connect(made.dsn) as look:
        entries = [(sequence, alert, ledger.revision_of(event)) for sequence, alert, event in look.execute(ledger.ENTRIES.format("alerting."))]
        assessments, alerts = (look.execute(question.format("alerting.")).fetchall() for question in (ledger.ASSESSMENTS, ledger.ALERTS))
    return Stores(assessments, entries, alerts)


def _count(made: Production, endpoint: Endpoint, injector: Injector, load: Load) -> dict[str, Any]:
    stores, wires, dead = _stores(made), ledger.wire(made.broker.address), ledger.dead(made.broker.address)
    grave = [move for number, move in load.accepted.items() if number % 10 == 0]
    return {
        "accepted": len(set(load.accepted.values())),
        "assessed": len({tuple(row) for row in stores.assessments}),
        "alerted": len(stores.alerts),
        "delivered": len(endpoint.ids),
        "lost": ledger.lost(load.accepted, grave, stores, endpoint.moves) + load.refused + [f"not dead-lettered: {key}" for key in sorted(injector.poison.sent - dead)],
        "duplicated": {
            "assessments": len(ledger.duplicates(stores.assessments)),
            "alerts": len(ledger.duplicates(row[1:] for row in stores.entries)),
            "deliveries_new_id": sum(len(ids) > 1 for ids in endpoint.ids.values()),
        },
        "ledger_gaps": len(ledger.gaps(row[0] for row in stores.entries)),
        "sequence_gaps": len(ledger.gaps(endpoint.sequences)),
        "dead_letters": len(dead),
        "poisoned": len(injector.poison.sent),
        "wire": {topic: asdict(found) for topic, found in wires.items()},
        "posts_repeated": sum(count - 1 for count in endpoint.posts.values()),
        "unverified": endpoint.unverified,
        "ledger_trouble": ledger_trouble(made.cluster.url("alerting"), made.cluster.home),
        "tries": load.tries,
        "crashes": injector.crashes,
        "faults": injector.faults,
    }


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
