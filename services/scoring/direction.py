"""What a text would do: weaken or strengthen. In: a reading and the pack's rules; out: evidence with its words, and a verdict that abstains when they tell too little.

Law first: acts on objects of institutions, repeals as the inverse of the repealed norm; the linear model's probabilities are blended in.
Claims (*precisa, fortalece*) are no effects.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.scoring.citing import Cited
from services.scoring.reading import CLAIM, Mention, Reading
from shared.countries.form import Alternatives, Rubric, Rule
from shared.countries.pack import Pack
from shared.events import Direction, Instrument, Mechanism, Target, Words

WEAKENS, STRENGTHENS, MIXED, NEUTRAL = Direction.WEAKENS, Direction.STRENGTHENS, Direction.MIXED, Direction.NEUTRAL
_DIRECTIONS = tuple(Direction)
INVERSE = {WEAKENS: STRENGTHENS, STRENGTHENS: WEAKENS}
_INSTRUMENT = "instrument."
_STRENGTHENS = _DIRECTIONS.index(STRENGTHENS)
_LEAST = math.log(1e-4)
_PAD = 10
_NEGATION = 3
_REPEAL_REACH = 16


class Evidence(NamedTuple):
    """One reason for a direction. `first`, `last` are the words that gave it; `weight` is in log-odds; `effect` 0..3."""

    rule: str
    label: Words
    citation: str
    direction: Direction
    weight: float
    effect: int
    mechanism: Mechanism
    targets: tuple[Target, ...]
    first: int
    last: int
    incumbents: bool = False


class Verdict(NamedTuple):
    """`probabilities` sum to 1. `weakens` is what risk uses: it also holds the share of undisclosed changes that turn out to weaken."""

    direction: Direction
    probabilities: dict[Direction, float]
    weakens: float
    abstained: bool
    because: Words | None
    margin: float


class Rules:
    """A pack's direction rules, compiled: each is thought of only when its most telling group is present, the one whose concepts stand in the fewest rules."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._by_concept: dict[str, list[tuple[Rule, tuple[Alternatives, ...]]]] = {}
        uses = Counter(concept for rule in pack.rules for group in rule.all for concept in group)
        for rule in pack.rules:
            telling = min(rule.all, key=lambda group: max(uses[concept] for concept in group))
            others = tuple(group for group in rule.all if group is not telling)
            for concept in telling:
                self._by_concept.setdefault(concept, []).append((rule, others))

    def find(self, reading: Reading, instrument: Instrument, as_of: dt.date) -> list[Evidence]:
        """All evidence of a text, strongest first."""
        present = {*reading.where, f"{_INSTRUMENT}{instrument}"}
        candidates: dict[str, Rule] = {}
        for concept in self._by_concept.keys() & present:
            for rule, others in self._by_concept[concept]:
                for group in others:
                    if present.isdisjoint(group):
                        break
                else:
                    candidates[rule.id] = rule
        found = [evidence for rule in candidates.values() if (evidence := self._tried(rule, reading))]
        if reading.cited:
            found += _norm_evidence(reading, as_of)
        return sorted(found, key=lambda evidence: (-evidence.weight, evidence.rule)) if len(found) > 1 else found

    def _tried(self, rule: Rule, reading: Reading) -> Evidence | None:
        match = _match(rule, reading)
        if match is None:
            return None
        first, last = min(m.first for m in match), max(m.last for m in match)
        counts = reading.counts
        start, end = min(counts[m.first] for m in match), max(counts[m.last] for m in match)
        if any(_near(m, counts, start, end) for concept in rule.none for m in reading.where.get(concept, ())):
            return None
        direction = rule.direction
        if rule.negated != "ignore" and _negated(reading, match, start):
            if rule.negated == "drop" or direction not in INVERSE:
                return None
            direction = INVERSE[direction]
        targets = rule.targets or tuple(dict.fromkeys(self._pack.institutions[m.code].target for m in match if m.kind == "institution"))
        return Evidence(rule.id, rule.label, rule.citation, direction, rule.weight, rule.effect, rule.mechanism, targets, first, last, rule.incumbents)


def _match(rule: Rule, reading: Reading) -> list[Mention] | None:
    """The tightest set of mentions, one of each group, within the rule's reach."""
    groups = [group for group in rule.all if not group[0].startswith(_INSTRUMENT)]
    places = [[m for code in group for m in reading.where.get(code, ()) if not m.quoted] for group in groups]
    if not places or not all(places):
        return None
    counts = reading.counts
    found = [match for each in _apart(places, reading) if (match := _tightest(rule, counts, groups, each))]
    return min(found, key=lambda match: _width(match, counts), default=None)


def _apart(places: list[list[Mention]], reading: Reading) -> list[list[list[Mention]]]:
    """Title, summary and text each by itself: what the title mentions must not hide what stands beside the act in the summary."""
    if not reading.breaks or len(places) == 1:
        return [places]
    parts = [[[m for m in place if reading.segment(m.first) == part] for place in places] for part in range(len(reading.breaks) + 1)]
    return [part for part in parts if all(part)]


