"""The dashboard is what its code makes, and every expression of it finds figures on a real Prometheus that scrapes a running `veedor up`."""

from __future__ import annotations

import datetime as dt
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
import yaml

from services.receiver import Receiver
from tests.parts import moves
from tests.parts.compose import ROOT
from tests.parts.production import subscribe
from tests.parts.prometheus import Prometheus, promtool
from tests.parts.veedor import Embedded, token
from tests.parts.waiting import until

GRAFANA = ROOT / "deploy" / "grafana"
SOURCE = runpy.run_path(str(GRAFANA / "pipeline.py"))
EXPRESSIONS: list[str] = SOURCE["expressions"]()
RARE = ("veedor_dead_letters_total", "veedor_handler_retries_total", "veedor_webhook_breakers_open", "veedor_webhook_held")
"""What a house where nothing goes wrong may not have counted yet."""


def test_the_file_is_what_the_code_makes() -> None:
    assert SOURCE["TARGET"].read_text(encoding="utf-8") == SOURCE["build"](), "run `python deploy/grafana/pipeline.py`"


def test_grafana_finds_the_dashboard_and_its_source() -> None:
    board: dict[str, Any] = orjson.loads(SOURCE["TARGET"].read_bytes())
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"] for source in sources}
    assert all(panel["title"] and panel["description"] for panel in board["panels"])
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)


@pytest.fixture
def prometheus(start_prometheus: Callable[[Path], Prometheus], tmp_path: Path) -> Iterator[Prometheus]:
    """Scrapes a house in which one grave move became one delivery."""
    house = Embedded(tmp_path / "home", {"VEEDOR_WEBHOOK_ALLOW_PRIVATE": "true"})
    house.start()
    try:
        with Receiver(tmp_path / "received").serving() as receiver:
            receiver.secret = subscribe(house.url, house.home, receiver.url, min_level="watch")["secret"]
            configuration = tmp_path / "prometheus.yml"
            job = {"job_name": "veedor", "static_configs": [{"targets": [house.url.removeprefix("http://")]}]}
            configuration.write_text(yaml.safe_dump({"global": {"scrape_interval": "200ms"}, "scrape_configs": [job]}), encoding="utf-8")
            server = start_prometheus(configuration)
            until(lambda: server.query('up{job="veedor"} == 1'), "the house scraped")
            post(house, 10)
            until(lambda: receiver.verified, "the webhook", seconds=30)
            until(lambda: server.query("veedor_webhook_accept_to_delivered_seconds_count > 0"), "the delivery scraped")
            yield server
    finally:
        house.stop()


def post(house: Embedded, number: int) -> None:
    day = dt.datetime.now(ZoneInfo("America/Lima")).date()
    headers = {"Authorization": f"Bearer {token(house.home, 'analyst')}"}
    httpx.post(f"{house.url}/v1/moves", json=moves.observation(number, day, grave=True), headers=headers, timeout=20, trust_env=False).raise_for_status()


def test_every_expression_finds_figures(prometheus: Prometheus) -> None:
    for expression in EXPRESSIONS:
        if any(name in expression for name in RARE):
            prometheus.query(expression)
        else:
            # A rate needs two scrapes of its counter.
            until(lambda wanted=expression: prometheus.query(wanted), f"figures for {expression}", seconds=15)


def test_every_metric_named_is_declared_in_the_code() -> None:
    code = "".join(file.read_text(encoding="utf-8") for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py"))
    declared = set(re.findall(r'(?:Counter|Gauge|Histogram)\(\s*"(veedor_\w+)"', code))
    for expression in EXPRESSIONS:
        for name in re.findall(r"veedor_\w+", expression):
            assert name.removesuffix("_bucket") in declared, name


def test_prometheus_understands_its_configuration() -> None:
    checked = promtool("check", "config", "--syntax-only", str(ROOT / "deploy/prometheus/prometheus.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
