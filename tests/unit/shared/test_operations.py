"""Crew, liveness, logs, signals, backoff: what operators rely on."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import threading
from collections.abc import Iterator
from functools import partial

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.contract import MAX_RECORD_BYTES, Record, refuse_oversize
from shared.consumer import MAX_BACKOFF, full_jitter
from shared.errors import InvalidMessage
from shared.operations import Crew, Liveness, configure_logging, stop_on_signals
from tests.parts.waiting import until


class Clock:
    """Monotonic seconds that stand still until moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_loop_that_turns_is_alive_and_one_that_does_not_is_stuck() -> None:
    clock = Clock()
    liveness = Liveness(limit=60, clock=clock)
    first, second = liveness.register("first"), liveness.register("second")
    clock.now += 59
    assert liveness.stuck() == []
    first()
    clock.now += 2
    assert liveness.stuck() == ["second"]
    second()
    assert liveness.stuck() == []


def test_a_crew_stops_when_told() -> None:
    stop = threading.Event()
    crew = Crew(stop)
    done: list[str] = []

    def work(name: str) -> None:
        stop.wait(10)
        done.append(name)

    for name in ("one", "two"):
        crew.start(name, partial(work, name))
    stop.set()
    crew.join()
    assert sorted(done) == ["one", "two"]


def test_the_first_that_dies_stops_all_and_join_raises_it() -> None:
    stop = threading.Event()
    crew = Crew(stop)

    def die() -> None:
        raise ZeroDivisionError

    crew.start("steady", lambda: stop.wait(10))
    crew.start("mortal", die)
    assert stop.wait(10)
    with pytest.raises(ZeroDivisionError):
        crew.join()


def test_a_thread_that_leaves_the_interpreter_takes_the_process_along() -> None:
    crew = Crew(threading.Event())
    crew.start("leaver", lambda: exec("raise SystemExit(3)"))
    with pytest.raises(SystemExit):
        crew.join()
    assert crew.stop.is_set()


def test_join_gives_up_in_time() -> None:
    release = threading.Event()
    crew = Crew(threading.Event())
    crew.start("slow", lambda: release.wait(30))
    crew.join(timeout=0.05)
    assert crew.threads[0].is_alive()
    release.set()
    crew.threads[0].join(10)


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """Configured logging that goes to a string; the session's own comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_are_json_alike(logs: io.StringIO) -> None:
    structlog.get_logger("veedor.test").warning("trying again", why="ñandú", seconds=1.5)
    logging.getLogger("library").error("broke at %s", "noon")
    ours, theirs = lines(logs)
    assert (ours["event"], ours["why"], ours["level"], ours["logger"]) == ("trying again", "ñandú", "warning", "veedor.test")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("broke at noon", "error", "library")
    assert str(ours["timestamp"]).endswith("Z")
    assert "ñandú" in logs.getvalue()


def test_an_exception_is_one_line(logs: io.StringIO) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        structlog.get_logger("veedor.test").exception("handler failed")
    (line,) = lines(logs)
    assert "ValueError" in str(line["exception"])


def test_below_the_level_nothing_is_said(logs: io.StringIO) -> None:
    structlog.get_logger("veedor.test").debug("whisper")
    logging.getLogger("kafka.net").warning("noise")
    assert lines(logs) == []


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("handlers")
def test_a_signal_sets_the_flag_and_nothing_else(number: signal.Signals) -> None:
    stop = stop_on_signals()
    assert not stop.is_set()
    os.kill(os.getpid(), number)
    until(stop.is_set, "the flag", seconds=5)


@pytest.mark.timeout(20)
@pytest.mark.usefixtures("handlers")
def test_a_signal_that_comes_while_the_flag_is_being_set_hangs_nothing() -> None:
    """`timeout`, and who presses Ctrl-C twice, send two: the second found the main thread with the flag's lock in hand, and the process stood for ever."""
    stop = stop_on_signals()
    with stop._cond:  # type: ignore[attr-defined]
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    until(stop.is_set, "the flag", seconds=5)


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_between_nothing_and_its_cap(attempt: int, draw: float) -> None:
    assert 0 <= full_jitter(attempt, draw=lambda: draw) <= MAX_BACKOFF


def test_backoff_doubles_up_to_its_cap() -> None:
    widest = [full_jitter(attempt, base=0.2, cap=30, draw=lambda: 1.0) for attempt in range(1, 11)]
    assert widest == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30]


def test_a_record_is_measured_with_key_and_headers() -> None:
    assert Record("t", "ñ", b"123", (("abc", b"de"),)).size == 2 + 3 + 3 + 2
    refuse_oversize([Record("t", "", b"x" * MAX_RECORD_BYTES)])
    with pytest.raises(InvalidMessage, match="over the limit"):
        refuse_oversize([Record("t", "", b""), Record("t", "k", b"x" * MAX_RECORD_BYTES)])