def _tightest(rule: Rule, counts: Sequence[int], groups: Sequence[Alternatives], places: Sequence[Sequence[Mention]]) -> list[Mention] | None:
    best: list[Mention] | None = None
    others = [(sorted(place, key=lambda m: counts[m.last]) if len(place) > _MANY else place, group) for place, group in zip(places[1:], groups[1:], strict=True)]
    for start in places[0]:
        chosen = [start]
        for place, group in others:
            near = _nearest(place, counts, chosen[-1], rule.ordered, group)
            if near is None:
                break
            chosen.append(near)
        else:
            if _width(chosen, counts) <= rule.within and (best is None or _width(chosen, counts) < _width(best, counts)):
                best = chosen
    return best


def _nearest(place: Sequence[Mention], counts: Sequence[int], to: Mention, ordered: bool, group: Alternatives) -> Mention | None:
    """Of equally near ones, the first in the order of the group's concepts."""
    here = counts[to.first]
    if len(place) > _MANY:
        close = place[bisect_left(place, here - _REACH, key=lambda m: counts[m.last]) : bisect_right(place, here + _REACH, key=lambda m: counts[m.last])]
        place = sorted(close, key=lambda m: group.index(m.code))
    allowed = [m for m in place if m.first > to.last] if ordered else place
    return min(allowed, key=lambda m: abs(counts[m.first] - here), default=None)


# Of very many mentions only those near enough to count are looked at: no rule reaches over 60 words, no phrase is as long as 20.
_MANY, _REACH = 60, 80


def _width(chosen: Sequence[Mention], counts: Sequence[int]) -> int:
    return max(counts[m.last] for m in chosen) - min(counts[m.first] for m in chosen)


def _near(mention: Mention, counts: Sequence[int], start: int, end: int) -> bool:
    return start - _PAD <= counts[mention.first] <= end + _PAD and not mention.quoted


def _negated(reading: Reading, match: Iterable[Mention], start: int) -> bool:
    own = {(m.first, m.last) for m in match}
    return any(start - _NEGATION <= reading.counts[m.first] < start and (m.first, m.last) not in own for m in reading.where.get("negation", ()))


def _norm_evidence(reading: Reading, as_of: dt.date) -> Iterator[Evidence]:
    """A repeal is the inverse of the repealed norm, a restoration or extension its like; a change that "precises the application" of a norm carries it on."""
    for cited in reading.cited:
        norm = cited.norm
        if cited.quoted or norm is None or norm.direction is None or (norm.known_from and as_of < norm.known_from):
            continue
        act = _act_on(reading, cited)
        if act is None:
            continue
        direction = norm.direction if act.keeps else INVERSE.get(norm.direction, norm.direction)
        label = Words(es=f"{act.label.es}: {norm.subject.es}", en=f"{act.label.en}: {norm.subject.en}")
        first, last = min(cited.first, act.first), max(cited.last, act.last)
        yield Evidence(f"norm.{act.name}", label, norm.citation or "method", direction, act.weight, norm.effect, norm.mechanism or Mechanism.OTHER, norm.targets, first, last)


@dataclass(frozen=True, slots=True)
class _Act:
    """What is done to a cited norm: whether its own direction is kept, and the words that say so."""

    name: str
    label: Words
    keeps: bool
    weight: float
    first: int
    last: int


_WHOLE, _PART, _KEPT = 5.0, 1.8, 2.5
_LABELS = {
    "repeal": Words(es="deroga una norma de efecto conocido", en="repeals a norm of known effect"),
    "repeal_part": Words(es="deroga parte de una norma de efecto conocido", en="repeals part of a norm of known effect"),
    "challenge": Words(es="impugna una norma de efecto conocido", en="challenges a norm of known effect"),
    "restore": Words(es="repone una norma de efecto conocido", en="restores a norm of known effect"),
    "scope": Words(es="extiende o aplica una norma de efecto conocido", en="extends or applies a norm of known effect"),
}
_PARTS = frozenset(("articulo", "artículo", "articulos", "artículos", "art", "arts", "parrafo", "párrafo", "inciso", "literal", "disposicion", "disposición", "disposiciones"))


def _act_on(reading: Reading, cited: Cited) -> _Act | None:
    """The act that governs a cited norm, if its effect follows from the norm's own."""
    scoped = _before(reading, ("precise", "extend"), cited)
    if scoped is not None and _before(reading, ("scope",), cited) is not None:
        return _Act("scope", _LABELS["scope"], True, _KEPT, scoped.first, scoped.last)
    if cited.by:
        return None
    governing = _before(reading, ("repeal", "end", "restore", "modify", "add", "challenge"), cited)
    if governing is None:
        return None
    if governing.code in ("repeal", "end"):
        whole = _PARTS.isdisjoint(reading.words[governing.last : cited.first])
        name = "repeal" if whole else "repeal_part"
        return _Act(name, _LABELS[name], False, _WHOLE if whole else _PART, governing.first, governing.last)
    if governing.code == "restore":
        return _Act("restore", _LABELS["restore"], True, _WHOLE, governing.first, governing.last)
    if governing.code == "challenge":
        return _Act("challenge", _LABELS["challenge"], False, _PART, governing.first, governing.last)
    return _later_repeal(reading, cited)


