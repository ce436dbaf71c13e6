"""What a run left behind, as it was found in stores, on topics and at the subscriber's endpoint; nothing here is what a service says of itself. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Revision = tuple[str, int]
"""An alert or a move, and its revision."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """A row of alerting's assessments."""

    event_id: str
    move_id: str
    revision: int
    as_of: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of alerting's ledger. `says` is all a revision may change; `due`: the harness's subscriber, who asked for everything, is owed it."""

    sequence: int
    alert_id: str
    revision: int
    says: str
    due: bool

    @property
    def version(self) -> Revision:
        return self.alert_id, self.revision

    @property
    def words(self) -> str:
        return f"{self.alert_id} revision {self.revision} (ledger entry {self.sequence})"


@dataclass
class Stores:
    """The rows of the three stores. `head`: what the ledger's head counts; `alerts`: where each alert stands; `numbered`: how far the subscription's own numbers were given."""

    moves: set[str]
    assessments: list[Assessed]
    entries: list[Entry]
    head: int
    alerts: dict[str, int]
    numbered: int


@dataclass
class Wire:
    """One topic. `conflicting`: what stands there twice under different ids or with different bytes; `versions`: whose revisions were seen."""

    records: int = 0
    distinct: int = 0
    conflicting: list[str] = field(default_factory=list)
    versions: set[Revision] = field(default_factory=set)


@dataclass
class Arrivals:
    """What reached the endpoint, answered well or not: `ids` the webhook-ids of each version, `bodies` the digests of what came under each id, `posts` how often it was kept."""

    ids: dict[Revision, set[str]] = field(default_factory=dict)
    kept: set[Revision] = field(default_factory=set)
    posts: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, set[str]] = field(default_factory=dict)
    sequences: set[int] = field(default_factory=set)
    unverified: int = 0


@dataclass
class Evidence:
    """Everything a verdict rests on. `accepted` by number; `grave` the numbers that must raise an alert; `wires` is empty on the embedded log, which forgets what was read."""

    asked: int
    accepted: Mapping[int, str]
    grave: set[int]
    refused: list[str]
    stores: Stores
    arrivals: Arrivals
    wires: Mapping[str, Wire] = field(default_factory=dict)
    poison_taken: set[str] = field(default_factory=set)
    poison_tried: set[str] = field(default_factory=set)
    dead: list[str] = field(default_factory=list)
    """Keys of the dead letters, each as often as it stands there."""
    ledger_trouble: str = ""
    unquiet: str = ""
    unready: list[str] = field(default_factory=list)
    crashes: list[dict[str, object]] = field(default_factory=list)
