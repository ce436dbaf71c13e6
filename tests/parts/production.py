"""The production shape on one machine: a real broker, a real PostgreSQL that keeps what it says it kept, and the product's services as processes between them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.parts import kafka, postgres
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres
from tests.parts.veedor import Cluster, token

DATABASE = "veedor"


@dataclass(frozen=True)
class Production:
    """`dsn` is PostgreSQL's libpq address, for whoever looks without the product."""

    broker: Kafka
    server: Postgres
    cluster: Cluster

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.server.port} user=postgres dbname={DATABASE}"

    def pids(self) -> dict[str, int]:
        """Process ids of every service's processes, the broker and the database."""
        found = {name.removesuffix(".0"): process.child.pid for name, process in self.cluster.processes.items() if process.child is not None}
        if self.broker.process.child is not None:
            found["kafka"] = self.broker.process.child.pid
        return found | {"postgres": int((self.server.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])}


def missing() -> str | None:
    """What keeps us from starting it, or None."""
    return kafka.missing() or postgres.missing()


@contextmanager
def production(*, partitions: int = 4, environment: Mapping[str, str] | None = None, bus_options: str = "") -> Iterator[Production]:
    """Broker and database started, topics and schemas made; the services are the caller's to start, all are stopped at the end."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True))) for _ in range(3)]
        broker = Kafka(folders[0])
        stack.callback(broker.stop)
        broker.start()
        server = Postgres(folders[1], durable=True)
        server.start()
        stack.callback(server.stop)
        cluster = Cluster(
            folders[2], f"{broker.url}?partitions={partitions}{bus_options}", server.create(DATABASE), {"VEEDOR_WEBHOOK_ALLOW_PRIVATE": "true", **(environment or {})}
        )
        stack.callback(cluster.stop)
        cluster.migrate()
        yield Production(broker, server, cluster)


def subscribe(url: str, home: Path, endpoint: str, **filters: object) -> dict[str, str]:
    """A subscription of `endpoint` to what the webhooks service at `url` sends; the answer with its id and secret."""
    bearer = {"Authorization": f"Bearer {token(home, 'subscriber')}"}
    made = httpx.post(f"{url}/v1/subscriptions", json={"url": endpoint, "description": "tests", **filters}, headers=bearer, trust_env=False, timeout=20)
    made.raise_for_status()
    found: dict[str, str] = made.json()
    return found
