"""Live alerts over a real server: what was missed is replayed, what comes arrives once, in order, and every stream ends when told to."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest

from services.alerting.app import Parts, create_app, resume_after
from services.alerting.archive import Archive
from services.alerting.catalogue import Catalogue
from services.alerting.institutions import Institutions
from services.alerting.store import Store
from services.alerting.stream import CHECK_SECONDS, COMMENT, HELLO, Broadcaster
from shared.database import Database
from shared.errors import Refused
from shared.events import Tlp
from shared.http import Door
from shared.identity import Revocations, Role, Verifier, issue, public_pem
from shared.operations import Liveness
from shared.server import Server
from tests.integration.alerting.home import KEY, Clock, sqlite, store
from tests.parts.waiting import until
from tests.unit.alerting.sample import assessed, pack

REAL = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
WATCHERS = 3


@dataclass
class House:
    """Alerting as a running process."""

    url: str
    store: Store
    broadcaster: Broadcaster
    database: Database
    revocations: Revocations
    stop: threading.Event
    server: threading.Thread

    def token(self, clearance: Tlp = Tlp.AMBER, ttl: dt.timedelta = dt.timedelta(days=1), subject: str = "observer") -> str:
        return issue(KEY, subject=subject, roles=[Role.OBSERVER], clearance=clearance, ttl=ttl, now=REAL)

    def say(self, *numbers: int) -> None:
        self.store.handle([assessed(f"m.{number}") for number in numbers])

    def open(self, since: int | None = None, last: str | None = None, token: str | None = None) -> Reading:
        headers = {"Authorization": f"Bearer {token or self.token()}"} | ({"Last-Event-ID": last} if last is not None else {})
        client = httpx.Client(base_url=self.url, timeout=20, trust_env=False)
        request = client.build_request("GET", "/v1/stream", headers=headers, params={} if since is None else {"since": since})
        response = client.send(request, stream=True)
        return Reading(client, response, response.iter_lines() if response.status_code == 200 else iter(()))


@dataclass
class Reading:
    """One open stream, read frame by frame."""

    client: httpx.Client
    response: httpx.Response
    lines: Iterator[str]

    def frames(self, count: int) -> list[tuple[int, dict[str, object]]]:
        found: list[tuple[int, dict[str, object]]] = []
        frame: dict[str, str] = {}
        while len(found) < count:
            line = next(self.lines)
            if line:
                name, _, value = line.partition(": ")
                frame[name] = value
            elif "data" in frame:
                assert frame["event"] == "alert"
                found.append((int(frame["id"]), orjson.loads(frame["data"])))
                frame = {}
        return found

    def ids(self, count: int) -> list[int]:
        return [sequence for sequence, _ in self.frames(count)]

    def ended(self) -> bool:
        return all("data" not in line for line in self.lines)

    def close(self) -> None:
        self.response.close()
        self.client.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database, stop = sqlite(tmp_path), threading.Event()
    archive = Archive(database)
    broadcaster = Broadcaster(archive, WATCHERS, backlog=5, comment_seconds=0.2)
    writer = store(database, Clock(REAL), written=broadcaster.notify)
    revocations = Revocations(tmp_path / "revoked")
    door = Door(Verifier(KEY.public_key(), revocations, lambda: REAL), Liveness())
    app = create_app(door, Parts(Catalogue(database), Institutions(database, pack()), archive, broadcaster, public_pem(KEY.public_key())))
    server = Server(app, "127.0.0.1", 0, 8, broadcaster.close)
    serving = threading.Thread(target=server.run, args=(stop,))
    telling = threading.Thread(target=broadcaster.run, args=(stop,))
    serving.start()
    telling.start()
    yield House(f"http://127.0.0.1:{server.port}", writer, broadcaster, database, revocations, stop, serving)
    stop.set()
    serving.join(10)
    telling.join(10)
    database.close()


def joined(house: House, count: int = 1) -> None:
    until(lambda: len(house.broadcaster.watchers) == count, f"{count} watchers live")


def test_what_comes_arrives_at_once_as_a_list_item(house: House) -> None:
    reading = house.open()
    joined(house)
    before = time.monotonic()
    house.say(1)
    ((sequence, item),) = reading.frames(1)
    assert time.monotonic() - before < 1.0, "told by the notice, not by the look once a second"
    listed = httpx.get(f"{house.url}/v1/alerts", headers={"Authorization": f"Bearer {house.token()}"}, trust_env=False).json()["items"][0]
    assert sequence == item["sequence"] == 1
    assert item.keys() == listed.keys()
    assert {name for name in item if item[name] != listed[name]} <= {"recorded_at", "updated_at"}, "the ledger writes Z, JSON +00:00"
    reading.close()


def test_headers_keep_proxies_from_holding_it(house: House) -> None:
    reading = house.open()
    assert reading.response.headers["Content-Type"] == "text/event-stream"
    assert reading.response.headers["X-Accel-Buffering"] == "no"
    assert reading.response.headers["Cache-Control"] == "no-store"
    reading.close()


def test_missed_ones_are_replayed_then_it_goes_on_live(house: House) -> None:
    house.say(*range(1, 11))
    by_address, by_header = house.open(since=4), house.open(since=0, last="7")
    assert by_address.ids(6) == [5, 6, 7, 8, 9, 10]
    assert by_header.ids(3) == [8, 9, 10], "the header goes before the address"
    joined(house, 2)
    house.say(11)
    assert by_address.ids(1) == by_header.ids(1) == [11]
    by_address.close()
    by_header.close()


def test_without_a_place_to_resume_the_past_is_not_told(house: House) -> None:
    house.say(1, 2)
    reading = house.open()
    joined(house)
    house.say(3)
    assert reading.ids(1) == [3]
    reading.close()


def test_a_place_in_the_future_is_now(house: House) -> None:
    house.say(1)
    reading = house.open(since=10_000)
    joined(house)
    house.say(2)
    assert reading.ids(1) == [2]
    reading.close()


def test_a_stream_under_fire_misses_nothing(house: House) -> None:
    sending = threading.Thread(target=lambda: [house.say(number) for number in range(1, 61)])
    sending.start()
    seen: list[int] = []
    while len(seen) < 60:
        reading = house.open(since=seen[-1] if seen else 0)
        seen += reading.ids(min(15, 60 - len(seen)))
        reading.close()
    sending.join()
    assert seen == list(range(1, 61))


def test_another_process_writing_is_seen_too(house: House) -> None:
    reading = house.open()
    joined(house)
    store(house.database, Clock(REAL)).handle([assessed("other")])
    assert reading.ids(1) == [1]
    reading.close()


def test_one_too_many_is_told_when_to_come_back_and_a_place_left_is_free(house: House) -> None:
    readings = [house.open() for _ in range(WATCHERS)]
    refused = house.open()
    assert refused.response.status_code == 503
    assert refused.response.headers["Retry-After"] == "10"
    refused.close()
    readings.pop().close()

    def admitted() -> bool:
        attempt = house.open()
        found = attempt.response.status_code == 200
        attempt.close()
        return found

    until(admitted, "the place of a watcher that left")
    for reading in readings:
        reading.close()
    until(lambda: not house.broadcaster.taken, "all places given back")


def test_one_subject_cannot_take_every_place(house: House) -> None:
    house.broadcaster.most_of_one = 2
    readings = [house.open() for _ in range(2)]
    refused, other = house.open(), house.open(token=house.token(subject="embassy"))
    assert (refused.response.status_code, refused.response.headers["Retry-After"], other.response.status_code) == (429, "10", 200)
    for reading in (*readings, refused, other):
        reading.close()


def test_quiet_streams_get_a_comment(house: House) -> None:
    reading = house.open()
    until(lambda: next(reading.lines) == ": still here", "a comment")
    reading.close()


def test_stopping_ends_every_stream_at_once(house: House) -> None:
    readings = [house.open() for _ in range(WATCHERS)]
    joined(house, WATCHERS)
    before = time.monotonic()
    house.stop.set()
    assert all(reading.ended() for reading in readings)
    house.server.join(10)
    assert not house.server.is_alive()
    assert time.monotonic() - before < 5
    for reading in readings:
        reading.close()


def test_a_revoked_or_expired_token_ends_its_stream(house: House) -> None:
    token = house.token()
    reading = house.open(token=token)
    joined(house)
    house.revocations.add(Verifier(KEY.public_key(), Revocations(Path("none")), lambda: REAL).verify(token).token_id)
    assert reading.ended()
    reading.close()


def test_who_may_not_see_a_level_of_secrecy_gets_no_frame(house: House) -> None:
    clear = house.open(token=house.token(Tlp.CLEAR))
    green = house.open(token=house.token(Tlp.GREEN))
    joined(house, 2)
    house.say(1)
    assert green.ids(1) == [1]
    assert next(line for line in clear.lines if line.startswith((": still", "data"))) == ": still here"
    clear.close()
    green.close()


def test_one_that_falls_behind_is_cut_and_resumes(tmp_path: Path) -> None:
    database = sqlite(tmp_path)
    broadcaster, writer = Broadcaster(Archive(database), 5, backlog=5, comment_seconds=5), store(database)
    frames, seen = broadcaster.watch(0, Tlp.AMBER, lambda: True), []
    assert next(frames) == HELLO
    writer.handle([assessed("m.1")])
    broadcaster.fan_out()
    assert next(frames).startswith(b"id: 1\n")
    reading = threading.Thread(target=lambda: seen.append(next(frames)))
    reading.start()
    until(lambda: broadcaster.watchers, "the watcher is live")
    writer.handle([assessed(f"m.{number}") for number in range(2, 21)])
    broadcaster.fan_out()
    reading.join(10)
    seen += list(frames)
    last = len(seen) + 1
    assert last < 20, "the queue holds five: the rest could not be kept for it"
    assert [frame.split(b"\n")[0] for frame in seen] == [b"id: %d" % number for number in range(2, last + 1)], "what it got has no gap"
    assert broadcaster.watchers == set()
    resumed = broadcaster.watch(last, Tlp.AMBER, lambda: True)
    assert [next(resumed).split(b"\n")[0] for _ in range(21 - last)] == [b"retry: 3000", *(b"id: %d" % number for number in range(last + 1, 21))]
    resumed.close()  # type: ignore[attr-defined]
    database.close()


def test_a_token_that_lapsed_is_noticed_when_it_is_quiet(tmp_path: Path) -> None:
    database, valid = sqlite(tmp_path), [True, False]
    broadcaster = Broadcaster(Archive(database), 5, comment_seconds=0.01)
    assert list(broadcaster.watch(None, Tlp.AMBER, lambda: valid.pop(0))) == [HELLO, COMMENT]
    assert broadcaster.watchers == set()
    database.close()


def test_a_token_that_lapsed_is_noticed_while_alerts_keep_coming(tmp_path: Path) -> None:
    database, seconds, valid = sqlite(tmp_path), [0.0], [True]
    broadcaster, writer = Broadcaster(Archive(database), 5, clock=lambda: seconds[0]), store(database)
    writer.handle([assessed(f"m.{number}") for number in range(1, 10)])
    frames = broadcaster.watch(0, Tlp.AMBER, lambda: valid[0])
    assert [next(frames) for _ in range(3)][-1].startswith(b"id: 2\n")
    valid[0] = False
    assert next(frames).startswith(b"id: 3\n"), "looked up by time, not at every frame"
    seconds[0] += CHECK_SECONDS
    assert list(frames) == []
    database.close()


@pytest.mark.parametrize("header", ["x", "-1", "1.5", "٣", "99999999999", "2147483648", " "])
def test_a_last_event_id_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(Refused) as caught:
        resume_after(header, 3)
    assert caught.value.field == "Last-Event-ID"


def test_the_header_goes_before_the_address() -> None:
    assert (resume_after(None, 3), resume_after("", 3), resume_after("7", 3), resume_after("0", None)) == (3, 3, 7, 0)


def test_the_first_to_watch_replays_all_before_it_lives_off_the_queue(tmp_path: Path) -> None:
    """Nobody watched while the ledger grew: whoever comes first is not handed all of it at once, and misses nothing of what comes while it reads."""
    database = sqlite(tmp_path)
    broadcaster, writer = Broadcaster(Archive(database), 5, backlog=5, comment_seconds=5), store(database)
    writer.written = broadcaster.notify
    writer.handle([assessed(f"m.{number}") for number in range(1, 451)])
    stop = threading.Event()
    running = threading.Thread(target=lambda: broadcaster.run(stop))
    running.start()
    try:
        frames = broadcaster.watch(0, Tlp.AMBER, lambda: True)
        assert next(frames) == HELLO
        seen = [next(frames) for _ in range(450)]
        writer.handle([assessed("late.1")])
        seen.append(next(frames))
        until(lambda: broadcaster.watchers, "the watcher is live")
        writer.handle([assessed("late.2")])
        seen.append(next(frames))
        assert [frame.split(b"\n")[0] for frame in seen] == [b"id: %d" % number for number in range(1, 453)]
        frames.close()  # type: ignore[attr-defined]
    finally:
        stop.set()
        broadcaster.close()
        running.join(10)
    database.close()
