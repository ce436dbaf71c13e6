"""From meaning and clock to points. In: what was read and when; out: factors with citation and quote, the three parts, risk and level, by the pack's published rubric.

Pure. A part is the clipped sum of its factors; risk = 100 x relevance x P(weakens) x severity x (0.7 + 0.3 imminence), each in 0..1;
of a named remedy, and of a text that names whom it is about and tells nothing else, at most what stays at watch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from services.scoring.clock import BOUND, DEAD, Clock
from services.scoring.direction import STRENGTHENS, Evidence, Verdict
from shared.countries.form import Levels, Points
from shared.countries.pack import Pack
from shared.events import Direction, Level, Mechanism, Milestone, Stage, Target, Words

ELECTORAL = frozenset((Target.ELECTIONS, Target.JNE, Target.ONPE, Target.RENIEC))
Source = Literal["title", "summary", "text"]
Reason = dict[str, Any]
"""One reason: the fields of `events.Factor`, without a quote where there is none."""


class Meaning(NamedTuple):
    """What a text says, whatever the day."""

    relevance: float
    targets: tuple[Target, ...]
    evidence: tuple[Evidence, ...]
    verdict: Verdict


class Facts(NamedTuple):
    """All that points are given for. `centrality` 0..3 with the words that show it; `expected` is the severity (0..3) the linear model reads.

    `lead` is the rule that carries the direction; `chance` is None when the move is no law.
    """

    meaning: Meaning
    mechanisms: tuple[Mechanism, ...]
    centrality: int
    central_quote: str | None
    central_citation: str | None
    central_norm: str | None
    lead: Evidence | None
    lead_quote: str | None
    reforms_constitution: bool
    declares_only: bool
    expected: float
    expected_quote: str | None
    clock: Clock
    chance: float | None
    source: Source
    reconstructed: bool

    @property
    def at_most_watch(self) -> bool:
        """A remedy is named; or the text tells neither an act nor a norm whose content is known: nothing but whom it is about."""
        verdict = self.meaning.verdict
        return verdict.direction is STRENGTHENS or (verdict.abstained and self.lead is None and self.central_norm is None)


class Score(NamedTuple):
    """`severity`, `imminence`, `risk` 0..100; `confidence` 0..1."""

    severity: float
    imminence: float
    confidence: float
    risk: float
    level: Level
    factors: tuple[Reason, ...]


class Sheet:
    """The pack's rubric with its constant factors built once."""

    def __init__(self, pack: Pack) -> None:
        self.rubric = pack.rubric
        self.constants, self.levels = pack.rubric.constants, pack.rubric.levels
        self._short = {code: citation.short for code, citation in pack.citations.items()}
        self.lines = {rule: self._built(rule, line) for rule, line in pack.rubric.factors.items()}

    def score(self, facts: Facts) -> Score:
        """The one function from facts to level; counterfactuals use it too."""
        factors = (*_severity(facts, self), *_imminence(facts, self), *_confidence(facts, self))
        severity, imminence, confidence = parts(factors)
        constants = self.constants
        nearness = constants["severity_share"] + constants["imminence_share"] * imminence / 100
        risk = 100 * facts.meaning.relevance * facts.meaning.verdict.weakens * severity / 100 * nearness
        if facts.at_most_watch:
            risk = min(risk, constants["watch_at_most"])
        return Score(severity, imminence, confidence / 100, risk, level_of(risk, severity, imminence, self.levels), factors)

    def factor(self, rule: str, quote: str | None = None, points: float | None = None, citation: str | None = None) -> Reason:
        """A line of the rubric with words, points or a citation of its own."""
        found = self.lines[rule].copy()
        if quote is not None:
            found["quote"] = quote
        if points is not None:
            found["points"] = round(points, 2)
        if citation:
            found["citation"] = self._short[citation]
        return found

    def points(self, rule: str) -> float:
        """0 for a rule the rubric does not list."""
        line = self.rubric.factors.get(rule)
        return line.points if line else 0.0

    def by_rule(self, found: Evidence, quote: str | None) -> Reason:
        """The effect of a direction rule, under the rule's own name and citation."""
        return _factor(found.rule, "severity", self.points(f"effect.{found.effect}"), quote, self._short[found.citation], found.label)

    def _built(self, rule: str, line: Points) -> Reason:
        return _factor(rule, line.part, round(line.points, 2), None, self._short[line.citation], line.label)


def _factor(rule: str, part: str, points: float, quote: str | None, citation: str, label: Words) -> Reason:
    fields = {"rule": rule, "part": part, "points": points, "citation": citation, "label": {"en": label.en, "es": label.es}}
    return fields if quote is None else {**fields, "quote": quote}


