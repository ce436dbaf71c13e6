"""What an alert says, in Spanish and English. In: an assessed move and the country's labels; out: headline, body and reason.

Acts, never motives; the level says how grave it is, so no adjective does; what is not known is said; a chance stands beside its base rate.
"""

from __future__ import annotations

from services.alerting.phrasing import both, capital, contracted, day, listed, name, named, pick, share, shortened, with_article
from shared.countries import Pack
from shared.events import Direction, Factor, Instrument, Level, Mechanism, MoveAssessed, Stage, Step, Words

ONE = {
    Instrument.BILL: Words(es="un proyecto de ley", en="a bill"),
    Instrument.CONSTITUTIONAL_REFORM: Words(es="una reforma constitucional", en="a constitutional reform"),
    Instrument.LAW: Words(es="una ley", en="a law"),
    Instrument.LEGISLATIVE_RESOLUTION: Words(es="una resolución legislativa", en="a legislative resolution"),
    Instrument.CONSTITUTIONAL_ACCUSATION: Words(es="una acusación constitucional", en="a constitutional accusation"),
    Instrument.MOTION: Words(es="una moción", en="a motion"),
    Instrument.DECREE: Words(es="un decreto", en="a decree"),
    Instrument.RULING: Words(es="una sentencia", en="a court ruling"),
    Instrument.APPOINTMENT: Words(es="un nombramiento", en="an appointment"),
    Instrument.OTHER: Words(es="un acto", en="an act"),
}
ACTS = {
    Stage.FILED: Words(es="en {el} se presentó {what}", en="{what} was filed in {the}"),
    Stage.ADMITTED: Words(es="{el} admitió a debate {what}", en="{the} admitted for debate {what}"),
    Stage.COMMITTEE: Words(es="{el} tiene en comisión {what}", en="{the} has in committee {what}"),
    Stage.REPORT: Words(es="una comisión {del} emitió informe o dictamen de {what}", en="a committee of {the} reported on {what}"),
    Stage.FLOOR: Words(es="el Pleno {del} tiene ante sí {what}", en="the plenary of {the} has before it {what}"),
    Stage.FIRST_VOTE: Words(es="el Pleno {del} aprobó en primera votación {what}", en="the plenary of {the} passed in first vote {what}"),
    Stage.SECOND_VOTE: Words(es="el Pleno {del} aprobó en segunda votación {what}", en="the plenary of {the} passed in second vote {what}"),
    Stage.PASSED: Words(es="{el} aprobó {what}", en="{the} passed {what}"),
    Stage.ENACTED: Words(es="se promulgó {what}", en="{what} was promulgated"),
    Stage.PUBLISHED: Words(es="se publicó {what}", en="{what} was published"),
    Stage.IN_FORCE: Words(es="entró en vigor {what}", en="{what} entered into force"),
    Stage.OBSERVED: Words(es="el Ejecutivo observó {what}", en="the Executive sent back {what}"),
    Stage.INSISTENCE: Words(es="{el} aprobó por insistencia {what}", en="{the} passed again, over the Executive's observations, {what}"),
    Stage.SHELVED: Words(es="se archivó {what}", en="{what} was shelved"),
    Stage.WITHDRAWN: Words(es="se retiró {what}", en="{what} was withdrawn"),
    Stage.REJECTED: Words(es="{el} no aprobó {what}", en="{the} did not pass {what}"),
    Stage.STRUCK_DOWN: Words(es="un tribunal dejó sin efecto {what}", en="a court struck down {what}"),
    Stage.RESTORED: Words(es="un tribunal repuso {what}", en="a court restored {what}"),
    Stage.OTHER: Words(es="{el} trata {what}", en="{the} is dealing with {what}"),
}
ELSEWHERE = frozenset({Instrument.DECREE, Instrument.RULING, Instrument.APPOINTMENT, Instrument.OTHER})
"""Acts whose author the record does not always name: the sentence states the act and its stage."""
BINDING = frozenset({Stage.ENACTED, Stage.PUBLISHED, Stage.IN_FORCE, Stage.STRUCK_DOWN, Stage.RESTORED})
NO_LAW = frozenset({Instrument.CONSTITUTIONAL_ACCUSATION, Instrument.MOTION, Instrument.RULING, Instrument.APPOINTMENT})
MOST_REASONS = 4
GRAVITY, NEARNESS = Words(es="gravedad", en="severity"), Words(es="inminencia", en="imminence")


