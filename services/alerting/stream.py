"""Live alerts over SSE. In: new ledger rows, read once for all watchers; out: frames whose id is the ledger sequence, so that a watcher resumes where it was cut.

A watcher first replays from the ledger up to where the broadcaster stands, then lives off a bounded queue; one that falls behind is cut and resumes by id.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import orjson
import structlog
from prometheus_client import Counter, Gauge

from services.alerting.archive import Archive
from shared.errors import Retryable
from shared.events import Tlp

log = structlog.get_logger(__name__)

WATCHERS = Gauge("veedor_stream_watchers", "Streams open now.")
CUT = Counter("veedor_stream_watchers_cut_total", "Streams ended because their reader fell behind.")

LOOK_SECONDS = 1.0
COMMENT_SECONDS = 5.0
CHECK_SECONDS = 5.0
MOST_OF_ONE = 10
BACKLOG = 1000
PAGE = 200
HELLO = b"retry: 3000\n: veedor\n\n"
COMMENT = b": still here\n\n"
NOT_OF_AN_ITEM = frozenset({"body", "reason", "assessment_id", "pack_version", "model_version", "inhibited_by"})


class Denied(Enum):
    """Why there is no place: none is left, or one subject has as many as one may have."""

    FULL = "full"
    CROWDED = "crowded"


@dataclass(frozen=True, slots=True)
class Frame:
    """One ledger entry as SSE. `bytes` is empty when its body is withheld."""

    sequence: int
    tlp_rank: int
    bytes: bytes


@dataclass(eq=False)
class Watcher:
    """One open stream: its queue, and whether it was cut because that was full."""

    backlog: queue.Queue[Frame | None]
    cut: bool = False

    def give(self, frame: Frame | None) -> None:
        try:
            self.backlog.put_nowait(frame)
        except queue.Full:
            self.cut = True


@dataclass
class Broadcaster:
    """Reads each new ledger row once and hands it to every watcher: `capacity` at most, of one subject `most_of_one`. `clock` is in seconds, from any zero."""

    archive: Archive
    capacity: int
    backlog: int = BACKLOG
    comment_seconds: float = COMMENT_SECONDS
    most_of_one: int = MOST_OF_ONE
    clock: Callable[[], float] = time.monotonic
    position: int = -1
    taken: Tally[str] = field(default_factory=Tally)
    closed: bool = False
    dirty: bool = False
    watchers: set[Watcher] = field(default_factory=set)
    condition: threading.Condition = field(default_factory=threading.Condition)

    def notify(self) -> None:
        """Called after a commit: there are new rows. Nobody is woken for them while nobody watches."""
        with self.condition:
            if self.watchers:
                self.dirty = True
                self.condition.notify_all()

    def run(self, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
        """Fans out on every notice and once a second (another process may have written), until `stop` is set or it is closed."""
        while not stop.is_set() and not self.closed:
            turned()
            try:
                self.fan_out()
            except Retryable as error:
                log.warning("stream waits for the database", why=str(error))
            with self.condition:
                if not self.dirty and not self.closed:
                    self.condition.wait(LOOK_SECONDS)
                self.dirty = False
        self.close()

    def fan_out(self) -> None:
        """Everything new to everyone. Nothing is read while nobody watches: the first to join says from where."""
        self._start()
        while self.watchers and (frames := self._read(self.position)):
            with self.condition:
                for watcher in self.watchers:
                    for frame in frames:
                        watcher.give(frame)
                self.position = frames[-1].sequence

    def close(self) -> None:
        """Every stream ends at once."""
        with self.condition:
            self.closed = True
            for watcher in self.watchers:
                watcher.give(None)
            self.condition.notify_all()

    def admit(self, subject: str) -> Callable[[], None] | Denied:
        """Takes a place for a subject; returns the function that gives it back (once), or why there is none."""
        with self.condition:
            if self.closed or self.taken.total() >= self.capacity:
                return Denied.FULL
            if self.taken[subject] >= self.most_of_one:
                return Denied.CROWDED
            self.taken[subject] += 1
        WATCHERS.inc()
        place = threading.Lock()

        def leave() -> None:
            if place.acquire(blocking=False):
                with self.condition:
                    self.taken -= Tally((subject,))
                WATCHERS.dec()

        return leave

    def watch(self, since: int | None, clearance: Tlp, valid: Callable[[], bool]) -> Iterator[bytes]:
        """Frames after sequence `since` (None: only what comes), a comment when it is quiet. Ends when closed, cut, or no longer `valid` (asked every 5 s and when it is quiet)."""
        yield HELLO
        lapsed = _Lapse(valid, self.clock)
        self._start()
        size = self.archive.size()
        last = size if since is None else min(since, size)
        watcher = None
        try:
            while watcher is None and not self.closed:
                frames = self._read(last)
                for frame in frames:
                    if lapsed():
                        return
                    last = frame.sequence
                    yield from _seen(frame, clearance)
                watcher = self._join(last, at_end=len(frames) < PAGE)
            while watcher is not None and not self.closed:
                frame_or_end = self._next(watcher)
                if frame_or_end is None or lapsed(now=frame_or_end is QUIET):
                    return
                if frame_or_end.sequence > last:
                    last = frame_or_end.sequence
                    yield from _seen(frame_or_end, clearance)
                elif frame_or_end is QUIET:
                    yield COMMENT
        finally:
            self._part(watcher)

    def _start(self) -> None:
        """Finds where the ledger stands, once, before anyone joins: what is older is replayed, what is newer is handed out."""
        if self.position < 0:
            size = self.archive.size()
            with self.condition:
                self.position = size if self.position < 0 else self.position

    def _next(self, watcher: Watcher) -> Frame | None:
        """The watcher's next frame, QUIET when there was none for a while, None when its stream ends."""
        try:
            return watcher.backlog.get_nowait()
        except queue.Empty:
            if watcher.cut:
                return None
        try:
            return watcher.backlog.get(timeout=self.comment_seconds)
        except queue.Empty:
            return QUIET

    def _join(self, last: int, *, at_end: bool) -> Watcher | None:
        """A watcher that misses nothing after `last`, or None when there is more to replay: the broadcaster is ahead of it, or it would be the first and is not at the end."""
        with self.condition:
            if self.closed or (self.position > last if self.watchers else not at_end):
                return None
            if not self.watchers:
                # What came since the end was read was told to nobody: the broadcaster looks at once.
                self.position, self.dirty = last, True
                self.condition.notify_all()
            watcher = Watcher(queue.Queue(self.backlog))
            self.watchers.add(watcher)
            return watcher

    def _part(self, watcher: Watcher | None) -> None:
        if watcher is not None:
            with self.condition:
                self.watchers.discard(watcher)
            if watcher.cut:
                CUT.inc()

    def _read(self, since: int) -> Sequence[Frame]:
        return [_frame(row) for row in self.archive.entries_with_rank(since, PAGE)]


QUIET = Frame(0, 0, b"")


@dataclass
class _Lapse:
    """Whether a watcher's token is no longer good: asked before anything is given, looked up every 5 s however much comes."""

    valid: Callable[[], bool]
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self.checked = self.clock()

    def __call__(self, *, now: bool = False) -> bool:
        at = self.clock()
        if not now and at - self.checked < CHECK_SECONDS:
            return False
        self.checked = at
        return not self.valid()


def _frame(row: tuple[int, int, bytes, bytes | None]) -> Frame:
    sequence, tlp_rank, entry, body = row
    if body is None:
        return Frame(sequence, tlp_rank, b"")
    recorded_at = orjson.loads(entry)["recorded_at"]
    item = {name: value for name, value in orjson.loads(body).items() if name not in NOT_OF_AN_ITEM}
    data = orjson.dumps(item | {"sequence": sequence, "recorded_at": recorded_at, "updated_at": recorded_at})
    return Frame(sequence, tlp_rank, b"id: %d\nevent: alert\ndata: %s\n\n" % (sequence, data))


def _seen(frame: Frame, clearance: Tlp) -> Iterator[bytes]:
    if frame.bytes and frame.tlp_rank <= clearance.rank:
        yield frame.bytes
