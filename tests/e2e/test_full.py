"""No room: the embedded log at its limit, and the disk. New work is refused in words, /readyz is red and says how many wait, what was accepted goes on when there is room again."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from shared.bus.local import LocalBus
from shared.events import MOVES
from tests.parts import moves, small_disk
from tests.parts.need import need
from tests.parts.veedor import Embedded, token
from tests.parts.waiting import until

TODAY = dt.datetime.now(ZoneInfo("America/Lima")).date()


@contextmanager
def at_work(home: Path, environment: dict[str, str]) -> Iterator[tuple[Embedded, httpx.Client]]:
    """`veedor up` on `home`, and a client that may post moves."""
    house = Embedded(home, environment)
    house.log = house.process.log = home.parents[1] / "up.log"
    house.start()
    try:
        with httpx.Client(base_url=house.url, headers={"Authorization": f"Bearer {token(home, 'analyst')}"}, trust_env=False, timeout=60) as client:
            yield house, client
    finally:
        house.stop()


def post_until_refused(client: httpx.Client) -> tuple[set[str], dict[str, Any]]:
    """Moves that were accepted, and the first refusal."""
    accepted = set()
    for number in range(1, 20_000):
        answer = client.post("/v1/moves", json=moves.observation(number, TODAY))
        if answer.status_code not in (200, 201):
            return accepted, {"status": answer.status_code, "retry_after": answer.headers.get("Retry-After"), **answer.json()}
        accepted.add(answer.json()["move_id"])
    raise AssertionError("never refused")


def all_scored(client: httpx.Client, accepted: set[str]) -> bool:
    summary = client.get("/v1/summary").json()
    return bool(summary["scored"] >= len(accepted) and summary["waiting"] == 0 and client.get("/v1/sources").json()["waiting"] == 0)


def test_a_full_event_log_turns_readiness_red_and_says_how_many_wait(tmp_path: Path) -> None:
    limit = 1 << 20
    with at_work(tmp_path / "a" / "home", {"VEEDOR_LOCAL_LOG_MAX_BYTES": str(limit)}) as (house, client):
        assert client.get("/readyz").status_code == 200
        with closing(LocalBus(house.home / "bus.db", max_bytes=limit)) as bus, closing(bus.consumer("stalled", [MOVES])) as stalled:
            until(lambda: stalled.poll(0.1, 1) is not None and stalled.assigned(), "a group that reads nothing more")
            accepted, refusal = post_until_refused(client)
            assert (refusal["status"], refusal["retry_after"]) == (503, "30")
            assert "the event log is full" in refusal["detail"]
            waiting = client.get("/v1/sources").json()["waiting"]
            assert waiting > 0
            red = client.get("/readyz")
            assert red.status_code == 503
            assert f"{waiting} events wait to leave" in red.json()["detail"]
            assert "VEEDOR_LOCAL_LOG_MAX_BYTES" in red.json()["detail"]

            def read_on() -> bool:
                found = stalled.poll(0.2, 500)
                stalled.commit({(delivery.topic, delivery.partition): delivery.offset + 1 for delivery in found})
                return client.get("/readyz").status_code == 200

            until(read_on, "ready again once the group has read on", seconds=60)
            until(lambda: all_scored(client, accepted), "everything accepted scored", seconds=60, every=0.2)


def test_a_full_disk_turns_readiness_red_and_loses_nothing(tmp_path: Path) -> None:
    need(small_disk.missing())
    try:
        with small_disk.small_disk(tmp_path / "disk", 48) as disk, at_work(disk / "home", {}) as (_, client):
            for number in range(1, 31):
                client.post("/v1/moves", json=moves.observation(number, TODAY)).raise_for_status()
            filler = small_disk.fill(disk)
            accepted, refusal = post_until_refused(client)
            assert refusal["status"] == 503
            assert "the disk is full, nothing was taken" in refusal["detail"]
            red = client.get("/readyz")
            assert red.status_code == 503
            assert "the disk of" in red.json()["detail"]
            filler.unlink()
            until(lambda: client.get("/readyz").status_code == 200, "ready again once there is room", seconds=60, every=0.2)
            until(lambda: client.post("/v1/moves", json=moves.observation(99, TODAY)).status_code in (200, 201), "new work taken again", seconds=60, every=0.2)
            until(lambda: all_scored(client, accepted | {str(number) for number in range(30)}), "everything accepted scored", seconds=60, every=0.2)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
