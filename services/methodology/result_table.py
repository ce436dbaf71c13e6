"""The tables, sentences and pictures of docs/methodology that measuring decides. In: figures.json and a language; out: Markdown and SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.methodology import figure
from services.methodology.rubric_table import Lang, number, percent, table

Figures = Mapping[str, Any]
Draw = Callable[[Figures, Lang], str]
VERDICTS = {"threat": ("amenaza", "threat"), "positive": ("positivo", "positive"), "neutral": ("neutro", "neutral"), "mixed": ("mixto", "mixed")}
ALARMS = {"watch": ("vigilancia o más", "watch or above"), "elevated": ("elevado o más", "elevated or above"), "high": ("alto o más", "high or above")}


def _in(lang: Lang, es: str, en: str) -> str:
    return es if lang == "es" else en


def record(name: str) -> Draw:
    """What people judged of each move beside the levels it reached."""

    def draw(figures: Figures, lang: Lang) -> str:
        head = _in(
            lang,
            "juicio|movidas|sobre vigilancia|con paso previo público|en elevado o más antes del paso decisivo|mediana de días ganados|P10",
            "judged|moves|above watch|with an earlier public step|at elevated or above before the decisive step|median lead, days|P10",
        )
        rows = []
        for verdict, words in VERDICTS.items():
            own = figures[name]["judged"][verdict]
            early = f"{own['elevated_before_decisive']} ({percent(own['elevated_before_decisive'] / own['eligible'], lang)})" if own["eligible"] else "–"
            counts = [str(own[key]) for key in ("moves", "above_watch", "eligible")]
            rows.append([_in(lang, *words), *counts, early, number(own["median_lead_days"], lang), number(own["p10_lead_days"], lang)])
        return table(head.split("|"), rows, numeric=6)

    return draw


def parted(name: str) -> Draw:
    """The moves on which the replay and the judgment part, named."""

    def draw(figures: Figures, lang: Lang) -> str:
        judged = figures[name]["judged"]
        threats = set(judged["threat"]["below_elevated"])
        lines = []
        for move in figures[name]["parted"]:
            missed = move["key"] in threats
            level = (move["level_before_decisive"] if missed else move["peak_level"]) or "none"
            what = _in(lang, "amenaza bajo *elevado*", "threat below *elevated*") if missed else _in(lang, "sin amenaza y sobre *vigilancia*", "no threat and above *watch*")
            lines.append(f"* {move['key']}, {what} ({_in(lang, 'nivel', 'level')} *{level}*, {_in(lang, 'leída como', 'read as')} *{move['direction']}*): {move['title']}")
        return "\n".join(sorted(lines)) or _in(lang, "Ninguna.", "None.")

    return draw


def alarms(figures: Figures, lang: Lang) -> str:
    head = _in(
        lang,
        "presentados|nivel|alarmas por semana|falsas por semana, estimado|falsas por semana, cota superior|etiquetadas: amenaza / no lo dice / ninguna",
        "filed|level|alarms a week|false a week, estimated|false a week, upper bound|labelled: threat / undisclosed / neither",
    )
    rows = []
    for card in figures["filings"].values():
        for level, words in ALARMS.items():
            found = card["alarms"][level]
            kinds = " / ".join(str(found["labelled"][kind]) for kind in ("threat", "undisclosed", "false"))
            rates = [number(found[key], lang, 2) for key in ("per_week", "false_per_week", "false_per_week_most")]
            rows.append([f"{card['from']} – {card['until']}", _in(lang, *words), *rates, kinds])
    return table(head.split("|"), rows, numeric=4)


def capacity(figures: Figures, lang: Lang) -> str:
    head = _in(
        lang,
        "presentados|lee por día|leídos|etiquetados|amenazas|precisión|amenazas graves leídas el día de su presentación",
        "filed|reads a day|read|labelled|threats|precision|severe threats read on the day of filing",
    )
    rows = []
    for card in figures["filings"].values():
        for found in card["capacity"]:
            counts = [str(found[key]) for key in ("per_day", "read", "labelled", "threats")]
            rows.append([f"{card['from'][:4]} – {card['until'][:4]}", *counts, percent(found["precision"], lang), f"{found['severe_read']} / {found['severe']}"])
    return table(head.split("|"), rows, numeric=6)


def forecast(figures: Figures, lang: Lang) -> str:
    head = _in(
        lang,
        "presentados|cuándo|proyectos|fueron ley|Brier|habilidad de Brier|frente a la tasa base dicha|AUROC",
        "filed|when|bills|became law|Brier|Brier skill|over the base rate said|AUROC",
    )
    rows = []
    for period, card in _ended(figures).items():
        for when, words in WHEN.items():
            found = card["forecast"][when]
            scores = [number(found[key], lang, 3) for key in ("brier", "brier_skill", "brier_skill_over_said_base", "auroc")]
            rows.append([period, _in(lang, *words), str(found["bills"]), percent(found["became_law"], lang), *scores])
    return table(head.split("|"), rows, numeric=6)


WHEN = {"at_filing": ("al presentarse", "at filing"), "on_random_day": ("un día al azar de su curso", "on a random day of its course")}


def _ended(figures: Figures) -> Mapping[str, Any]:
    return {period: card for period, card in figures["filings"].items() if card["forecast"]}


def reliability(figures: Figures, lang: Lang) -> str:
    """Said against was, in numbers, of the last period whose endings are known."""
    period, card = list(_ended(figures).items())[-1]
    head = _in(lang, "cuándo|se dijo|fue|proyectos", "when|said|was|bills")
    rows = [[_in(lang, *words), percent(said, lang), percent(was, lang), str(bills)] for when, words in WHEN.items() for bills, said, was in card["forecast"][when]["reliability"]]
    caption = _in(lang, f"Proyectos de {period}, por un modelo que no vio ese período:", f"Bills of {period}, by a model that never saw that period:")
    return f"{caption}\n\n{table(head.split('|'), rows, numeric=3)}"


def lead_names(classes: Sequence[Sequence[Any]], lang: Lang) -> list[tuple[str, int]]:
    found = []
    for start, end, count in classes:
        if start is None:
            name = _in(lang, "sin aviso", "no warning")
        else:
            name = _in(lang, f"{start} días o más", f"{start} days or more") if end is None else _in(lang, f"{start} a {end} días", f"{start} to {end} days")
        found.append((name, count))
    return found


def lead_picture(figures: Figures, lang: Lang) -> str:
    title = _in(lang, "Días ganados antes del paso decisivo, movidas juzgadas amenaza", "Days before the decisive step, moves judged a threat")
    return figure.leads(lead_names(figures["record_held_out"]["judged"]["threat"]["lead_classes"], lang), title)


def reliability_picture(figures: Figures, lang: Lang) -> str:
    period, card = list(_ended(figures).items())[-1]
    series = {_in(lang, *words): card["forecast"][when]["reliability"] for when, words in WHEN.items() if len(card["forecast"][when]["reliability"]) >= figure.FEWEST}
    title = _in(lang, f"Probabilidad de ser ley: lo dicho y lo ocurrido, {period}", f"Chance of becoming law: said and was, {period}")
    return figure.reliability(series, {"title": title, "said": _in(lang, "probabilidad dicha", "chance said"), "was": _in(lang, "parte que fue ley", "share that became law")})


BLOCKS: Mapping[str, Draw] = {
    "record": record("record"),
    "record_held_out": record("record_held_out"),
    "parted": parted("record"),
    "parted_held_out": parted("record_held_out"),
    "alarms": alarms,
    "capacity": capacity,
    "forecast": forecast,
    "reliability": reliability,
}
PICTURES: Mapping[str, Draw] = {"leads": lead_picture, "reliability": reliability_picture}
