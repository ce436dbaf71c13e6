"""docs/methodology never drifts: what is generated in it equals what the pack and the figures render."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from services.methodology import figure
from services.methodology.pages import DOCS, MARKED, files, redrawn
from services.methodology.rubric_table import number, percent, table
from shared.countries import load


@pytest.mark.parametrize(("file", "text"), [pytest.param(file, text, id=file.name) for file, text in files(DOCS, "pe").items()])
def test_every_generated_file_is_up_to_date(file: object, text: str) -> None:
    assert (DOCS / str(file)).read_text() == text, "run `python -m services.methodology`"


def test_both_languages_show_the_same_tables_and_as_many_sections() -> None:
    pages = [(DOCS / f"{lang}.md").read_text() for lang in ("en", "es")]
    marks = [[found[2] for found in MARKED.finditer(page)] for page in pages]
    assert marks[0] == marks[1]
    assert len({len(re.findall(r"^#+ ", page, re.MULTILINE)) for page in pages}) == 1


def test_every_rule_and_every_line_of_the_rubric_is_published() -> None:
    pack, page = load("pe"), (DOCS / "en.md").read_text()
    for rule in [*pack.rubric.factors, *(rule.id for rule in pack.rules)]:
        assert f"`{rule}`" in page


def test_links_lead_somewhere() -> None:
    for lang in ("en", "es"):
        page = (DOCS / f"{lang}.md").read_text()
        anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
        for target in re.findall(r"\]\(([^)\s]+)\)", page):
            assert target.startswith("http") or target.removeprefix("#") in anchors or (DOCS / target).exists(), target


def test_a_mark_that_names_nothing_is_an_error() -> None:
    with pytest.raises(KeyError):
        redrawn("<!-- generated: nonsense -->\n<!-- end -->", load("pe"), {}, "en")


def test_numbers_are_written_as_people_of_each_language_do() -> None:
    assert (number(12.5, "es"), number(12.5, "en"), number(-15.0, "en"), number(None, "es"), number(10.0, "en", 0)) == ("12,5", "12.5", "−15", "–", "10")
    assert (percent(0.906, "es"), percent(0.906, "en")) == ("91 %", "91%")
    assert table(("a", "b"), [("x|y", "1")], numeric=1) == "| a | b |\n| --- | ---: |\n| x/y | 1 |"


def test_pictures_stand_alone_and_escape_their_words() -> None:
    drawn = figure.reliability({"<at filing>": [[10, 0.1, 0.2], [5, 0.9, 0.8]]}, {"title": "a & b", "said": "said", "was": "was"})
    root = ET.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "a & b"
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 2
    assert "<at filing>" not in drawn
    assert ET.fromstring(figure.leads([("no warning", 0), ("1 to 6 days", 3)], "leads")) is not None
