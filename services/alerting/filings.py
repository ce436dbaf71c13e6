"""What the database holds of filings and clusters. In: a connection under the lock of the ledger's head; out: a docket for the batch, and what changed in it written back.

Most batches need little of it: an institution's filings are read whole only when they are of two groups or a cluster stands there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, select

from services.alerting import tables
from services.alerting.alert import Change
from services.alerting.cluster import FEWEST_GROUPS, Filing, enters, named
from services.alerting.docket import ClusterAlert, Docket, Place
from shared.countries import Pack
from shared.events import MoveAssessed, Target, digest
from shared.rows import DIALECTS, among

SEVERAL = "+"


def read_docket(connection: Connection, changes: Sequence[tuple[Change, MoveAssessed]], pack: Pack) -> Docket:
    """All that the changes can touch. Read it after the head is locked: only then does no other replica add to it."""
    own = _filings(connection.execute(_OF_MOVES[connection.dialect.name], {"moves": sorted({event.move.move_id for _, event in changes})}))
    new: dict[Place, set[str]] = defaultdict(set)
    for change, event in changes:
        for target in event.assessment.targets if enters(change.alert, event) else ():
            new[event.move.country, target].add(group_of(named(event.move.groups)))
    places = sorted(new.keys() | own.keys())
    clusters = _clusters(connection, {country for country, _ in places})
    whole = _crowded(connection, places, new) | {(cluster.country, cluster.targets[0]) for cluster in clusters.values()} & set(places)
    for place in sorted(whole):
        own |= _filings(connection.execute(_OF_A_PLACE, {"country": place[0], "target": place[1]}))
    return Docket(pack, own, clusters, frozenset(whole))


def filing_values(docket: Docket) -> list[dict[str, Any]]:
    """The rows that changed."""
    return [
        {"country": country, "target": target, "move_id": move_id, "groups": group_of(filing.groups), "filing": filing.model_dump_json().encode()}
        for ((country, target), move_id), filing in sorted(docket.touched.items(), key=lambda found: found[0])
    ]


def group_of(groups: Sequence[str]) -> str:
    """Tells groups apart in a column of fixed width; empty when they are not known, marked when they are several."""
    return f"{SEVERAL if len(groups) > 1 else ''}{digest(*groups)}" if groups else ""


def _filings(found: Iterable[Row[Any]]) -> dict[Place, dict[str, Filing]]:
    filings: dict[Place, dict[str, Filing]] = defaultdict(dict)
    for row in found:
        filing = Filing.model_validate_json(row.filing)
        filings[filing.country, filing.target][filing.move_id] = filing
    return dict(filings)


def _clusters(connection: Connection, countries: set[str]) -> dict[str, ClusterAlert]:
    rows = connection.execute(_CLUSTERS[connection.dialect.name], {"countries": sorted(countries)}) if countries else ()
    return {row.alert_id: ClusterAlert.model_validate_json(row.item) for row in rows}


def _crowded(connection: Connection, places: Sequence[Place], new: dict[Place, set[str]]) -> set[Place]:
    """Where filings of two groups meet, the batch's own counted in."""
    found = {place: groups | new.get(place, set()) for place, groups in _ends(connection, places).items()}
    return {place for place, groups in found.items() if len(groups) >= FEWEST_GROUPS or any(group.startswith(SEVERAL) for group in groups)}


def _ends(connection: Connection, places: Sequence[Place]) -> dict[Place, set[str]]:
    """The first and the last of the groups that filed at each place, one where all are of one group: two steps in an index, however many filings there are."""
    if not places:
        return {}
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(_ENDS_SQLITE, (orjson.dumps(places).decode(),))
    else:
        found = connection.exec_driver_sql(_ENDS_POSTGRES, tuple(map(list, zip(*places, strict=True))))
    return {(row[0], Target(row[1])): {group for group in row[2:] if group is not None} for row in found}


_OF_MOVES = {dialect: select(tables.filings.c.filing).where(among(dialect, tables.filings.c.move_id, "moves")) for dialect in DIALECTS}
_OF_A_PLACE = select(tables.filings.c.filing).where(tables.filings.c.country == bindparam("country"), tables.filings.c.target == bindparam("target"))
_CLUSTERS = {
    dialect: select(tables.alerts.c.alert_id, tables.alerts.c.item).where(tables.alerts.c.kind == "cluster", among(dialect, tables.alerts.c.country, "countries"))
    for dialect in DIALECTS
}
_ENDS = """SELECT place.country, place.target,
(SELECT min(groups) FROM filings WHERE country = place.country AND target = place.target), (SELECT max(groups) FROM filings WHERE country = place.country AND target = place.target)
FROM """
_PLACES_SQLITE = "SELECT json_extract(value, '$[0]') AS country, json_extract(value, '$[1]') AS target FROM json_each(?)"
_ENDS_SQLITE = f"{_ENDS} ({_PLACES_SQLITE}) AS place"
_ENDS_POSTGRES = f"{_ENDS} unnest(%b::text[], %b::text[]) AS place(country, target)"
