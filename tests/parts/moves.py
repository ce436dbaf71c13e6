"""Numbered moves for load and faults, in the record's form. In: a number and a day; out: an observation that is the same for the same number; no title is anyone's real bill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

GRAVE = (
    "Ley de reforma constitucional que elimina la Junta Nacional de Justicia y otorga al Congreso de la República el nombramiento y la remoción de los jueces y fiscales supremos",
    "Ley que permite al Congreso de la República remover a los miembros del Jurado Nacional de Elecciones y reduce su mandato",
    "Ley que modifica el artículo 99 de la Constitución para someter a acusación constitucional a los miembros del JNE y a los jefes de la ONPE y del RENIEC",
)
"""What must raise an alert that subscribers get."""

PLAIN = (
    "Ley que declara de interés nacional y necesidad pública el mejoramiento de la carretera departamental y de sus accesos",
    "Ley que promueve la investigación y el consumo de la papa nativa en los programas de alimentación escolar",
    "Ley que incorpora la enseñanza de primeros auxilios en el plan de estudios de la educación básica regular",
    "Ley que reconoce el aporte de los artesanos textiles y fomenta sus ferias en los distritos de la sierra",
    "Ley que modifica la Ley General del Ambiente para fortalecer el monitoreo de la calidad del agua en las cuencas",
    "Ley que crea la universidad nacional tecnológica de la provincia y autoriza la formulación de su expediente técnico",
    "Ley que establece un plazo para la titulación de predios rurales y simplifica sus procedimientos administrativos",
)
"""What concerns no election."""

GRAVE_SUMMARY = (
    "Propone que el Congreso de la República pueda remover por mayoría simple a los miembros del Jurado Nacional de Elecciones, "
    "al jefe de la Oficina Nacional de Procesos Electorales y al jefe del Registro Nacional de Identificación y Estado Civil, y reduce el mandato de quienes ejercen el cargo."
)
SUMMARY = (
    "El presente proyecto tiene por objeto establecer las disposiciones señaladas en el título, con el fin de atender la necesidad expuesta por su proponente. "
    "Comprende tres artículos y dos disposiciones complementarias finales, precisa su ámbito de aplicación, encarga su reglamentación al Poder Ejecutivo en el plazo de "
    "sesenta días calendario y señala que su implementación se financia con cargo al presupuesto institucional de las entidades que participan, sin demandar recursos adicionales."
)


def observation(number: int, day: dt.date, *, grave: bool | None = None, start: int = 2026, chamber: str = "D") -> dict[str, Any]:
    """Move `number` (1 to 99,999) as first seen on `day`; one in ten is grave unless told. Official number PL number of the chamber's period that began in `start`."""
    alarming = number % 10 == 0 if grave is None else grave
    titles = GRAVE if alarming else PLAIN
    return {
        "key": f"{start}-{chamber}-{number}",
        "instrument": "bill",
        "observed_on": day.isoformat(),
        "stage": "filed",
        "native_stage": "Presentado",
        "title": f"{titles[number % len(titles)]} (serie {number})",
        "summary": GRAVE_SUMMARY if alarming else SUMMARY,
        "proponent": "Congreso",
        "source": {"url": f"https://example.org/expediente/{number}", "title": "Expediente de prueba"},
    }


def write(file: Path, numbers: Iterator[int] | range, day: dt.date, **options: Any) -> Path:
    """The observations as a file for `veedor import`."""
    with file.open("wb") as out:
        out.writelines(orjson.dumps(observation(number, day, **options)) + b"\n" for number in numbers)
    return file
