"""What trained linear models read in a text. In: title and summary; out: relevance, targets, mechanisms, direction, severity and the words that weighed most.

Pure Python over weights kept as readable JSON (`learned.json`: term -> [idf, {head: weight}]); train.py says how they are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import orjson

from services.scoring.lanes import Lanes
from services.scoring.marks import MARK
from services.scoring.scanning import Scanner
from services.scoring.terms import UNDONE, Conventions, Lexicon, tokens
from services.scoring.vocabulary import Vocabulary
from shared.events import Direction, Mechanism, Target

_CUES = 5
_WORTH_SHOWING = 0.05


Head = tuple[int, float, float]
"""Of a linear model: its lane, its bias and its slope."""


class Reading:
    """Calibrated probabilities in 0..1; `targets`, `mechanisms`, `direction` and `severity` (expected, 0..3) hold given that the text is core.

    `cues` are (words, weight), heaviest first, of texts that may be core. Most texts are not: each head is worked out when asked.
    """

    __slots__ = ("_found", "_model", "_scale", "_sums", "relevance")

    def __init__(self, model: Learned, found: set[int]) -> None:
        """`found`: places of grams."""
        self._model = model
        self._found = found
        self._sums, self._scale = model.weigh(found)
        (self.relevance,) = self._chances(model.core)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reading) and (self._sums, self.cues) == (other._sums, other.cues)

    __hash__ = None  # type: ignore[assignment]

    def _chances(self, heads: Sequence[Head]) -> list[float]:
        exp, sums, scale = math.exp, self._sums, self._scale
        return [1.0 / (1.0 + exp(-bias - slope * scale * sums[lane])) for lane, bias, slope in heads]

    @property
    def alarm(self) -> float:
        return self._chances(self._model.alarm)[0]

    @property
    def targets(self) -> dict[Target, float]:
        return dict(zip(Target, self._chances(self._model.targets), strict=True))

    @property
    def mechanisms(self) -> dict[Mechanism, float]:
        return dict(zip(Mechanism, self._chances(self._model.mechanisms), strict=True))

    @property
    def direction(self) -> dict[Direction, float]:
        """Does the text tell a direction? If so, does it weaken? If not, is it merely technical?"""
        told, weakens, neutral = self._chances(self._model.directions)
        return {
            Direction.WEAKENS: told * weakens,
            Direction.STRENGTHENS: told * (1.0 - weakens),
            Direction.MIXED: (1.0 - told) * (1.0 - neutral),
            Direction.NEUTRAL: (1.0 - told) * neutral,
        }

    @property
    def severity(self) -> float:
        """Expected: the chances of being at least 1, 2 and 3 added up."""
        return sum(self._chances(self._model.sizes))

    @property
    def cues(self) -> tuple[tuple[str, float], ...]:
        if self.relevance < _WORTH_SHOWING:
            return ()
        heaviest = sorted(filter(None, map(self._model.cues.get, self._found)), reverse=True)[:_CUES]
        return tuple([(words, round(pull, 3)) for pull, words in heaviest])


# One n-gram: its pull on cues and how people write it.
_Cue = tuple[float, str]


class Learned:
    """Linear heads over the n-grams, concept pairs and marks of a text."""

    __slots__ = (
        *("_lanes", "_rows", "_vocabulary"),
        *("alarm", "core", "cues", "directions", "mechanisms", "scanner", "sizes", "targets", "version"),
    )

    def __init__(self, model: dict[str, Any], conventions: Conventions) -> None:
        heads: dict[str, Head] = {head: (lane, fitted["bias"], fitted["slope"]) for lane, (head, fitted) in enumerate(model["heads"].items())}
        self.version: str = model["version"]
        self.core, self.alarm = (heads["core"],), (heads["alarm"],)
        self.directions = (heads["told"], heads["weakens"], heads["neutral"])
        self.targets = tuple(heads[target] for target in Target)
        self.mechanisms = tuple(heads[mechanism] for mechanism in Mechanism)
        self.sizes = (heads["size1"], heads["size2"], heads["size3"])
        self._vocabulary = Vocabulary(model["terms"], conventions.concepts, model["words"])
        self.scanner = Scanner(Lexicon(conventions, model["words"]), self._vocabulary.codes)
        self._lanes = Lanes(len(heads) + 1)
        places = {gram: place for gram in model["terms"] if (place := self._vocabulary.place(gram))}
        self._rows = [0] * self._vocabulary.size
        for gram, place in places.items():
            self._rows[place] = self._row(model["terms"][gram], heads)
        self.cues = {place: cue for gram, place in places.items() if (cue := _cue(gram, model["terms"][gram], model["words"]))}

    def _row(self, term: tuple[float, dict[str, float]], heads: dict[str, Head]) -> int:
        """Weight times idf of every head, and idf squared in the last lane: the length of the text's vector."""
        idf, weights = term
        return self._lanes.row([*((heads[head][0], weight * idf) for head, weight in weights.items()), (len(heads), idf * idf)])

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a weights file; `lexicon.json` and `stop.json` lie beside it. Raises OSError, or KeyError when the file has another form."""
        return cls(orjson.loads(path.read_bytes()), Conventions.load(path.parent))

    @classmethod
    def from_pack_dir(cls, directory: Path) -> Self:
        """From a country pack's directory (`weights/learned.json` inside it)."""
        return cls.load(directory / "weights" / "learned.json")

    def read(self, text: str, words: Sequence[str] | None = None, marks: Iterable[str] = ()) -> Reading:
        """`text` is the title, or title and summary joined by a newline; `words` are its words in lower case, if they are split already; `marks` what the reader found."""
        return Reading(self, self._vocabulary.find(self.scanner.read(tokens(text) if words is None else words), marks))

    def weigh(self, found: Iterable[int]) -> tuple[tuple[int, ...], float]:
        """The sum of what all grams found weigh, a lane each head, and what scales it by the length of the text."""
        *sums, squares = self._lanes.sums(map(self._rows.__getitem__, found))
        return tuple(sums), 1.0 / (Lanes.SCALE * math.sqrt(squares / Lanes.SCALE)) if squares else 0.0


def _cue(gram: str, term: tuple[float, dict[str, float]], words: dict[str, str]) -> _Cue | None:
    """None for one that is no words."""
    idf, named = term
    written = _written(gram, words)
    return (idf * (abs(named.get("core", 0.0)) + abs(named.get("weakens", 0.0))), written) if written else None


def _written(gram: str, words: dict[str, str]) -> str:
    """The gram as people write it; nothing for concepts, marks and what a repealed norm said."""
    if ">" in gram or gram[0] in ("=", UNDONE, MARK):
        return ""
    return " ".join(words.get(part, part) for part in gram.split() if part[0] != UNDONE)
