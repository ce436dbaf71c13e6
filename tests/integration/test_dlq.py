"""`veedor dlq` on dead letters that the real loop made, on the embedded log and on a real broker: what is shown, what goes back, what stays."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.dlq import GROUP, DeadLetter, listed, replayed, shown
from shared.bus import open_bus
from shared.bus.contract import MAX_RECORD_BYTES, Bus, Delivery, Record
from shared.consumer import Loop
from shared.errors import InvalidMessage, Refused, Retryable
from shared.events import MOVES, TOPICS, MoveObserved, dead_letters
from tests.parts.samples import an_observation
from tests.parts.veedor import Embedded, run
from tests.parts.waiting import until

OPTIONS = "partitions=4&timeout_ms=4000&session_timeout_ms=6000&heartbeat_interval_ms=500"
SERVICE = "dlq-tests"


@dataclass
class Desk:
    """A bus with our topics, what was put on it by this test (`tag` begins its keys), and the command on the same bus."""

    url: str
    home: Path
    bus: Bus
    tag: str

    def publish(self, *records: tuple[str, bytes]) -> None:
        with closing(self.bus.producer()) as producer:
            producer.publish([Record(MOVES, f"{self.tag}{key}", value, (("trace", b"abc"),)) for key, value in records])

    def read_moves(self, *refused: str) -> list[Delivery]:
        """Our messages of the topic, once the real loop has handled all that is new there; `refused` event ids are what its handler will not have."""
        stop = threading.Event()

        def turned() -> None:
            if self.bus.lag(f"veedor.{SERVICE}", MOVES) == 0:
                stop.set()

        def handle(events: Sequence[MoveObserved]) -> list[Record]:
            if any(event.event_id in refused for event in events):
                raise InvalidMessage("no such country")
            return []

        Loop(SERVICE, self.bus, MOVES, MoveObserved, handle, stop, turned=turned).run()
        return self.raw(MOVES)

    def raw(self, topic: str) -> list[Delivery]:
        """Our records of a topic, by a group of its own."""
        found: list[Delivery] = []
        with closing(self.bus.consumer(f"raw-{uuid.uuid4().hex}", [topic])) as consumer:
            until(lambda: found.extend(consumer.poll(0.3, 500)) or len(found) >= self.bus.count(topic), f"all of {topic}", seconds=30)
        return [delivery for delivery in found if delivery.key.startswith(self.tag)]

    def letters(self) -> list[DeadLetter]:
        """Ours among the dead letters."""
        return [letter for letter in listed(self.bus) if letter.delivery.key.startswith(self.tag)]

    def command(self, *arguments: str) -> str:
        return run({"VEEDOR_BUS": self.url}, "dlq", *arguments, "--home", str(self.home))


def _forget(bus: Bus) -> None:
    """What other tests left on a broker is dealt with."""
    letters = listed(bus)
    with closing(bus.consumer(GROUP, [dead_letters(topic) for topic in TOPICS])) as consumer:
        until(lambda: consumer.poll(0.2, 1) is not None and consumer.assigned(), "our partitions")
        for letter in sorted(letters, key=lambda letter: letter.delivery.offset):
            consumer.commit({(letter.delivery.topic, letter.delivery.partition): letter.delivery.offset + 1})


@pytest.fixture(params=["local", "kafka"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    url = "local" if request.param == "local" else f"{request.getfixturevalue('kafka').url}?{OPTIONS}"
    bus = open_bus(url, home=tmp_path, max_bytes=4 << 30)
    bus.ensure_topics([*TOPICS, *map(dead_letters, TOPICS)])
    made = Desk(url, tmp_path, bus, f"{uuid.uuid4().hex}-")
    made.read_moves()
    _forget(bus)
    yield made
    bus.close()


def test_a_dead_letter_says_where_it_came_from_when_and_why(desk: Desk) -> None:
    desk.publish(("poison", b"\xffnot json"), ("good", an_observation(1).encode()))
    (poison,) = [delivery for delivery in desk.read_moves() if delivery.key.endswith("poison")]
    (letter,) = desk.letters()
    assert letter.origin == {"topic": MOVES, "partition": poison.partition, "offset": poison.offset}
    said = desk.command("list", "--json", str(desk.home / "list.json"))
    for words in (letter.place, f"topic {MOVES}, partition {poison.partition}, offset {poison.offset}", "not JSON", letter.published_at):
        assert words in said
    (told,) = [found for found in orjson.loads((desk.home / "list.json").read_bytes()) if found["key"].startswith(desk.tag)]
    assert told["origin"] == letter.origin
    assert (told["place"], told["time"], told["bytes"], told["replayed"]) == (letter.place, letter.published_at, 9, 0)
    assert "not JSON" in told["error"]


def test_one_is_shown_as_it_came_and_looking_takes_nothing_away(desk: Desk) -> None:
    desk.publish(("poison", b'{"specversion": "0.3"}'))
    desk.read_moves()
    (letter,) = desk.letters()
    assert desk.command("show", letter.place) == '{"specversion": "0.3"}'
    assert shown(desk.bus, letter.place).delivery.value == b'{"specversion": "0.3"}'
    assert [found.place for found in desk.letters()] == [letter.place]
    with pytest.raises(Refused, match="dlq list"):
        shown(desk.bus, f"{MOVES}.dlq:0:999999")


def test_what_can_be_understood_by_now_goes_back_once_and_the_rest_stays(desk: Desk) -> None:
    event = an_observation(7)
    desk.publish(("seven", event.encode()), ("junk", b"[1, 2]"))
    desk.read_moves(event.event_id)
    assert {letter.delivery.key.removeprefix(desk.tag): letter.error for letter in desk.letters()}["seven"] == "no such country"
    done = replayed(desk.bus)
    assert [letter.delivery.key for letter in done.sent] == [f"{desk.tag}seven"]
    assert [(letter.delivery.key, why) for letter, why in done.stayed if letter.delivery.key.startswith(desk.tag)] == [
        (f"{desk.tag}junk", "not a CloudEvent: the value is no JSON object")
    ]
    first, again = [delivery for delivery in desk.raw(MOVES) if delivery.key.endswith("seven")]
    assert again.value == first.value == event.encode()
    assert dict(again.headers)["veedor-origin-offset"] == str(first.offset).encode()
    assert dict(again.headers)["trace"] == b"abc"
    assert dict(again.headers)["veedor-replayed"] == b"1"
    assert [letter.delivery.key for letter in desk.letters()] == [f"{desk.tag}junk"]
    assert replayed(desk.bus).sent == []
    assert len([delivery for delivery in desk.raw(MOVES) if delivery.key.endswith("seven")]) == 2


def test_what_is_refused_again_still_says_where_it_first_stood(desk: Desk) -> None:
    event = an_observation(8)
    desk.publish(("eight", event.encode()))
    desk.read_moves(event.event_id)
    (before,) = desk.letters()
    assert len(replayed(desk.bus).sent) == 1
    desk.read_moves(event.event_id)
    again = [letter for letter in desk.letters() if letter.replayed]
    assert [(letter.origin, letter.replayed, letter.error) for letter in again] == [(before.origin, 1, "no such country")]
    assert "replayed so far: 1" in desk.command("list")


def test_a_letter_that_was_cut_is_not_sent_again(desk: Desk) -> None:
    desk.publish(("huge", b"x" * (MAX_RECORD_BYTES - 200)))
    desk.read_moves()
    (letter,) = desk.letters()
    assert letter.whole_bytes == MAX_RECORD_BYTES - 200 > len(letter.delivery.value)
    (why,) = [why for found, why in replayed(desk.bus).stayed if found.place == letter.place]
    assert f"of {MAX_RECORD_BYTES - 200} bytes are kept here" in why
    assert f"offset {letter.origin['offset']}" in why


def test_the_command_sends_again_and_says_what_stays(desk: Desk) -> None:
    event = an_observation(9)
    desk.publish(("nine", event.encode()))
    desk.read_moves(event.event_id)
    assert desk.command("replay", "--json", str(desk.home / "replay.json")) == "1 sent again"
    assert orjson.loads((desk.home / "replay.json").read_bytes()) == {"sent": 1, "stayed": []}
    assert desk.command("replay") == "0 sent again"
    desk.publish(("junk", b"junk"))
    desk.read_moves()
    with pytest.raises(subprocess.CalledProcessError) as failed:
        desk.command("replay")
    assert failed.value.returncode == 1
    assert "stays:" in failed.value.stderr
    assert "not JSON" in failed.value.stderr
    assert "0 sent again, 1 stay" in failed.value.stdout


def test_two_at_once_do_not_each_take_half(desk: Desk) -> None:
    desk.publish(*((f"poison {number}", b"junk") for number in range(20)))
    desk.read_moves()
    with closing(desk.bus.consumer(GROUP, [dead_letters(topic) for topic in TOPICS])) as other:
        until(lambda: other.poll(0.2, 1) is not None and other.assigned(), "the other's partitions")
        stop = threading.Event()
        busy = threading.Thread(target=_poll_until, args=(stop, other))
        busy.start()
        try:
            with pytest.raises(Retryable, match="another `veedor dlq` is at work"):
                replayed(desk.bus, patience=3)
        finally:
            stop.set()
            busy.join()
    assert len(desk.letters()) == 20


def _poll_until(stop: threading.Event, consumer: Any) -> None:
    while not stop.is_set():
        consumer.poll(0.2, 1)


def test_too_many_dead_letters_end_the_process_with_words_and_leave_the_rest_in_place(tmp_path: Path) -> None:
    house = Embedded(tmp_path / "home", {"VEEDOR_DEAD_LETTER_LIMIT": "3"})
    house.start()
    bus = open_bus("local", home=house.home, max_bytes=4 << 30)
    try:
        with closing(bus.producer()) as producer:
            producer.publish([Record(MOVES, f"poison {number}", b"junk") for number in range(10)])
        child = house.process.child
        assert child is not None
        assert until(lambda: child.poll() is not None, "the end of the process", seconds=60)
        assert child.returncode == 1
        words = house.log.read_text(encoding="utf-8").strip().splitlines()[-1]
        assert "dead letters from veedor.moves.v1: look at veedor.moves.v1.dlq, then restart" in words
        assert bus.count(dead_letters(MOVES)) <= 3
        assert bus.lag("veedor.scoring", MOVES) >= 7
    finally:
        house.stop()
        bus.close()


def test_a_home_without_an_event_log_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run({}, "dlq", "list", "--home", str(tmp_path / "nobody"))
    assert "no event log at" in failed.value.stderr
    assert not (tmp_path / "nobody").exists()
