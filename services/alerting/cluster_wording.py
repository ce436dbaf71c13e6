"""What a cluster's alert says, in Spanish and English. In: a burst or its alert, and the country's labels; out: headline, body and reason.

States how many moves were filed and how many usually are; that they coincide, never that anyone agreed on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.alerting.cluster import WINDOW_DAYS, Burst, Member, groups
from services.alerting.phrasing import both, contracted, day, pick, with_article
from shared.countries import Pack
from shared.events import Target, Words

if TYPE_CHECKING:
    from services.alerting.docket import ClusterAlert

MOST_LISTED = 10
MOST_ODDS = 1_000_000


def title(target: Target, pack: Pack) -> Words:
    def say(language: str) -> str:
        about = with_article(pack.target_label(target), language)
        return f"Presentaciones coincidentes que alcanzan {contracted('a', about)}" if language == "es" else f"Coinciding filings that reach {about}"

    return both(say)


def headline(burst: Burst, pack: Pack) -> Words:
    """One sentence: how many, on what, when, by how many groups, and how many are usual."""
    days = [found.day for found in burst.pending]

    def say(language: str) -> str:
        about, moves, window = with_article(pack.target_label(burst.target), language), len(burst.pending), WINDOW_DAYS
        first, last, usual = day(min(days), language), day(max(days), language), _amount(burst.expected, language)
        by = _groups(burst, language)
        if language == "es":
            return f"Entre el {first} y el {last} se presentaron {moves} medidas que según su texto debilitarían {about}, {by}; en {window} días suelen ser {usual}."
        return f"From {first} to {last}, {moves} moves were filed that by their text would weaken {about}, {by}; in {window} days there are usually {usual}."

    return both(say)


def lifted(headline: Words) -> Words:
    return Words(es=f"Alerta levantada: {headline.es.removeprefix('Alerta levantada: ')}", en=f"Alert lifted: {headline.en.removeprefix('Alert lifted: ')}")


def body(alert: ClusterAlert, pack: Pack, reason: Words | None) -> Words:
    """Paragraphs divided by a line break: that it is an exercise, what changed, the count, the chance, the level, the moves, what a cluster does not say."""

    def say(language: str) -> str:
        said = (_exercise(alert, language), _changed(reason, language), _count(alert, language), _chance(alert, language))
        return "\n".join(paragraph for paragraph in (*said, _level(alert, pack, language), _moves(alert, pack, language), _limits(language)) if paragraph)

    return both(say)


def changed(before: ClusterAlert, now: ClusterAlert, pack: Pack) -> Words | None:
    """What differs from the revision before: members that came or went, the level; None when nothing does."""
    if not before.open:
        return Words(es="Vuelve a haber suficientes medidas pendientes.", en="Enough moves are pending again.")
    was, are = ({member.move_id: member.key for member in alert.members if member.pending} for alert in (before, now))
    came, went = [key for move, key in are.items() if move not in was], [key for move, key in was.items() if move not in are]
    if not came and not went and before.level is now.level and before.pending == now.pending:
        return None

    def say(language: str) -> str:
        es = language == "es"
        said = [f"{'se suma' if es else 'added'}: {_keys(came, language)}"] if came else []
        said += [f"{'deja de contarse' if es else 'no longer counted'}: {_keys(went, language)}"] if went else []
        if before.level is not now.level:
            labels = (pick(pack.level_label(before.level), language), pick(pack.level_label(now.level), language))
            said.append("nivel: de «{}» a «{}»".format(*labels) if es else "level: from «{}» to «{}»".format(*labels))
        text = "; ".join(said) or (f"pendientes: {now.pending}" if es else f"pending: {now.pending}")
        return f"{text[:1].upper()}{text[1:]}."

    return both(say)


def thinned(pending: int) -> Words:
    """Why a cluster ends while some of its moves live."""
    return Words(
        es=f"Ya no quedan suficientes medidas distintas pendientes de grupos distintos (pendientes: {pending}; las acumuladas cuentan como una).",
        en=f"Not enough separate moves of different groups are pending any more (pending: {pending}; joined moves count once).",
    )


def dissolved() -> Words:
    """Why a cluster ends when what is known of the filings changed."""
    return Words(
        es="Con lo que ahora se sabe de las presentaciones, este conjunto ya no se cuenta así: sus medidas se acumularon entre sí o están en otro conjunto.",
        en="With what is now known of the filings this cluster no longer counts as one: its moves were joined with each other, or stand in another cluster.",
    )


def _groups(burst: Burst, language: str) -> str:
    known = [found for found in burst.pending if found.groups]
    unknown, number = len(known) < len(burst.pending), groups(known) if known else 0
    if language == "es":
        said = "de 1 grupo conocido" if number == 1 else f"de {number} grupos"
        return f"{said} y de otros cuyo grupo no consta" if unknown else said
    said = "by 1 known group" if number == 1 else f"by {number} groups"
    return f"{said} and by others whose group is not recorded" if unknown else said


def _exercise(alert: ClusterAlert, language: str) -> str:
    if not alert.exercise:
        return ""
    return {"es": "Ejercicio: se repiten hechos pasados; no es un aviso en curso.", "en": "Exercise: past events are being replayed; this is no current notice."}[language]


def _changed(reason: Words | None, language: str) -> str:
    return f"{'Qué cambió' if language == 'es' else 'What changed'}: {pick(reason, language)}" if reason else ""


def _count(alert: ClusterAlert, language: str) -> str:
    first, last = day(alert.window_from, language), day(alert.window_until, language)
    if language == "es":
        return f"Ventana: del {first} al {last}. Medidas distintas presentadas en ella: {alert.count} (las acumuladas entre sí cuentan como una); pendientes: {alert.pending}."
    return f"Window: {first} to {last}. Separate moves filed in it: {alert.count} (moves joined with each other count once); pending: {alert.pending}."


def _chance(alert: ClusterAlert, language: str) -> str:
    usual, odds = _amount(alert.expected, language), _odds(alert.chance, language)
    if language == "es":
        return f"Con el ritmo habitual de presentaciones se esperan {usual} en esa ventana; tantas, en alguna ventana de un año: {odds}."
    return f"At the usual rate of filings {usual} are expected in that window; as many, in some window of a year: {odds}."


def _level(alert: ClusterAlert, pack: Pack, language: str) -> str:
    called = pick(pack.level_label(alert.level), language)
    if not alert.open:
        return f"{'Nivel' if language == 'es' else 'Level'}: {called}."
    if language == "es":
        return f"Nivel: {called}, el de su medida pendiente más grave y nunca menos que elevado. Riesgo de esa medida: {round(alert.risk)} de 100."
    return f"Level: {called}, that of its gravest pending move and never below elevated. Risk of that move: {round(alert.risk)} of 100."


def _moves(alert: ClusterAlert, pack: Pack, language: str) -> str:
    listed = [_move(member, pack, language) for member in alert.members[:MOST_LISTED]]
    rest = len(alert.members) - len(listed)
    more = [f"{rest} más" if language == "es" else f"{rest} more"] if rest > 0 else []
    return f"{'Medidas' if language == 'es' else 'Moves'}: {'; '.join(listed + more)}."


def _move(member: Member, pack: Pack, language: str) -> str:
    name = member.title if language == "es" or not member.title_en else member.title_en
    ended = {"es": "ya no se cuenta", "en": "no longer counted"}[language]
    state = pick(pack.level_label(member.level), language) if member.pending else ended
    filed = f"presentada el {day(member.filed, language)}" if language == "es" else f"filed {day(member.filed, language)}"
    return f"{member.key} «{name}» ({filed}; {state})"


def _limits(language: str) -> str:
    if language == "es":
        return "Que coincidan no dice que alguien las haya concertado. El ritmo habitual sale de los años cuyas presentaciones se conocen completas."
    return "That they coincide does not say that anyone agreed on them. The usual rate is that of the years whose filings are known completely."


def _keys(keys: Sequence[str], language: str) -> str:
    shown = list(keys[:MOST_LISTED])
    rest = len(keys) - len(shown)
    return ", ".join(shown + ([f"{rest} más" if language == "es" else f"{rest} more"] if rest else []))


def _amount(number: float, language: str) -> str:
    """An expected number as people read it."""
    text = "0.01" if number < 0.01 else f"{number:.2f}" if number < 1 else f"{number:.1f}"
    said = text.replace(".", ",") if language == "es" else text
    return said if number >= 0.01 else f"{'menos de' if language == 'es' else 'less than'} {said}"


def _odds(probability: float, language: str) -> str:
    """`1 in 700`: one figure, rounded to the side of the more likely."""
    exact = min(1 / probability, MOST_ODDS) if probability > 0 else MOST_ODDS
    scale = 10 ** math.floor(math.log10(exact))
    number = f"{int(exact // scale * scale):,}".replace(",", "\u00a0" if language == "es" else ",")
    least = exact >= MOST_ODDS
    if language == "es":
        return f"menos de 1 vez en {number}" if least else f"1 vez en {number}"
    return f"less than once in {number}" if least else f"once in {number}"
