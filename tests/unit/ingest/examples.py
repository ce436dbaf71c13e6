"""Observations for tests, told in few words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from services.ingest.observation import Observation, understand
from shared.countries import Pack

TODAY = dt.date(2024, 9, 1)

BILL: dict[str, Any] = {
    "key": "T-1",
    "aliases": ["PL 5981/2023-CR"],
    "instrument": "bill",
    "observed_on": "2023-09-21",
    "stage": "filed",
    "native_stage": "Presentado",
    "title": "Ley que modifica la Ley 30077, Ley contra el Crimen Organizado",
    "source": {"url": "https://example.org/5981", "title": "Expediente", "date": "2023-09-21"},
}


def said(**fields: Any) -> dict[str, Any]:
    """A line of the record; a field given as None is absent."""
    return {name: value for name, value in {**BILL, **fields}.items() if value is not None}


def told(pack: Pack, **fields: Any) -> Observation:
    return understand(said(**fields), pack, TODAY)
