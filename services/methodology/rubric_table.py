"""The tables of docs/methodology that the country pack decides: levels, points, rules, standards, base rates. In: a pack and a language; out: Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import orjson

from shared.countries import Pack
from shared.events import Words

Lang = Literal["es", "en"]
Draw = Callable[[Pack, Lang], str]
TAGS = {
    "S": Words(es="texto o resumen visto", en="text or summary seen"),
    "R": Words(es="de memoria: falta cotejar la redacción", en="recalled: wording to be checked"),
    "D": Words(es="derivado por nosotros", en="derived by us"),
}
PROPONENTS = {
    "executive": Words(es="Poder Ejecutivo", en="Executive"),
    "congress": Words(es="congresistas", en="members of Congress"),
    "autonomous": Words(es="órganos autónomos y poderes del Estado", en="autonomous bodies and branches"),
    "local": Words(es="gobiernos locales", en="local governments"),
    "regional": Words(es="gobiernos regionales", en="regional governments"),
    "professional": Words(es="colegios profesionales", en="professional associations"),
    "citizens": Words(es="ciudadanos", en="citizens"),
}
COURSE = {
    "filed": Words(es="presentado", en="filed"),
    "referred": Words(es="en comisión", en="in committee"),
    "report": Words(es="dictamen", en="report"),
    "agenda": Words(es="agenda del Pleno", en="plenary agenda"),
    "first_vote": Words(es="primera votación", en="first vote"),
    "sent": Words(es="autógrafa", en="sent to the Executive"),
}


def said(words: Words, lang: Lang) -> str:
    return words.es if lang == "es" else words.en


def number(value: float | None, lang: Lang, digits: int = 1) -> str:
    """As people write it; whole numbers without decimals, a dash for none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return (text if text != "-0" else "0").replace(".", "," if lang == "es" else ".").replace("-", "−")


def percent(share: float | None, lang: Lang) -> str:
    return "–" if share is None else f"{number(100 * share, lang, 0)} %" if lang == "es" else f"{number(100 * share, lang, 0)}%"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: int = 0) -> str:
    """`numeric`: how many columns at the right are aligned to the right."""
    marks = ["---"] * (len(head) - numeric) + ["---:"] * numeric
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in (head, marks, *rows))


def levels(pack: Pack, lang: Lang) -> str:
    found = pack.rubric.levels
    head = ("nivel", "riesgo desde", "además") if lang == "es" else ("level", "risk from", "and also")
    both = (
        f"gravedad ≥ {found.critical_severity:g}, inminencia ≥ {found.critical_imminence:g}"
        if lang == "es"
        else f"severity ≥ {found.critical_severity:g}, imminence ≥ {found.critical_imminence:g}"
    )
    rows = [(said(label, lang), f"{getattr(found, level):g}", both if level == "critical" else "") for level, label in pack.words.levels.items() if level != "none"]
    return table(head, rows)


def undisclosed(pack: Pack, lang: Lang) -> str:
    rows = [(said(pack.target_label(target), lang), number(share, lang, 2)) for target, share in pack.rubric.undisclosed.items()]
    return table(("objeto", "parte de *mixto*") if lang == "es" else ("target", "share of *mixed*"), rows, numeric=1)


def constants(pack: Pack, lang: Lang) -> str:
    return table(
        ("constante", "valor") if lang == "es" else ("constant", "value"), [(f"`{name}`", number(value, lang, 3)) for name, value in pack.rubric.constants.items()], numeric=1
    )


def points(part: str) -> Draw:
    """All lines of the rubric for one part."""

    def draw(pack: Pack, lang: Lang) -> str:
        head = ("regla", "qué", "norma o estándar", "puntos") if lang == "es" else ("rule", "what", "standard", "points")
        found = [(rule, line) for rule, line in pack.rubric.factors.items() if line.part == part]
        return table(head, [(f"`{rule}`", said(line.label, lang), pack.citations[line.citation].short, number(line.points, lang)) for rule, line in found], numeric=1)

    return draw


def rules(pack: Pack, lang: Lang) -> str:
    head = ("regla", "qué lee", "dirección", "norma o estándar", "efecto", "peso") if lang == "es" else ("rule", "what it reads", "direction", "standard", "effect", "weight")
    rows = [
        (f"`{rule.id}`", said(rule.label, lang), said(pack.direction_label(rule.direction), lang), pack.citations[rule.citation].short, str(rule.effect), number(rule.weight, lang))
        for rule in pack.rules
    ]
    return table(head, rows, numeric=2)


def citations(pack: Pack, lang: Lang) -> str:
    head = ("fuente", "qué dice, en nuestras palabras", "cómo se conoce") if lang == "es" else ("source", "what it says, in our words", "how it is known")
    return table(head, [(_linked(found.short, found.url), said(found.name, lang), said(TAGS[found.tag], lang)) for found in pack.citations.values()])


def _linked(short: str, url: Any) -> str:
    return f"[{short}]({url})" if url else short


def base_rates(pack: Pack, lang: Lang) -> str:
    """Share of past bills that became law, by type of proponent and the furthest stage; what the weights hold."""
    rates: Mapping[str, float] = orjson.loads((pack.directory / "weights" / "chance.json").read_bytes())["base"]
    head = ["proponente" if lang == "es" else "proponent", *(said(stage, lang) for stage in COURSE.values())]
    rows = [[said(kind, lang), *(percent(rates.get(f"{code},{stage}"), lang) for stage in COURSE)] for code, kind in PROPONENTS.items()]
    everything = [said(Words(es="todos, en cualquier etapa", en="all, at any stage"), lang), percent(rates["all"], lang), *[""] * (len(COURSE) - 1)]
    return table(head, [*rows, everything], numeric=len(COURSE))


BLOCKS: Mapping[str, Draw] = {
    "levels": levels,
    "undisclosed": undisclosed,
    "constants": constants,
    "severity": points("severity"),
    "imminence": points("imminence"),
    "confidence": points("confidence"),
    "rules": rules,
    "citations": citations,
    "base_rates": base_rates,
}
