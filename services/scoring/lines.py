"""`veedor score`: lines of bills in, lines of assessments out, in the same order. Lenient: fields may be null or absent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

from services.scoring.assess import TOGETHER, Said, ScoringPack, assess_all
from services.scoring.values import computed, maker
from shared.countries.pack import Pack
from shared.events import Instrument, Move, Stage, Step

Line = dict[str, Any]
_made_step = maker(Step)
_EARLIEST, _LATEST = dt.date(1821, 7, 28), dt.date(2200, 1, 1)
_FILED, _OTHER, _BILL = Stage.FILED, Stage.OTHER, Instrument.BILL


def _text(line: Line, field: str) -> str | None:
    value = line.get(field)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{field}: must be text")
    return value or None


def _day(value: Any, field: str) -> dt.date:
    try:
        return _date(value[:10])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{field}: {value!r} is not a date (YYYY-MM-DD)") from error


@lru_cache(maxsize=32_768)
def _date(text: str) -> dt.date:
    day = dt.date.fromisoformat(text)
    if not _EARLIEST <= day <= _LATEST:
        raise ValueError(f"{text} is no day of a bill")
    return day


def _step(stage: Stage, native: str | None, day: dt.date, detail: str | None) -> Step:
    return _made_step(
        {
            "stage": stage,
            "native_stage": native,
            "date": day,
            "precision": "day",
            "detail": detail,
            "votes": None,
            "shortcut": None,
            "source": None,
            "confidence": "sourced",
            "note": None,
        },
    )


@lru_cache(maxsize=4096)
def _filed(day: dt.date) -> Step:
    """Several bills are filed on the same day."""
    return _step(_FILED, None, day, None)


def _steps(line: Line, pack: Pack) -> list[Step]:
    """Dated steps of a bill line; a native stage nobody mapped is `other`."""
    steps = [_filed(_day(line["presented"], "presented"))] if line.get("presented") else []
    stages = line.get("stages") or []
    if not isinstance(stages, list):
        raise ValueError("stages: must be a list")
    stage_of = pack.stage_of
    for number, found in enumerate(stages):
        if not isinstance(found, dict):
            raise ValueError(f"stages.{number}: must be an object")
        if date := found.get("date"):
            native, detail = found.get("stage") or "", found.get("detail")
            if not isinstance(native, str) or (detail is not None and not isinstance(detail, str)):
                raise ValueError(f"stages.{number}: stage and detail must be text")
            try:
                day = _date(date[:10])
            except (TypeError, ValueError):
                day = _day(date, f"stages.{number}.date")
            steps.append(_step(stage_of(native) or _OTHER, native, day, detail))
    return steps


def move_of(line: Line, pack: Pack) -> Move:
    """A bill line as a move. Raises ValueError naming the field."""
    title, summary = _text(line, "title"), _text(line, "summary")
    if not title and not summary:
        raise ValueError("title: missing, and there is no summary to read instead")
    steps = sorted(_steps(line, pack), key=attrgetter("date"))
    key = str(line.get("key"))
    return computed(
        Move,
        {
            "move_id": key,
            "key": key,
            "country": pack.code,
            "period": _text(line, "period") or "",
            "chamber": _text(line, "chamber") or "",
            "instrument": _BILL,
            "aliases": (),
            "title": title or "",
            "title_origin": "official",
            "title_en": None,
            "summary": summary,
            "text": None,
            "proponent": _text(line, "proponent"),
            "groups": (),
            "related": (),
            "steps": tuple(steps),
            "url": None,
        },
    )


def result(key: Any, said: Said) -> Line:
    """The output line: the contract of DESIGN.md section 7."""
    p_law, earliest = said.get("p_law"), said.get("earliest_law")
    return {
        "key": key,
        "relevance": round(said["relevance"], 6),
        "targets": [str(target) for target in said["targets"]],
        "mechanisms": [str(mechanism) for mechanism in said["mechanisms"]],
        "direction": str(said["direction"]),
        "abstained": said["abstained"],
        "severity": round(said["severity"], 3),
        "imminence": round(said["imminence"], 3),
        "confidence": round(said["confidence"], 4),
        "risk": round(said["risk"], 4),
        "level": str(said["level"]),
        "p_law": None if p_law is None else round(p_law, 6),
        "earliest_law": earliest.isoformat() if earliest else None,
        "factors": [{"rule": f["rule"], "part": f["part"], "points": f["points"], "quote": f.get("quote"), "citation": f["citation"]} for f in said["factors"]],
    }


class Asked(NamedTuple):
    """What a line asks: what this move means on that day."""

    key: Any
    move: Move
    as_of: dt.date


def _asked(raw: bytes, pack: Pack, as_of: dt.date) -> Asked | Line:
    """Or what is wrong with the line; its own `as_of` beats the given one."""
    key = None
    try:
        line = _read(raw)
        if not isinstance(line, dict):
            raise ValueError("the line is no JSON object")
        if isinstance(line.get("key"), dict | list):
            raise ValueError("key: must be text or a number")
        key = line.get("key")
        day = _day(line["as_of"], "as_of") if line.get("as_of") else as_of
        return Asked(key, move_of(line, pack), day)
    except ValueError as error:
        return _refused(key, error)


def _read(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the line is not JSON in UTF-8: {error}") from error


def _refused(key: Any, error: ValueError) -> Line:
    return {"key": key, "error": str(error)}


def _answers(asked: Sequence[Asked], pack: ScoringPack) -> list[Line]:
    """Together; one by one when one of them cannot be scored."""
    try:
        found = assess_all([(move, day) for _, move, day in asked], pack)
    except ValueError as error:
        return [_refused(asked[0].key, error)] if len(asked) == 1 else [line for one in asked for line in _answers([one], pack)]
    return [result(one.key, said) for one, said in zip(asked, found, strict=True)]


def score_line(raw: bytes, pack: ScoringPack, as_of: dt.date) -> Line:
    """One line that is not blank, scored, or `{key, error}`."""
    return next(score([raw], pack, as_of))


def score(lines: Iterable[bytes], pack: ScoringPack, as_of: dt.date) -> Iterator[Line]:
    """Scores a stream of lines; answers come some dozens at a time: memory stays flat."""
    filled = (raw for raw in lines if raw.strip())
    while batch := [_asked(raw, pack.country, as_of) for raw in islice(filled, TOGETHER)]:
        answers = iter(_answers([found for found in batch if isinstance(found, Asked)], pack))
        yield from (next(answers) if isinstance(found, Asked) else found for found in batch)