def headline(event: MoveAssessed, pack: Pack, *, lifted: bool = False) -> Words:
    """One sentence: who did what to which institution, and when it can bind. `lifted` when the alert is cancelled."""

    def say(language: str) -> str:
        sentence = f"{_act(event, pack, language).rstrip(',')}{_date_of(_last_step(event), language)}{'' if lifted else _when(event, language)}."
        prefix = {"es": "Alerta levantada: ", "en": "Alert lifted: "}[language] if lifted else ""
        return prefix + (sentence if lifted else capital(sentence))

    return both(say)


def body(event: MoveAssessed, pack: Pack, level: Level, reason: Words | None = None) -> Words:
    """Paragraphs divided by a line break: that it is an exercise, what changed, title, reading, level, chance, clock, reasons."""

    def say(language: str) -> str:
        found = [
            _exercise(event, language),
            _changed(reason, language),
            _title(event, language),
            _votes(_last_step(event), language),
            _reading(event, pack, language),
            _level(event, pack, level, language),
            _chance(event, language),
            _clock(event, language),
            _reasons(event, language),
        ]
        return "\n".join(paragraph for paragraph in found if paragraph)

    return both(say)


def died(stage: Stage, pack: Pack) -> Words:
    """Why an alert ends with its move."""
    label = pack.stage_label(stage)
    return Words(es=f"La medida ya no sigue su trámite (etapa: {label.es}).", en=f"The move is no longer pending (stage: {label.en}).")


def calmed(event: MoveAssessed, before: Level, pack: Pack) -> Words:
    """Why an alert ends although its move lives."""
    risk, was = round(event.assessment.risk), pack.level_label(before)
    return Words(
        es=f"El riesgo bajó a {risk} de 100, por debajo del umbral de alerta (antes: {was.es}).",
        en=f"Risk fell to {risk} of 100, below the alert threshold (before: {was.en}).",
    )


def moved(event: MoveAssessed, level: Level, direction: Direction, stage: Stage, pack: Pack) -> Words:
    """What differs from the revision before (its level, direction and stage)."""
    now = event.assessment

    def say(language: str) -> str:
        changes = []
        if now.level is not level:
            rises = now.level.rank > level.rank
            verb = {"es": "sube" if rises else "baja", "en": "rises" if rises else "falls"}[language]
            changes.append(
                _change(
                    {"es": f"el nivel {verb}", "en": f"the level {verb}"}[language], pick(pack.level_label(level), language), pick(pack.level_label(now.level), language), language
                )
            )
        if event.move.stage is not stage:
            changes.append(_change({"es": "etapa", "en": "stage"}[language], pick(pack.stage_label(stage), language), pick(pack.stage_label(event.move.stage), language), language))
        if now.direction is not direction:
            labels = (pick(pack.direction_label(direction), language), pick(pack.direction_label(now.direction), language))
            changes.append(_change({"es": "lectura", "en": "reading"}[language], *labels, language))
        return capital("; ".join(changes)) + "."

    return both(say)


def revived(stage: Stage, pack: Pack) -> Words:
    """Why an alert that had ended opens again."""
    label = pack.stage_label(stage)
    return Words(es=f"La medida vuelve a estar en alerta (etapa: {label.es}).", en=f"The move is on alert again (stage: {label.en}).")


def _change(what: str, before: str, after: str, language: str) -> str:
    return f"{what}: {'de' if language == 'es' else 'from'} «{before}» {'a' if language == 'es' else 'to'} «{after}»"


def _last_step(event: MoveAssessed) -> Step | None:
    return next((step for step in reversed(event.move.steps) if step.stage is not Stage.OTHER), None)


def _act(event: MoveAssessed, pack: Pack, language: str) -> str:
    what = _what(event, pack, language)
    if event.move.instrument in ELSEWHERE:
        stage = pick(pack.stage_label(event.move.stage), language)
        return f"{what}: {stage}"
    who = named(_chamber(event, pack), language)
    return pick(ACTS[event.move.stage], language).format(el=who, the=who, what=what, **{"del": contracted("de", who)})


