"""A move as it stood on a day, in the terms of the chance-of-law model. In: a move and a date; out: named features. Pure, point-in-time.

Reads stages, dates, committees, the type of proponent and the calendar; never authors, groups, persons or regions.
"""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import NamedTuple

from services.scoring.history import History, history
from services.scoring.memory import Memory
from shared.events import Move
from shared.folding import unaccented

_EARLIEST = dt.date(2001, 7, 27)
_LADDER = {
    "filed": 0,
    "referred": 1,
    "committee": 1,
    "negative_report": 2,
    "report": 3,
    "report_waived": 3,
    "agenda": 4,
    "debate": 5,
    "first_vote": 6,
    "approved": 6,
    "second_vote_waived": 7,
    "sent": 8,
    "observed": 9,
    "insistence": 10,
    "promulgated": 11,
    "published": 12,
}
_RUNG = {rung: name for name, rung in reversed(_LADDER.items())}
_SILENT = frozenset({"letter", "other", "signature_withdrawn", "clerk_order", "haste"})
_DEAD = frozenset({"archived", "withdrawn", "rejected_outright", "rejected"})
_LAW = frozenset({"promulgated", "published"})
_DAYS = (0, 2, 7, 20, 45, 90, 180, 365, 730, 1200)
_WORD = re.compile(r"\w+")
_YEAR = re.compile(r"(?:1[89]|2[01])[0-9]{2}")
# Beginnings of words of procedure; none begins a name of those who signed bills since 2006.
_PROCEDURE = re.compile(
    "insistenci|exoner|priori|dispens|unanimidad|mayoria|minoria|archiv|2da|1ra|permanente|pleno|desacumul|acumul|ampliacion|agend|intermedio|solicit|adher|adhier"
    "|agreg|retir|retorn|regres|deriv|pase|reiter|remit|remis|trasl|sustitutori|predictam|pdte|pdta|president|portavo|vocer|reconsider|errata|rectific|aclar|omit"
    "|insert|plazo|votacion|firma|antecedent|atend|tengas|conocimiento|consejo|pedido|document|ministr|consult|opinion|texto|asociacion|estudio|debat|incluy|inclus"
    "|consign|expedient|tematic|vence|relatoria|deneg|suspend|falta|consensu|acuerdo|ejecutivo|pcm|tramit|sesion|congresist|congreso|cong|comis|comision|aprob|rechaz"
    "|publicac|modific|acordo|recib|entreg|present|folios|adjunt|oficio|dictam"
)
_COMMITTEE = re.compile(
    "justicia|descentralizacion|economia|constitucion|defensa|educacion|presupuesto|transportes|agraria|pueblos|vivienda|trabajo|energia|consumidor|salud"
    "|exteriores|exterior|cultura|seguridad|fiscalizacion|mujer|produccion|inclusion|ciencia|inteligencia|ambiente|especial"
)
_PROPONENTS = (
    ("actualizacion", "carried_over"),
    ("ejecutivo", "executive"),
    ("presidente de la republica", "executive"),
    ("congreso", "congress"),
    ("diputados", "congress"),
    ("senado", "congress"),
    ("locales", "local"),
    ("regionales", "regional"),
    ("colegios", "professional"),
    ("ciudadan", "citizens"),
)


def features(move: Move, as_of: dt.date) -> dict[str, float]:
    """Named features of the move on that day; subject words are added by the model."""
    return features_of(move, history(move, as_of), as_of)


