"""A harness that cannot fail proves nothing: every kind of fault, planted in the evidence of a whole run, is reported, and named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import orjson
import pytest
from standardwebhooks import Webhook

from shared.events import ALERTS, ASSESSMENTS, MOVES
from tests.chaos.endpoint import Endpoint
from tests.chaos.evidence import Arrivals, Assessed, Entry, Evidence, Stores, Wire
from tests.chaos.ledger import account, broken
from tests.chaos.stores import entry
from tests.chaos.topics import wire

DAY = "2026-11-25"
CLUSTER = "cluster.pe.TC.20261125"


def whole() -> Evidence:
    """Twenty moves, two of them grave, a cluster of two revisions, one poisoned message: all where it belongs."""
    accepted = {number: f"m{number}" for number in range(1, 21)}
    assessments = [Assessed(f"event {move}", move, 1, DAY) for move in accepted.values()]
    versions = [("alert.m10", 1), (CLUSTER, 1), ("alert.m20", 1), (CLUSTER, 2)]
    entries = [Entry(place, alert, revision, f"{alert} {revision}", due=True) for place, (alert, revision) in enumerate(versions, 1)]
    arrivals = Arrivals(
        ids={entry.version: {f"msg_{entry.sequence}"} for entry in entries},
        kept={entry.version for entry in entries},
        posts={f"msg_{entry.sequence}": 1 for entry in entries},
        bodies={f"msg_{entry.sequence}": {"digest"} for entry in entries},
        sequences={1, 2, 3, 4},
    )
    moves = {(move, 1) for move in accepted.values()}
    return Evidence(
        asked=20,
        accepted=accepted,
        grave={10, 20},
        refused=[],
        stores=Stores(set(accepted.values()), assessments, entries, 4, {"alert.m10": 1, "alert.m20": 1, CLUSTER: 2}, 4),
        arrivals=arrivals,
        wires={MOVES: Wire(20, 20, [], set(moves)), ASSESSMENTS: Wire(20, 20, [], set(moves)), ALERTS: Wire(4, 4, [], set(versions))},
        poison_taken={"poison-1"},
        poison_tried={"poison-1", "poison-2"},
        dead=["poison-1"],
    )


def test_a_whole_run_breaks_no_promise() -> None:
    found = account(whole())
    assert broken(found) == []
    assert (found["accepted"], found["assessed"], found["alerted"], found["delivered"], found["due"]) == (20, 20, 3, 4, 4)


def test_what_is_repeated_under_its_own_id_breaks_no_promise() -> None:
    evidence = whole()
    evidence.arrivals.posts["msg_2"] = 3
    evidence.dead += ["poison-1", "poison-2"]
    evidence.wires[MOVES].records = 25
    found = account(evidence)
    assert broken(found) == []
    assert (found["posts_repeated"], found["dead_letters"], found["dead_letters_repeated"]) == (2, 2, 1)


def _unsent(evidence: Evidence) -> None:
    evidence.stores.assessments = [row for row in evidence.stores.assessments if row.move_id != "m7"]
    evidence.wires[MOVES].versions.discard(("m7", 1))
    evidence.wires[ASSESSMENTS].versions.discard(("m7", 1))


def _unstored(evidence: Evidence) -> None:
    evidence.stores.assessments = [row for row in evidence.stores.assessments if row.move_id != "m7"]


def _unknown_to_ingest(evidence: Evidence) -> None:
    evidence.stores.moves.discard("m7")


def _no_alert(evidence: Evidence) -> None:
    del evidence.stores.alerts["alert.m20"]


def _row_gone(evidence: Evidence) -> None:
    del evidence.stores.entries[1]


def _last_row_gone(evidence: Evidence) -> None:
    del evidence.stores.entries[3]


def _unpublished(evidence: Evidence) -> None:
    evidence.wires[ALERTS].versions.discard((CLUSTER, 2))


def _one_version_undelivered(evidence: Evidence) -> None:
    """The subscriber has the cluster's first revision and not its second."""
    evidence.arrivals.kept.discard((CLUSTER, 2))


def _last_number_missing(evidence: Evidence) -> None:
    evidence.arrivals.sequences.discard(4)


def _number_missing(evidence: Evidence) -> None:
    evidence.arrivals.sequences.discard(2)


def _assessed_twice(evidence: Evidence) -> None:
    evidence.stores.assessments.append(Assessed("another event", "m7", 1, DAY))


def _alerted_twice(evidence: Evidence) -> None:
    evidence.stores.entries.append(Entry(5, "alert.m10", 1, "again", due=True))


def _says_nothing_new(evidence: Evidence) -> None:
    evidence.stores.entries.append(Entry(5, "alert.m10", 2, "alert.m10 1", due=False))


def _new_id(evidence: Evidence) -> None:
    evidence.arrivals.ids["alert.m10", 1].add("msg_other")


def _other_body(evidence: Evidence) -> None:
    evidence.arrivals.bodies["msg_1"].add("another digest")


def _from_nowhere(evidence: Evidence) -> None:
    evidence.stores.assessments.append(Assessed("e", "m99", 1, DAY))


def _delivered_from_nowhere(evidence: Evidence) -> None:
    evidence.arrivals.ids["alert.m3", 1] = {"msg_9"}


