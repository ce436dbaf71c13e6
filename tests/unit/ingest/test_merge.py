"""Observations become the same move whatever their order and however often they come."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.identity import Identifier
from services.ingest.merge import Merger, merge
from services.ingest.numbering import Numbering
from services.ingest.observation import Observation
from shared.countries import Pack, load
from shared.events import Instrument, Stage
from tests.unit.ingest.examples import told

PACK = load("pe")
MERGER = Merger.of(PACK)


def observations() -> st.SearchStrategy[Observation]:
    """Observations of one move, many of them alike."""
    fields = st.fixed_dictionaries(
        {
            "observed_on": st.sampled_from(["2023-09-21", "2024-05-30", "2024-05", "2023", "2024-07-04"]),
            "stage": st.sampled_from([*Stage]).map(str),
            "native_stage": st.sampled_from([None, "Aprobado", "APROBADO", "En comisión"]),
            "title": st.sampled_from(["Ley que modifica A", "Ley que modifica B"]),
            "title_origin": st.sampled_from(["official", "reconstructed"]),
            "title_en": st.sampled_from([None, "Act A"]),
            "aliases": st.sampled_from([[], ["PL 5981/2023-CR"], ["PL 5981", "Ley 32108"], ["PL 7/2023-CR", "PL 5981"]]),
            "instrument": st.sampled_from(["bill", "constitutional_reform"]),
            "votes": st.sampled_from([None, {"yes": 60}, {"yes": 60, "no": 2}]),
            "confidence": st.sampled_from(["sourced", "inferred"]),
            "undated": st.booleans(),
            "groups": st.sampled_from([[], ["B", "A"], ["C"]]),
            "related": st.sampled_from([[], ["PL 12/2021-CR"], ["PL 5981"]]),
        }
    )
    return fields.map(lambda chosen: told(PACK, **chosen))


@given(st.lists(observations(), min_size=1, max_size=8), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_order_and_repetition_change_nothing(said: list[Observation], chance: random.Random) -> None:
    shuffled = said + chance.choices(said, k=3)
    chance.shuffle(shuffled)
    assert MERGER.merge(shuffled) == MERGER.merge(said)


@given(st.lists(observations(), min_size=1, max_size=8))
@settings(deadline=None, max_examples=100)
def test_steps_stand_by_date_and_none_twice(said: list[Observation]) -> None:
    steps = MERGER.merge(said).steps
    assert [step.date for step in steps] == sorted(step.date for step in steps)
    assert len({step.model_dump_json(exclude={"source", "confidence", "note", "shortcut"}) for step in steps}) == len(steps)


def test_the_id_is_the_first_number_for_life(pack: Pack) -> None:
    filed = told(pack)
    law = told(pack, observed_on="2024-08-09", stage="published", aliases=["PL 5981/2023-CR", "Ley 32108"])
    move = merge([law, filed], pack)
    assert move.move_id == "pe.2021-2026.C.bill.5981"
    assert move.aliases == ("PL 5981/2023-CR", "Ley 32108")
    assert move.stage is Stage.PUBLISHED


@pytest.mark.parametrize(
    ("fields", "move_id"),
    [
        ({"aliases": ["PL 36/2021-CR", "PL 3/2021-CR", "PL 19/2021-CR"]}, "pe.2021-2026.C.bill.3"),
        ({"aliases": ["Ley 32213"]}, "pe.2021-2026.C.bill.law-32213"),
        ({"aliases": [], "title": "Ley que precisa el artículo 12°, ¿y qué más?"}, "pe.2021-2026.C.bill.20230921-ley-que-precisa-el-articulo-12-y-que-mas"),
        ({"aliases": ["DC 469", "Proyecto de Resolución Legislativa 12637"], "instrument": "constitutional_accusation"}, "pe.2021-2026.C.constitutional_accusation.469"),
        ({"aliases": ["Exp. 00007-2021-PCC/TC"], "instrument": "ruling"}, "pe.2021-2026.C.ruling.00007-2021-PCC-TC"),
        ({"key": "2011-C-77", "aliases": [], "observed_on": "2012-03-01"}, "pe.2011-2016.C.bill.77"),
        ({"aliases": ["DC 112"], "instrument": "constitutional_accusation", "observed_on": "2021-07"}, "pe.2021-2026.C.constitutional_accusation.112"),
    ],
)
def test_ids(pack: Pack, fields: dict[str, Any], move_id: str) -> None:
    assert merge([told(pack, **fields)], pack).move_id == move_id


def test_the_chambers_number_separately(pack: Pack) -> None:
    day = {"observed_on": "2024-08-20"}
    deputies = told(pack, key="a", aliases=["00131-2026-2031-CD"], **day)
    senate = told(pack, key="b", aliases=["00131-2026-2031-S"], **day)
    assert {merge([one], pack).move_id for one in (deputies, senate)} == {"pe.2026-2031.D.bill.131", "pe.2026-2031.S.bill.131"}


def test_an_official_title_beats_a_reconstructed_one_and_the_latest_official_wins(pack: Pack) -> None:
    titles = [("2023-09-21", "official", "Uno"), ("2024-01-01", "official", "Dos"), ("2024-02-01", "reconstructed", "Tres")]
    move = merge([told(pack, observed_on=day, title_origin=origin, title=title) for day, origin, title in titles], pack)
    assert (move.title, move.title_origin) == ("Dos", "official")


def test_a_reform_in_a_list_of_bills_is_a_reform_and_keeps_its_id(pack: Pack) -> None:
    listed = told(pack, key="2021-C-5981")
    reform = told(pack, instrument="constitutional_reform", observed_on="2024-05-30", stage="first_vote")
    move = merge([listed, reform], pack)
    assert (move.move_id, move.instrument) == ("pe.2021-2026.C.bill.5981", Instrument.CONSTITUTIONAL_REFORM)


def test_a_rejection_reconsidered_the_same_day_ends_passed(pack: Pack) -> None:
    day = {"observed_on": "2024-03-07", "native_stage": None}
    move = merge([told(pack, stage="passed", **day), told(pack, stage="rejected", **day), told(pack, stage="published", observed_on="2024-03-07")], pack)
    assert [step.stage for step in move.steps] == [Stage.REJECTED, Stage.PASSED, Stage.PUBLISHED]


def test_a_published_law_is_not_shelved_with_its_file(pack: Pack) -> None:
    move = merge([told(pack, stage="published", observed_on="2024-08-09"), told(pack, stage="shelved", native_stage="Al Archivo", observed_on="2024-08-20")], pack)
    assert move.stage is Stage.PUBLISHED
    assert move.steps[-1].native_stage == "Al Archivo"


def test_an_unmapped_native_stage_is_kept_as_other(pack: Pack) -> None:
    move = merge([told(pack), told(pack, stage=None, native_stage="Cosa nunca vista", observed_on="2024-01-01")], pack)
    assert (move.steps[-1].stage, move.steps[-1].native_stage) == (Stage.OTHER, "Cosa nunca vista")
    assert move.stage is Stage.FILED


def test_a_state_without_a_date_gives_way_to_a_dated_one(pack: Pack) -> None:
    looked = told(pack, stage="committee", native_stage="EN COMISIÓN", undated=True, observed_on="2024-08-01")
    assert [step.stage for step in merge([told(pack), looked], pack).steps] == [Stage.FILED, Stage.COMMITTEE]
    dated = told(pack, stage="committee", native_stage="En comisión", observed_on="2023-10-01")
    assert [step.date for step in merge([told(pack), looked, dated], pack).steps] == [dt.date(2023, 9, 21), dt.date(2023, 10, 1)]


def test_votes_complete_the_same_step_told_without(pack: Pack) -> None:
    votes = {"yes": 60, "no": 2}
    move = merge([told(pack), told(pack, votes=votes)], pack)
    assert [step.votes and step.votes.yes for step in move.steps] == [60]


def test_observations_meet_by_key_and_by_numbers_of_birth_in_any_order(pack: Pack) -> None:
    identifier = Identifier(pack, Numbering.of(pack))
    lines = [
        told(pack, key="a", aliases=["PL 1/2023-CR"]),
        told(pack, key="b", aliases=["PL 2/2023-CR", "Ley 32108"]),
        told(pack, key="c", aliases=["PL 1", "PL 3/2023-CR"]),
        told(pack, key="d", aliases=["PL 4/2023-CR", "Ley 32108"]),
        told(pack, key="e", aliases=["Ley 32108"]),
        told(pack, key="f", aliases=["PL 3"]),
        told(pack, key="b", aliases=[]),
    ]
    expected = {frozenset("acf"), frozenset("be"), frozenset("d")}
    for seed in range(20):
        order = random.Random(seed).sample(lines, len(lines))
        found = {frozenset(order[at].key for at in group) for group in identifier.together(order)}
        joined = next(group for group in found if "e" in group)
        assert found - {joined} <= expected | {frozenset("b")}
        assert joined in (frozenset("be"), frozenset("de"))
