"""The one function of scoring: a move, a pack and a day in; an assessment with its reasons out.

Pure and point-in-time: steps later than the day do not exist; notes, groups, authors and outcomes are never read.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from services.scoring.chance import Chance
from services.scoring.clock import BOUND, Clock, Clocks, visible
from services.scoring.counterfactual import counterfactuals
from services.scoring.direction import MIXED, NEUTRAL, STRENGTHENS, WEAKENS, Evidence, Rules, claims_only, judge
from services.scoring.glossary import WordReader
from services.scoring.learned import Learned
from services.scoring.marks import Marks
from services.scoring.points import Facts, Meaning, Score, Sheet, leading
from services.scoring.reading import Reader, Reading
from services.scoring.terms import Conventions
from shared.countries import Pack, load
from shared.events import Assessment, Direction, Level, Mechanism, Move, Target

TOGETHER = 64
_CHARACTERS = 200_000
_NO_LEVEL = Level.NONE
Case = tuple[Move, dt.date]
Odds = tuple[float | None, float | None]
Said = dict[str, Any]
"""The fields of an Assessment, less those that are None: whoever writes it down need not make the object first."""


class Readings(Protocol):
    """What the linear models say of a text (learned.Reading)."""

    @property
    def relevance(self) -> float: ...
    @property
    def targets(self) -> Mapping[Target, float]: ...
    @property
    def mechanisms(self) -> Mapping[Mechanism, float]: ...
    @property
    def direction(self) -> Mapping[Direction, float]: ...
    @property
    def severity(self) -> float: ...
    @property
    def alarm(self) -> float: ...
    @property
    def cues(self) -> Sequence[tuple[str, float]]: ...


class Model(Protocol):
    @property
    def version(self) -> str: ...
    def read(self, text: str, words: Sequence[str] | None = None, marks: Iterable[str] = ()) -> Readings: ...


class Forecast(Protocol):
    @property
    def version(self) -> str: ...
    def of_law(self, move: Move, as_of: dt.date, words: Sequence[str] | None = None) -> tuple[float, float]: ...


@dataclass(frozen=True, slots=True)
class ScoringPack:
    """A country pack with everything compiled that scoring needs: reader, rules, linear model, chance of law."""

    country: Pack
    reader: Reader
    marks: Marks
    rules: Rules
    clocks: Clocks
    sheet: Sheet
    learned: Model
    chance: Forecast

    @classmethod
    def build(cls, country: Pack, learned: Model, chance: Forecast, parties: Iterable[str] = (), names: Iterable[str] = (), readers: Sequence[WordReader] = ()) -> Self:
        """`parties`, `names`: parties and groups, persons and places, which are never read; `readers`: who of the models look up every word."""
        return cls(country, Reader(country, parties, names, readers), Marks(country), Rules(country), Clocks(country), Sheet(country), learned, chance)

    @classmethod
    def load(cls, code: str) -> Self:
        """Reads the pack's files and weights. Raises Refused for an unknown country, PackError for a wrong file."""
        country = load(code)
        conventions = Conventions.load(country.directory / "weights")
        learned, chance = Learned.from_pack_dir(country.directory), Chance.from_pack_dir(country.directory)
        return cls.build(country, learned, chance, conventions.parties, conventions.names, (learned.scanner, chance.scanner))

    @property
    def model_version(self) -> str:
        """Changes when the weights of either model change."""
        return f"{self.learned.version}.{self.chance.version}"


def assess(move: Move, pack: ScoringPack, as_of: dt.date) -> Assessment:
    """What the move means on `as_of`."""
    return Assessment.model_validate(assess_all([(move, as_of)], pack)[0])


def assess_all(cases: Sequence[Case], pack: ScoringPack) -> list[Said]:
    """The same of many, in order. Stage by stage, for some dozens at a time: what a stage works with stays in the processor's cache, which saves a fifth."""
    return [found for batch in _batches(cases) for found in _assessed(batch, pack)]


