"""Naming another party, region or person changes no output: over real bills, in text and in metadata.

A sample unless VEEDOR_NEUTRALITY=all: `VEEDOR_NEUTRALITY=all pytest tests/integration/scoring/test_neutrality.py` reads every bill (some minutes).
"""

from __future__ import annotations

import datetime as dt
import gzip
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.scoring.assess import ScoringPack
from services.scoring.lines import score_line
from shared.folding import unaccented

BILLS = Path(os.environ.get("VEEDOR_REFERENCE", "../shared")) / "data" / "pe" / "bills.jsonl.gz"
EVERY = 1 if os.environ.get("VEEDOR_NEUTRALITY") == "all" else 25
DAY = dt.date(2024, 1, 1)

REGIONS = (
    *("Amazonas", "Áncash", "Apurímac", "Arequipa", "Ayacucho", "Cajamarca", "Callao", "Cusco", "Huancavelica", "Huánuco", "Ica", "Junín", "La Libertad", "Lambayeque", "Lima"),
    *("Loreto", "Madre de Dios", "Moquegua", "Pasco", "Piura", "Puno", "San Martín", "Tacna", "Tumbes", "Ucayali"),
)
PARTIES = (
    *("Fuerza Popular", "Perú Libre", "Acción Popular", "Alianza para el Progreso", "Renovación Popular", "Avanza País", "Podemos Perú", "Juntos por el Perú", "Somos Perú"),
    *("Unión por el Perú", "Partido Morado", "Frente Amplio", "Partido Aprista Peruano", "Partido Nacionalista Peruano", "Solidaridad Nacional", "Perú Posible"),
    *("Partido Patriótico del Perú", "Partido Demócrata Unido Perú", "Integridad Democrática", "Alianza Venceremos"),
)
PLACES = (
    *("Dos de Mayo", "Padre Abad", "Gran Chimú", "Villa María del Triunfo", "Magdalena del Mar"),
    *("Daniel Alcides Carrión", "General Sánchez Cerro", "Chancay", "La Oroya", "San Román", "Mi Perú", "Cusco"),
)
PERSONS = (
    *("Luz Paz Guerra", "Rosa Salas Torres", "César Castillo Flores", "Ángel Bravo Campos", "Ximena Quispe Mamani", "Zoltán Zvyagintsev Wu", "María del Carmen de la Vega"),
    *("Justo Leyva Reyes", "Consuelo Peña Cortés", "Domingo Iglesias Lagos"),
    *("Allan Cabrera Cornejo", "Régulo Peñaloza Enríquez", "Soraya San Román", "Ingrid Mayorga Perales", "B. J. C. Espinosa D.", "Fabricio Cuéllar A.", "Nadia PORRAS WAGNER"),
)
"""Made-up names, most of words that also mean something, or are one letter from one that does ("Peñaloza", *penaliza*)."""

Line = dict[str, Any]


@pytest.fixture(scope="module")
def pack() -> ScoringPack:
    return ScoringPack.load("pe")


@pytest.fixture(scope="module")
def bills() -> list[Line]:
    if not BILLS.is_file():
        pytest.skip(f"no reference data at {BILLS}: set VEEDOR_REFERENCE to the folder that has data/pe")
    with gzip.open(BILLS) as lines:
        read = [orjson.loads(line) for number, line in enumerate(lines) if number % EVERY == 0]
    return [line for line in read if line["title"] or line["summary"]]


def turned(names: tuple[str, ...]) -> Callable[[str], str]:
    """A text in which every name stands where the one before it stood, in the same case."""
    following = {unaccented(name): after for name, after in zip(names, (*names[1:], names[0]), strict=True)}
    spelt = {name for known in names for name in (known, "".join(c if c.isascii() else unaccented(c) for c in known))}
    pattern = re.compile(rf"(?<!privativa de )(?<!privativas de )\b(?:{'|'.join(sorted(map(re.escape, spelt), key=len, reverse=True))})\b", re.IGNORECASE)

    def put(found: re.Match[str]) -> str:
        other = following[unaccented(found[0])]
        return other.upper() if found[0].isupper() else other

    # Liberty is a region only with its article and a capital: "la libertad de expresión" and "pena privativa de LA LIBERTAD" are none.
    return lambda text: pattern.sub(lambda found: found[0] if found[0].startswith("la ") or found[0].islower() else put(found), text)


def scored(line: Line, pack: ScoringPack) -> Line:
    """The whole output, less the quotes: they are the text's own words, names included."""
    found = score_line(orjson.dumps(line), pack, DAY)
    assert "error" not in found, found
    return {**found, "factors": [{name: value for name, value in factor.items() if name != "quote"} for factor in found["factors"]]}


def retold(line: Line, change: Callable[[str], str]) -> Line:
    return {**line, "title": change(line["title"] or ""), "summary": change(line["summary"] or "")}


def differing(bills: list[Line], pack: ScoringPack, change: Callable[[Line], Line]) -> Iterator[tuple[str, str]]:
    for line in bills:
        other = change(line)
        if other != line and scored(other, pack) != scored(line, pack):
            yield line["key"], other["title"]


def test_who_signed_a_bill_and_for_which_group_changes_nothing(bills: list[Line], pack: ScoringPack) -> None:
    assert not list(differing(bills, pack, lambda line: {**line, "authors": list(PERSONS), "group": PARTIES[len(line["key"]) % len(PARTIES)]}))


@pytest.mark.parametrize("names", [REGIONS, PARTIES], ids=["regions", "parties"])
def test_another_name_where_one_stands_changes_nothing(bills: list[Line], pack: ScoringPack, names: tuple[str, ...]) -> None:
    change = turned(names)
    assert not list(differing(bills, pack, lambda line: retold(line, change)))


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("{text}, en el departamento de {name}", REGIONS),
        ("{text}, en {name}", PLACES),
        ("{text}, a propuesta del grupo parlamentario {name}", PARTIES),
        ("{text}, a propuesta de {name}", PERSONS),
    ],
    ids=["regions", "places", "parties", "persons"],
)
def test_whoever_is_named_beside_the_text_changes_nothing(bills: list[Line], pack: ScoringPack, where: str, names: tuple[str, ...]) -> None:
    """Each bill with two of the names in turn, after its title and after its summary: both read the same."""
    found = []
    for number, line in enumerate(bills):
        one, other = names[number % len(names)], names[(number + 1 + number // len(names)) % len(names)]
        first, second = (scored(retold(line, lambda text, name=name: where.format(text=text, name=name) if text else text), pack) for name in (one, other))  # type: ignore[misc]
        if first != second:
            found.append((line["key"], one, other))
    assert not found