def _later_repeal(reading: Reading, cited: Cited) -> _Act | None:
    """ "Modifies decree N to repeal *its* final provision": the repeal follows the norm and names none of its own."""
    for found in reading.where.get("repeal", ()):
        after = reading.words[found.last + 1 : found.last + 3]
        if found.first > cited.last and not found.quoted and after[:1] in (["su"], ["sus"]) and not any(other.first > found.last for other in reading.cited):
            return _Act("repeal_part", _LABELS["repeal_part"], False, _PART, found.first, min(found.last + 3, len(reading.words) - 1))
    return None


def _before(reading: Reading, codes: Sequence[str], cited: Cited) -> Mention | None:
    """The last such act before a cited norm, near enough to govern it."""
    acts = [m for code in codes for m in reading.where.get(code, ()) if not m.quoted and 0 <= cited.first - m.last <= _REPEAL_REACH]
    return max(acts, key=lambda m: m.first, default=None)


UNCLEAR = Words(
    es="El texto nombra lo que toca, no lo que cambia: falta el texto del proyecto para decir si debilita o fortalece.",
    en="The text names what it touches, not what it changes: the text of the bill is needed to tell whether it weakens or strengthens.",
)
CLOSE = Words(
    es="Las palabras apuntan en dos sentidos: falta el texto del proyecto para decir cuál pesa más.",
    en="The words point both ways: the text of the bill is needed to tell which weighs more.",
)


def claims_only(reading: Reading) -> bool:
    """Whether a protective norm is changed under a claim of purpose ("a fin de perfeccionar ...") that says nothing of the change."""
    protective = any(c.norm is not None and c.norm.direction is STRENGTHENS and c.norm.central and not c.by for c in reading.cited)
    return protective and CLAIM in reading.where and "modify" in reading.where and _ADDS.isdisjoint(reading.where)


_ADDS = frozenset(("add", "extend", "restore", "penalty_up", "new_crime"))


def judge(learned: Mapping[Direction, float], evidence: Sequence[Evidence], claimed: bool, targets: Sequence[Target], rubric: Rubric) -> Verdict:
    """Log-probabilities of the linear model plus the evidence of rules: the strongest of each direction in full, the next two at a quarter."""
    constants = rubric.constants
    weight = constants["learned_weight"]
    log, exp = math.log, math.exp
    scores = [weight * (log(p) if (p := learned.get(direction, 0.0)) > 1e-4 else _LEAST) for direction in _DIRECTIONS]
    if claimed:
        scores[_STRENGTHENS] -= constants["claim_discount"]
    told: dict[Direction, list[float]] = {}
    for found in evidence:
        told.setdefault(found.direction, []).append(found.weight * constants["rule_weight"])
    for direction, weights in told.items():
        scores[_DIRECTIONS.index(direction)] += weights[0] + 0.25 * sum(weights[1:3])
    top = max(scores)
    raw = [exp(score - top) for score in scores]
    total = sum(raw)
    share = max([rubric.undisclosed.get(target, 0.0) for target in targets]) if targets else 0.0
    return _verdict([value / total for value in raw], MIXED in told, share, constants)


def _verdict(shares: Sequence[float], mixed_by_rule: bool, undisclosed: float, constants: Mapping[str, float]) -> Verdict:
    """Names a direction when it is likely enough, ahead of its opposite and not far behind *mixed*; else abstains. `shares`: of every direction, in their order."""
    weakens, strengthens, mixed, neutral = shares
    p = dict(zip(_DIRECTIONS, shares, strict=True))
    likely = max(weakens, strengthens, neutral)
    named = WEAKENS if weakens == likely else STRENGTHENS if strengthens == likely else NEUTRAL
    opposite = strengthens if named is WEAKENS else weakens if named is STRENGTHENS else max(weakens, strengthens)
    margin = likely - max([value for direction, value in p.items() if direction is not named])
    hidden = weakens + undisclosed * mixed
    if likely >= constants["name_from"] and likely >= constants["name_over_mixed"] * mixed and likely >= constants["name_over_opposite"] * opposite:
        sure = named is STRENGTHENS and likely >= constants["no_risk_from"]
        open_still = named is WEAKENS or (named is STRENGTHENS and mixed > likely)
        return Verdict(named, p, 0.0 if sure else hidden if open_still else weakens, False, None, max(margin, 0.0))
    if mixed_by_rule and mixed >= likely:
        return Verdict(MIXED, p, weakens + 0.5 * undisclosed * mixed, False, None, -margin)
    return Verdict(MIXED, p, hidden, True, UNCLEAR if mixed >= likely else CLOSE, abs(margin))