def _batches(cases: Iterable[Case]) -> Iterator[list[Case]]:
    """Fewer when texts are long: what is known of them on the way is held in memory."""
    batch: list[Case] = []
    size = 0
    for case in cases:
        move = case[0]
        batch.append(case)
        size += len(move.title) + len(move.summary or "") + len(move.text or "")
        if len(batch) == TOGETHER or size > _CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _assessed(cases: Sequence[Case], pack: ScoringPack) -> list[Said]:
    readings = [pack.reader.read(move.title, move.summary, move.text) for move, _ in cases]
    words = [reading.plain_words() for reading in readings]
    learned = [pack.learned.read(reading.text, said, pack.marks.read(reading)) for reading, said in zip(readings, words, strict=True)]
    clocks = [pack.clocks.read(move, visible(move.steps, as_of), as_of) for move, as_of in cases]
    chances = [_chance(pack, *found) for found in zip(cases, readings, words, clocks, strict=True)]
    meanings = [_meaning(pack, *found) for found in zip(cases, readings, learned, strict=True)]
    facts = [_facts(pack.country, *found) for found in zip(cases, readings, learned, meanings, clocks, chances, strict=True)]
    scores = [pack.sheet.score(found) for found in facts]
    return [_said(pack.sheet, *found) for found in zip(facts, scores, chances, strict=True)]


def _said(sheet: Sheet, facts: Facts, found: Score, chance: Odds) -> Said:
    relevance, targets, _, verdict = facts.meaning
    clock, p = facts.clock, verdict.probabilities
    said = {
        "abstained": verdict.abstained,
        "abstained_because": verdict.because,
        "confidence": found.confidence,
        "counterfactuals": list(counterfactuals(facts, found, sheet)) if found.level is not _NO_LEVEL else [],
        "direction": verdict.direction,
        "direction_probabilities": {"mixed": p[MIXED], "neutral": p[NEUTRAL], "strengthens": p[STRENGTHENS], "weakens": p[WEAKENS]},
        "earliest_law": clock.earliest,
        "factors": found.factors,
        "imminence": found.imminence,
        "inside_one_year": clock.inside_one_year,
        "level": found.level,
        "mechanisms": facts.mechanisms,
        "milestone": clock.milestone,
        "p_law": chance[0],
        "p_law_base": chance[1],
        "relevance": relevance,
        "risk": found.risk,
        "severity": found.severity,
        "targets": targets,
    }
    for name in _MAY_BE_MISSING:
        if said[name] is None:
            del said[name]
    return said


_MAY_BE_MISSING = ("abstained_because", "earliest_law", "milestone", "p_law", "p_law_base")


def _chance(pack: ScoringPack, case: Case, reading: Reading, words: Sequence[str], clock: Clock) -> Odds:
    """Chance of becoming law and the base rate; None for what is no law."""
    move, as_of = case
    if move.instrument not in pack.country.procedure.laws:
        return None, None
    p, base = pack.chance.of_law(move, as_of, reading.plain_words(less_text=True) if move.text else words)
    return (1.0 if clock.stage in BOUND else p), base


def _meaning(pack: ScoringPack, case: Case, reading: Reading, learned: Readings) -> Meaning:
    move, as_of = case
    rubric = pack.country.rubric
    evidence = pack.rules.find(reading, move.instrument, as_of)
    relevance = _relevance(learned.relevance, reading, evidence, pack.country)
    targets = _targets(learned, reading, evidence, pack.country) if relevance >= rubric.constants["targets_from_relevance"] else ()
    return Meaning(relevance, targets, tuple(evidence), judge(learned.direction, evidence, claims_only(reading), targets, rubric))


