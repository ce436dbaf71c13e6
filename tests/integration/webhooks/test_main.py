"""The whole service on the embedded bus and database: from the topic to the endpoint, through kills."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from standardwebhooks import Webhook

from services.webhooks.main import build
from services.webhooks.store import Status
from shared.bus.contract import Record
from shared.events import ALERTS, Tlp
from shared.identity import Role, issue, load_key
from shared.operations import Crew
from shared.process import Context, Part, open_context, utc_now
from shared.settings import Settings
from tests.integration.webhooks.endpoints import Endpoint, serving
from tests.integration.webhooks.house import alerts
from tests.parts.waiting import until

HERE = Path(__file__).resolve().parents[3]


class Outside:
    """A subscriber's and a publisher's view of a home."""

    def __init__(self, home: Path, *, allow_private: bool = True) -> None:
        self.home = home
        self.context: Context = open_context(Settings(home=home, webhook_allow_private=allow_private), threading.Event())
        self.part: Part = build(self.context)
        token = issue(load_key(home / "keys" / "identity.pem"), subject="embassy", roles=[Role.SUBSCRIBER], clearance=Tlp.AMBER, ttl=dt.timedelta(hours=1), now=utc_now())
        self.client = httpx.Client(transport=httpx.WSGITransport(app=self.part.app), base_url="http://veedor", headers={"Authorization": f"Bearer {token}"})

    def subscribe(self, url: str) -> dict[str, Any]:
        answer = self.client.post("/v1/subscriptions", json={"url": url})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def publish(self, count: int, start: int = 1) -> None:
        producer = self.context.bus.producer()
        producer.publish([Record(ALERTS, alert.key, alert.encode()) for alert in alerts(count, start=start)])
        producer.close()

    def count(self, status: Status) -> int:
        return int(self.client.get("/v1/deliveries", params={"status": status, "limit": 1}).json()["total"])

    @contextmanager
    def working(self) -> Iterator[None]:
        crew = Crew(self.context.stop)
        for name, work in self.part.work.items():
            crew.start(name, work)
        try:
            yield
        finally:
            self.context.stop.set()
            crew.join()


def test_from_the_topic_to_the_endpoint(tmp_path: Path) -> None:
    outside = Outside(tmp_path)
    with serving(Endpoint()) as endpoint, outside.working():
        secret = outside.subscribe(endpoint.url)["secret"]
        outside.publish(20)
        until(lambda: outside.count(Status.DELIVERED) == 20, "all delivered")
        metrics = outside.client.get("/metrics").text
    bodies = [Webhook(secret).verify(post.body, post.headers) for post in endpoint.posts]
    assert sorted(body["sequence"] for body in bodies) == list(range(1, 21))
    for name in ("veedor_webhook_attempts_total", "veedor_webhook_accept_to_delivered_seconds_count", "veedor_webhook_pending", "veedor_webhook_oldest_pending_seconds"):
        assert name in metrics
    assert outside.client.get("/healthz").status_code == outside.client.get("/readyz").status_code == 200


def test_private_addresses_are_refused_by_default(tmp_path: Path) -> None:
    outside = Outside(tmp_path, allow_private=False)
    answer = outside.client.post("/v1/subscriptions", json={"url": "https://127.0.0.1:8400/"})
    assert (answer.status_code, answer.json()["field"]) == (422, "url")


@contextmanager
def process(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The service as a process; killed at the end unless it has ended."""
    started = subprocess.Popen([sys.executable, "-m", "tests.integration.webhooks.worker", str(home)], cwd=HERE, stderr=subprocess.PIPE)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@pytest.mark.parametrize("arrived", [1, 10, 25])
def test_killed_between_post_and_record_it_sends_again_under_the_same_id(tmp_path: Path, arrived: int) -> None:
    """kill -9 while the endpoint has posts it did not answer yet: nothing is lost, what comes twice has the same id and body."""
    outside = Outside(tmp_path)
    with serving(Endpoint()) as endpoint:
        secret = outside.subscribe(endpoint.url)["secret"]

        def answer(_: object) -> int:
            if len(endpoint.posts) >= arrived:
                endpoint.gate.clear()
            return 204

        endpoint.answer = answer
        outside.publish(40)
        with process(tmp_path) as first:
            until(lambda: len(endpoint.posts) >= arrived, "posts are under way")
            first.kill()
            first.wait(10)
        endpoint.answer = None
        endpoint.gate.set()
        assert outside.count(Status.DELIVERED) < 40
        with process(tmp_path) as second:
            until(lambda: outside.count(Status.DELIVERED) == 40, "all delivered after the restart")
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0
    bodies: dict[str, set[bytes]] = {}
    for post in endpoint.posts:
        Webhook(secret).verify(post.body, post.headers)
        bodies.setdefault(post.headers["webhook-id"], set()).add(post.body)
    assert len(bodies) == 40
    assert all(len(some) == 1 for some in bodies.values())
    assert sorted(orjson.loads(*some)["sequence"] for some in bodies.values()) == list(range(1, 41))
    assert len(endpoint.posts) <= 40 + arrived + 4, "only what was under way or not recorded yet came twice"
