"""The built service: assessments on the bus become alerts on the bus, in the API and on the stream; `veedor verify` reads its export."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import httpx
import pytest

from services.alerting.main import build
from services.alerting.verify import verify_file
from shared.bus.contract import Bus, Record
from shared.events import ALERTS, ASSESSMENTS, AlertChanged, Level, MoveAssessed, Tlp
from shared.identity import Role, issue, load_key
from shared.operations import Crew
from shared.process import open_context
from shared.server import Server
from shared.settings import Settings
from tests.parts.waiting import until
from tests.unit.alerting.sample import assessed


def publish(bus: Bus, *events: MoveAssessed) -> None:
    producer = bus.producer()
    producer.publish([Record(ASSESSMENTS, event.key, event.encode()) for event in events])
    producer.close()


def live(folder: Path, *events: MoveAssessed) -> tuple[list[dict[str, object]], Path]:
    """One life of the process over `folder`: its alerts once all of `events` are in, and its export."""
    stop = threading.Event()
    context = open_context(Settings(home=folder), stop)
    part = build(context)
    server = Server(part.app, "127.0.0.1", 0, 8, part.closing)
    crew = Crew(stop)
    for name, work in {**part.work, "http": lambda: server.run(stop)}.items():
        crew.start(name, work)
    token = issue(load_key(folder / "keys" / "identity.pem"), subject="x", roles=[Role.OBSERVER], clearance=Tlp.AMBER, ttl=dt.timedelta(hours=1), now=dt.datetime.now(dt.UTC))
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=20) as api:
        publish(context.bus, *events)
        until(lambda: (found := api.get("/v1/summary").json())["last_sequence"] >= len(events) and found["waiting"] == 0, "all alerted and published")
        assert api.get("/healthz").status_code == api.get("/readyz").status_code == 200
        items = api.get("/v1/alerts").json()["items"]
        (folder / "export.jsonl").write_bytes(api.get("/v1/ledger/export").content)
        (folder / "key.pem").write_bytes(api.get("/v1/ledger/key").content)
    stop.set()
    crew.join()
    return items, folder / "export.jsonl"


def published(folder: Path) -> list[AlertChanged]:
    context = open_context(Settings(home=folder), threading.Event())
    consumer, found = context.bus.consumer("test", [ALERTS]), []
    while batch := consumer.poll(0.5, 500):
        found += [AlertChanged.decode(delivery.value) for delivery in batch]
    consumer.close()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_in_and_out_over_two_lives(folder: Path) -> None:
    first, second = assessed("m.1", level=Level.WATCH), assessed("m.1", revision=2, level=Level.HIGH, as_of="2024-06-01")
    live(folder, first)
    items, export = live(folder, first, second)
    assert [(item["alert_id"], item["revision"], item["level"]) for item in items] == [("alert.m.1", 2, "high")]
    assert [(event.revision, event.sequence) for event in published(folder)] == [(1, 1), (2, 2)]
    assert verify_file(export, folder / "key.pem") is None
    export.write_bytes(export.read_bytes().replace(b'"m.1"', b'"m.2"', 1))
    broken = verify_file(export, folder / "key.pem")
    assert broken is not None
    assert broken.startswith("line 1, entry 1:")


def test_the_ledger_keeps_its_key_and_origin(folder: Path) -> None:
    _, export = live(folder, assessed("m.1"))
    key = (folder / "key.pem").read_bytes()
    live(folder, assessed("m.1"), assessed("m.2"))
    assert (folder / "key.pem").read_bytes() == key
    assert verify_file(export, folder / "key.pem") is None
