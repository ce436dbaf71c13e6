"""What alerting writes. In: batches of assessments; out: alerts, ledger entries, checkpoints and pressure, in one transaction a batch, and the outbox that is the ledger.

Idempotent by event id: an assessment known already changes nothing, and what was written for it still leaves through the outbox when it has not yet.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from services.alerting import tables
from services.alerting.alert import Change
from services.alerting.announcement import event_of, statement
from services.alerting.batch import Batch, HeldAlert, HeldMove
from services.alerting.checkpoint import Checkpoint
from services.alerting.docket import ClusterAlert
from services.alerting.filings import filing_values, read_docket
from services.alerting.glance import Assessed, whole
from services.alerting.held import read, store_new
from services.alerting.ledger import SALT_BYTES, Head, Sealed, seal
from services.alerting.merkle import Frontier
from services.alerting.phrasing import searchable
from services.alerting.tables import Base
from shared.bus.contract import Record
from shared.countries import Pack
from shared.database import Database
from shared.errors import InvalidMessage
from shared.events import ALERTS
from shared.outbox import Pending, within_bytes
from shared.rows import insert_rows, read_rows

__all__ = ["Base", "Store"]

MOVE_ID = re.compile(r"[A-Za-z0-9._:\-]{1,190}")
MOST_REVISIONS = 2**31 - 1
_MOST_SEARCHED = 200_000


class Store:
    """Alerting's writer. `now` is the wall clock (UTC); `written` is called after a commit that added to the ledger."""

    def __init__(
        self,
        database: Database,
        pack: Pack,
        key: Ed25519PrivateKey,
        origin: str,
        now: Callable[[], dt.datetime],
        *,
        public_url: str | None = None,
        written: Callable[[], object] = lambda: None,
        salt: Callable[[], bytes] = lambda: secrets.token_bytes(SALT_BYTES),
    ) -> None:
        self.database = database
        self.pack = pack
        self.key = key
        self.origin = origin
        self.now = now
        self.public_url = public_url
        self.written = written
        self.salt = salt

    def handle(self, events: Sequence[Assessed]) -> list[Record]:
        """One transaction; nothing is returned to publish, because the ledger is the outbox. Raises InvalidMessage, Retryable."""
        for event in events:
            refuse_unstorable(event)
        with self.database.transaction() as session:
            connection = session.connection()
            fresh = store_new(connection, events)
            batch = read(connection, fresh)
            for event in fresh:
                batch.take(event, self.pack)
            self._write(connection, batch)
        if batch.changes:
            self.written()
        return []

    def pending(self, session: Session, limit: int) -> list[Pending]:
        """The oldest entries that have not left yet, as shared.outbox.Relay wants them."""
        return [Pending(sequence, Record(ALERTS, key, event)) for sequence, key, event in read_rows(session.connection(), _WAITING, {"most": limit})]

    def mark(self, session: Session, position: int) -> None:
        """Everything up to `position` has left."""
        session.connection().execute(_HEAD, {"published_through": position})

    def _write(self, connection: Connection, batch: Batch) -> None:
        moves = [_move_values(move_id, held, alerted=move_id in batch.alerts) for move_id, held in batch.moves.items() if held.latest]
        insert_rows(connection, tables.moves, moves, "replace")
        moment = self.now()
        if batch.changes:
            self._append(connection, batch, moment)
        _write_alerts(connection, batch, moment)
        _add_pressure(connection, batch.pressure)

    def _append(self, connection: Connection, batch: Batch, moment: dt.datetime) -> None:
        """The batch's statements into the chain under the lock of its head, one checkpoint over them all."""
        row = connection.execute(_LOCKED_HEAD).one()
        head = Head(row.sequence, row.hash, Frontier(row.sequence, tuple(map(bytes.fromhex, orjson.loads(row.frontier)))))
        self._follow_clusters(connection, batch)
        statements = [statement(change, event) for change, event in batch.changes]
        head, entries, tiles = seal(head, statements, [self.salt() for _ in statements], moment)
        signed = Checkpoint.sign(self.key, origin=self.origin, size=head.sequence, root=head.frontier.root(), time=moment)
        checkpoint = signed.model_dump()
        rows = [self._ledger_values(change, sealed, moment, checkpoint) for (change, _), sealed in zip(batch.changes, entries, strict=True)]
        insert_rows(connection, tables.ledger, rows)
        insert_rows(connection, tables.tiles, [{"level": tile.level, "index": tile.index, "hash": tile.hash} for tile in tiles])
        written = orjson.dumps(checkpoint)
        insert_rows(connection, tables.checkpoints, [{"size": head.sequence, "checkpoint": written}])
        frontier = orjson.dumps([found.hex() for found in head.frontier.hashes]).decode()
        connection.execute(_HEAD, {"sequence": head.sequence, "hash": head.hash, "frontier": frontier, "checkpoint": written})
        for (change, _), sealed in zip(batch.changes, entries, strict=True):
            held = batch.touched[change.alert.alert_id]
            batch.touched[change.alert.alert_id] = HeldAlert(held.alert, sealed.sequence, moment, held.aliases)

    def _follow_clusters(self, connection: Connection, batch: Batch) -> None:
        """What the batch's revisions do to clusters, after each. Under the lock of the head, so that no other replica adds a filing meanwhile."""
        docket = read_docket(connection, batch.changes, self.pack)
        batch.changes = list(docket.follow(batch.changes))
        for change, _ in batch.changes:
            if isinstance(change.alert, ClusterAlert):
                batch.touched[change.alert.alert_id] = HeldAlert(change.alert, aliases=" ".join(member.key for member in change.alert.members))
        insert_rows(connection, tables.filings, filing_values(docket), "replace")

    def _ledger_values(self, change: Change, sealed: Sealed, moment: dt.datetime, checkpoint: dict[str, Any]) -> dict[str, Any]:
        return {
            "sequence": sealed.sequence,
            "alert_id": change.alert.alert_id,
            "entry": sealed.entry,
            "previous": sealed.previous,
            "hash": sealed.hash,
            "salt": sealed.salt,
            "body": sealed.body,
            "tlp_rank": change.alert.tlp.rank,
            "event": event_of(change, sealed, moment, checkpoint, self.public_url).encode(),
            "recorded_at": moment,
        }


