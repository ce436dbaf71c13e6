"""The phase on the embedded default: `veedor up` killed under load, and its local log filled to the limit. New work is refused with a clear error; what was accepted arrives."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import orjson

from shared.bus.local import LocalBus
from shared.events import MOVES
from tests.chaos import stores
from tests.chaos.cluster import ledger_trouble, lima_day
from tests.chaos.endpoint import Endpoint, flaky
from tests.chaos.evidence import Evidence
from tests.chaos.load import Load
from tests.chaos.progress import Progress
from tests.parts import moves
from tests.parts.production import subscribe
from tests.parts.veedor import Embedded, token
from tests.parts.waiting import TooLateError, until

LOG_BYTES = 3 << 20
STALLED = "stalled"
"""A consumer group that reads the first record and never again: the log may not forget what it has not read."""

Found = dict[str, Any]


def run(seed: int, count: int, kills: int, progress: Progress, judge: Callable[[Evidence], Found]) -> Found:
    """What `judge` makes of the evidence, and `refusal`: what a poster and an orchestrator were told when the log was full."""
    with tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True) as folder, Endpoint(seed, flaky(count)).serving() as endpoint:
        house = Embedded(Path(folder) / "home", {"VEEDOR_WEBHOOK_ALLOW_PRIVATE": "true", "VEEDOR_LOCAL_LOG_MAX_BYTES": str(LOG_BYTES)})
        house.start()
        try:
            endpoint.secret = subscribe(house.url, house.home, endpoint.url, min_level="watch")["secret"]
            load = Load(lambda: [house.url], token(house.home, "analyst"), lima_day(), range(1, count + 1), rate=count / (2.0 + 2.5 * kills))
            faults = _kill_under(load, house, random.Random(seed), kills)
            progress.say(f"embedded: {kills} kills, {len(load.accepted)} of {count} moves accepted")
            refusal = _fill(house, load, count + 1)
            progress.say(f"embedded: full after {len(load.accepted)} moves: {refusal['detail']}")
            house.kill()
            house.start(sign="healthz")
            _catch_up(house)
            _post_until_taken(house, load, max(load.accepted) + 1)
            progress.say(f"embedded: killed while full, caught up, {len(load.accepted)} moves accepted")
            unquiet = _wait_for_quiet(house, load)
            return judge(_evidence(house, endpoint, load, unquiet)) | {"refusal": refusal, "faults": faults}
        finally:
            house.stop()


def _kill_under(load: Load, house: Embedded, draw: random.Random, kills: int) -> list[dict[str, Any]]:
    """Kills -9 at random moments of the load, each time started again."""
    never, faults = threading.Event(), []
    load.start()
    for _ in range(kills):
        pause = draw.uniform(0.3, 2.0)
        never.wait(pause)
        house.kill()
        faults.append({"at": round(pause, 2), "what": f"kill -9 veedor up with {len(load.accepted)} moves accepted"})
        house.start()
    assert load.join(120), "the embedded load was not answered in time"
    return faults


def _fill(house: Embedded, load: Load, number: int) -> dict[str, Any]:
    """Posts while a group has stopped reading, until a post is refused; what it said."""
    with closing(LocalBus(house.home / "bus.db", max_bytes=LOG_BYTES)) as bus, closing(bus.consumer(STALLED, [MOVES])) as member:
        first = until(lambda: member.poll(0.2, 1), "a record for the group that will stall")[0]
        member.commit({(first.topic, first.partition): first.offset})
    with _client(house, load) as client:
        for place in range(number, number + 20_000):
            answer = client.post("/v1/moves", content=orjson.dumps(moves.observation(place, load.day)), headers={"Content-Type": "application/json"})
            if answer.status_code not in (200, 201):
                told = {"content_type": answer.headers["Content-Type"], "retry_after": answer.headers.get("Retry-After"), "readyz": client.get("/readyz").text}
                return {**answer.json(), **told}
            load.accepted[place] = answer.json()["move_id"]
    raise AssertionError("20,000 moves into a log of 3 MB, and none was refused")


def _catch_up(house: Embedded) -> None:
    """The stalled group reads on to the end, as a consumer that comes back does."""
    with closing(LocalBus(house.home / "bus.db", max_bytes=LOG_BYTES)) as bus, closing(bus.consumer(STALLED, [MOVES])) as member:

        def read_on() -> bool:
            found = member.poll(0.2, 500)
            member.commit({(delivery.topic, delivery.partition): delivery.offset + 1 for delivery in found})
            return not found

        until(read_on, "the stalled group at the end", seconds=60)
    with closing(sqlite3.connect(house.home / "bus.db", timeout=30)) as connection:
        # It leaves for good: an operator removes a group that no longer exists.
        connection.execute("DELETE FROM positions WHERE consumers = ?", (STALLED,))
        connection.commit()


def _post_until_taken(house: Embedded, load: Load, number: int) -> None:
    def taken() -> bool:
        with _client(house, load) as client:
            answer = client.post("/v1/moves", content=orjson.dumps(moves.observation(number, load.day)), headers={"Content-Type": "application/json"})
            if answer.status_code in (200, 201):
                load.accepted[number] = answer.json()["move_id"]
            return answer.status_code in (200, 201)

    until(taken, "new work taken again", seconds=60, every=0.5)


def _client(house: Embedded, load: Load) -> httpx.Client:
    return httpx.Client(base_url=house.url, headers={"Authorization": f"Bearer {load.bearer}"}, trust_env=False, timeout=30)


def _ask(house: Embedded, service: str, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{house.home / f'{service}.db'}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(question.format("")).fetchall()


def _wait_for_quiet(house: Embedded, load: Load) -> str:
    """Nothing waits anywhere; else what still waits when the time is up."""
    try:
        until(lambda: not any(waits for _, waits in _waiting(house, load)), "everything accepted has arrived", seconds=150, every=0.25)
    except TooLateError:
        return ", ".join(f"{name}: {waits}" for name, waits in _waiting(house, load))
    return ""


def _waiting(house: Embedded, load: Load) -> list[tuple[str, int]]:
    assessed, behind, entries = _ask(house, "alerting", "SELECT (SELECT count(DISTINCT move_id) FROM assessments), sequence - published_through, sequence FROM head")[0]
    pending, numbered = _ask(house, "webhooks", "SELECT (SELECT count(*) FROM deliveries WHERE status = 'pending'), (SELECT max(last_sequence) FROM subscriptions)")[0]
    outbox = _ask(house, "ingest", "SELECT count(*) FROM outbox")[0][0]
    return [("outbox", outbox), ("not assessed", len(load.accepted) - assessed), ("ledger behind", behind), ("not queued", entries - numbered), ("deliveries pending", pending)]


def _evidence(house: Embedded, endpoint: Endpoint, load: Load, unquiet: str) -> Evidence:
    return Evidence(
        asked=len(load.accepted),
        accepted=load.accepted,
        grave=load.grave,
        refused=load.refused,
        stores=stores.read(lambda service, question: _ask(house, service, question)),
        arrivals=endpoint.arrivals,
        ledger_trouble=ledger_trouble(house.url, house.home),
        unquiet=unquiet,
    )