def _chamber(event: MoveAssessed, pack: Pack) -> Words:
    """The chamber as a label; the country's legislature when the chamber is not one the pack knows."""
    period = pack.period(event.move.period)
    known = period.chambers.get(event.move.chamber) if period else None
    return known or Words(es=f"Poder Legislativo de {pack.name.es}", en=f"Legislature of {pack.name.en}")


def _what(event: MoveAssessed, pack: Pack, language: str) -> str:
    instrument = Instrument.LAW if event.move.instrument is Instrument.BILL and event.move.stage in BINDING else event.move.instrument
    one, effect = pick(ONE[instrument], language), _effect(event, pack, language)
    about = "" if effect else _about(event, pack, language)
    reached = [with_article(pack.target_label(target), language) for target in event.assessment.targets]
    if not reached:
        return one + about + effect + {"es": ", cuyo alcance no se lee en el título,", "en": ", whose reach the title does not tell,"}[language]
    if language == "es":
        return f"{one}{about} que alcanza {listed([contracted('a', found) for found in reached], language)}{effect}"
    return f"{one}{about} that reaches {listed(reached, language)}{effect}"


def _effect(event: MoveAssessed, pack: Pack, language: str) -> str:
    """What the leading rule read in the text, after a colon; nothing when no rule read an effect."""
    label = next((factor.label for factor in event.assessment.factors if factor.part == "severity" and factor.rule in pack.rule_ids and factor.label), None)
    return f": {pick(label, language)}" if label else ""


def _about(event: MoveAssessed, pack: Pack, language: str) -> str:
    said = {str(event.move.instrument), str(Mechanism.OTHER)}
    mechanisms = listed([name(pack.mechanism_label(found), language) for found in event.assessment.mechanisms if found not in said], language, 2)
    return {"es": f" sobre {mechanisms}", "en": f" on {mechanisms}"}[language] if mechanisms else ""


def _date_of(step: Step | None, language: str) -> str:
    return f" ({day(step.date, language, step.precision)})" if step else ""


def _when(event: MoveAssessed, language: str) -> str:
    earliest, stage = event.assessment.earliest_law, event.move.stage
    if stage in (Stage.PUBLISHED, Stage.IN_FORCE, Stage.RESTORED):
        return ""
    if earliest is not None:
        date = day(earliest, language)
        return {"es": f"; puede regir desde el {date}, no antes", "en": f"; it can bind from {date} at the earliest"}[language]
    if event.move.instrument in NO_LAW:
        return {"es": "; no se conoce la fecha de una decisión", "en": "; the date of a decision is not known"}[language]
    return {"es": "; no se sabe desde cuándo puede regir", "en": "; when it can bind is not known"}[language]


def _exercise(event: MoveAssessed, language: str) -> str:
    if not event.exercise:
        return ""
    return {"es": "Ejercicio: se repiten hechos pasados; no es un aviso en curso.", "en": "Exercise: past events are being replayed; this is no current notice."}[language]


def _changed(reason: Words | None, language: str) -> str:
    return f"{'Qué cambió' if language == 'es' else 'What changed'}: {pick(reason, language)}" if reason else ""


def _title(event: MoveAssessed, language: str) -> str:
    move, quoted = event.move, shortened(event.move.title)
    reconstructed = move.title_origin == "reconstructed"
    if language == "es":
        return f"{'Título reconstruido a partir de registros públicos' if reconstructed else 'Título oficial'}: «{quoted}»."
    meaning = f" In English: “{shortened(move.title_en)}”." if move.title_en else ""
    return f"{'Title reconstructed from public records' if reconstructed else 'Official title'}: «{quoted}».{meaning}"


def _votes(step: Step | None, language: str) -> str:
    if step is None or step.votes is None:
        return ""
    votes, date = step.votes, day(step.date, language, step.precision)
    against = (
        {"es": "votos en contra: no constan", "en": "votes against: not recorded"}[language] if votes.no is None else f"{votes.no} {'en contra' if language == 'es' else 'against'}"
    )
    abstained = "" if votes.abstentions is None else f", {votes.abstentions} {'abstenciones' if language == 'es' else 'abstentions'}"
    return {"es": f"Votación del {date}: {votes.yes} a favor, {against}{abstained}.", "en": f"Vote of {date}: {votes.yes} in favour, {against}{abstained}."}[language]


