"""The small grammar of the texts: dates, lists, shares, articles, in Spanish and English. In: values and a pack's labels; out: words to set in a sentence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from shared.events import Words
from shared.folding import unaccented

MONTHS = Words(es="ene feb mar abr may jun jul ago set oct nov dic", en="Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
FEMININE = re.compile(r"(?:[^m]|[^e]m)a$|ción$|sión$|dad$|tad$")
GAPS = re.compile(r"[\W_]+")
ACRONYM = re.compile(r"\(([A-ZÁÉÍÓÚÑ]{2,})\)$")


def both(make: Callable[[str], str]) -> Words:
    """The same thing said by `make` in "es" and in "en"."""
    return Words(es=make("es"), en=make("en"))


def pick(words: Words, language: str) -> str:
    return words.es if language == "es" else words.en


def day(date: dt.date, language: str, precision: str = "day") -> str:
    """`14 may 2024`, `14 May 2024`; `may 2024` or `2024` when no more is known."""
    month = pick(MONTHS, language).split()[date.month - 1]
    return {"year": f"{date.year}", "month": f"{month} {date.year}"}.get(precision, f"{date.day} {month} {date.year}")


def share(probability: float, language: str) -> str:
    """A probability as people read it: whole per cent, never a false 0 or 100."""
    if 0 < probability < 0.005:
        return "menos de 1 %" if language == "es" else "below 1 %"
    if 0.995 <= probability < 1:
        return "más de 99 %" if language == "es" else "above 99 %"
    return f"{round(probability * 100)} %"


def listed(items: Sequence[str], language: str, most: int = 3) -> str:
    """`a, b y c`; beyond `most`, how many more. Spanish `y` becomes `e` before the sound of i."""
    if len(items) > most:
        rest = len(items) - most
        more = f"{rest} más" if language == "es" else f"{rest} more"
        items = [*items[:most], more]
    if len(items) < 2:
        return "".join(items)
    last = items[-1].lower()
    joint = "and" if language == "en" else "e" if last.startswith("i") or (last.startswith("hi") and not last.startswith("hie")) else "y"
    # An item with its own "and" needs a comma before the last one, or the list reads as one thing more.
    pause = "," if any(f" {word} " in item for item in items[:-1] for word in ("y", "e", "and")) else ""
    return f"{', '.join(items[:-1])}{pause} {joint} {items[-1]}"


@lru_cache(maxsize=1024)
def name(label: Words, language: str) -> str:
    """A label as it stands inside a sentence: the acronym when it has one, no explanations, small initial unless it is a proper name."""
    text = pick(label, language)
    if found := ACRONYM.search(text):
        return found.group(1)
    bare = _bare(text)
    return bare if _proper(bare) else bare[:1].lower() + bare[1:]


@lru_cache(maxsize=1024)
def with_article(label: Words, language: str) -> str:
    """`el JNE`, `la ONPE`, `las reglas de la elección`; `JNE`, `the Constitutional Tribunal`, `checks and balances`."""
    text, called = pick(label, language), name(label, language)
    if language == "es":
        return f"{_spanish_article(_bare(text))} {called}"
    return called if ACRONYM.search(text) else _english_article(_bare(text), called)


def named(label: Words, language: str) -> str:
    """A body that is called by its whole name, with its article: `el Senado`, `the Senate`, `Congress in joint sitting`."""
    text = pick(label, language)
    return f"{_spanish_article(text)} {text}" if language == "es" else _english_article(text, text)


def contracted(preposition: str, phrase: str) -> str:
    """Spanish `a el` is `al` and `de el` is `del`."""
    return f"{preposition}l {phrase[3:]}" if preposition in ("a", "de") and phrase.startswith("el ") else f"{preposition} {phrase}"


def searchable(text: str) -> str:
    """How texts and searches are compared: small letters, no accents, no punctuation, single spaces."""
    return GAPS.sub(" ", unaccented(text)).strip()


def capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def shortened(text: str, most: int = 600) -> str:
    """Whole words up to `most` characters, with a mark when something was left out."""
    text = " ".join(text.replace("\x00", " ").split())
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} […]"


def _bare(text: str) -> str:
    return re.split(r"\s*\(|:", text, maxsplit=1)[0].strip()


def _proper(text: str) -> bool:
    """Whether a label is a name: a later word has a capital too."""
    return any(word[:1].isupper() for word in text.split()[1:])


def _english_article(text: str, called: str) -> str:
    """Names and single nouns take one; descriptions of several words do not."""
    return f"the {called}" if _proper(text) or " " not in called else called


def _spanish_article(text: str) -> str:
    """By the ending of the first noun; `-ema` and `-ama` (sistema, programa) are masculine."""
    first = text.split()[0].lower() if text.split() else ""
    if first.endswith("s"):
        single = re.sub(r"(?<=cion)es$|(?<=sion)es$|(?<=[dt]ad)es$|s$", "", first)
        single = re.sub(r"([cs])ion$", r"\1ión", single)
        return "las" if FEMININE.search(single) else "los"
    return "la" if FEMININE.search(first) else "el"
