"""What became of every move. In: the evidence of a run; out: figures (keys as in DESIGN.md section 7), the names of all that is missing or doubled, broken promises. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from shared.events import ALERTS, ASSESSMENTS, MOVES
from tests.chaos.evidence import Entry, Evidence, Stores

Found = dict[str, Any]


def account(evidence: Evidence) -> Found:
    """The whole ledger of one phase."""
    stores, arrivals = evidence.stores, evidence.arrivals
    doubled = {
        "assessments": twice_assessed(stores),
        "alerts": twice_alerted(stores),
        "deliveries_new_id": sorted(f"{alert} revision {revision}" for (alert, revision), ids in arrivals.ids.items() if len(ids) > 1),
    }
    return {
        "asked": evidence.asked,
        "accepted": len(set(evidence.accepted.values())),
        "assessed": len({(row.move_id, row.revision, row.as_of) for row in stores.assessments}),
        "alerted": len(stores.alerts),
        "ledger_entries": len(stores.entries),
        "due": sum(entry.due for entry in stores.entries),
        "delivered": len(arrivals.kept),
        "lost": [*lost(evidence), *evidence.refused],
        "duplicated": {name: len(found) for name, found in doubled.items()},
        "doubled": doubled,
        "ledger_gaps": len(ledger_gaps(stores)),
        "sequence_gaps": len(missing(arrivals.sequences, stores.numbered)),
        "invented": invented(evidence),
        "dead_letters": len(set(evidence.dead)),
        "dead_letters_repeated": len(evidence.dead) - len(set(evidence.dead)),
        "poisoned": len(evidence.poison_taken),
        "wire": {topic: {"records": wire.records, "distinct": wire.distinct, "conflicting": wire.conflicting} for topic, wire in evidence.wires.items()},
        "posts_repeated": sum(count - 1 for count in arrivals.posts.values()),
        "changed_bodies": sorted(webhook_id for webhook_id, digests in arrivals.bodies.items() if len(digests) > 1),
        "unverified": arrivals.unverified,
        "ledger_trouble": evidence.ledger_trouble,
        "unquiet": evidence.unquiet,
        "unready": evidence.unready,
        "crashes": evidence.crashes,
    }


def lost(evidence: Evidence) -> list[str]:
    """Everything that did not come as far as it had to, and how far it came."""
    return [*_lost_moves(evidence), *_lost_alerts(evidence), *(f"{key}: poisoned, not dead-lettered" for key in sorted(evidence.poison_taken - set(evidence.dead)))]


def _lost_moves(evidence: Evidence) -> Iterator[str]:
    stores = evidence.stores
    assessed = {row.move_id for row in stores.assessments}
    for number, move in evidence.accepted.items():
        if move not in stores.moves:
            yield f"{move}: accepted, not in ingest's store"
        if move not in assessed:
            yield f"{move}: accepted, not assessed ({_last_seen(evidence, move)})"
        elif number in evidence.grave and f"alert.{move}" not in stores.alerts:
            yield f"{move}: assessed, no alert"


def _last_seen(evidence: Evidence, move: str) -> str:
    """The last topic on which a move stands."""
    seen = [topic for topic in (MOVES, ASSESSMENTS) if topic in evidence.wires and any(found == move for found, _ in evidence.wires[topic].versions)]
    return f"last seen on {seen[-1]}" if seen else "on no topic" if evidence.wires else "topics not kept"


def _lost_alerts(evidence: Evidence) -> Iterator[str]:
    for entry in evidence.stores.entries:
        if ALERTS in evidence.wires and entry.version not in evidence.wires[ALERTS].versions:
            yield f"{entry.words}: not published"
        elif entry.due and entry.version not in evidence.arrivals.kept:
            yield f"{entry.words}: due, not delivered"


def twice_assessed(stores: Stores) -> list[str]:
    """One move's revision of one day under two event ids."""
    return [" ".join(map(str, key)) for key in repeated((row.move_id, row.revision, row.as_of) for row in stores.assessments)]


def twice_alerted(stores: Stores) -> list[str]:
    """A revision that stands in the ledger twice, and one that says nothing its predecessor did not."""
    histories: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(stores.entries, key=lambda entry: entry.sequence):
        histories[entry.alert_id].append(entry)
    twice = [f"{alert} revision {revision}" for alert, revision in repeated(entry.version for entry in stores.entries)]
    return twice + [f"{later.words}: says what the one before said" for history in histories.values() for earlier, later in pairwise(history) if earlier.says == later.says]


def repeated(keys: Iterable[Any]) -> list[Any]:
    """What is there more than once."""
    return sorted(key for key, count in Counter(keys).items() if count > 1)


def missing(found: Iterable[int], last: int) -> list[int]:
    """Numbers from 1 to `last` that are not there, and numbers beyond it that are."""
    return sorted(set(range(1, last + 1)) ^ set(found))


def ledger_gaps(stores: Stores) -> list[str]:
    """Entries the head counts and nobody has, or the other way round; alerts that stand elsewhere than their last entry."""
    gaps = [f"entry {number}" for number in missing((entry.sequence for entry in stores.entries), stores.head)]
    newest: dict[str, int] = {}
    for entry in stores.entries:
        newest[entry.alert_id] = max(entry.revision, newest.get(entry.alert_id, 0))
    ends = [f"{alert}: stands at revision {stores.alerts.get(alert)}, the ledger ends at {newest.get(alert)}" for alert in sorted(newest.keys() | stores.alerts.keys())]
    return gaps + [words for words, alert in zip(ends, sorted(newest.keys() | stores.alerts.keys()), strict=True) if newest.get(alert) != stores.alerts.get(alert)]


def invented(evidence: Evidence) -> list[str]:
    """What was assessed, delivered or dead-lettered though nobody sent it."""
    stores = evidence.stores
    moves = {row.move_id for row in stores.assessments} - set(evidence.accepted.values())
    versions = evidence.arrivals.ids.keys() - {entry.version for entry in stores.entries}
    letters = set(evidence.dead) - evidence.poison_tried
    return [
        *(f"{move}: assessed, never accepted" for move in sorted(moves)),
        *(f"{alert} revision {revision}: delivered, not in the ledger" for alert, revision in sorted(versions)),
        *(f"{key}: dead-lettered, not poisoned" for key in sorted(letters)),
    ]


def broken(found: Found) -> list[str]:
    """The promises of one phase that were not kept, in words; none is what we want."""
    promises = {
        "everything sent is accepted": found["accepted"] == found["asked"],
        "nothing is lost": not found["lost"],
        "nothing is stored twice or delivered under two ids": not any(found["duplicated"].values()),
        "nothing comes from nowhere": not found["invented"],
        "all comes to rest": not found["unquiet"],
        "every service is ready in the end": not found["unready"],
        "no process dies by itself": not found["crashes"],
        "the ledger has no gap": found["ledger_gaps"] == 0,
        "a subscriber's numbers have no gap": found["sequence_gaps"] == 0,
        "every delivery is verified": found["unverified"] == 0,
        "the ledger is verified": not found["ledger_trouble"],
        "doubles between services are the same bytes under the same id": not any(topic["conflicting"] for topic in found["wire"].values()),
        "doubles at the subscriber are the same bytes under the same id": not found["changed_bodies"],
    }
    return [promise for promise, kept in promises.items() if not kept]
