"""Sentences written to teach the text model what the codebook says. In: lessons.json; out: labelled examples. Training only; deterministic by seed."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from services.scoring.examples import Example

_CHOICE = re.compile(r"\(([^()]*)\)")
_GROUP = re.compile(r"\{([A-Z]+)\}")
_ENACTS = re.compile(r"(Ley|Ley de reforma constitucional|Reforma constitucional|Resolución legislativa) que ", re.IGNORECASE)
_REPEALS = (
    "Ley que deroga la Ley {}, Ley que",
    "Ley que propone derogar la Ley {}, que",
    "Proposición legislativa que deroga la Ley {}, Ley que",
    "Ley que deja sin efecto la Ley {}, que",
)
_SAYINGS = 12
_WORTH = 3.0
_UNDONE_SHARE = 0.15


def load(path: Path, seed: int) -> list[Example]:
    """Every lesson said in up to a dozen ways; together they weigh as `_WORTH` labelled bills."""
    written: dict[str, Any] = orjson.loads(path.read_bytes())
    chance = random.Random(seed)
    out: list[Example] = []
    for at, lesson in enumerate(written["lessons"]):
        said = dict.fromkeys(_said(lesson["text"], written["groups"], chance) for _ in range(_SAYINGS))
        out += [_example(f"lesson-{at}-{n}", text, target, lesson, _WORTH / len(said)) for n, (text, target) in enumerate(said)]
    return out + [repeal for example in out if (repeal := _undone(example, chance)) is not None]


def _undone(example: Example, chance: random.Random) -> Example | None:
    """The repeal of what a lesson enacts: the same size, the other way."""
    other = {"weakens": "strengthens", "strengthens": "weakens"}.get(example.direction)
    start = _ENACTS.match(example.text)
    if other is None or start is None or not example.core:
        return None
    text = f"{chance.choice(_REPEALS).format(chance.randint(30_000, 33_000))} {example.text[start.end() :]}"
    return replace(example, key=f"{example.key}-undone", text=text, direction=other, weight=example.weight * _UNDONE_SHARE)


def _said(pattern: str, groups: dict[str, dict[str, str]], chance: random.Random) -> tuple[str, str]:
    """One way to say it, and the target of the body it names."""
    target = ""
    while (group := _GROUP.search(pattern)) is not None:
        members = groups[group[1]]
        target = chance.choice(sorted(members))
        pattern = pattern[: group.start()] + chance.choice(members[target].split("|")) + pattern[group.end() :]
    return re.sub(r"\s+", " ", _CHOICE.sub(lambda choice: chance.choice(choice[1].split("|")), pattern)).strip(), target


def _example(key: str, text: str, target: str, lesson: dict[str, Any], weight: float) -> Example:
    if not lesson.get("core", True):
        return Example(key, text, False, frozenset(), "none", "neutral", 0, weight)
    targets = frozenset(lesson["targets"]) | ({target} if target else set())
    parts = {"core", "direction", "severity", "alarm"} | ({"target"} if targets else set()) | ({"mechanism"} if lesson["mech"] != "other" else set())
    return Example(key, text, True, targets, lesson["mech"], lesson["dir"], lesson["sev"], weight, frozenset(lesson.get("only", parts)))
