"""Alerts, institutions, sources and deliveries in the documented shapes of the siblings' APIs, about public acts of Peru's Congress; for the fake siblings."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from typing import Any

TODAY = dt.date(2024, 5, 31)
NOW = dt.datetime(2024, 5, 31, 14, 41, tzinfo=dt.UTC)
Row = dict[str, Any]


def step(day: str, stage: str, native: str, **more: Any) -> Row:
    return {"date": day, "stage": stage, "native_stage": native, "source": {"url": "https://www.gob.pe/congreso", "title": "Expediente virtual"}, **more}


def votes(yes: int, no: int, abstentions: int) -> Row:
    return {"yes": yes, "no": no, "abstentions": abstentions}


def factor(rule: str, part: str, points: float, es: str, en: str, quote: str | None = None, citation: str = "LOE XIII") -> Row:
    return {"rule": rule, "part": part, "points": points, "quote": quote, "citation": citation, "label": {"es": es, "en": en}}


def alert(number: int, level: str, es: str, en: str, title: str, targets: list[str], **more: Any) -> Row:
    """One alert as the detail answers it; the list answers the same without the long fields."""
    steps = more.pop("steps", [step("2024-03-12", "filed", "Presentado")])
    changed = more.pop("changed", "2024-05-30")
    direction = more.pop("direction", "weakens")
    numbers = {"severity": 62.0, "imminence": 48.0, "confidence": 0.62, "risk": 41.0} | more.pop("numbers", {})
    factors = more.pop("factors", FACTORS)
    relevance, weakens = 0.98, round(numbers["risk"] / (98 * numbers["severity"] / 100 * (0.7 + 0.3 * numbers["imminence"] / 100)), 3)
    row: Row = {
        "alert_id": f"alert.pe.2021-2026.C.bill.{number}",
        "move_id": f"pe.2021-2026.C.bill.{number}",
        "kind": "move",
        "lifecycle": "Update" if len(steps) > 1 else "Alert",
        "level": level,
        "previous_level": None,
        "peak_level": level,
        "direction": direction,
        "targets": targets,
        "mechanisms": ["powers"],
        "stage": steps[-1]["stage"],
        **numbers,
        "p_law": 0.22,
        "p_law_base": 0.15,
        "earliest_law": "2024-07-19",
        "headline": {"es": es, "en": en},
        "title": title,
        "title_en": None,
        "revision": len(steps),
        "sequence": 4000 + number % 997,
        "opened_as_of": steps[0]["date"],
        "changed_as_of": changed,
        "recorded_at": f"{changed}T23:12:00Z",
        "tlp": "TLP:GREEN",
        "exercise": False,
        "backfill": False,
        "url": f"/alerts/alert.pe.2021-2026.C.bill.{number}",
    } | more
    body = {
        "es": f"{es} El texto se conoce por su título. La probabilidad se da junto a la de los proyectos parecidos.",
        "en": f"{en} The text is known by its title. The chance is given beside that of bills like it.",
    }
    judged = {
        "relevance": relevance,
        "targets": targets,
        "mechanisms": row["mechanisms"],
        "direction": direction,
        "direction_probabilities": {direction: min(1.0, max(0.0, weakens))} if direction == "weakens" else {direction: 0.9, "weakens": 0.02},
        "abstained": direction == "mixed",
        "abstained_because": {"es": "el título no dice qué cambia", "en": "the title does not say what changes"},
        **{name: numbers[name] for name in ("severity", "imminence", "confidence", "risk")},
        "level": level,
        "p_law": row["p_law"],
        "p_law_base": row["p_law_base"],
        "earliest_law": row["earliest_law"],
        "milestone": {"code": "general-2026", "label": {"es": "Elecciones generales 2026", "en": "General election 2026"}, "date": "2026-04-12", "days": 681},
        "inside_one_year": False,
        "factors": factors,
        "counterfactuals": [],
    }
    move = {
        "move_id": row["move_id"],
        "key": f"PE-{number}",
        "country": "pe",
        "period": "2021-2026",
        "chamber": "C",
        "instrument": more.get("instrument", "bill"),
        "aliases": [f"PL {number}/2023-CR", f"PL {number}"],
        "title": title,
        "title_origin": "official",
        "proponent": "Congreso",
        "steps": steps,
    }
    return row | {
        "body": body,
        "assessment": judged,
        "move": move,
        "history": history(row, steps),
        "course": course(steps, numbers["risk"]),
        "checkpoint": CHECKPOINT,
        "counterfactuals": COUNTERFACTUALS,
    }


def course(steps: list[Row], risk: float) -> list[Row]:
    """Risk a week, rising with every step to what it is."""
    first, found = dt.date.fromisoformat(steps[0]["date"]), []
    for day in [first + dt.timedelta(days=7 * week) for week in range((TODAY - first).days // 7 + 1)] + [TODAY]:
        share = sum(1 for step_ in steps if dt.date.fromisoformat(step_["date"]) <= day) / len(steps)
        value = round(risk * (0.35 + 0.65 * share), 1)
        found.append({"as_of": str(day), "level": "watch", "risk": value, "stage": "filed", "direction": "weakens"})
    return found


def history(row: Row, steps: list[Row]) -> list[Row]:
    """One revision a step: the level climbs to where it stands."""
    order = ["watch", "elevated", "high", "critical"]
    top = order.index(row["level"])
    levels = [order[max(0, top - (len(steps) - 1 - at))] for at in range(len(steps))]
    return [
        {
            "revision": at + 1,
            "sequence": row["sequence"] - 40 * (len(steps) - 1 - at),
            "lifecycle": "Alert" if at == 0 else row["lifecycle"] if at == len(steps) - 1 else "Update",
            "level": levels[at],
            "previous_level": levels[at - 1] if at else None,
            "as_of": found["date"],
            "recorded_at": f"{found['date']}T23:12:00Z",
            "reason": {"es": f"Nueva etapa: {found['native_stage']}.", "en": f"New stage: {found['native_stage']}."},
            "hash": hashlib.sha256(f"{row['alert_id']}{at}".encode()).hexdigest(),
        }
        for at, found in enumerate(steps)
    ]


CHECKPOINT: Row = {"origin": "veedor/pe", "size": 4182, "root": "5nGkq2kS1b2m0Zr8o0xQhJYxkq4cJ7S8qfV3c1mC9tU=", "time": "2024-05-31T00:12:03Z", "key_id": "f2a91c04"}
COUNTERFACTUALS: list[Row] = [
    {"change": {"es": "Si no se dispensara la segunda votación", "en": "If the second vote were not waived"}, "level": "elevated", "risk": 44},
    {"change": {"es": "Si se conociera el texto y confirmara el título", "en": "If the text were known and bore the title out"}, "level": "critical", "risk": 83},
]
FACTORS: list[Row] = [
    factor("target.crime", "severity", 24, "Toca la persecución del crimen organizado", "Touches the prosecution of organised crime", "crimen organizado", "Palermo 2(b)"),
    factor("mechanism.powers", "severity", 18, "Reduce competencias de la fiscalía", "Reduces powers of prosecutors", "allanamiento", "Havana 4"),
    factor("reach.pending", "severity", 14, "Alcanza a procesos en curso", "Reaches cases under way", None, "GC 32"),
    factor("scope.general", "severity", -6, "Rige en general, no para un caso", "Applies in general, not to one case", None),
    factor("stage.first_vote", "imminence", 30, "Aprobado en primera votación", "Passed in first vote", None),
    factor("shortcut.second_vote", "imminence", 12, "Segunda votación pendiente, no antes de siete días", "Second vote pending, not before seven days", None),
    factor("read.title", "confidence", 40, "Se leyó solo el título", "Only the title was read", None),
    factor("margin", "confidence", 22, "Las reglas y el modelo coinciden", "Rules and model agree", None),
]


def alerts() -> list[Row]:
    return [
        alert(
            5981,
            "high",
            "El Pleno aprobó en primera votación cambiar la definición de organización criminal y exigir la presencia del "
            "abogado en los allanamientos; puede ser ley desde el 5 jul 2024.",
            "The plenary passed in first vote a new definition of criminal organisation and the presence of counsel at searches; it can be law from 5 July 2024.",
            "Ley que modifica el Código Penal, Decreto Legislativo 635, y la Ley 30077, Ley contra el Crimen Organizado, a "
            "fin de determinar las características concurrentes para la tipificación de una organización criminal",
            ["CRIME", "MP"],
            steps=[
                step("2023-10-05", "filed", "Presentado"),
                step("2023-11-28", "committee", "En comisión"),
                step("2024-04-24", "report", "Dictamen", votes=votes(15, 3, 2)),
                step(
                    "2024-05-30",
                    "first_vote",
                    "Aprobado en primera votación",
                    votes=votes(67, 27, 12),
                    note={"es": "El Pleno lo aprobó de noche, tras un debate de dos horas.", "en": "The plenary passed it at night after a two-hour debate."},
                ),
            ],
            numbers={"severity": 78.0, "imminence": 72.0, "confidence": 0.74, "risk": 66.0},
            p_law=0.46,
            p_law_base=0.28,
            earliest_law="2024-07-05",
            previous_level="elevated",
        ),
        alert(
            6816,
            "critical",
            "La Comisión de Constitución aprobó un texto que permitiría al Congreso destituir e inhabilitar a los "
            "titulares del JNE, la ONPE y el RENIEC; el Pleno puede votarlo desde el 3 jun 2024.",
            "The Constitution Committee approved a text that would let Congress remove and disqualify the heads of JNE, "
            "ONPE and RENIEC; the plenary can vote on it from 3 June 2024.",
            "Ley de reforma constitucional que modifica los artículos 99 y 100 de la Constitución Política para incorporar "
            "a los titulares de los organismos electorales en el antejuicio y juicio político",
            ["JNE", "ONPE", "RENIEC"],
            steps=[
                step("2023-12-14", "filed", "Presentado"),
                step("2024-02-20", "committee", "En comisión"),
                step("2024-05-29", "report", "Dictamen", votes=votes(16, 4, 5)),
            ],
            changed="2024-05-29",
            numbers={"severity": 92.0, "imminence": 66.0, "confidence": 0.71, "risk": 79.0},
            p_law=0.09,
            p_law_base=0.09,
            earliest_law="2024-07-28",
            previous_level="high",
            instrument="constitutional_reform",
        ),
        alert(
            7549,
            "elevated",
            "Un proyecto acorta el mandato de los jefes de la ONPE y el RENIEC; está en comisión y puede ser ley desde el 19 jul 2024.",
            "A bill shortens the terms of the heads of ONPE and RENIEC; it is in committee and can be law from 19 July 2024.",
            "Ley de reforma constitucional que modifica los artículos 182 y 183 de la Constitución sobre el periodo de los jefes de la ONPE y el RENIEC",
            ["ONPE", "RENIEC"],
            steps=[step("2024-05-28", "filed", "Presentado")],
            changed="2024-05-28",
            p_law=0.12,
            p_law_base=0.09,
        ),
        alert(
            7900,
            "watch",
            "Un proyecto deroga la Ley 31990 y devuelve a los fiscales el plazo para corroborar la colaboración eficaz; si avanza, baja la alarma.",
            "A bill repeals Law 31990 and gives prosecutors back the time to corroborate plea deals; if it advances, the alarm falls.",
            "Ley que deroga la Ley 31990, que modifica el Código Procesal Penal en materia de colaboración eficaz",
            ["MP"],
            direction="strengthens",
            changed="2024-05-27",
            numbers={"severity": 60.0, "imminence": 20.0, "confidence": 0.8, "risk": 0.0},
            p_law=0.04,
            p_law_base=0.06,
        ),
        alert(
            3981,
            "critical",
            "El Pleno inhabilitó por diez años a dos miembros de la Junta Nacional de Justicia; la resolución rige desde el 8 mar 2024.",
            "The plenary disqualified two members of the National Board of Justice for ten years; the resolution has been in force since 8 March 2024.",
            "Resolución legislativa que inhabilita a dos miembros de la Junta Nacional de Justicia por infracción de los artículos 154 y 156 de la Constitución",
            ["JNJ"],
            steps=[
                step("2023-09-13", "filed", "Denuncia constitucional"),
                step("2024-03-07", "passed", "Aprobada", votes=votes(67, 33, 11), shortcut="reconsideración el mismo día"),
                step("2024-03-08", "in_force", "Publicada"),
            ],
            changed="2024-03-08",
            numbers={"severity": 96.0, "imminence": 90.0, "confidence": 0.9, "risk": 91.0},
            p_law=1.0,
            p_law_base=0.3,
            earliest_law=None,
        ),
        alert(
            7205,
            "elevated",
            "Un proyecto traslada al Poder Judicial la elección de los integrantes del JNE; está en comisión.",
            "A bill moves the choice of the members of JNE to the judiciary; it is in committee.",
            "Ley que modifica el artículo 179 de la Constitución Política del Perú",
            ["JNE", "PJ"],
            direction="mixed",
            changed="2024-05-21",
            numbers={"severity": 70.0, "imminence": 22.0, "confidence": 0.31, "risk": 33.0},
        ),
        alert(
            6001,
            "high",
            "El Pleno aprobó en segunda votación adelantar la prescripción en la investigación preparatoria; falta que el Ejecutivo la promulgue.",
            "The plenary passed in second vote an earlier limitation in preparatory investigations; the Executive has yet to promulgate it.",
            "Ley que modifica el Código Penal y el Nuevo Código Procesal Penal respecto de la suspensión de la prescripción",
            ["CRIME", "MP", "PJ"],
            steps=[
                step("2023-06-01", "filed", "Presentado"),
                step("2024-01-18", "report", "Dictamen"),
                step("2024-05-16", "first_vote", "Aprobado"),
                step("2024-05-23", "second_vote", "Aprobado en segunda votación", votes=votes(71, 30, 6)),
            ],
            changed="2024-05-23",
            numbers={"severity": 74.0, "imminence": 84.0, "confidence": 0.8, "risk": 68.0},
            p_law=0.83,
            p_law_base=0.71,
            earliest_law="2024-06-14",
        ),
        alert(
            6499,
            "watch",
            "Un proyecto cambia los plazos para inscribir alianzas electorales; está en comisión.",
            "A bill changes the terms for registering electoral alliances; it is in committee.",
            "Ley que modifica la Ley 28094, Ley de Organizaciones Políticas, sobre alianzas electorales",
            ["ELECTIONS"],
            changed="2024-05-14",
            numbers={"severity": 30.0, "imminence": 18.0, "confidence": 0.6, "risk": 17.0},
        ),
        alert(
            5412,
            "elevated",
            "El proyecto que fijaba en el Congreso la ratificación de los fiscales supremos fue archivado.",
            "The bill that gave Congress the ratification of supreme prosecutors was shelved.",
            "Ley que modifica el artículo 158 de la Constitución sobre la designación de fiscales supremos",
            ["MP"],
            steps=[step("2023-05-05", "filed", "Presentado"), step("2024-05-10", "shelved", "Al archivo")],
            lifecycle="Cancel",
            changed="2024-05-10",
            earliest_law=None,
        ),
    ]


LONG = ("body", "assessment", "move", "history", "course", "checkpoint", "counterfactuals")


def brief(row: Row) -> Row:
    """An alert as a list gives it."""
    return {name: value for name, value in row.items() if name not in LONG}


NAMES = {
    "JNE": ("Jurado Nacional de Elecciones", "National Jury of Elections"),
    "ONPE": ("Oficina Nacional de Procesos Electorales", "National Office of Electoral Processes"),
    "RENIEC": ("Registro de identidad", "Identity register"),
    "ELECTIONS": ("Reglas electorales", "Electoral rules"),
    "PJ": ("Poder Judicial", "Judiciary"),
    "TC": ("Tribunal Constitucional", "Constitutional Tribunal"),
    "JNJ": ("Junta Nacional de Justicia", "National Board of Justice"),
    "MP": ("Ministerio Público", "Public Ministry"),
    "CRIME": ("Persecución del crimen organizado", "Prosecution of organised crime"),
}
TOPS = {"JNE": 5.2, "ONPE": 3.1, "RENIEC": 2.4, "ELECTIONS": 1.4, "PJ": 2.0, "TC": 0.6, "JNJ": 6.8, "MP": 4.4, "CRIME": 5.9}


def pressure(code: str, since: dt.date, until: dt.date) -> list[Row]:
    """A made-up series that jumps with steps and decays between them."""
    days = (until - since).days
    return [
        {
            "date": str(since + dt.timedelta(days=day)),
            "value": round(TOPS[code] * (0.15 + 0.85 * day / days) * (0.72 + 0.28 * math.exp(-((day + len(code) * 31) % 70) / 30)), 2),
        }
        for day in range(days + 1)
    ]


def institutions() -> list[Row]:
    start, end = TODAY - dt.timedelta(days=730), TODAY
    return [
        {
            "code": code,
            "name": {"es": es, "en": en},
            "pressure": pressure(code, start, end)[-1]["value"],
            "previous_year": pressure(code, start, end)[365]["value"],
            "series": pressure(code, start, end)[::-14][::-1],
            "open": {"critical": 1, "high": 2, "elevated": 4, "watch": 9},
        }
        for code, (es, en) in NAMES.items()
    ]


def sources() -> list[Row]:
    return [
        {"source": "congreso.expediente", "kind": "watch", "status": "ok", "last_seen": "2024-05-31T14:41:00Z", "count": 12542},
        {"source": "el-peruano", "kind": "watch", "status": "ok", "last_seen": "2024-05-31T14:38:00Z", "count": 884},
        {"source": "record.jsonl", "kind": "import", "status": "told", "last_seen": "2024-05-30T20:02:00Z", "count": 886},
    ]


def deliveries() -> list[Row]:
    return [
        {
            "id": f"msg_{at:032x}",
            "subscription_id": "sub_1",
            "alert_id": "alert.pe.2021-2026.C.bill.5981",
            "sequence": at,
            "status": "delivered" if at < 3 else "pending",
            "attempts": 1 if at < 3 else 4,
            "last_code": 200 if at < 3 else 503,
            "last_reason": None if at < 3 else "status_5xx",
            "created_at": "2024-05-30T23:12:01Z",
            "delivered_at": "2024-05-30T23:12:02Z" if at < 3 else None,
        }
        for at in range(1, 4)
    ]
