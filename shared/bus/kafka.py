"""The bus on Apache Kafka: the one place that knows kafka-python's traps (beside it only kafka_batch.py imports it).

Values stay bytes (a deserializer would spin on one bad record), offsets are committed by hand and by name, joins wait for metadata first.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import CommitFailedError, KafkaError, MessageSizeTooLargeError, RecordListTooLargeError, TopicAlreadyExistsError
from kafka.net.compat import KafkaNetClient
from kafka.structs import OffsetAndMetadata

from shared.bus.contract import Delivery, Headers, Record, refuse_oversize
from shared.bus.contract import TopicPartition as Place
from shared.bus.kafka_batch import enqueue, failure
from shared.errors import InvalidMessage, Refused, Retryable

MIN_POLL_MS = 100
MAX_POLL_MS = 500
SETTINGS = {"partitions": 4, "replication": 1, "min_insync": 1, "retention_ms": 7 * 24 * 3600 * 1000, "timeout_ms": 15_000}
MEMBER = {"max_partition_fetch_bytes": 4 << 20, "session_timeout_ms": 20_000, "max_poll_interval_ms": 120_000}


def _connect(kind: Any, options: Mapping[str, Any], **ours: Any) -> Any:
    """A kafka-python client of `kind`, with what it takes of the address's options and what we insist on. Raises Retryable.

    A constructor that fails leaves its thread and its sockets behind: they are closed here.
    """
    made: list[KafkaNetClient] = []

    def network(**settings: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**settings))
        return made[-1]

    taken = {name: value for name, value in options.items() if name in kind.DEFAULT_CONFIG}
    try:
        with _named():
            return kind(**{**taken, **ours, "kafka_client": network})
    except Retryable:
        for client in made:
            client.close()
        raise


class KafkaBus:
    """`kafka://[user:password@]host:port[,host:port][?partitions=4&replication=3&min_insync=2&timeout_ms=15000&security_protocol=...]`.

    `timeout_ms` bounds every call. Other options go to kafka-python as they are; user and password of the address become SASL credentials.
    Raises Refused for an option that nobody knows, ValueError for what should be a number and is none.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options: dict[str, Any] = {name: int(value) if value.isdecimal() else value for name, value in parse_qsl(parts.query)}
        self.settings = {name: int(options.pop(name, default)) for name, default in SETTINGS.items()}
        self.timeout_ms = self.settings["timeout_ms"]
        hosts = parts.netloc.rpartition("@")[2].split(",")
        for host in hosts:
            _ = urlsplit(f"//{host}").port
        if parts.username:
            options |= {"sasl_plain_username": unquote(parts.username), "sasl_plain_password": unquote(parts.password or "")}
            options.setdefault("sasl_mechanism", "SCRAM-SHA-256")
            options.setdefault("security_protocol", "SASL_SSL")
        self.options: dict[str, Any] = {"bootstrap_servers": hosts, "bootstrap_timeout_ms": self.timeout_ms, **options}
        if strange := [name for name in options if not any(name in client.DEFAULT_CONFIG for client in (KafkaProducer, KafkaConsumer, KafkaAdminClient))]:
            raise Refused(f"option {strange[0]} is known neither to us nor to kafka-python: correct the address", field="VEEDOR_BUS")

    def _admin(self, timeout_ms: int) -> contextlib.closing[Any]:
        return contextlib.closing(_connect(KafkaAdminClient, self.options, request_timeout_ms=timeout_ms, bootstrap_timeout_ms=timeout_ms))

    def ensure_topics(self, topics: Sequence[str]) -> None:
        settings = self.settings
        with _named(), self._admin(self.timeout_ms) as admin:
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
        return KafkaPublisher(self.options, self.timeout_ms)

    def consumer(self, group: str, topics: Sequence[str]) -> KafkaMember:
        return KafkaMember(self.options, self.timeout_ms, group, topics)

    def ready(self) -> bool:
        try:
            with _named(), self._admin(min(2_000, self.timeout_ms)) as admin:
                admin.list_topics()
        except Retryable:
            return False
        return True

    def lag(self, group: str, topic: str) -> int:
        with _named(), self._reader(group) as reader:
            places = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()]
            first, end = reader.beginning_offsets(places, timeout_ms=self.timeout_ms), reader.end_offsets(places, timeout_ms=self.timeout_ms)
            committed = {place: reader.committed(place, timeout_ms=self.timeout_ms) for place in places}
            # What retention has deleted is not waiting for anyone.
            return sum(end[place] - max(first[place], committed[place] or 0) for place in places)

    def count(self, topic: str) -> int:
        with _named(), self._reader(None) as reader:
            places = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()]
            first, end = reader.beginning_offsets(places, timeout_ms=self.timeout_ms), reader.end_offsets(places, timeout_ms=self.timeout_ms)
            return sum(end[place] - first[place] for place in places)

    def _reader(self, group: str | None) -> contextlib.closing[Any]:
        """A consumer that joins nothing: it only asks for offsets."""
        return contextlib.closing(_connect(KafkaConsumer, self.options, group_id=group, enable_auto_commit=False, request_timeout_ms=self.timeout_ms))

    def close(self) -> None:
        return None


