"""What may be said, and what is said back to whoever says it wrong."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from services.ingest.observation import Observation, read_content, understand, visible_from
from shared.countries import Pack
from shared.errors import Refused
from shared.events import Stage
from tests.unit.ingest.examples import TODAY, said, told

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "record.schema.json"


def schema() -> dict[str, Any]:
    """What docs/record.schema.json must say."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://veedor.org/record.schema.json", **Observation.model_json_schema(mode="validation")}


@pytest.mark.parametrize(
    ("field", "fields", "words"),
    [
        ("key", {"key": None}, "missing"),
        ("title", {"title": None}, "missing"),
        ("title", {"title": 7}, "string"),
        ("title", {"title": "  "}, "empty"),
        ("title", {"title": "a" * 2001}, "2001 characters: shorten it to 2000"),
        ("title", {"title": "Ley\x00 que"}, "control character U+0000"),
        ("title", {"title": "Ley \u202eque"}, "control character U+202E"),
        ("title", {"title": "ComisiÃ³n de ConstituciÃ³n"}, "garbled"),
        ("title", {"title": "Comisi\ufffdn"}, "garbled"),
        ("key", {"key": "a\x07"}, "control character"),
        ("aliases.1", {"aliases": ["PL 1", "\x00"]}, "control character"),
        ("aliases", {"aliases": "PL 1"}, "must be a list"),
        ("stage", {"stage": "aprobado"}, "unknown: use one of 'filed'"),
        ("stage", {"stage": None, "native_stage": None}, "missing"),
        ("instrument", {"instrument": "edict"}, "unknown: use one of 'bill'"),
        ("observed_on", {"observed_on": "21/09/2023"}, "is no date: write 2024-05-30"),
        ("observed_on", {"observed_on": 20230921}, "string"),
        ("observed_on", {"observed_on": "2023-02-30"}, "no date of the calendar"),
        ("observed_on", {"observed_on": "2023-13"}, "no date of the calendar"),
        ("observed_on", {"observed_on": "0000-01-01"}, "no date of the calendar"),
        ("observed_on", {"observed_on": "2024-09-03"}, "future"),
        ("observed_on", {"observed_on": "2025"}, "future"),
        ("observed_on", {"observed_on": "1821-07-28"}, "before the first period"),
        ("precision", {"precision": "month"}, "does not fit the date"),
        ("precision", {"precision": "day", "observed_on": "2023-09"}, "tells the month"),
        ("precision", {"precision": "week"}, "unknown"),
        ("source.url", {"source": {"url": "ftp://example.org"}}, "http or https"),
        ("source.url", {"source": {"url": "javascript:alert(1)"}}, "http or https"),
        ("source.url", {"source": {"url": "http://\u200b/x"}}, "http or https"),
        ("source.pages", {"source": {"pages": 3}}, "no field of the record"),
        ("votes.yes", {"votes": {"yes": -1}}, "greater than or equal to 0"),
        ("votes.no", {"votes": {"yes": 1, "no": "many"}}, "integer"),
        ("votes.yes", {"votes": {"yes": True}}, "integer"),
        ("votes", {"votes": "87-0"}, "must be an object"),
        ("country", {"country": "zz"}, "'zz' is unknown: this installation reads 'pe'"),
        ("period", {"period": "1821-1826"}, "unknown: use one of"),
        ("chamber", {"chamber": "D"}, "no chamber of that period: use one of C"),
        ("polarity", {"polarity": "threat"}, "no field of the record"),
        ("note.fr", {"note": {"fr": "non"}}, "no field of the record"),
        ("confidence", {"confidence": "certain"}, "unknown"),
    ],
)
def test_what_is_wrong_is_refused_by_name(pack: Pack, field: str, fields: dict[str, Any], words: str) -> None:
    line = said(**fields)
    with pytest.raises(Refused) as refused:
        understand(line, pack, TODAY)
    assert refused.value.field == field
    assert words in refused.value.detail


def test_the_error_names_all_that_is_wrong(pack: Pack) -> None:
    with pytest.raises(Refused, match=r"wrong too: instrument, title"):
        understand({"key": "", "instrument": "x", "observed_on": "2023-09-21", "stage": "filed"}, pack, TODAY)


def test_nulls_are_absent_and_blanks_collapse(pack: Pack) -> None:
    found = understand(said() | {"votes": None, "shortcut": None, "title": " Ley\n que  dice\u200b algo "}, pack, TODAY)
    assert found.title == "Ley que dice algo"
    assert found.votes is None


@pytest.mark.parametrize(
    ("written", "precision", "first", "visible"),
    [
        ("2024-05-30", "day", dt.date(2024, 5, 30), dt.date(2024, 5, 30)),
        ("2024-02", "month", dt.date(2024, 2, 1), dt.date(2024, 2, 29)),
        ("2023", "year", dt.date(2023, 1, 1), dt.date(2023, 12, 31)),
    ],
)
def test_an_imprecise_date_counts_from_its_first_day_and_is_visible_from_its_last(pack: Pack, written: str, precision: str, first: dt.date, visible: dt.date) -> None:
    found = told(pack, observed_on=written)
    assert (found.precision, found.first_day, visible_from(found)) == (precision, first, visible)


def test_tomorrow_is_not_the_future(pack: Pack) -> None:
    assert told(pack, observed_on="2024-09-02").first_day == TODAY + dt.timedelta(days=1)


def test_a_native_stage_alone_is_enough(pack: Pack) -> None:
    assert told(pack, stage=None, native_stage="Sin pies ni cabeza").stage is None


def test_content_reads_back_and_decides_identity(pack: Pack) -> None:
    one = told(pack, votes={"yes": 87, "no": 0}, note={"es": "Nota.", "en": "Note."}, groups=["A"])
    assert read_content(one.content) == one
    assert read_content(one.content).digest == one.digest
    assert told(pack, votes={"yes": 88, "no": 0}).digest != one.digest


def test_a_state_without_a_date_is_the_same_whenever_somebody_looks(pack: Pack) -> None:
    looks = {told(pack, observed_on=day, undated=True, stage="committee").digest for day in ("2023-10-01", "2024-01-01")}
    assert len(looks) == 1


def test_the_published_schema_is_the_models(pack: Pack) -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == schema(), f"write it again: python -m {__name__}"


def test_every_line_of_the_record_keeps_the_schema_and_is_understood(pack: Pack) -> None:
    check = jsonschema.Draft202012Validator(schema())
    lines = (pack.directory / "record.jsonl").read_bytes().splitlines()
    assert len(lines) > 500
    for number, line in enumerate(lines, start=1):
        values = orjson.loads(line)
        found = next(iter(check.iter_errors(values)), None)
        assert found is None, f"line {number}: {found and found.message}"
        assert understand(values, pack, dt.date(2026, 12, 31)).stage in Stage


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), ensure_ascii=False, indent=2) + "\n", "utf-8")


@pytest.mark.parametrize("sign", ["\u200f", "\u200e", "\u061c", "\u00ad", "\u2064", "\ufff9", "\U000e0041\U000e0042\U000e007f"])
def test_signs_that_nobody_sees_are_dropped(pack: Pack, sign: str) -> None:
    assert understand(said() | {"title": f"Ley{sign} que dice{sign} algo"}, pack, TODAY).title == "Ley que dice algo"
    with pytest.raises(Refused):
        understand(said() | {"title": sign}, pack, TODAY)
