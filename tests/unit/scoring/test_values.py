"""The short ways of scoring say what the long ones say: values built unvalidated, sums in lanes, grams by number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from services.scoring.lanes import Lanes
from services.scoring.lines import move_of
from services.scoring.memory import Memory
from services.scoring.scanning import Scanner
from services.scoring.terms import Conventions, Lexicon, grams
from services.scoring.vocabulary import Vocabulary
from shared.events import Assessment, Move, Stage
from tests.unit.scoring.sample import assessed, country, step

WATCHED = "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones"


def built(value: Any) -> Iterator[BaseModel]:
    """A value and all values inside it."""
    if isinstance(value, BaseModel):
        yield value
        for inner in value.__dict__.values():
            yield from built(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from built(inner)


def values() -> list[Assessment | Move]:
    line = {"key": "k", "period": "2021-2026", "title": WATCHED, "presented": "2024-03-01", "stages": [{"stage": "EN COMISIÓN", "date": "2024-03-05"}]}
    return [assessed(WATCHED, step(Stage.PASSED, "2024-09-01", shortcut="second vote waived")), move_of(line, country())]


@pytest.mark.parametrize("value", values(), ids=["assessment", "move"])
def test_what_is_built_unvalidated_names_every_field_and_would_be_valid(value: Assessment | Move) -> None:
    for inner in built(value):
        assert inner.__dict__.keys() == type(inner).model_fields.keys()
    assert type(value).model_validate(orjson.loads(value.model_dump_json())) == value
    assert value.model_copy(update={}) == value


NUMBERS = st.integers(-10_000_000, 10_000_000).map(lambda number: number / 10_000)


@given(st.lists(st.lists(NUMBERS, min_size=5, max_size=5), max_size=30))
def test_lanes_add_up_each_column(rows: list[list[float]]) -> None:
    lanes = Lanes(5)
    expected = [sum(round(row[at] * Lanes.SCALE) for row in rows) for at in range(5)]
    assert list(lanes.sums([lanes.row(enumerate(row)) for row in rows])) == expected


TERMS = st.lists(st.sampled_from(["reduc", "mandat", "jne", "~reduc", "ley", "elecc"]), max_size=20)
CONCEPTS = {"reduc": "act:cut", "mandat": "thing:term", "jne": "body:jne"}


@given(TERMS, st.sets(st.sampled_from(grams(["reduc", "mandat", "jne", "~reduc", "ley", "elecc"], CONCEPTS))))
def test_a_vocabulary_finds_the_grams_it_knows(terms: list[str], known: set[str]) -> None:
    vocabulary = Vocabulary(sorted(known), CONCEPTS, ["reduc", "mandat", "jne", "ley", "elecc"])
    found = vocabulary.find([vocabulary.codes[term] for term in terms])
    assert {gram for gram in known if vocabulary.place(gram) in found} == known & set(grams(terms, CONCEPTS))


LEXICON = Lexicon(Conventions.load(country().directory / "weights"), {"reduc", "mandat", "juez", "elecc", "derog", "efect", "conced", "pais"})
PHRASES = [
    *("reduce el mandato", "de los jueces", "elecciones", "deroga la ley", "12345", "que concede"),
    *("sin efecto", "jurado nacional", "poder judicial", "eleciones", "del país", "partido"),
]
WRITTEN = st.lists(st.sampled_from(PHRASES), max_size=15).map(lambda phrases: " ".join(phrases).split())


@given(WRITTEN)
def test_scanning_finds_the_terms_of_the_lexicon(written: list[str]) -> None:
    assert LEXICON.words is not None
    codes = Vocabulary([], {}, sorted(LEXICON.words)).codes
    assert Scanner(LEXICON, codes).read(written) == [codes[term] for term in LEXICON.terms(written)]


def test_an_unknown_day_is_refused_by_field() -> None:
    with pytest.raises(ValueError, match="presented"):
        move_of({"key": "k", "title": "Ley", "presented": "pronto"}, country())
    assert dt.date.fromisoformat("2024-03-01") == move_of({"key": "k", "title": "Ley", "presented": "2024-03-01"}, country()).steps[0].date


def test_a_memory_works_a_word_out_once_and_keeps_no_long_one() -> None:
    asked: list[str] = []
    memory = Memory(lambda word: asked.append(word) or len(asked))  # type: ignore[func-returns-value]
    assert [memory[word] for word in ("ley", "ley", "x" * 400, "x" * 400)] == [1, 1, 2, 3]
    assert list(memory) == ["ley"]
