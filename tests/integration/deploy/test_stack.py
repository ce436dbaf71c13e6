"""docker-compose.yml comes up healthy, and one move posted at the published port becomes one webhook whose signature a stranger's package verifies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from services.receiver import Receiver
from shared.settings import PORTS
from tests.conftest import short_folder
from tests.parts import kafka, moves, nginx, postgres, prometheus
from tests.parts.need import need
from tests.parts.stack import Stack, up
from tests.parts.waiting import until


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    for part in (kafka, postgres, nginx, prometheus):
        need(part.missing())
    with short_folder() as folder, ExitStack() as running:
        folder.chmod(0o755)
        # The one thing the file leaves to the operator and a test needs: its subscriber is on loopback.
        yield up(folder, {"VEEDOR_WEBHOOK_ALLOW_PRIVATE": "true"}, running)


def client(stack: Stack, *roles: str) -> httpx.Client:
    words = [word for role in roles for word in ("--role", role)]
    bearer = stack.run("migrate", "token", "issue", "--subject", "tests", *words)
    return httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {bearer}"}, trust_env=False, timeout=20)


def files(home: Path) -> dict[str, int]:
    return {str(path.relative_to(home)): path.stat().st_mtime_ns for path in home.rglob("*")}


def test_one_posted_move_becomes_one_verified_webhook(stack: Stack, tmp_path: Path) -> None:
    before = files(stack.home)
    day = dt.datetime.now(ZoneInfo("America/Lima")).date()
    with client(stack, "analyst", "subscriber", "observer") as http, Receiver(tmp_path / "received").serving() as receiver:
        made = http.post("/v1/subscriptions", json={"url": receiver.url, "min_level": "watch"})
        assert made.status_code == 201, made.text
        receiver.secret = made.json()["secret"]
        posted = http.post("/v1/moves", json=moves.observation(7, day, grave=True))
        assert posted.status_code == 201, posted.text
        until(lambda: receiver.verified, "the webhook", seconds=60)
        assert http.get("/v1/alerts").json()["items"][0]["move_id"] == posted.json()["move_id"]
        assert http.post("/v1/moves", json=moves.observation(7, day, grave=True)).status_code == 200
        until(lambda: http.get("/v1/deliveries").json()["items"][0]["status"] == "delivered", "the delivery recorded")
        assert (len(receiver.verified), len(receiver.refused)) == (1, 0)
    assert files(stack.home) == before, "a service wrote into the folder it has read-only"


def test_every_service_is_healthy_by_the_files_own_check(stack: Stack) -> None:
    assert [name for name in PORTS if not stack.healthy(name)] == []


def test_prometheus_scrapes_every_service(stack: Stack) -> None:
    until(lambda: len(stack.prometheus.query('up{job="veedor"} == 1')) == len(PORTS), "all targets up", seconds=30, every=0.5)


def test_the_console_asks_who_you_are(stack: Stack) -> None:
    answer = httpx.get(stack.url, headers={"Accept": "text/html"}, trust_env=False, timeout=20)
    assert answer.status_code == 401
    assert "<html" in answer.text
    assert "Veedor" in answer.text
