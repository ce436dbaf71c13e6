"""The usual rates: counted, their spread and season, from years made by hand; the pack's own file is as the command writes it."""

from __future__ import annotations

import datetime as dt

import pytest

from services.alerting.cluster import Filing
from services.methodology.filing import Year, fitted, report, written
from shared.countries.document import Document
from shared.countries.form import FilingFile
from shared.events import Target
from tests.unit.alerting.sample import pack
from tests.unit.alerting.test_cluster import one


def year(start: int, *filings: Filing) -> Year:
    days = tuple(dt.date(start, 1, 1) + dt.timedelta(days=number) for number in range(0, 365, 5))
    return Year((dt.date(start, 1, 1), dt.date(start, 12, 31)), days, filings)


def test_counts_years_and_season() -> None:
    found = fitted([year(2009, one(1), one(2)), year(2010, one(3, target=Target.TC))], pack())
    assert (found.years, found.counts[Target.JNJ], found.counts[Target.TC], found.counts[Target.JNE]) == (pytest.approx(2, abs=0.01), 2, 1, 0)
    assert found.session == pytest.approx(1, abs=0.02)
    assert found.recess == pytest.approx(1, abs=0.04)


def test_years_that_differ_more_than_chance_have_a_small_shape() -> None:
    busy = tuple(one(number) for number in range(20))
    assert fitted([year(2009, *busy), year(2010)], pack()).shape < 2
    assert fitted([year(2009, *busy[:4]), year(2010, *busy[4:8])], pack()).shape == 100


def test_a_busy_year_is_replayed_under_the_rates_of_the_others() -> None:
    lines = list(report([year(2009, *(one(number, number) for number in range(6))), *(year(start) for start in range(2010, 2016))], pack()))
    assert lines[0].startswith("Replay, groups as recorded, each year under the rates of the others: 1 clusters in 7.0 years")


def test_the_packs_file_is_as_it_is_written() -> None:
    read = Document(pack().directory / "filing.yaml").read(FilingFile)
    assert read == pack().filing
    file = pack().directory / "filing.yaml"
    said = [line.removeprefix("# ") for line in file.read_text(encoding="utf-8").splitlines()[3:] if line.startswith("#")]
    assert written(read, said) == file.read_text(encoding="utf-8")
