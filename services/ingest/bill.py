"""A bill with its dated stages, as lists and exports of a congress give it, becomes observations. In: one bill as plain values; out: one observation a dated fact. Pure.

Names of authors and identity numbers are left behind here: no field of an observation could hold them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.ingest.observation import Observation, understand, visible_from
from shared.countries import Pack
from shared.errors import Refused
from shared.events import Stage

PRESENTED = "Presentado"
LAW = (Stage.ENACTED, Stage.PUBLISHED, Stage.IN_FORCE)
SOURCE_KEY = re.compile(r"(\d{4}-[A-Z]+-)\d+")
VOTES = re.compile(r"\[sí (\d{1,4}), no (\d{1,4}), abst\. (\d{1,4})\]")


def is_bill(said: Mapping[str, Any]) -> bool:
    """Whether a line tells a bill rather than an observation."""
    return "observed_on" not in said and ("presented" in said or "stages" in said)


def observations(bill: Mapping[str, Any], pack: Pack, today: dt.date) -> list[Observation]:
    """Filing, then every dated stage; a status alone is what could be seen on `today`, at the latest on the last day of its period.

    Raises Refused naming the bill's field.
    """
    known = {name: value for name, value in bill.items() if value not in (None, "", [])}
    base = _base(known)
    found = []
    if "presented" in known:
        filed = base | {"observed_on": known["presented"], "stage": Stage.FILED, "native_stage": PRESENTED, "related": _related(known)}
        found.append(_told(filed, pack, today, {"observed_on": "presented"}))
    stages = known.get("stages", [])
    if not isinstance(stages, list):
        raise Refused("must be a list of {date, stage, detail}", field="stages")
    found += [_stage(base, known, stage, at, pack, today) for at, stage in enumerate(stages)]
    found += _status(base, known, found[0], pack, today) if found and not stages else []
    if not found:
        raise Refused("is missing, and so are dated stages: add the day it was presented", field="presented")
    return found


def _base(bill: Mapping[str, Any]) -> dict[str, Any]:
    """What every observation of the bill shares, in the record's names."""
    number = bill.get("number")
    key = bill.get("key", number)
    if key is None:
        raise Refused("is missing: add the bill's number", field="number")
    base = {name: bill[name] for name in ("title", "summary", "proponent", "group", "period", "chamber", "country") if name in bill}
    # Digits alone are a number only beside a key that says of what.
    aliases = [number] if isinstance(number, str) and re.search(r"[/-]", number) else []
    return base | {"key": key, "aliases": aliases, "instrument": bill.get("instrument", "bill")} | ({"source": {"url": bill["url"]}} if "url" in bill else {})


def _related(bill: Mapping[str, Any]) -> list[Any]:
    """Numbers of the bills it was joined with, as keys of its own list, and of the one it renews."""
    joined = bill.get("grouped_with", [])
    prefix = SOURCE_KEY.fullmatch(str(bill.get("key", "")))
    if isinstance(joined, list) and prefix:
        joined = [f"{prefix[1]}{int(number)}" if isinstance(number, str) and number.isascii() and number.isdigit() else number for number in joined]
    return [*joined, *([bill["renewed_from"]] if "renewed_from" in bill else [])]


def _stage(base: Mapping[str, Any], bill: Mapping[str, Any], stage: Any, at: int, pack: Pack, today: dt.date) -> Observation:
    if not isinstance(stage, Mapping):
        raise Refused("must be {date, stage, detail}", field=f"stages.{at}")
    native, detail = stage.get("stage"), stage.get("detail")
    said = dict(base) | {"observed_on": stage.get("date"), "native_stage": native, "detail": detail}
    if isinstance(detail, str) and (votes := VOTES.search(detail)):
        said["votes"] = dict(zip(("yes", "no", "abstentions"), map(int, votes.groups()), strict=True))
    if "law_number" in bill and isinstance(native, str) and pack.stage_of(native) in LAW:
        said["aliases"] = [*base["aliases"], bill["law_number"]]
    fields = {"observed_on": "date", "native_stage": "stage", "stage": "stage", "detail": "detail"}
    return _told(said, pack, today, {ours: f"stages.{at}.{theirs}" for ours, theirs in fields.items()})


def _status(base: Mapping[str, Any], bill: Mapping[str, Any], filed: Observation, pack: Pack, today: dt.date) -> Iterator[Observation]:
    """The state the list shows, when it is another than filed: nobody says since when."""
    status = bill.get("status")
    if not isinstance(status, str) or pack.stage_of(status) is Stage.FILED:
        return
    period = pack.period(filed.period) if filed.period else pack.period_on(visible_from(filed))
    seen = min(today, period.end) if period else today
    said = dict(base) | {"observed_on": seen.isoformat(), "native_stage": status, "undated": True, "confidence": "inferred"}
    yield _told(said, pack, today, {"native_stage": "status"})


def _told(said: Mapping[str, Any], pack: Pack, today: dt.date, names: Mapping[str, str]) -> Observation:
    """As `understand`, with the bill's own names of the fields in errors."""
    try:
        return understand(said, pack, today)
    except Refused as error:
        field, _, rest = error.field.partition(".")
        theirs = {"aliases": "number", "source": "url", "related": "grouped_with", **names}.get(field, field)
        raise Refused(error.detail, field=theirs if field in ("aliases", "source", "related") or not rest else f"{theirs}.{rest}", status=error.status) from error
