"""A move as it stood on a day, in the terms of the chance-of-law model. In: a move and a date; out: named features. Pure, point-in-time.

Reads stages, dates, committees, the type of proponent and the calendar; never authors, groups, persons or regions.
"""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

from services.scoring.terms import folded
from shared.events import Move, Stage, Step

_EARLIEST = dt.date(2001, 7, 27)
_COUNT = re.compile(r"si (\d+), no (\d+)")
_NATIVE: tuple[tuple[str, str], ...] = (
    ("dispensado 2da", "second_vote_waived"),
    ("dispensado de dictamen", "report_waived"),
    ("dispensado del tramite", "report_waived"),
    ("dispensado de publicacion", "haste"),
    ("se inhibe", "declined"),
    ("dictamen neg", "negative_report"),
    ("dictamen", "report"),
    ("nuevo texto", "new_text"),
    ("texto sustitutorio", "new_text"),
    ("el texto sustitutorio", "new_text"),
    ("entregado en sala", "new_text"),
    ("orden del dia", "agenda"),
    ("agenda del pleno", "agenda"),
    ("en agenda", "agenda"),
    ("pleno", "debate"),
    ("comision permanente", "debate"),
    ("en cuarto intermedio", "debate"),
    ("votacion en el pleno", "vote"),
    ("aprobado 1", "first_vote"),
    ("aprobado com", "approved"),
    ("aprobad", "approved"),
    ("pendiente 2", "first_vote"),
    ("autografa", "sent"),
    ("observad", "observed"),
    ("insistencia", "insistence"),
    ("allanamiento", "insistence"),
    ("promulgad", "promulgated"),
    ("publicad", "published"),
    ("rechazado de plano", "rejected_outright"),
    ("rechazad", "rejected"),
    ("no alcanzo", "short_of_votes"),
    ("al archivo", "archived"),
    ("archivad", "archived"),
    ("retirad", "withdrawn"),
    ("retiro de firma", "signature_withdrawn"),
    ("retiro de adhesion", "signature_withdrawn"),
    ("reconsideracion", "reconsideration"),
    ("retiro de reconsideracion", "reconsideration_withdrawn"),
    ("acumulado", "accumulated"),
    ("desacumulado", "separated"),
    ("vuelve a comision", "back_to_committee"),
    ("retorna a comision", "back_to_committee"),
    ("decretado", "referred"),
    ("en comision", "committee"),
    ("a comision", "referred"),
    ("pasa a", "referred"),
    ("pase tambien", "referred"),
    ("ac.portavoces", "spokespersons"),
    ("junta de portavoces", "spokespersons"),
    ("ac. consejo", "council"),
    ("ac.consejo", "council"),
    ("consejo directivo", "council"),
    ("en relatoria", "at_clerk"),
    ("acuerdo en comision", "committee_decision"),
    ("acuerdo", "agreement"),
    ("se adhiere", "report"),
    ("informe", "report"),
    ("devuelto", "returned"),
    ("por disposicion", "clerk_order"),
    ("oficio", "letter"),
    ("presentado", "filed"),
)
_NEUTRAL = {
    Stage.FILED: "filed",
    Stage.ADMITTED: "referred",
    Stage.COMMITTEE: "committee",
    Stage.REPORT: "report",
    Stage.FLOOR: "agenda",
    Stage.FIRST_VOTE: "first_vote",
    Stage.SECOND_VOTE: "approved",
    Stage.PASSED: "approved",
    Stage.ENACTED: "promulgated",
    Stage.PUBLISHED: "published",
    Stage.IN_FORCE: "published",
    Stage.OBSERVED: "observed",
    Stage.INSISTENCE: "insistence",
    Stage.SHELVED: "archived",
    Stage.WITHDRAWN: "withdrawn",
    Stage.REJECTED: "rejected",
}
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
_DAYS = (0, 2, 7, 20, 45, 90, 180, 365, 730, 1200)
_MARK = re.compile("insistencia|exonera|prioridad|priorizacion|dispens|unanimidad|mayoria|minoria|archiv|2da|1ra|permanente|pleno|desacumul|acumul|ampliacion de agenda|intermedio")
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


class Event(NamedTuple):
    """A step in the model's vocabulary; `detail` as the source wrote it."""

    day: dt.date
    name: str
    detail: str


def event_of(step: Step) -> str:
    """The model's name for a step: by its native label when it is a known one, else by its neutral stage."""
    name = _native_event(step.native_stage) if step.native_stage else None
    if name == "vote":
        return _outcome(step)
    return name or _NEUTRAL.get(step.stage, "other")


@lru_cache(maxsize=4096)
def _native_event(label: str) -> str | None:
    native = folded(label).strip()
    return next((name for prefix, name in _NATIVE if native.startswith(prefix)), None)


def _outcome(step: Step) -> str:
    """What a plenary vote decided: by its subject and its count."""
    subject = folded(step.detail or "")
    if step.votes is not None:
        won = step.votes.no is None or step.votes.yes > step.votes.no
    else:
        count = _COUNT.search(subject)
        won = count is None or int(count[1]) > int(count[2])
    if "exoneracion" in subject and "segunda" in subject:
        return "second_vote_waived" if won else "other"
    if "reconsideracion" in subject:
        return "reconsideration"
    if "cuestion previa" in subject:
        return "back_to_committee" if won else "debate"
    return "approved" if won else "short_of_votes"


