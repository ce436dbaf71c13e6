"""What has happened to a move, in the words of the chance-of-law model. In: a move and a date; out: its events visible that day, oldest first. Pure."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from services.scoring.clock import visible_from
from services.scoring.memory import Memory
from shared.events import Move, Stage, Step
from shared.folding import unaccented

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


class History(NamedTuple):
    """Steps in the model's vocabulary, oldest first, at least the filing: the day, the name and the detail (as the source wrote it) of each."""

    days: tuple[dt.date, ...]
    names: tuple[str, ...]
    details: tuple[str, ...]

    def first(self, count: int) -> History:
        return History(self.days[:count], self.names[:count], self.details[:count])


def event_of(step: Step) -> str:
    """The model's name for a step: by its native label when it is a known one, else by its neutral stage."""
    name = _native_event(step.native_stage) if step.native_stage else None
    if name == "vote":
        return _outcome(step)
    return name or _NEUTRAL.get(step.stage, "other")


@lru_cache(maxsize=4096)
def _native_event(label: str) -> str | None:
    native = unaccented(label).strip()
    return next((name for prefix, name in _NATIVE if native.startswith(prefix)), None)


def _settled(label: str) -> str:
    """What a native label alone says; empty when the rest of the step is to be asked."""
    name = _native_event(label)
    return name if name is not None and name != "vote" else ""


_SETTLED = Memory(_settled, longest=200)
_SUBJECTS = Memory(unaccented, longest=600)


def _outcome(step: Step) -> str:
    """What a plenary vote decided: by its subject and its count."""
    subject = _SUBJECTS[step.detail or ""]
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


def history(move: Move, as_of: dt.date) -> History:
    """What is visible on `as_of`."""
    events = [
        (day, ((label := step.native_stage) and _SETTLED[label]) or event_of(step), step.detail or "")
        for step in move.steps
        if (day := step.date if step.precision == "day" else visible_from(step)) <= as_of
    ]
    events.sort(key=itemgetter(0))
    if not events or events[0][1] != "filed":
        events.insert(0, (events[0][0] if events else as_of, "filed", ""))
    return History(*zip(*events, strict=True))
