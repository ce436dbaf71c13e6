"""Both languages say the same things, every key that is used exists, and no template has words of its own."""

from __future__ import annotations

import re
import string
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from services.console.app import HERE
from services.console.language import flatten

SPANISH, ENGLISH = (flatten(yaml.safe_load((HERE / "translations" / f"{code}.yaml").read_text("utf-8"))) for code in ("es", "en"))
TEMPLATES = sorted((HERE / "templates").glob("*.html"))
CODE = [*TEMPLATES, *HERE.rglob("*.py")]
SPOKEN = ("aria-label", "title", "alt", "placeholder")


def forms(value: object) -> list[str]:
    return [str(form) for form in value.values()] if isinstance(value, dict) else [str(value)]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert SPANISH.keys() == ENGLISH.keys()


def test_both_languages_say_the_same_values() -> None:
    for key in SPANISH:
        spanish, english = ({name for form in forms(words[key]) for name in fields(form)} for words in (SPANISH, ENGLISH))
        assert spanish == english, key


def test_no_translation_is_empty_or_ends_in_space() -> None:
    for words in (SPANISH, ENGLISH):
        for key, value in words.items():
            for form in forms(value):
                assert form
                assert form == form.strip(), key


def test_every_key_that_is_used_exists() -> None:
    for path in CODE:
        text = path.read_text("utf-8")
        for key in re.findall(r"""\bt(?:ongue)?\(\s*['"]([a-z_]+\.[A-Za-z_0-9]+)['"]\s*[,)]""", text):
            assert key in SPANISH, f"{path.name}: {key}"
        for prefix in re.findall(r"""\bt\(\s*['"]([a-z_.]+?)['"]\s*~""", text):
            assert any(key.startswith(prefix) for key in SPANISH), f"{path.name}: {prefix}"


def test_every_key_is_used() -> None:
    text = "\n".join(path.read_text("utf-8") for path in CODE)
    prefixes = tuple(re.findall(r"""['"]([a-z_]+\.[a-z_]*)['"] ?~""", text))
    unused = [key for key in SPANISH if f"'{key}'" not in text and f'"{key}"' not in text and not key.startswith(prefixes)]
    assert unused == []


class Bare(HTMLParser):
    """Collects text and spoken attributes of a template whose Jinja was taken out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in SPOKEN]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_bare_words(path: Path) -> None:
    parser = Bare()
    parser.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", path.read_text("utf-8"), flags=re.DOTALL))
    assert [text for text in parser.found if re.search(r"[^\W\d_]", text)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_style_or_script(path: Path) -> None:
    text = path.read_text("utf-8")
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert not re.search(r"\son[a-z]+=", text)