class KafkaPublisher:
    """An idempotent producer (acks=all). One refused record poisons kafka-python's producer, so it is made anew after any failure."""

    def __init__(self, options: Mapping[str, Any], timeout_ms: int) -> None:
        self.options = options
        self.timeout_ms = timeout_ms
        self.client: KafkaProducer | None = None

    def publish(self, records: Sequence[Record]) -> None:
        refuse_oversize(records)
        if not records:
            return
        try:
            with _named():
                self._send(records)
        except (Retryable, InvalidMessage):
            self.close()
            raise

    def _send(self, records: Sequence[Record]) -> None:
        try:
            self._send_as(records)
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            # Together they may be more than the topic takes: alone, only what is itself too large is refused.
            self.close()
            self._send_as(records, alone=True)

    def _send_as(self, records: Sequence[Record], *, alone: bool = False) -> None:
        client = self.client = self.client or self._open()
        sent = enqueue(client, records, alone=alone)
        client.flush(timeout=self.timeout_ms / 1000)
        for future in sent:
            if (error := failure(future)) is not None:
                raise error

    def _open(self) -> KafkaProducer:
        defaults = {
            "linger_ms": 5,
            "batch_size": 1_000_000,
            "max_block_ms": self.timeout_ms,
            "request_timeout_ms": self.timeout_ms * 3 // 4,
            "delivery_timeout_ms": self.timeout_ms,
        }
        return _connect(KafkaProducer, {**defaults, **self.options}, acks="all", enable_idempotence=True)

    def close(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            # What a failed publish left is the caller's to send again. `close` alone waits for it and, when it does not leave in time, raises and leaves thread and sockets behind.
            client._sender.force_close()
            with contextlib.suppress(KafkaError):
                client.close(timeout=1)


class _Watch(ConsumerRebalanceListener):  # type: ignore[misc]
    """Told by kafka-python when partitions go and come: what has gone is not ours to rewind, what comes to a paused member is paused."""

    def __init__(self, member: KafkaMember) -> None:
        self.member = member

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Says nothing yet: a partition that comes back to us at once keeps its position, and so what was handed out must stay known."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        held = set(assigned)
        self.member.uncommitted = {place: offset for place, offset in self.member.uncommitted.items() if TopicPartition(*place) in held}
        if self.member.stopped:
            self.member.client.pause(*held)


class KafkaMember:
    """One member of a consumer group; commits only what it is told to."""

    def __init__(self, options: Mapping[str, Any], timeout_ms: int, group: str, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)
        self.timeout_ms = timeout_ms
        self.uncommitted: dict[Place, int] = {}
        """The first offset handed out and not committed, a partition."""
        self.stopped = False
        with _named():
            options = {**MEMBER, "request_timeout_ms": timeout_ms, **options}
            self.client: KafkaConsumer = _connect(KafkaConsumer, options, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest")
            try:
                self._wait_for_metadata()
                self.client.subscribe(topics=list(topics), listener=_Watch(self))
            except (KafkaError, Retryable):
                self.close()
                raise

    def _wait_for_metadata(self) -> None:
        """A first join without metadata can hang for ever at full CPU: ask for the partitions first."""
        deadline = time.monotonic() + self.timeout_ms / 1000
        missing, never = set(self.topics), threading.Event()
        while missing := {topic for topic in missing if not self.client.partitions_for_topic(topic)}:
            if time.monotonic() > deadline:
                raise Retryable(f"topics {', '.join(sorted(missing))} do not exist: run `veedor migrate`")
            never.wait(0.2)

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        wait = int(min(MAX_POLL_MS, max(MIN_POLL_MS, timeout * 1000)))
        self._end_the_join()
        with _named():
            batches = self.client.poll(timeout_ms=wait, max_records=limit)
        found = [
            Delivery(r.topic, r.partition, r.offset, (r.key or b"").decode("utf-8", "replace"), r.value or b"", _headers(r.headers), r.timestamp)
            for records in batches.values()
            for r in records
        ]
        for delivery in found:
            self.uncommitted.setdefault((delivery.topic, delivery.partition), delivery.offset)
        return found

    def _end_the_join(self) -> None:
        """A leader that joins again for changed partitions forgets why once the broker has answered: a poll that gave up then would leave it half joined, without heartbeats."""
        coordinator = self.client._coordinator
        if coordinator.rejoining:
            coordinator.request_rejoin()

    def commit(self, positions: Mapping[Place, int]) -> None:
        # The broker refuses a member of an older generation, but not one that is of this generation and lost just this partition.
        if lost := sorted(set(positions) - {(place.topic, place.partition) for place in self._held()}):
            raise Retryable(f"kafka: partitions {lost} moved on to another member")
        offsets = {TopicPartition(*place): OffsetAndMetadata(position, "", -1) for place, position in positions.items()}
        with _named():
            self.client.commit(offsets, timeout_ms=self.timeout_ms)
        self.uncommitted.update(positions)

    def rewind(self) -> None:
        for place in self._held():
            if (place.topic, place.partition) in self.uncommitted:
                self.client.seek(place, self.uncommitted[place.topic, place.partition])

    def pause(self) -> None:
        self.stopped = True
        self.client.pause(*self._held())

    def resume(self) -> None:
        self.stopped = False
        self.client.resume(*self.client.paused())

    def assigned(self) -> bool:
        return bool(self._held())

    def lag(self) -> Mapping[Place, int]:
        with _named():
            held = self._held()
            ends = self.client.end_offsets(held, timeout_ms=self.timeout_ms) if held else {}
            return {(place.topic, place.partition): end - self._committed(place) for place, end in ends.items()}

    def _committed(self, place: TopicPartition) -> int:
        """From where the group would go on: known here once something was handed out, else asked for."""
        known = self.uncommitted.get((place.topic, place.partition))
        return known if known is not None else int(self.client.position(place, timeout_ms=self.timeout_ms) or 0)

    def _held(self) -> list[TopicPartition]:
        return list(self.client.assignment())

    def close(self) -> None:
        with contextlib.suppress(KafkaError):
            self.client.close(timeout_ms=2_000, autocommit=False)


def _headers(found: Iterable[tuple[str, bytes | None]] | None) -> Headers:
    """Kafka knows a header without a value; we do not."""
    return tuple((name, value or b"") for name, value in found or ())


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Turns kafka-python's failures into ours."""
    try:
        yield
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        raise InvalidMessage(f"kafka refuses the record: {error}") from error
    except CommitFailedError as error:
        raise Retryable(f"kafka: the partitions moved on: {error}") from error
    except KafkaError as error:
        raise Retryable(f"kafka: {type(error).__name__}: {error}") from error
