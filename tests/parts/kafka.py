"""A real Apache Kafka broker (KRaft, one node): a plaintext listener, and one with TLS and SASL/SCRAM. Its jars come by Maven into a cache outside the repository."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from tests.parts.certificate import Certificate
from tests.parts.process import Process
from tests.parts.waiting import free_port, is_open

VERSION = "4.1.0"
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
"""Named in full: of a short name that it cannot look up Maven does not say why."""
POM = Path(__file__).resolve().parents[2] / "deploy" / "parts" / "pom.xml"
USER, PASSWORD = "veedor", "correct-horse"


def cache() -> Path:
    """Folder of the jars."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "veedor" / f"kafka-{VERSION}"


def missing() -> str | None:
    """What keeps us from starting a broker, or None."""
    if shutil.which("java") is None:
        return "Java 17 or newer is not installed"
    if not (cache() / f"kafka_2.13-{VERSION}.jar").exists():
        return f"Kafka {VERSION} is not in {cache()}"
    return None


def fetch_jars() -> None:
    """Has Maven fill the cache; half a download is never taken for a whole one. Raises CalledProcessError."""
    target = cache()
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-C", "-Dstyle.color=never", "-f", str(POM), GOAL, f"-DoutputDirectory={draft}", "-DincludeScope=runtime"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


@dataclass
class Kafka:
    """One broker. `url` is the plaintext listener, `secure_url` the one that wants TLS, a user and a password."""

    folder: Path
    port: int = field(default_factory=free_port)
    secure_port: int = field(default_factory=free_port)
    controller_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.certificate = Certificate.issue(self.folder)
        self.settings = self.folder / "server.properties"
        self.settings.write_text(self._properties(), encoding="ascii")
        self.process = Process("Kafka", [*self._java("-Xmx512m"), "kafka.Kafka", str(self.settings)], self.folder / "kafka.log", {"LOG_DIR": str(self.folder)})
        self._format()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.address}"

    @property
    def secure_url(self) -> str:
        return f"kafka://{USER}:{PASSWORD}@127.0.0.1:{self.secure_port}?ssl_cafile={self.certificate.authority}"

    def start(self) -> None:
        """Returns when both listeners accept connections. Started again on the same folder it goes on with what it had."""
        self.process.start(lambda: is_open(self.port) and is_open(self.secure_port), seconds=60)

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.stop()

    def freeze(self) -> None:
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    def _java(self, memory: str) -> list[str]:
        return ["java", memory, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{cache()}/*"]

    def _format(self) -> None:
        # An id that began with "-" would be taken for an option.
        cluster = base64.urlsafe_b64encode(b"v" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        scram = f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]"
        command = [*self._java("-Xmx128m"), "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(self.settings), "--add-scram", scram]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def _properties(self) -> str:
        listeners = f"PLAINTEXT://127.0.0.1:{self.port},SASL_SSL://127.0.0.1:{self.secure_port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller_port}",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": listeners,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificate.both),
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.coordinator.append.linger.ms": "0",
            "auto.create.topics.enable": "false",
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def records(address: str, topic: str) -> Iterator[tuple[str, bytes]]:
    """Key and value of every record of a topic, read by a reader that joins no group and shares no code with the product's bus."""
    consumer = KafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(places)
    while any(consumer.position(place) < end for place, end in ends.items()):
        for found in consumer.poll(timeout_ms=500, max_records=5000).values():
            yield from ((record.key.decode(), record.value or b"") for record in found)
    consumer.close()
