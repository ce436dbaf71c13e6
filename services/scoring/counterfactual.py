"""What the level would be if one thing were otherwise. In: the facts of a move and its score; out: the changes that move the risk. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.scoring.clock import DEAD
from services.scoring.points import Facts, Score, Sheet
from shared.events import Stage, Words


def counterfactuals(facts: Facts, found: Score, sheet: Sheet) -> Iterator[dict[str, Any]]:
    """By the same function that scored it; only what changes the risk is said. Each the fields of a Counterfactual."""
    for change, other in _alternatives(facts):
        result = sheet.score(other)
        if abs(result.risk - found.risk) >= 0.5:
            yield {"change": change, "level": result.level, "risk": result.risk}


def _alternatives(facts: Facts) -> Iterator[tuple[Words, Facts]]:
    clock, lead, verdict = facts.clock, facts.lead, facts.meaning.verdict
    if _WAIVED in clock.shortcuts:
        stage = Stage.FIRST_VOTE if clock.stage is Stage.PASSED else clock.stage
        rest = tuple(code for code in clock.shortcuts if code != _WAIVED)
        yield _IF["waived"], facts._replace(clock=clock._replace(stage=stage, shortcuts=rest))
    if clock.inside_one_year:
        yield _IF["year"], facts._replace(clock=clock._replace(inside_one_year=False))
    if lead is not None and lead.incumbents:
        yield _IF["incumbents"], facts._replace(lead=lead._replace(incumbents=False))
    if clock.stage not in DEAD:
        yield _IF["shelved"], facts._replace(clock=clock._replace(stage=Stage.SHELVED))
    if verdict.abstained:
        yield _IF["weakens"], facts._replace(meaning=facts.meaning._replace(verdict=verdict._replace(weakens=1.0, abstained=False)))


_WAIVED = "second_vote_waived"
_IF = {
    "waived": Words(es="si no se hubiera exonerado la segunda votación", en="if the second vote had not been waived"),
    "year": Words(es="si faltara más de un año para la votación", en="if the vote were more than a year away"),
    "incumbents": Words(es="si no alcanzara a autoridades en funciones", en="if it did not reach sitting authorities"),
    "shelved": Words(es="si se archivara", en="if it were shelved"),
    "weakens": Words(es="si el texto mostrara que debilita", en="if the text showed that it weakens"),
}
