"""However a number is written, it is one identity."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from services.ingest.numbering import Numbering
from shared.countries import Pack, PackError


@pytest.fixture(scope="module")
def numbering(pack: Pack) -> Numbering:
    return Numbering.of(pack)


@pytest.mark.parametrize(
    ("texts", "alias"),
    [
        (("PL 5981/2023-CR", "05981/2023-CR", "PL 5981", "2021-C-5981", "Proyecto de Ley N° 5981/2023-CR", "proyecto de ley Nº 05981", "P.L. 5981"), "2021-2026.C|bill:5981"),
        (("PL 3/2021-CR", "00003/2021-CR"), "2021-2026.C|bill:3"),
        (("00131-2026-2031-CD", "PL 131-2026-2031-CD", "2026-D-131"), "2026-2031.D|bill:131"),
        (("00012-2026-2031-S", "2026-S-12"), "2026-2031.S|bill:12"),
        (("05424/2015-PE", "2011-C-5424"), "2011-2016.C|bill:5424"),
        (("Proyecto de Resolución Legislativa 12637", "PL 12637"), "2021-2026.C|bill:12637"),
        (("Ley 32108", "Ley N° 32108", "Ley Nº: 32108", "ley n.° 32,108", "L.32108"), "|law:32108"),
        (("Moción 28", "Moción de orden del día N° 28", "MOCIÓN 00028"), "2021-2026.C|motion:28"),
        (("DC 373", "Denuncia Constitucional 373", "denuncias constitucionales N° 373"), "2021-2026|accusation:373"),
        (("Exp. 00007-2021-PCC/TC", "Expediente 00007-2021-PCC/TC"), "|file:00007-2021-PCC/TC"),
        (("DS 001-2026-PCM", "Decreto Supremo N° 001-2026-PCM"), "|decree:001-2026-PCM"),
        (("Resolución Legislativa 008-2023-2024-CR",), "|legislative_resolution:008-2023-2024-CR"),
        (("Resolución Legislativa del Congreso Nº: 2-2011-CR",), "|legislative_resolution:2-2011-CR"),
        (("PE-2024-14", "pe-2024-14"), "|name:pe-2024-14"),
    ],
)
def test_spellings_of_one_number(numbering: Numbering, texts: tuple[str, ...], alias: str) -> None:
    assert {numbering.read(text, "2021-2026", "C").alias for text in texts} == {alias}


def test_a_number_that_restarts_has_no_scope_until_somebody_tells_the_period(numbering: Numbering) -> None:
    assert numbering.read("PL 660").scope is None
    assert numbering.read("PL 660", "2016-2021").alias != numbering.read("PL 660", "2021-2026").alias


def test_what_the_number_says_of_its_period_wins(numbering: Numbering) -> None:
    assert numbering.read("PL 5424/2015-PE", "2021-2026").scope == "2011-2016.C"


@pytest.mark.parametrize(("text", "written"), [("05981/2023-cr", "PL 5981/2023-CR"), ("Ley N° 32,108", "Ley 32108"), ("00131-2026-2031-CD", "PL 131-2026-2031-CD")])
def test_it_is_shown_tidily(numbering: Numbering, text: str, written: str) -> None:
    assert numbering.read(text).written == written


def test_a_wrong_file_is_refused_by_line(pack: Pack, tmp_path: Path) -> None:
    shutil.copy(pack.directory / "numbers.yaml", tmp_path)
    file = tmp_path / "numbers.yaml"
    file.write_text(file.read_text("utf-8").replace("{series: law,", "{series: laws,"), "utf-8")
    with pytest.raises(PackError, match=r"numbers.yaml:\d+: forms.\d+.series: 'laws' is no series"):
        Numbering.of(replace(pack, directory=tmp_path))