def _facts(pack: Pack, case: Case, reading: Reading, learned: Readings, meaning: Meaning, clock: Clock, chance: Odds) -> Facts:
    move = case[0]
    lead = leading(meaning.evidence, meaning.verdict.direction)
    about = meaning.relevance >= pack.rubric.constants["reasons_from_relevance"]
    central = _central(reading, meaning.evidence, pack) if about else (0, None, None)
    norm = next((cited for cited in reading.cited if cited.norm is not None and cited.norm.central and not cited.by), None) if about and reading.cited else None
    cues = learned.cues
    return Facts(
        meaning=meaning,
        mechanisms=_mechanisms(learned, lead, meaning.relevance),
        centrality=central[0],
        central_quote=central[1],
        central_citation=central[2],
        central_norm=reading.quote(norm.first, norm.last) if norm else None,
        lead=lead,
        lead_quote=reading.quote(lead.first, lead.last) if lead else None,
        reforms_constitution="const" in reading.bodies,
        declares_only="declare_interest" in reading.where,
        expected=learned.severity,
        expected_quote=", ".join([words for words, _ in cues[:3]]) if cues else None,
        clock=clock,
        chance=chance[0],
        source="text" if move.text else "summary" if move.summary else "title",
        reconstructed=move.title_origin == "reconstructed",
    )


def _relevance(learned: float, reading: Reading, evidence: Sequence[Evidence], pack: Pack) -> float:
    """The linear model's probability, raised in log-odds by a rule that fired or a central norm."""
    constants = pack.rubric.constants
    lift = min(constants["relevance_rule"], max([found.weight for found in evidence if found.direction is not NEUTRAL], default=0.0)) if evidence else 0.0
    if reading.cited and any(cited.norm is not None and cited.norm.central for cited in reading.cited):
        lift += constants["relevance_norm"]
    if not lift:
        return learned
    odds = math.log(max(learned, 1e-6) / max(1.0 - learned, 1e-6)) + lift
    return 1.0 / (1.0 + math.exp(-odds))


def _targets(learned: Readings, reading: Reading, evidence: Sequence[Evidence], pack: Pack) -> tuple[Target, ...]:
    """Learned probabilities, raised by what is named: institutions, norms, rules."""
    constants = pack.rubric.constants
    named = _named(reading, evidence, pack)
    threshold, lift = constants["target_from"], constants["target_named"]
    found = [(p + lift * named.get(target, 0.0), target) for target, p in learned.targets.items()]
    chosen = [target for p, target in found if p >= threshold]
    return tuple(chosen or [max(found)[1]])


def _named(reading: Reading, evidence: Sequence[Evidence], pack: Pack) -> dict[Target, float]:
    named: dict[Target, float] = {}
    for code in reading.where:
        if code in pack.institutions:
            target = pack.institutions[code].target
            named[target] = max(named.get(target, 0.0), 0.6)
    for cited in reading.cited:
        if cited.norm is not None and not cited.by:
            for target in cited.norm.targets:
                named[target] = max(named.get(target, 0.0), 0.4 if cited.norm.ambiguous else 1.0)
    if evidence:
        named |= dict.fromkeys(evidence[0].targets, 1.0)
    return named


def _central(reading: Reading, evidence: Sequence[Evidence], pack: Pack) -> tuple[int, str | None, str | None]:
    """Highest centrality named, with its words and its citation."""
    best: tuple[int, str | None, str | None] = (0, None, None)
    for code, mentions in reading.where.items():
        if code in pack.institutions and pack.institutions[code].centrality > best[0]:
            best = (pack.institutions[code].centrality, reading.quote(mentions[0].first, mentions[0].last), pack.institutions[code].citation)
    for cited in reading.cited:
        if cited.norm is not None and not cited.by and cited.norm.targets and (degree := 2 + cited.norm.central) > best[0]:
            best = (degree, reading.quote(cited.first, cited.last), cited.norm.citation)
    return best if best[0] or not evidence else (1, reading.quote(evidence[0].first, evidence[0].last), evidence[0].citation)


def _mechanisms(learned: Readings, lead: Evidence | None, relevance: float) -> tuple[Mechanism, ...]:
    """The leading rule's, else the linear model's most likely one."""
    if lead is not None:
        return (lead.mechanism,)
    if relevance < 0.5:
        return ()
    return (max(learned.mechanisms.items(), key=lambda item: item[1])[0],)
