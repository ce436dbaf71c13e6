"""The Peru pack: what it answers, on which day."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from shared.countries import Pack, load
from shared.errors import Refused
from shared.events import Direction, Instrument, Level, Mechanism, Stage, Target

REFERENCE = Path(os.environ.get("VEEDOR_REFERENCE", "../shared")) / "data" / "pe"


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load("pe")


def test_says_who_it_is_and_changes_version_with_its_data(pack: Pack, tmp_path: Path) -> None:
    assert (pack.code, pack.timezone, pack.name.en) == ("pe", "America/Lima", "Peru")
    copy = tmp_path / "pe"
    copy.mkdir()
    for file in pack.directory.glob("*.yaml"):
        (copy / file.name).write_bytes(file.read_bytes())
    assert load("pe", tmp_path).version == pack.version
    (copy / "calendar.yaml").write_text((copy / "calendar.yaml").read_text() + "\n# one more note\n")
    assert load("pe", tmp_path).version != pack.version


@pytest.mark.parametrize("code", ["xx", "", "PE", "../pe", "p\x00"])
def test_refuses_a_country_without_a_pack(code: str) -> None:
    with pytest.raises(Refused) as refused:
        load(code)
    assert refused.value.field == "country"
    assert "pe" in refused.value.detail


def test_every_term_has_words_in_both_languages(pack: Pack) -> None:
    words = [pack.stage_label(stage) for stage in Stage] + [pack.instrument_label(i) for i in Instrument] + [pack.mechanism_label(m) for m in Mechanism]
    words += [pack.direction_label(d) for d in Direction] + [pack.level_label(level) for level in Level] + [pack.target_label(target) for target in Target]
    words += [milestone.label for milestone in pack.milestones] + [norm.subject for norm in pack.norms.values()] + [rule.label for rule in pack.rules]
    assert all(label.es and label.en for label in words)


@pytest.mark.parametrize(
    ("native", "stage"),
    [
        ("PRESENTADO", Stage.FILED),
        ("En comisión", Stage.COMMITTEE),
        ("EN COMISION", Stage.COMMITTEE),
        ("Pase También Justicia y Derechos Humanos", Stage.COMMITTEE),
        ("Dictamen Favorable Sustitutorio", Stage.REPORT),
        ("EN AGENDA DEL PLENO (DICTÁMENES, 2026-06-23)", Stage.FLOOR),
        ("Ac.Portavoces", Stage.FLOOR),
        ("APROBADO 1ERA. VOTACIÓN", Stage.FIRST_VOTE),
        ("Pendiente 2da. votación", Stage.FIRST_VOTE),
        ("Dispensado 2da Votación", Stage.PASSED),
        ("Autógrafa", Stage.PASSED),
        ("AUTÓGRAFA OBSERVADA", Stage.OBSERVED),
        ("Promulgado/Presidente del Congreso", Stage.ENACTED),
        ("Publicada en el Diario Oficial El Peruano", Stage.PUBLISHED),
        ("Retirado por su Autor", Stage.WITHDRAWN),
        ("Al Archivo", Stage.SHELVED),
        ("Rechazado de Plano", Stage.REJECTED),
        ("No alcanzó Nº de votos", Stage.REJECTED),
        ("Retiro de Firma", Stage.OTHER),
    ],
)
def test_maps_native_labels(pack: Pack, native: str, stage: Stage) -> None:
    assert pack.stage_of(native) is stage


def test_leaves_an_unknown_label_unmapped(pack: Pack) -> None:
    assert pack.stage_of("Remitido a la cámara revisora") is None


def test_maps_nearly_all_labels_of_the_histories(pack: Pack) -> None:
    file = REFERENCE / "bills.jsonl.gz"
    if not file.exists():
        pytest.skip(f"no reference data at {file}: set VEEDOR_REFERENCE")
    seen: Counter[bool] = Counter()
    with gzip.open(file, "rt") as lines:
        for line in lines:
            for step in json.loads(line).get("stages") or ():
                seen[pack.stage_of(step["stage"] or "") is not None] += 1
    assert seen[False] / seen.total() < 0.01


def test_finds_periods_by_day_code_and_year(pack: Pack) -> None:
    first = pack.period_on(dt.date(2026, 7, 26))
    second = pack.period_on(dt.date(2026, 7, 27))
    assert first is not None
    assert second is not None
    assert (first.code, second.code) == ("2021-2026", "2026-2031")
    assert pack.period("2021") is first
    assert pack.period("2026-2031") is second
    assert set(second.chambers) == {"C", "D", "S"}
    assert pack.period_on(dt.date(1999, 1, 1)) is None
    for earlier, later in zip(pack.periods, pack.periods[1:], strict=False):
        assert earlier.end + dt.timedelta(days=1) == later.start


def test_says_which_stages_end_a_move(pack: Pack) -> None:
    assert {stage for stage in Stage if pack.terminal(stage)} == {Stage.PUBLISHED, Stage.IN_FORCE, Stage.WITHDRAWN, Stage.SHELVED, Stage.REJECTED, Stage.STRUCK_DOWN}


@pytest.mark.parametrize(
    ("as_of", "code"),
    [
        (dt.date(2021, 9, 1), "subnational-2022"),
        (dt.date(2022, 10, 2), "subnational-2022"),
        (dt.date(2022, 10, 3), "general-2026"),
        (dt.date(2026, 4, 13), "runoff-2026"),
        (dt.date(2026, 6, 8), "subnational-2026"),
        (dt.date(2026, 10, 5), "subnational-2030"),
    ],
)
def test_the_next_voting_day_is_the_one_known_then(pack: Pack, as_of: dt.date, code: str) -> None:
    found = pack.next_milestone(as_of)
    assert found is not None
    assert found.code == code
    assert found.known_from <= as_of <= found.date


def test_an_election_called_later_is_not_seen_before(pack: Pack) -> None:
    assert all(found.code != "congress-2020" for found in pack.ballots(dt.date(2019, 9, 29)))
    assert any(found.code == "congress-2020" for found in pack.ballots(dt.date(2019, 9, 30)))


def test_voting_days_fall_where_the_law_puts_them(pack: Pack) -> None:
    by_code = {found.code: found.date for found in pack.milestones}
    assert by_code["general-2031"] == dt.date(2031, 4, 13)
    assert all(found.date.weekday() == 6 for found in pack.milestones if found.kind in ("election_day", "runoff"))


def test_the_one_year_line_is_a_year_before_the_next_vote(pack: Pack) -> None:
    assert pack.one_year_line(dt.date(2025, 3, 1)) == dt.date(2025, 4, 12)


def test_counts_working_days_without_holidays(pack: Pack) -> None:
    assert pack.add_working_days(dt.date(2024, 7, 19), 5) == dt.date(2024, 7, 30)
    assert not pack.working_day(dt.date(2026, 7, 28))


def test_articles_and_laws_lead_to_their_institution(pack: Pack) -> None:
    assert pack.norms["const:179"].targets == (Target.JNE,)
    assert pack.norms["const:182"].targets == (Target.ONPE,)
    assert pack.norms["const:157"].targets == (Target.JNJ,)
    assert pack.norms["law:32108"].direction is Direction.WEAKENS
    assert pack.norms["law:30077"].direction is Direction.STRENGTHENS
    assert pack.norms["decree:052"].targets == (Target.MP,)
