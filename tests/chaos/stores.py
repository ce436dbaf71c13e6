"""The rows of ingest, alerting and webhooks, asked by SQL of PostgreSQL or of the embedded files alike. In: who answers a question to a service; out: Stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from tests.chaos.evidence import Assessed, Entry, Stores

Ask = Callable[[str, str], list[tuple[Any, ...]]]
"""A service's name and a question in which {0} stands before its tables; the rows."""

WATCH = ("watch", "elevated", "high", "critical")


def read(ask: Ask) -> Stores:
    """Everything, in one go; ask it of a system at rest."""
    return Stores(
        moves={row[0] for row in ask("ingest", "SELECT move_id FROM {0}moves")},
        assessments=[
            Assessed(event_id, move, revision, str(day)) for event_id, move, revision, day in ask("alerting", "SELECT event_id, move_id, revision, as_of FROM {0}assessments")
        ],
        entries=[entry(sequence, orjson.loads(event)["data"]) for sequence, event in ask("alerting", "SELECT sequence, event FROM {0}ledger ORDER BY sequence")],
        head=ask("alerting", "SELECT sequence FROM {0}head")[0][0],
        alerts=dict(ask("alerting", "SELECT alert_id, revision FROM {0}alerts")),  # type: ignore[arg-type]
        numbered=ask("webhooks", "SELECT coalesce(max(last_sequence), 0) FROM {0}subscriptions")[0][0],
    )


def entry(sequence: int, data: dict[str, Any]) -> Entry:
    """A ledger row by what its event says, read without the product's own models."""
    says = {name: data.get(name) for name in ("lifecycle", "level", "direction", "stage", "members")}
    loud = data["level"] in WATCH or data.get("previous_level") in WATCH
    due = loud and not data.get("backfill") and not data.get("inhibited_by")
    return Entry(sequence, data["alert_id"], data["revision"], orjson.dumps(says, option=orjson.OPT_SORT_KEYS).decode(), due)
