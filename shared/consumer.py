"""The one loop that drives every consumer: poll, decode, handle, publish, commit. In: a bus; out: handled events and dead letters.

Correctness, step by step (a crash after any of them loses nothing):
1. poll hands out records from the committed offset on;
2. the handler writes its own transaction (idempotent by event id), 3. then what follows from it is published and confirmed,
4. only then is the offset committed. A crash between 2 and 4 redelivers; the handler stores nothing twice and its result is published again with the same id.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter, Gauge, Histogram

from shared.bus.contract import MAX_RECORD_BYTES, Bus, Consumer, Delivery, Headers, Producer, Record, TopicPartition, refuse_oversize
from shared.errors import InvalidMessage, Retryable
from shared.events import Event, dead_letters

E = TypeVar("E", bound=Event)
log = structlog.get_logger(__name__)

HANDLED = Counter("veedor_events_handled_total", "Events handled and committed.", ["service", "topic"])
DEAD = Counter("veedor_dead_letters_total", "Messages that went to the dead letters.", ["service", "topic"])
RETRIES = Counter("veedor_handler_retries_total", "Batches tried again because a dependency did not answer.", ["service", "topic"])
LATENCY = Histogram("veedor_handler_seconds", "Seconds from poll to commit, a batch.", ["service", "topic"], buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30))
LAG = Gauge("veedor_consumer_lag", "Records not yet committed, a partition.", ["service", "topic", "partition"])
TURNED = Gauge("veedor_loop_turned_timestamp_seconds", "When the loop last turned (Unix seconds).", ["service"])

ORIGIN, ERROR, TIME, CUT, REPLAYED = "veedor-origin-", "veedor-error", "veedor-time", "veedor-cut-from-bytes", "veedor-replayed"
"""Headers of a dead letter: where it first came from (topic, partition, offset), why it was refused, when it was published, and whether it was cut or sent again."""

MAX_BACKOFF = 30.0
POLL_SECONDS = 0.5
LAG_SECONDS = 5.0
GATHER_SECONDS = 0.01


def full_jitter(attempt: int, *, base: float = 0.2, cap: float = MAX_BACKOFF, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait before try number `attempt` (from 1): uniform in 0..min(cap, base * 2**attempt).

    Source: Exponential Backoff And Jitter, "full jitter" (AWS Architecture Blog, 2015).
    """
    return draw() * min(cap, base * 2.0 ** min(attempt, 32))


def gather(stop: threading.Event, count: int, batch: int, took: float) -> None:
    """After a batch far from full: waits, so that what comes meanwhile shares the next one's commits."""
    if 0 < count < batch // 10:
        stop.wait(gathering(took))


def gathering(took: float) -> float:
    """Seconds to gather after a batch that took as long as that: twice as long, at most GATHER_SECONDS.

    One that has little to do is as prompt as without; one that is asked more than it can do singly leaves two thirds of the processor to the rest.
    """
    return min(2 * took, GATHER_SECONDS)


class TooManyDeadLetters(RuntimeError):
    """More undecodable messages than the limit: something upstream is broken; the consumer stops instead of emptying the topic.

    The batch that goes over the limit is left where it is: nothing of it is published or committed.
    """