def _reading(event: MoveAssessed, pack: Pack, language: str) -> str:
    found, read = event.assessment, _text_read(event, language)
    if found.abstained:
        because = pick(found.abstained_because, language) if found.abstained_because else ""
        because = because or {"es": "el texto leído no basta", "en": "the text read is not enough"}[language]
        return {"es": f"No se afirma una lectura: {because.rstrip('.')}. {read}", "en": f"No reading is asserted: {because.rstrip('.')}. {read}"}[language]
    label = pick(pack.direction_label(found.direction), language)
    sure = found.direction_probabilities.get(found.direction)
    chance = "" if sure is None else {"es": f" (probabilidad de esta lectura: {share(sure, language)})", "en": f" (probability of this reading: {share(sure, language)})"}[language]
    return {"es": f"Lectura: {label}{chance}. {read}", "en": f"Reading: {label}{chance}. {read}"}[language]


def _text_read(event: MoveAssessed, language: str) -> str:
    if event.move.text:
        return {"es": "Se leyó el texto.", "en": "The text was read."}[language]
    if event.move.summary:
        return {"es": "Se leyeron título y sumilla; el texto, no.", "en": "Title and summary were read; the text was not."}[language]
    return {"es": "No se leyó el texto: solo el título.", "en": "Text not read: title only."}[language]


def _level(event: MoveAssessed, pack: Pack, level: Level, language: str) -> str:
    found, called = event.assessment, pick(pack.level_label(level), language)
    risk, severity, imminence, confidence = round(found.risk), round(found.severity), round(found.imminence), share(found.confidence, language)
    if language == "es":
        return f"Nivel: {called}. Riesgo {risk} de 100 (gravedad {severity}, inminencia {imminence}); confianza {confidence}."
    return f"Level: {called}. Risk {risk} of 100 (severity {severity}, imminence {imminence}); confidence {confidence}."


def _chance(event: MoveAssessed, language: str) -> str:
    found = event.assessment
    if event.move.stage in (Stage.PUBLISHED, Stage.IN_FORCE) or event.move.instrument in NO_LAW:
        return ""
    if found.p_law is None or found.p_law_base is None:
        return {"es": "Probabilidad de llegar a ley: no se conoce.", "en": "Chance of becoming law: not known."}[language]
    chance, base = share(found.p_law, language), share(found.p_law_base, language)
    return {"es": f"Probabilidad de llegar a ley: {chance} (iniciativas como esta: {base}).", "en": f"Chance of becoming law: {chance} (initiatives like it: {base})."}[language]


def _clock(event: MoveAssessed, language: str) -> str:
    milestone = event.assessment.milestone
    if milestone is None:
        return {"es": "No se conoce la fecha de la próxima elección.", "en": "The date of the next election is not known."}[language]
    label, date = pick(milestone.label, language), day(milestone.date, language)
    inside = {"es": " Queda a menos de un año de la votación.", "en": " It is within a year of the vote."}[language] if event.assessment.inside_one_year else ""
    if language == "es":
        return f"Próxima elección: {label}, {date} ({'falta 1 día' if milestone.days == 1 else f'faltan {milestone.days} días'}).{inside}"
    return f"Next election: {label}, {date} ({milestone.days} {'day' if milestone.days == 1 else 'days'} left).{inside}"


def _reasons(event: MoveAssessed, language: str) -> str:
    """The factors of severity and imminence that weigh most, signed, each with the standard it rests on."""
    heaviest = sorted((factor for factor in event.assessment.factors if factor.label and factor.points and factor.part != "confidence"), key=lambda factor: -abs(factor.points))[
        :MOST_REASONS
    ]
    if not heaviest:
        return ""
    said = "; ".join(_reason(factor, language) for factor in heaviest)
    return {"es": f"Lo que más pesa: {said}.", "en": f"What weighs most: {said}."}[language]


def _reason(factor: Factor, language: str) -> str:
    part = GRAVITY if factor.part == "severity" else NEARNESS
    points = f"{'+' if factor.points > 0 else '−'}{abs(round(factor.points, 1)):g}"
    if language == "es":
        points = points.replace(".", ",")
    label = pick(factor.label, language) if factor.label else factor.rule
    return f"{label} ({points} {pick(part, language)}; {factor.citation})"
