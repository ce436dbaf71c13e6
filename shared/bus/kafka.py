"""The bus on Apache Kafka: the only module that imports kafka-python, and the one place that knows its traps.

Values stay bytes (a deserializer would spin on one bad record), offsets are committed by hand and by name, joins wait for metadata first.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import CommitFailedError, KafkaError, RecordTooLargeError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from shared.bus.contract import MAX_RECORD_BYTES, Delivery, Record
from shared.bus.contract import TopicPartition as Place
from shared.errors import InvalidMessage, Retryable

PUBLISH_TIMEOUT = 20.0
CALL_TIMEOUT_MS = 10_000
MIN_POLL_MS = 100
MAX_POLL_MS = 500
TOPIC_SETTINGS = {"partitions": 4, "replication": 1, "min_insync": 1, "retention_ms": 7 * 24 * 3600 * 1000}


class KafkaBus:
    """`kafka://host:port[,host:port][?partitions=4&replication=3&min_insync=2&security_protocol=SASL_SSL&sasl_mechanism=...]`.

    Options that are no topic setting go to kafka-python as they are; user and password of the address become SASL credentials.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options: dict[str, Any] = dict(parse_qsl(parts.query))
        self.topic_settings = {name: int(options.pop(name, default)) for name, default in TOPIC_SETTINGS.items()}
        hosts = parts.netloc.rpartition("@")[2].split(",")
        if parts.username:
            options |= {"sasl_plain_username": parts.username, "sasl_plain_password": parts.password or ""}
            options.setdefault("sasl_mechanism", "SCRAM-SHA-256")
            options.setdefault("security_protocol", "SASL_SSL")
        self.client_options: dict[str, Any] = {"bootstrap_servers": hosts, **options}

    def ensure_topics(self, topics: Sequence[str]) -> None:
        settings = self.topic_settings
        with _named(), contextlib.closing(KafkaAdminClient(request_timeout_ms=CALL_TIMEOUT_MS, **self.client_options)) as admin:
            for topic in sorted(set(topics) - set(admin.list_topics())):
                wanted = NewTopic(
                    name=topic,
                    num_partitions=settings["partitions"],
                    replication_factor=settings["replication"],
                    topic_configs={"min.insync.replicas": str(settings["min_insync"]), "retention.ms": str(settings["retention_ms"])},
                )
                with contextlib.suppress(TopicAlreadyExistsError):
                    admin.create_topics([wanted])

    def producer(self) -> KafkaPublisher:
        return KafkaPublisher(self.client_options)

    def consumer(self, group: str, topics: Sequence[str]) -> KafkaMember:
        return KafkaMember(self.client_options, group, topics)

    def ready(self) -> bool:
        try:
            with _named(), contextlib.closing(KafkaAdminClient(request_timeout_ms=2_000, **self.client_options)) as admin:
                admin.list_topics()
        except Retryable:
            return False
        return True

    def close(self) -> None:
        return None


class KafkaPublisher:
    """An idempotent producer (acks=all). One refused record poisons kafka-python's producer, so it is made anew after any failure."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        self.client: KafkaProducer | None = None

    def publish(self, records: Sequence[Record]) -> None:
        for record in records:
            if len(record.value) > MAX_RECORD_BYTES:
                raise InvalidMessage(f"record of {len(record.value)} bytes for {record.topic} is over the limit of {MAX_RECORD_BYTES}")
        if not records:
            return
        try:
            with _named():
                self._send(records)
        except Retryable:
            self.close()
            raise

    def _send(self, records: Sequence[Record]) -> None:
        client = self.client = self.client or KafkaProducer(
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            batch_size=1_000_000,
            max_block_ms=CALL_TIMEOUT_MS,
            request_timeout_ms=15_000,
            delivery_timeout_ms=20_000,
            **self.options,
        )
        sent = [client.send(record.topic, key=record.key.encode(), value=record.value, headers=list(record.headers)) for record in records]
        client.flush(timeout=PUBLISH_TIMEOUT)
        for future in sent:
            if not future.is_done:
                raise Retryable("the broker did not confirm in time")
            if future.exception is not None:
                raise future.exception

    def close(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            with contextlib.suppress(KafkaError):
                client.close(timeout=1)


class KafkaMember:
    """One member of a consumer group; commits only what it is told to."""

    def __init__(self, options: Mapping[str, Any], group: str, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)
        with _named():
            self.client = KafkaConsumer(
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=4 << 20,
                fetch_max_wait_ms=50,
                session_timeout_ms=20_000,
                max_poll_interval_ms=120_000,
                **options,
            )
            self._wait_for_metadata()
            self.client.subscribe(topics=list(topics))
        self.delivered: dict[Place, int] = {}
        self.stopped = False

    def _wait_for_metadata(self) -> None:
        """A first join without metadata can hang for ever at full CPU: ask for the partitions first."""
        deadline = time.monotonic() + 15
        missing = set(self.topics)
        while missing:
            missing = {topic for topic in missing if not self.client.partitions_for_topic(topic)}
            if missing and time.monotonic() > deadline:
                raise Retryable(f"topics {', '.join(sorted(missing))} do not exist: run `veedor migrate`")

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        wait = int(min(MAX_POLL_MS, max(MIN_POLL_MS, timeout * 1000)))
        with _named():
            batches = self.client.poll(timeout_ms=wait, max_records=limit)
        found = [
            Delivery(r.topic, r.partition, r.offset, (r.key or b"").decode("utf-8", "replace"), r.value or b"", tuple(r.headers or ()), r.timestamp)
            for records in batches.values()
            for r in records
        ]
        for delivery in found:
            self.delivered.setdefault((delivery.topic, delivery.partition), delivery.offset)
        if self.stopped and found:
            self.rewind()
            return []
        return found

    def commit(self, positions: Mapping[Place, int]) -> None:
        offsets = {TopicPartition(*place): OffsetAndMetadata(position, "", -1) for place, position in positions.items()}
        with _named():
            self.client.commit(offsets, timeout_ms=CALL_TIMEOUT_MS)
        for place in positions:
            self.delivered.pop(place, None)

    def rewind(self) -> None:
        held = self.client.assignment()
        for place, first in self.delivered.items():
            if TopicPartition(*place) in held:
                self.client.seek(TopicPartition(*place), first)
        self.delivered.clear()

    def pause(self) -> None:
        self.stopped = True
        self.client.pause(*self.client.assignment())

    def resume(self) -> None:
        self.stopped = False
        self.client.resume(*self.client.paused())

    def assigned(self) -> bool:
        return bool(self.client.assignment())

    def lag(self) -> Mapping[Place, int]:
        with _named():
            held = list(self.client.assignment())
            ends = self.client.end_offsets(held) if held else {}
            return {(place.topic, place.partition): end - self.client.position(place) for place, end in ends.items()}

    def close(self) -> None:
        with contextlib.suppress(KafkaError):
            self.client.close(timeout_ms=2_000, autocommit=False)


class _named:
    """Turns kafka-python's failures into ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, RecordTooLargeError):
            raise InvalidMessage(str(error)) from error
        if isinstance(error, CommitFailedError):
            raise Retryable(f"kafka: the partitions moved on: {error}") from error
        if isinstance(error, KafkaError):
            raise Retryable(f"kafka: {type(error).__name__}: {error}") from error
