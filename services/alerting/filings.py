"""What the database holds of filings and clusters. In: a connection under the lock of the ledger's head; out: a docket for the batch, and what changed in it written back.

Most batches need little of it: an institution's filings are read whole only when they are of two groups or a cluster stands there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, func, select

from services.alerting import tables
from services.alerting.alert import Change
from services.alerting.cluster import FEWEST_GROUPS, Filing, enters, named
from services.alerting.docket import ClusterAlert, Docket, Place
from shared.countries import Pack
from shared.events import MoveAssessed, digest
from shared.rows import among

SEVERAL = "+"


def read_docket(connection: Connection, changes: Sequence[tuple[Change, MoveAssessed]], pack: Pack) -> Docket:
    """All that the changes can touch. Read it after the head is locked: only then does no other replica add to it."""
    own = _filings(connection, among(connection, tables.filings.c.move_id, sorted({event.move.move_id for _, event in changes})))
    new: dict[Place, set[str]] = defaultdict(set)
    for change, event in changes:
        for target in event.assessment.targets if enters(change.alert, event) else ():
            new[event.move.country, target].add(group_of(named(event.move.groups)))
    places = sorted(new.keys() | own.keys())
    clusters = _clusters(connection, {country for country, _ in places})
    whole = _crowded(connection, places, new) | {(cluster.country, cluster.targets[0]) for cluster in clusters.values()} & set(places)
    for place in sorted(whole):
        own |= _filings(connection, (tables.filings.c.country == place[0]) & (tables.filings.c.target == place[1]))
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


def _filings(connection: Connection, condition: Any) -> dict[Place, dict[str, Filing]]:
    found: dict[Place, dict[str, Filing]] = defaultdict(dict)
    for row in connection.execute(select(tables.filings.c.filing).where(condition)):
        filing = Filing.model_validate_json(row.filing)
        found[filing.country, filing.target][filing.move_id] = filing
    return dict(found)


def _clusters(connection: Connection, countries: set[str]) -> dict[str, ClusterAlert]:
    alert = tables.alerts.c
    rows = connection.execute(select(alert.alert_id, alert.item).where(alert.kind == "cluster", alert.country.in_(sorted(countries)))) if countries else ()
    return {row.alert_id: ClusterAlert.model_validate_json(row.item) for row in rows}


def _crowded(connection: Connection, places: Sequence[Place], new: dict[Place, set[str]]) -> set[Place]:
    """Where filings of two groups meet, the batch's own counted in. Only the first and the last group are looked up: two steps in an index, however many filings there are."""
    found = {place: _ends(connection, place) | new.get(place, set()) for place in places}
    return {place for place, groups in found.items() if len(groups) >= FEWEST_GROUPS or any(group.startswith(SEVERAL) for group in groups)}


def _ends(connection: Connection, place: Place) -> set[str]:
    """The first and the last of the groups that filed there: one where all are of one group."""
    found = connection.execute(_FIRST_AND_LAST, {"country": place[0], "target": str(place[1])}).one()
    return {group for group in found if group is not None}


def _end(function: Callable[[ColumnElement[str]], ColumnElement[str]]) -> ScalarSelect[Any]:
    row = tables.filings.c
    return select(function(row.groups)).where(row.country == bindparam("country"), row.target == bindparam("target")).scalar_subquery()


_FIRST_AND_LAST = select(_end(func.min), _end(func.max))