def visible(step: Step) -> dt.date:
    """The day from which a step can be known: its date, or the last day of its month or year."""
    if step.precision == "day":
        return step.date
    month = 12 if step.precision == "year" else step.date.month
    first_of_next = dt.date(step.date.year + (month == 12), month % 12 + 1, 1)
    return first_of_next - dt.timedelta(days=1)


def history(move: Move, as_of: dt.date) -> list[Event]:
    """Events visible on `as_of`, oldest first, at least the filing."""
    events = [Event(day, event_of(step), step.detail or "") for step in move.steps if (day := visible(step)) <= as_of]
    events.sort(key=lambda event: event.day)
    if not events or events[0].name != "filed":
        events.insert(0, Event(events[0].day if events else as_of, "filed", ""))
    return events


def features(move: Move, as_of: dt.date) -> dict[str, float]:
    """Named features of the move on that day; subject words are added by the model."""
    events = history(move, as_of)
    rung = max(_LADDER.get(event.name, 0) for event in events)
    top = _RUNG[rung]
    found = {f"top={top}": 1.0, f"late={rung >= 3}": 1.0}
    _last(found, events, top)
    _times(found, events, top, rung, as_of)
    _calendar(found, move, events[0].day, top, as_of)
    _occurrences(found, events)
    _details(found, events)
    kind = proponent_kind(move.proponent)
    found[f"base={kind},{top}"] = 1.0
    if rung == 0 and events[0].day == as_of:
        found["untouched"] = 1.0
    found[f"proponent={kind}"] = found[f"proponent={kind},late={rung >= 3}"] = 1.0
    return found


def named(found: dict[str, float], name: str) -> str:
    """The value of a one-of-many feature: "committee" for "top=committee"."""
    start = f"{name}="
    return next(feature[len(start) :] for feature in found if feature.startswith(start))


def period_of(move: Move) -> str:
    """The five-year period as "2011-2016"."""
    return f"{(start := period_start(move, _filed(move)).year)}-{start + 5}"


def _filed(move: Move) -> dt.date:
    return min((step.date for step in move.steps), default=_EARLIEST)


def proponent_kind(proponent: str | None) -> str:
    """The type of body that filed: executive, congress, autonomous and so on."""
    plain = folded(proponent or "")
    if not plain:
        return "unknown"
    return next((kind for word, kind in _PROPONENTS if word in plain), "autonomous")


def _last(found: dict[str, float], events: list[Event], top: str) -> None:
    last = next((event.name for event in reversed(events) if event.name not in _SILENT), "filed")
    found[f"last={last}"] = found[f"top={top},last={last}"] = 1.0
    dead = [event for event in events if event.name in _DEAD]
    if dead:
        found["dead"] = 1.0
        found["revived" if _LADDER.get(last, 0) >= 3 else "still_dead"] = 1.0


def _bin(days: int) -> str:
    return f"{_DAYS[max(0, bisect_right(_DAYS, days) - 1)]}+"


def _times(found: dict[str, float], events: list[Event], top: str, rung: int, as_of: dt.date) -> None:
    reached = next(event.day for event in events if _LADDER.get(event.name, 0) == rung)
    active = max(event.day for event in events)
    for name, since in (("age", events[0].day), ("idle", active), ("in_stage", reached)):
        days = (as_of - since).days
        found[f"{name}={_bin(days)}"] = found[f"top={top},{name}={_bin(days)}"] = 1.0


def period_start(move: Move, filed: dt.date) -> dt.date:
    """The 27 July on which the parliamentary period began: by its code, else by the date of filing (general elections every five years from 2001)."""
    year = move.period[:4]
    if year.isdigit():
        return dt.date(int(year), 7, 27)
    years = filed.year - ((filed.month, filed.day) < (7, 27))
    return dt.date(years - (years - 2001) % 5, 7, 27)


def _calendar(found: dict[str, float], move: Move, filed: dt.date, top: str, as_of: dt.date) -> None:
    start = period_start(move, filed)
    year = min(6, (as_of - start).days // 365)
    left = (start.replace(year=start.year + 5) - as_of).days
    filed_half = min(10, max(0, (filed - start).days) * 2 // 365)
    found[f"filed_half={filed_half}"] = found[f"top={top},filed_half={filed_half}"] = 1.0
    found[f"year={year}"] = found[f"top={top},year={year}"] = 1.0
    found[f"top={top},left={_bin(left) if left >= 0 else 'over'}"] = 1.0
    found[f"top={top},month={as_of.month}"] = 1.0
    found[f"filed_month={filed.month}"] = 1.0


def _occurrences(found: dict[str, float], events: list[Event]) -> None:
    counts: dict[str, int] = {}
    for event in events:
        counts[event.name] = counts.get(event.name, 0) + 1
    for name, count in counts.items():
        found[f"has={name}"] = 1.0
        for least in (2, 3, 5):
            if count >= least:
                found[f"has={name}x{least}"] = 1.0


def _details(found: dict[str, float], events: list[Event]) -> None:
    for event in events:
        if event.detail:
            for name in _marks(event.name, event.detail):
                found[name] = 1.0


@lru_cache(maxsize=4096)
def _marks(event: str, detail: str) -> tuple[str, ...]:
    """What the detail of a step adds: the committee it went to, and listed words of procedure; nothing else of it is read."""
    plain = folded(detail)
    committees = _COMMITTEE.findall(plain) if event in ("referred", "committee") else ()
    return (*(f"committee={word}" for word in committees), *(f"{event}~{mark}" for mark in _MARK.findall(plain)))
