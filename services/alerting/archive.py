"""Reading the ledger: entries, checkpoints, proofs and the export. Of an entry above the reader's clearance only place and hash are shown: the signed tree holds for everyone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select

from services.alerting import tables
from services.alerting.ledger import checkpoint_line, entry_line, hexes, withheld_line
from services.alerting.merkle import consistency, inclusion, leaf_hash
from shared.database import Database
from shared.errors import Refused
from shared.events import Tlp

PAGE = 500


class Archive:
    """The ledger as readers see it. `clearance` is the most closed TLP whose entries are shown."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def size(self) -> int:
        """The sequence of the last entry; 0 when nothing was said yet."""
        with self.database.reading() as session:
            return int(session.connection().execute(select(tables.head.c.sequence)).scalar_one())

    def checkpoint(self) -> dict[str, Any] | None:
        """The latest signed checkpoint; None when nothing was said yet."""
        with self.database.reading() as session:
            raw = session.connection().execute(select(tables.head.c.checkpoint)).scalar_one()
        return orjson.loads(raw) if raw else None

    def entries(self, since: int, limit: int, clearance: Tlp = Tlp.RED) -> list[dict[str, Any]]:
        """Entries after sequence `since`, as an export has them, with their sequence beside."""
        return [
            {
                "sequence": row.sequence,
                "withheld": _withheld(row, clearance),
                "entry": None if _withheld(row, clearance) else orjson.loads(row.entry),
                "hash": row.hash,
                "salt": row.salt.hex() if _shown(row, clearance) else None,
                "body": orjson.loads(row.body) if _shown(row, clearance) else None,
            }
            for row in self._rows(since, limit)
        ]

    def entries_with_rank(self, since: int, limit: int) -> list[tuple[int, int, bytes, bytes | None]]:
        """(sequence, TLP rank, canonical entry, canonical body or None when withheld) of the entries after `since`: for readers of several clearances at once."""
        return [(row.sequence, row.tlp_rank, row.entry, row.body) for row in self._rows(since, limit)]

    def export(self, clearance: Tlp = Tlp.RED) -> Iterator[bytes]:
        """JSON lines: every entry up to the latest checkpoint, each checkpoint after the entry it covers last. What `veedor verify` reads."""
        until, since = self.size(), 0
        while since < until:
            rows = [row for row in self._rows(since, PAGE) if row.sequence <= until]
            signed = self._checkpoints(since, rows[-1].sequence)
            for row in rows:
                yield _line(row, clearance)
                if row.sequence in signed:
                    yield checkpoint_line(orjson.loads(signed[row.sequence]))
            since = rows[-1].sequence

    def inclusion(self, sequence: int) -> dict[str, Any]:
        """Proof that an entry stands under the latest checkpoint. Raises Refused (404)."""
        with self.database.reading() as session:
            connection = session.connection()
            head = connection.execute(select(tables.head.c.sequence, tables.head.c.checkpoint)).one()
            if not 1 <= sequence <= head.sequence:
                raise Refused(f"there is no entry {sequence}: the ledger has {head.sequence}", field="sequence", status=404)
            index = sequence - 1
            leaf = _fetch(connection, 0, index, 1)[0]
            return {
                "sequence": sequence,
                "size": head.sequence,
                "leaf": leaf.hex(),
                "path": hexes(inclusion(_Tree(connection), index, head.sequence)),
                "checkpoint": orjson.loads(head.checkpoint),
            }

    def consistency(self, first: int, second: int | None) -> dict[str, Any]:
        """Proof that the ledger of size `second` (latest when None) only added to that of size `first`. Raises Refused (404, 422)."""
        with self.database.reading() as session:
            connection = session.connection()
            size = int(connection.execute(select(tables.head.c.sequence)).scalar_one())
            second = size if second is None else second
            if not 1 <= first <= size or second > size:
                raise Refused(f"the ledger has {size} entries: choose sizes from 1 to that", field="from" if first > size or first < 1 else "to", status=404)
            if first > second:
                raise Refused("must not be larger than `to`", field="from")
            return {"from": first, "to": second, "path": hexes(consistency(_Tree(connection), first, second))}

    def _rows(self, since: int, limit: int) -> Sequence[Any]:
        found = tables.ledger.c
        columns = (found.sequence, found.entry, found.hash, found.salt, found.body, found.tlp_rank)
        with self.database.reading() as session:
            return session.connection().execute(select(*columns).where(found.sequence > since).order_by(found.sequence).limit(limit)).all()

    def _checkpoints(self, since: int, until: int) -> dict[int, bytes]:
        found = tables.checkpoints.c
        with self.database.reading() as session:
            rows = session.connection().execute(select(found.size, found.checkpoint).where(found.size > since, found.size <= until)).all()
        return {row.size: row.checkpoint for row in rows}


class _Tree:
    """merkle.Fetch over the stored leaves and tiles."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __call__(self, level: int, start: int, count: int) -> Sequence[bytes]:
        return _fetch(self.connection, level, start, count)


def _fetch(connection: Connection, level: int, start: int, count: int) -> list[bytes]:
    if level == 0:
        found = tables.ledger.c
        rows = connection.execute(select(found.hash).where(found.sequence > start, found.sequence <= start + count).order_by(found.sequence)).scalars()
        return [leaf_hash(bytes.fromhex(row)) for row in rows]
    tile = tables.tiles.c
    return list(connection.execute(select(tile.hash).where(tile.level == level, tile.index >= start, tile.index < start + count).order_by(tile.index)).scalars())


def _line(row: Any, clearance: Tlp) -> bytes:
    if _withheld(row, clearance):
        return withheld_line(row.sequence, row.hash)
    shown = _shown(row, clearance)
    return entry_line(row.entry, row.hash, row.salt if shown else b"", row.body if shown else None)


def _withheld(row: Any, clearance: Tlp) -> bool:
    return bool(row.tlp_rank > clearance.rank)


def _shown(row: Any, clearance: Tlp) -> bool:
    return row.body is not None and row.salt is not None and not _withheld(row, clearance)
