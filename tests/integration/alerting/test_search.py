"""Searching by words finds exactly what comparing word by word finds, whatever the database's index takes for a word."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import insert, update

from services.alerting import tables
from services.alerting.catalogue import AlertFilter, Catalogue
from services.alerting.phrasing import searchable
from shared.database import Database
from shared.events import Tlp
from tests.integration.alerting.home import migrated, sqlite
from tests.integration.alerting.test_plans import alert

TITLES = (
    "Ley que reforma el artículo 179 de la Constitución",
    "LEY QUE MODIFICA LA LEY Nº 32108",
    "Elección de jueces; elecciones y electores",
    "PL 5981/2023-CR",
    "PL 598",
    "Número 5e6f, 1e5 y 12abc",
    "Ñandú y pingüino: 3³ ½",
    "法律 第5号 reforma",
    "e " * 40 + "x" * 2000,
    "",
)
QUESTIONS = ("ley", "LEY ref", "reforma artículo", "articulo 179", "eleccion", "elec", "elector", "PL 598", "5981", "PL 5981/2023-CR", "2023-c", "5e6", "5e6f", "5e", "1e5", "12a")
MORE = (
    "ñandu",
    "NANDU",
    "pingüino 3",
    "½",
    "法律",
    "法",
    "第5号",
    "xxx",
    "x" * 150,
    "e",
    "f",
    "'; --",
    "ley:*",
    '"ley" OR nada',
    "nada",
    "ley nada",
    "%",
    "_",
    "a\\b",
    "NEAR(ley 5)",
    "search:ley",
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = sqlite(tmp_path_factory.mktemp("search")) if request.param == "sqlite" else migrated(request.getfixturevalue("postgres"))
    chance = random.Random(0)
    with found.transaction() as session:
        for number, title in enumerate(TITLES):
            session.connection().execute(insert(tables.alerts).values(alert(number, chance) | {"search": f" {searchable(title)} ", "item": str(number).encode()}))
    yield found
    found.close()


def found(database: Database, question: str, most_counted: int = 1000) -> set[int]:
    return {int(item) for item in Catalogue(database, most_counted).every(AlertFilter(q=question), Tlp.RED)}


def compared(question: str) -> set[int]:
    """What the words say, without a database."""
    words = [plain for word in question.split() if (plain := searchable(word))]
    asked = [f" {plain} " if plain[-1].isdigit() else f" {plain}" for plain in words]
    return {number for number, title in enumerate(TITLES) if all(word in f" {searchable(title)} " for word in asked)}


@pytest.mark.parametrize("question", QUESTIONS + MORE)
@pytest.mark.parametrize("most_counted", [1000, 0], ids=["by index", "by reading on"])
def test_a_search_finds_what_comparing_words_finds(database: Database, question: str, most_counted: int) -> None:
    assert found(database, question, most_counted) == compared(question)


def test_a_search_finds_the_words_of_now(database: Database) -> None:
    row = tables.alerts.c
    for words in ("primera", "segunda", "primera"):
        with database.transaction() as session:
            session.connection().execute(update(tables.alerts).where(row.alert_id == "alert.000009").values(search=f" {words} "))
        assert [question for question in ("primera", "segunda") if found(database, question)] == [words]
    with database.transaction() as session:
        session.connection().execute(update(tables.alerts).where(row.alert_id == "alert.000009").values(search="  "))
    assert found(database, "primera") == set()


def test_what_was_there_before_the_index_is_found_too(database: Database) -> None:
    database.migrate("0003", down=True)
    database.migrate()
    assert found(database, "elecciones") == compared("elecciones") != set()
