"""When a move that nobody decided ends by itself. In: a move and its country's periods; out: the day it lapses, the move with that step, how long it is looked at daily. Pure."""

from __future__ import annotations

import datetime as dt

from services.ingest.merge import in_order
from shared.countries import Pack
from shared.events import Instrument, Move, Stage, Step, Words

PARLIAMENTARY = (
    Instrument.BILL,
    Instrument.CONSTITUTIONAL_REFORM,
    Instrument.LAW,
    Instrument.LEGISLATIVE_RESOLUTION,
    Instrument.CONSTITUTIONAL_ACCUSATION,
    Instrument.MOTION,
)
"""They end with the parliament that has not decided them; courts and the executive go on."""

LEGISLATION = (Instrument.BILL, Instrument.CONSTITUTIONAL_REFORM, Instrument.LAW)
"""Their vote still needs a signature; that of any other instrument decides it."""

AWAITING_SIGNATURE = (Stage.PASSED, Stage.INSISTENCE, Stage.ENACTED)
"""What parliament has voted can still be signed and published after its period."""

GRACE = dt.timedelta(days=90)
SILENCE = dt.timedelta(days=730)
ENDED = "Periodo parlamentario concluido"
NOTE = Words(es="El periodo parlamentario concluyó sin que el trámite terminara.", en="The parliamentary period ended before the procedure did.")


def pending(move: Move, pack: Pack) -> bool:
    """Whether something can still become of it."""
    return not pack.terminal(move.stage) and (move.stage is not Stage.PASSED or move.instrument in LEGISLATION)


def lapses_on(move: Move, pack: Pack) -> dt.date | None:
    """The day after the period in which it last moved, when nothing else happens; None for what no period ends.

    A step after the end of its period shows that it was carried over.
    """
    if move.instrument not in PARLIAMENTARY:
        return None
    period = pack.period(move.period)
    last = _last(move)
    while period is not None and last > period.end:
        period = pack.period_on(period.end + dt.timedelta(days=1))
    if period is None:
        return None
    return period.end + dt.timedelta(days=1) + (GRACE if move.stage in AWAITING_SIGNATURE else dt.timedelta())


def settled(move: Move, pack: Pack, as_of: dt.date) -> Move:
    """The move with the step that ends it, when it lapsed on or before `as_of`."""
    end = lapses_on(move, pack) if pending(move, pack) else None
    if end is None or end > as_of:
        return move
    step = Step(stage=Stage.SHELVED, native_stage=ENDED, date=end, confidence="inferred", note=NOTE)
    return move.model_copy(update={"steps": tuple(in_order([*move.steps, step]))})


def watched_until(move: Move, lapses: dt.date | None) -> dt.date:
    """Last day on which a pending move is issued again: until it lapses, else two years after its last step."""
    return lapses or _last(move) + SILENCE


def _last(move: Move) -> dt.date:
    dates = [step.date for step in move.steps if step.stage is not Stage.OTHER] or [step.date for step in move.steps]
    return max(dates)
