"""`latency`: POST of a move until its webhook arrives, at 10 and 100 a second, on the embedded default, on Kafka and PostgreSQL, and beside Alertmanager's POST-to-webhook."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import orjson

from tests.benchmarks.measure import Report, alternate
from tests.benchmarks.peers import alertmanager
from tests.benchmarks.probe import Probe, Send, percentiles
from tests.parts import moves
from tests.parts.production import production, subscribe
from tests.parts.veedor import Embedded, token

RATES = (10, 100)
LOCAL = {"VEEDOR_WEBHOOK_ALLOW_PRIVATE": "true"}


def recognise(body: bytes) -> list[str]:
    """The move an alert is about; other alerts are none of ours."""
    return [str(orjson.loads(body)["data"].get("subject_id", ""))]


def sender(ingest: str, bearer: str) -> Send:
    """Posts a grave move; its key in what arrives is the move's id."""
    day = dt.datetime.now(ZoneInfo("America/Lima")).date()
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}

    async def send(session: aiohttp.ClientSession, number: int) -> str:
        body = orjson.dumps(moves.observation(number, day, grave=True))
        async with session.post(f"{ingest}/v1/moves", data=body, headers=headers) as answer:
            if answer.status != 201:
                raise RuntimeError(f"POST /v1/moves answered {answer.status}: {await answer.text()}")
            return str((await answer.json())["move_id"])

    return send


async def _embedded(seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True) as folder:
        house = Embedded(Path(folder) / "home", LOCAL)
        async with Probe(recognise).serving() as probe:
            house.start()
            try:
                subscribe(house.url, house.home, probe.url, min_level="watch")
                return await percentiles(probe, sender(house.url, token(house.home, "analyst")), RATES, seconds=seconds)
            finally:
                house.stop()


async def _kafka(seconds: float) -> dict[str, float]:
    with production() as made:
        cluster = made.cluster
        cluster.start()
        async with Probe(recognise).serving() as probe:
            subscribe(cluster.url("webhooks"), cluster.home, probe.url, min_level="watch")
            return await percentiles(probe, sender(cluster.url("ingest"), token(cluster.home, "analyst")), RATES, seconds=seconds)


def bench(runs: int, *, quick: bool) -> Report:
    seconds = 5.0 if quick else 30.0
    subjects = {
        "embedded": lambda: asyncio.run(_embedded(seconds)),
        "kafka": lambda: asyncio.run(_kafka(seconds)),
        "alertmanager": lambda: asyncio.run(alertmanager.latency(RATES, seconds)),
    }
    report = Report(alternate(subjects, runs))
    for subject in ("embedded", "kafka"):
        for rate in RATES:
            report.compare(f"{subject}_to_alertmanager_p99_at_{rate}", (subject, f"p99_at_{rate}"), ("alertmanager", f"p99_at_{rate}"))
    report.notes = [
        "From the moment a POST was due (open loop, so that a slow answer delays nobody's clock) until the receiver had the whole signed body.",
        "Veedor commits to disk at five places on the way and signs a ledger; Alertmanager keeps alerts in memory.",
    ]
    return report