class Names(tuple[str, ...]):
    """Names of features that were made once and come again: told apart by which they are, not by what they hold, so a model may quickly find what they weigh."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class State(NamedTuple):
    """A move on a day. `names` and `marks` are its features.

    `base` names its base rate; `end`: "law" or "dead" when that is what it seems to be; `untouched`: filed that day and no more than sent to a committee.
    """

    top: str
    base: str
    end: str
    untouched: bool
    names: tuple[Names, ...]
    marks: tuple[str, ...]


def features_of(move: Move, happened: History, as_of: dt.date) -> dict[str, float]:
    """The same from its history."""
    state = state_of(move, happened, as_of)
    return dict.fromkeys(chain(*state.names, state.marks), 1.0)


def state_of(move: Move, happened: History, as_of: dt.date) -> State:
    """The same, for whoever asks often."""
    return _state(proponent_kind(move.proponent), period_start(move, happened.days[0]), happened, as_of)


def state_on_filing(move: Move, happened: History) -> State:
    """As it stood at the end of the day of filing."""
    filed = happened.days[0]
    kind, start = proponent_kind(move.proponent), period_start(move, filed)
    that_day = bisect_right(happened.days, filed)
    if that_day == 1 and not happened.details[0]:
        return _just_filed(kind, start, filed)
    return _state(kind, start, happened.first(that_day), filed)


@lru_cache(maxsize=16_384)
def _just_filed(kind: str, start: dt.date, filed: dt.date) -> State:
    return _state(kind, start, History((filed,), ("filed",), ("",)), filed)


def _state(kind: str, start: dt.date, history: History, as_of: dt.date) -> State:
    days, happenings, details = history
    filed = days[0]
    rung, last, at, end, happened = _course(happenings)
    top = _RUNG[rung]
    untouched = rung <= _LADDER["referred"] and filed == as_of
    names = (
        _standing(kind, rung, last),
        _durations(top, _place(as_of - filed), _place(as_of - days[-1]), _place(as_of - days[at])),
        _calendar(start, filed, as_of, top),
        happened,
        _UNTOUCHED if untouched else _NONE,
    )
    return State(top, f"{kind},{top}", end, untouched, names, _marked(happenings, details))


_UNTOUCHED, _NONE = Names(("untouched",)), Names()
_TO = "committee="


@lru_cache(maxsize=16_384)
def _course(names: tuple[str, ...]) -> tuple[int, str, int, str, Names]:
    """How far it came, what happened last, which event reached the furthest rung first, how it ended, and what happened at all."""
    rungs = [_LADDER.get(name, 0) for name in names]
    last = next((name for name in reversed(names) if name not in _SILENT), "filed")
    dead: tuple[str, ...] = ()
    if not _DEAD.isdisjoint(names):
        dead = ("dead", "revived" if _LADDER.get(last, 0) >= 3 else "still_dead")
    happened = Names((*chain.from_iterable(_count(*item) for item in Counter(names).items()), *dead))
    end = "dead" if last in _DEAD else ""
    return max(rungs), last, rungs.index(max(rungs)), end if _LAW.isdisjoint(names) else "law", happened


def _marked(names: Sequence[str], details: Sequence[str]) -> tuple[str, ...]:
    """What the details of the steps add, each once: the committees it went to, and listed words of procedure; nothing else of them is read."""
    marks: list[str] = []
    for name, detail in zip(names, details, strict=True):
        if detail:
            marks += _DETAILS[name][detail]
    return tuple(dict.fromkeys(marks))


@lru_cache(maxsize=4096)
def _standing(kind: str, rung: int, last: str) -> Names:
    """How far it came, what happened last, who filed it."""
    top, late = _RUNG[rung], rung >= 3
    return Names((f"top={top}", f"late={late}", f"last={last}", f"top={top},last={last}", f"base={kind},{top}", f"proponent={kind}", f"proponent={kind},late={late}"))


def named(found: dict[str, float], name: str) -> str:
    """The value of a one-of-many feature: "committee" for "top=committee"."""
    start = f"{name}="
    return next(feature[len(start) :] for feature in found if feature.startswith(start))


def period_of(move: Move) -> str:
    """The five-year period as "2011-2016"."""
    return _years(period_start(move))


def _filed(move: Move) -> dt.date:
    return min((step.date for step in move.steps), default=_EARLIEST)


def proponent_kind(proponent: str | None) -> str:
    """The type of body that filed: executive, congress, autonomous and so on."""
    return _kind(proponent or "")


@lru_cache(maxsize=1024)
def _kind(proponent: str) -> str:
    plain = unaccented(proponent)
    if not plain:
        return "unknown"
    return next((kind for word, kind in _PROPONENTS if word in plain), "autonomous")


def _bin(days: int) -> str:
    return f"{_DAYS[max(0, bisect_right(_DAYS, days) - 1)]}+"


def _place(time: dt.timedelta) -> int:
    return bisect_right(_DAYS, time.days)


@lru_cache(maxsize=4096)
def _durations(top: str, age: int, idle: int, in_stage: int) -> Names:
    """Features of three durations, each given by its place among `_DAYS`."""
    bins = [(name, f"{_DAYS[max(0, place - 1)]}+") for name, place in (("age", age), ("idle", idle), ("in_stage", in_stage))]
    return Names((*(f"{name}={days}" for name, days in bins), *(f"top={top},{name}={days}" for name, days in bins)))


@lru_cache(maxsize=256)
def _years(start: dt.date) -> str:
    return f"{start.year}-{start.year + 5}"


def period_start(move: Move, filed: dt.date | None = None) -> dt.date:
    """The 27 July on which the parliamentary period began: by its code, else by the date of filing (general elections every five years from 2001)."""
    began = _began(move.period[:4])
    if began is not None:
        return began
    filed = filed or _filed(move)
    years = filed.year - ((filed.month, filed.day) < (7, 27))
    return dt.date(max(1, years - (years - 2001) % 5), 7, 27)


@lru_cache(maxsize=256)
def _began(year: str) -> dt.date | None:
    """None for what is no year."""
    return dt.date(int(year), 7, 27) if _YEAR.fullmatch(year) else None


@lru_cache(maxsize=16_384)
def _calendar(start: dt.date, filed: dt.date, as_of: dt.date, top: str) -> Names:
    year = min(6, (as_of - start).days // 365)
    left = (start.replace(year=start.year + 5) - as_of).days
    filed_half = min(10, max(0, (filed - start).days) * 2 // 365)
    return _seasons(top, filed_half, year, _bin(left) if left >= 0 else "over", as_of.month, filed.month)


@lru_cache(maxsize=16_384)
def _seasons(top: str, filed_half: int, year: int, left: str, month: int, filed_month: int) -> Names:
    ours = (f"filed_half={filed_half}", f"year={year}", f"filed_month={filed_month}")
    return Names((*ours, f"top={top},filed_half={filed_half}", f"top={top},year={year}", f"top={top},left={left}", f"top={top},month={month}"))


@lru_cache(maxsize=4096)
def _count(name: str, count: int) -> tuple[str, ...]:
    return (f"has={name}", *(f"has={name}x{least}" for least in (2, 3, 5) if count >= least))


def _marks(piece: str) -> tuple[str, ...]:
    """Of one piece of a detail, between two spaces: the committees it names, and listed words of procedure."""
    if piece.lower() == piece.upper():  # a date, a number
        return ()
    plain = unaccented(piece)
    committees = [f"{_TO}{word}" for word in _COMMITTEE.findall(plain)]
    return (*committees, *[f"~{found[0]}" for word in _WORD.findall(plain) if (found := _PROCEDURE.match(word))])


_PIECES = Memory(_marks)


def _of_event(event: str, marks: tuple[str, ...]) -> tuple[str, ...]:
    """Words of procedure say something of the event; committees count where a move is sent to them. The same for the marks of a piece as for those of a whole detail."""
    sent = event in ("referred", "committee")
    return tuple([mark if mark.startswith(_TO) else f"{event}{mark}" for mark in marks if sent or not mark.startswith(_TO)])


def _together(of_event: Memory[tuple[str, ...], tuple[str, ...]], detail: str) -> tuple[str, ...]:
    return of_event[tuple(chain.from_iterable(map(_PIECES.__getitem__, detail.split())))]


# A pending move's details come again every day; a detail seen for the first time is made of pieces seen before.
_DETAILS: Memory[str, Memory[str, tuple[str, ...]]] = Memory(lambda event: Memory(partial(_together, Memory(partial(_of_event, event))), longest=600))