@dataclass
class Loop(Generic[E]):
    """Drives one consumer until `stop` is set.

    `handle` gets decoded events in order (per key) and returns the records that follow; it raises InvalidMessage (wrong for ever) or
    Retryable (wrong now); anything else ends the process.
    `after` runs between publish and commit (an outbox relay). `turned` is called when the loop turns (liveness).
    """

    service: str
    bus: Bus
    topic: str
    event: type[E]
    handle: Callable[[Sequence[E]], Sequence[Record]]
    stop: threading.Event
    after: Callable[[], object] = lambda: None
    turned: Callable[[], None] = lambda: None
    batch: int = 1000
    dead_letter_limit: int = 1000
    dead: int = field(default=0, init=False)
    failures: int = field(default=0, init=False)
    """Retryable failures since a batch was last committed."""

    def run(self) -> None:
        """Returns when stopped; raises what is a bug."""
        consumer = self._join()
        if consumer is None:
            return
        producer = self.bus.producer()
        last_lag = 0.0
        try:
            while not self.stop.is_set():
                self._turn()
                if time.monotonic() - last_lag > LAG_SECONDS:
                    last_lag = time.monotonic()
                    self._export_lag(consumer)
                self._poll_and_handle(consumer, producer)
        finally:
            consumer.close()
            producer.close()

    def _turn(self) -> None:
        self.turned()
        TURNED.labels(self.service).set_to_current_time()

    def _join(self) -> Consumer | None:
        while not self.stop.is_set():
            self._turn()
            try:
                return self.bus.consumer(f"veedor.{self.service}", [self.topic])
            except Retryable as error:
                self._wait(error)
        return None

    def _poll_and_handle(self, consumer: Consumer, producer: Producer) -> None:
        """One batch. What a failing dependency left undone comes again at the next poll, from the first record on: order is kept."""
        try:
            deliveries = consumer.poll(POLL_SECONDS, self.batch)
            if deliveries:
                started = time.monotonic()
                self._step(consumer, producer, deliveries)
                gather(self.stop, len(deliveries), self.batch, time.monotonic() - started)
        except Retryable as error:
            RETRIES.labels(self.service, self.topic).inc()
            consumer.rewind()
            self._wait(error)

    def _step(self, consumer: Consumer, producer: Producer, deliveries: Sequence[Delivery]) -> None:
        started = time.monotonic()
        try:
            dead = self._process(producer, deliveries)
            consumer.commit(_next(deliveries))
        except Retryable:
            raise
        except Exception:
            first = deliveries[0]
            log.exception("handler failed: this is a bug", topic=first.topic, partition=first.partition, offset=first.offset, records=len(deliveries))
            raise
        self.failures = 0
        self.dead += dead
        DEAD.labels(self.service, self.topic).inc(dead)
        HANDLED.labels(self.service, self.topic).inc(len(deliveries))
        LATENCY.labels(self.service, self.topic).observe(time.monotonic() - started)

    def _process(self, producer: Producer, deliveries: Sequence[Delivery]) -> int:
        """Handles and publishes a batch; how many of it are dead letters."""
        events, refused = self._decode(deliveries)
        try:
            records = list(self.handle([event for _, event in events])) if events else []
            refuse_oversize(records)
        except InvalidMessage:
            records = self._one_by_one(events, refused)
        if self.dead + len(refused) > self.dead_letter_limit:
            raise TooManyDeadLetters(f"{self.dead + len(refused)} dead letters from {self.topic}: look at {dead_letters(self.topic)}, then restart; last: {refused[-1][1]}")
        producer.publish([*records, *(_dead_letter(delivery, error) for delivery, error in refused)])
        self.after()
        return len(refused)

    def _decode(self, deliveries: Sequence[Delivery]) -> tuple[list[tuple[Delivery, E]], list[tuple[Delivery, InvalidMessage]]]:
        events: list[tuple[Delivery, E]] = []
        refused: list[tuple[Delivery, InvalidMessage]] = []
        for delivery in deliveries:
            try:
                events.append((delivery, self.event.decode(delivery.value)))
            except InvalidMessage as error:
                refused.append((delivery, error))
        return events, refused

    def _one_by_one(self, events: Sequence[tuple[Delivery, E]], refused: list[tuple[Delivery, InvalidMessage]]) -> list[Record]:
        records: list[Record] = []
        for delivery, event in events:
            try:
                made = list(self.handle([event]))
                refuse_oversize(made)
                records += made
            except InvalidMessage as error:
                refused.append((delivery, error))
        return records

    def _export_lag(self, consumer: Consumer) -> None:
        try:
            for (topic, partition), lag in consumer.lag().items():
                LAG.labels(self.service, topic, str(partition)).set(lag)
        except Retryable as error:
            log.warning("lag unknown", why=str(error))

    def _wait(self, error: Retryable) -> None:
        self.failures += 1
        pause = full_jitter(self.failures)
        log.warning("trying again", service=self.service, topic=self.topic, attempt=self.failures, seconds=round(pause, 2), why=str(error))
        self.stop.wait(pause)


def _dead_letter(delivery: Delivery, error: InvalidMessage) -> Record:
    """The raw bytes with their origin. One that no bus would take with its headers is cut: the whole still stands at its origin."""
    log.error("message goes to the dead letters", topic=delivery.topic, partition=delivery.partition, offset=delivery.offset, why=str(error))
    why = ((ERROR, str(error)[:2000].encode("ascii", "replace")), (TIME, str(delivery.timestamp).encode()))
    own = tuple((name, value) for name, value in delivery.headers if name not in (ERROR, TIME))
    origin = _origin(delivery)
    record = Record(dead_letters(delivery.topic), delivery.key, delivery.value, (*own, *(found for found in origin if found not in own), *why))
    if record.size <= MAX_RECORD_BYTES:
        return record
    return Record(record.topic, record.key[:1000], record.value[: MAX_RECORD_BYTES // 2], (*origin, *why, (CUT, str(len(record.value)).encode())))


def _origin(delivery: Delivery) -> Headers:
    """Where the message first stood: one that was sent again and refused again still says so."""
    first = tuple((name, value) for name, value in delivery.headers if name.startswith(ORIGIN))
    here = (("topic", delivery.topic), ("partition", delivery.partition), ("offset", delivery.offset))
    return first or tuple((f"{ORIGIN}{name}", str(value).encode()) for name, value in here)


def _next(deliveries: Sequence[Delivery]) -> dict[TopicPartition, int]:
    """The offsets to go on from, a partition."""
    positions: dict[TopicPartition, int] = {}
    for delivery in deliveries:
        place = (delivery.topic, delivery.partition)
        positions[place] = max(positions.get(place, 0), delivery.offset + 1)
    return positions