def refuse_unstorable(event: Assessed) -> None:
    """What no database here can hold, and no address can name, is wrong for ever. Raises InvalidMessage."""
    if not MOVE_ID.fullmatch(event.move.move_id):
        raise InvalidMessage(f"data.move.move_id: must be 1 to 190 letters, digits, dots, colons, hyphens or underscores, not {event.move.move_id[:80]!r}")
    if event.revision > MOST_REVISIONS:
        raise InvalidMessage(f"data.revision: {event.revision} is over {MOST_REVISIONS}")
    if len(event.move.country) > 16 or not event.move.country.isalnum():
        raise InvalidMessage(f"data.move.country: must be a country code, not {event.move.country[:40]!r}")


def _move_values(move_id: str, held: HeldMove, *, alerted: bool) -> dict[str, Any]:
    """The whole assessment is kept for people, who see it through the alert: of a move without one the figures are enough."""
    assert held.latest is not None
    latest = whole(held.latest).model_dump_json(exclude_none=True).encode() if alerted else b""
    return {"move_id": move_id, "revision": held.revision, "as_of": held.as_of, "weight": held.weight, "targets": " ".join(held.targets), "latest": latest}


def _write_alerts(connection: Connection, batch: Batch, moment: dt.datetime) -> None:
    """The alerts touched, and under which institutions they are listed: what is so already is left alone."""
    touched = sorted(batch.touched.values(), key=lambda held: held.alert.alert_id)
    insert_rows(connection, tables.alerts, [_alert_values(held, moment) for held in touched], "replace")
    now = {held.alert.alert_id: frozenset(held.alert.targets) for held in touched}
    before = {which: batch.listed.get(which, frozenset()) for which in now}
    gone = [{"alert": which, "institution": target} for which, targets in now.items() for target in sorted(before[which] - targets)]
    if gone:
        connection.execute(_NO_LONGER, gone)
    insert_rows(connection, tables.alert_targets, [{"alert_id": which, "target": target} for which, targets in now.items() for target in sorted(targets - before[which])], "ignore")


def _alert_values(held: HeldAlert, moment: dt.datetime) -> dict[str, Any]:
    alert = held.alert
    item = alert.model_dump(mode="json") | {"sequence": held.sequence, "recorded_at": held.recorded_at, "updated_at": moment}
    columns = ("alert_id", "move_id", "kind", "lifecycle", "level", "peak_level", "direction", "stage", "country", "risk", "peak_risk", "revision", "exercise", "backfill")
    return {name: item[name] for name in columns} | {
        "level_rank": alert.level.rank,
        "peak_rank": alert.peak_level.rank,
        "opened_as_of": alert.opened_as_of,
        "changed_as_of": alert.changed_as_of,
        "recorded_at": held.recorded_at,
        "updated_at": moment,
        "sequence": held.sequence,
        "tlp_rank": alert.tlp.rank,
        # Spaces at both ends: a search looks for whole words, or for their beginnings. PostgreSQL indexes at most a million bytes.
        "search": f" {searchable(' '.join((alert.title, alert.title_en or '', alert.headline.es, alert.headline.en, held.aliases)))[:_MOST_SEARCHED]} ",
        "item": orjson.dumps(item),
    }


def _add_pressure(connection: Connection, changes: Mapping[tuple[str, dt.date], float]) -> None:
    """Adds to the days' changes; in one order always, so that two replicas cannot wait for each other."""
    rows = [{"target": target, "day": day, "change": change} for (target, day), change in sorted(changes.items()) if change]
    if rows:
        connection.execute(_adding_pressure(connection.dialect.name), rows)


@cache
def _adding_pressure(dialect: str) -> Any:
    """Building such a statement costs more than running it for one row, so it is built once. Both databases have ON CONFLICT, under different names."""
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(tables.pressure)
    return statement.on_conflict_do_update(index_elements=["target", "day"], set_={"change": tables.pressure.c.change + statement.excluded.change})


_HEAD = update(tables.head)
_LOCKED_HEAD = select(tables.head.c.sequence, tables.head.c.hash, tables.head.c.frontier).with_for_update()
_WAITING = within_bytes(
    select(tables.ledger.c.sequence, tables.ledger.c.alert_id, tables.ledger.c.event)
    .where(tables.ledger.c.sequence > select(tables.head.c.published_through).scalar_subquery())
    .order_by(tables.ledger.c.sequence)
    .limit(bindparam("most")),
    "event",
)
_NO_LONGER = tables.alert_targets.delete().where(tables.alert_targets.c.alert_id == bindparam("alert"), tables.alert_targets.c.target == bindparam("institution"))