def parts(factors: Iterable[Reason]) -> tuple[float, float, float]:
    """The clipped sums of severity, imminence and confidence, each 0..100."""
    sums = {"severity": 0.0, "imminence": 0.0, "confidence": 0.0}
    for factor in factors:
        sums[factor["part"]] += factor["points"]
    severity, imminence, confidence = [min(100.0, max(0.0, total)) for total in sums.values()]
    return severity, imminence, confidence


def level_of(risk: float, severity: float, imminence: float, levels: Levels) -> Level:
    """Thresholds on risk; critical also needs severity and imminence both high."""
    if risk < levels.watch:
        return _NONE
    if risk >= levels.critical and severity >= levels.critical_severity and imminence >= levels.critical_imminence:
        return Level.CRITICAL
    if risk >= levels.high:
        return Level.HIGH
    if risk >= levels.elevated:
        return Level.ELEVATED
    return Level.WATCH


def _severity(facts: Facts, sheet: Sheet) -> list[Reason]:
    found: list[Reason] = []
    if facts.centrality:
        found.append(sheet.factor(f"centrality.{facts.centrality}", facts.central_quote, citation=facts.central_citation))
    found += _effect(facts, sheet)
    if facts.mechanisms and (heaviest := max([f"mechanism.{mechanism}" for mechanism in facts.mechanisms], key=sheet.points)) in sheet.rubric.factors:
        found.append(sheet.factor(heaviest, facts.lead_quote))
    if facts.reforms_constitution:
        found.append(sheet.lines["reach.constitution"])
    if len(facts.meaning.targets) > 2:
        found.append(sheet.lines["reach.several"])
    if facts.declares_only:
        found.append(sheet.lines["declaration"])
    found.append(sheet.factor("learned.severity", facts.expected_quote, points=facts.expected * sheet.constants["learned_severity"]))
    return found


def _effect(facts: Facts, sheet: Sheet) -> list[Reason]:
    """The leading rule with its own citation; without one, a central norm."""
    lead = facts.lead
    if lead is not None and lead.effect:
        effect = sheet.by_rule(lead, facts.lead_quote)
        return [effect, sheet.factor("incumbents", facts.lead_quote, citation=lead.citation)] if lead.incumbents else [effect]
    return [sheet.factor("norm.central", facts.central_norm, citation=facts.central_citation)] if facts.central_norm is not None else []


def _imminence(facts: Facts, sheet: Sheet) -> list[Reason]:
    clock = facts.clock
    found = [sheet.lines[_STAGES[clock.stage]]]
    if clock.stage in DEAD:
        return found
    if clock.shortcuts:
        found += [sheet.lines[f"shortcut.{code}"] for code in clock.shortcuts]
    if facts.chance is not None:
        found.append(sheet.factor("chance.of_law", points=facts.chance * sheet.constants["chance_points"]))
    if clock.earliest is not None and clock.reached is not None and clock.stage not in BOUND and (clock.earliest - clock.reached).days <= 30:
        found.append(sheet.factor("clock.within_30", clock.earliest.isoformat()))
    if clock.milestone is not None and clock.inside_one_year:
        found += _calendar(facts, clock.milestone, sheet)
    return found


def _calendar(facts: Facts, milestone: Milestone, sheet: Sheet) -> list[Reason]:
    """What holds inside the year before a vote."""
    rules = ["calendar.within_one_year"]
    if milestone.days <= 90:
        rules.append("calendar.within_90_days")
    if not ELECTORAL.isdisjoint(facts.meaning.targets):
        rules.append("calendar.late_electoral_change")
    return [sheet.factor(rule, milestone.label.es) for rule in rules]


def _confidence(facts: Facts, sheet: Sheet) -> list[Reason]:
    found = [sheet.lines[_SOURCES[facts.source]]]
    if facts.reconstructed:
        found.append(sheet.lines["evidence.reconstructed"])
    if facts.lead is not None:
        found.append(sheet.factor("evidence.rule", facts.lead_quote))
    if facts.meaning.verdict.abstained:
        found.append(sheet.lines["evidence.abstained"])
    else:
        found.append(sheet.factor("evidence.margin", points=facts.meaning.verdict.margin * sheet.points("evidence.margin")))
    if facts.clock.inferred:
        found.append(sheet.lines["evidence.inferred_steps"])
    return found


_NONE = Level.NONE
_STAGES = {stage: f"stage.{stage}" for stage in Stage}
_SOURCES: dict[Source, str] = {"title": "evidence.title", "summary": "evidence.summary", "text": "evidence.text"}


def leading(evidence: Sequence[Evidence], direction: Direction) -> Evidence | None:
    """The reason that carries the verdict: the strongest of its direction, else the strongest of all."""
    if not evidence:
        return None
    same = [found for found in evidence if found.direction is direction]
    return max(same or list(evidence), key=lambda found: (found.weight, found.effect))