def _good_message_dead(evidence: Evidence) -> None:
    evidence.dead.append("m7")


def _poison_swallowed(evidence: Evidence) -> None:
    evidence.dead.clear()


def _conflict(evidence: Evidence) -> None:
    evidence.wires[MOVES].conflicting.append("m7 revision 1 as of 2026-11-25")


def _not_all_accepted(evidence: Evidence) -> None:
    evidence.asked = 21


PLANTED: dict[str, tuple[Callable[[Evidence], None], str, str]] = {
    "an outbox row dropped": (_unsent, "nothing is lost", "m7: accepted, not assessed (on no topic)"),
    "an offset committed before the row was written": (_unstored, "nothing is lost", "m7: accepted, not assessed (last seen on veedor.assessments.v1)"),
    "an answer without a row": (_unknown_to_ingest, "nothing is lost", "m7: accepted, not in ingest's store"),
    "an alert that did not open": (_no_alert, "nothing is lost", "m20: assessed, no alert"),
    "a ledger row gone": (_row_gone, "the ledger has no gap", ""),
    "the last ledger row gone": (_last_row_gone, "the ledger has no gap", ""),
    "a ledger row that never left": (_unpublished, "nothing is lost", f"{CLUSTER} revision 2 (ledger entry 4): not published"),
    "a version that never arrived": (_one_version_undelivered, "nothing is lost", f"{CLUSTER} revision 2 (ledger entry 4): due, not delivered"),
    "a number missing": (_number_missing, "a subscriber's numbers have no gap", ""),
    "the last number missing": (_last_number_missing, "a subscriber's numbers have no gap", ""),
    "an assessment stored twice": (_assessed_twice, "nothing is stored twice or delivered under two ids", "m7 1 2026-11-25"),
    "an alert's revision stored twice": (_alerted_twice, "nothing is stored twice or delivered under two ids", "alert.m10 revision 1"),
    "a revision that says nothing new": (_says_nothing_new, "nothing is stored twice or delivered under two ids", "says what the one before said"),
    "a new id at the second try": (_new_id, "nothing is stored twice or delivered under two ids", "alert.m10 revision 1"),
    "another body at the second try": (_other_body, "doubles at the subscriber are the same bytes under the same id", "msg_1"),
    "an assessment of nothing": (_from_nowhere, "nothing comes from nowhere", "m99: assessed, never accepted"),
    "a delivery of nothing": (_delivered_from_nowhere, "nothing comes from nowhere", "alert.m3 revision 1: delivered, not in the ledger"),
    "a good message among the dead": (_good_message_dead, "nothing comes from nowhere", "m7: dead-lettered, not poisoned"),
    "poison swallowed": (_poison_swallowed, "nothing is lost", "poison-1: poisoned, not dead-lettered"),
    "two events for one": (_conflict, "doubles between services are the same bytes under the same id", "m7 revision 1"),
    "moves nobody took": (_not_all_accepted, "everything sent is accepted", ""),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_reported_and_named(name: str) -> None:
    plant, promise, words = PLANTED[name]
    evidence = whole()
    plant(evidence)
    found = account(evidence)
    assert promise in broken(found)
    assert words in orjson.dumps(found).decode()


def test_a_topic_with_two_events_of_one_revision_is_in_conflict() -> None:
    def record(event_id: str, words: str) -> tuple[str, bytes]:
        return "m1", orjson.dumps({"id": event_id, "subject": "m1", "data": {"revision": 1, "as_of": DAY, "words": words}})

    same = wire(iter([record("a", "x"), record("a", "x")]))
    assert (same.records, same.distinct, same.conflicting) == (2, 1, [])
    assert wire(iter([record("a", "x"), record("b", "x")])).conflicting == [f"m1 revision 1 as of {DAY}"]
    assert wire(iter([record("a", "x"), record("a", "y")])).conflicting == [f"m1 revision 1 as of {DAY}"]


def test_what_is_due_is_read_from_the_event() -> None:
    event = {"alert_id": "a", "revision": 1, "level": "watch", "lifecycle": "Alert"}
    assert entry(1, event).due
    assert entry(1, event | {"level": "none", "previous_level": "high", "lifecycle": "Cancel"}).due
    assert not entry(1, event | {"backfill": True}).due
    assert not entry(1, event | {"inhibited_by": CLUSTER}).due


def test_the_endpoint_notes_an_id_it_refuses() -> None:
    endpoint = Endpoint(1, flaky=1.0, secret="whsec_" + "A" * 32)
    body = orjson.dumps({"sequence": 1, "data": {"alert_id": "a", "revision": 1}}).decode()

    def deliver(webhook_id: str) -> int | None:
        now = dt.datetime.now(dt.UTC)
        signature = Webhook(endpoint.secret).sign(webhook_id, now, body)
        return endpoint.receive({"webhook-id": webhook_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}, body.encode())

    assert deliver("msg_1") == 503
    assert endpoint.arrivals.kept == set()
    assert deliver("msg_1") == 204
    assert endpoint.arrivals.ids == {("a", 1): {"msg_1"}}
    deliver("msg_2")
    assert endpoint.arrivals.ids == {("a", 1): {"msg_1", "msg_2"}}
    assert endpoint.receive({"webhook-id": "msg_3"}, body.encode()) == 401
    assert endpoint.arrivals.unverified == 1
