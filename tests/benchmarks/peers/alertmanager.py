"""Alertmanager as a peer: POST of an alert until its webhook arrives, with nothing held back for grouping."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import orjson

from tests.benchmarks.probe import Probe, percentiles
from tests.parts.alertmanager import Alertmanager
from tests.parts.moves import SUMMARY

CONFIGURATION = """
route: {{ receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s }}
receivers: [{{ name: hook, webhook_configs: [{{ url: "{url}", send_resolved: false }}] }}]
"""


def recognise(body: bytes) -> list[str]:
    return [alert["labels"]["move"] for alert in orjson.loads(body)["alerts"]]


async def latency(rates: Sequence[int], seconds: float) -> dict[str, float]:
    """Milliseconds, as probe.percentiles gives them."""
    with tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True) as folder:
        async with Probe(recognise).serving() as probe:
            configuration = Path(folder) / "alertmanager.yml"
            configuration.write_text(CONFIGURATION.format(url=probe.url), encoding="utf-8")
            server = Alertmanager(Path(folder), configuration)

            async def send(session: aiohttp.ClientSession, number: int) -> str:
                alert = {"labels": {"alertname": "move", "move": str(number)}, "annotations": {"summary": SUMMARY, "description": SUMMARY}}
                async with session.post(f"{server.url}/api/v2/alerts", json=[alert]) as answer:
                    answer.raise_for_status()
                return str(number)

            server.start()
            try:
                return await percentiles(probe, send, rates, seconds=seconds)
            finally:
                server.stop()
