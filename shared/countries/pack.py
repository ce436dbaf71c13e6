"""A country as a frozen value. In: the YAML files of `shared/countries/<code>/`; out: `Pack`, which answers what a stage, a norm, a day or a term means there."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import holidays as public_holidays

from shared.countries.document import Document, PackError
from shared.countries.form import (
    CalendarFile,
    Citation,
    CitationsFile,
    CountryFile,
    FilingFile,
    Institution,
    InstitutionsFile,
    LexiconFile,
    MilestoneDate,
    Norm,
    NormsFile,
    Period,
    Procedure,
    Rubric,
    Rule,
    RulesFile,
    WordsFile,
)
from shared.errors import Refused
from shared.events import Direction, Instrument, Level, Mechanism, Stage, Target, Words
from shared.folding import unaccented

HERE = Path(__file__).parent
BALLOTS = ("election_day", "runoff")
KNOWN_LABELS = 10_000
"""Native labels remembered as they were read; a country has some hundreds."""
_GAPS = str.maketrans(dict.fromkeys(".,;:()-–—_/°º", " "))


def folded(text: str) -> str:
    """Lower case, no accents, punctuation as single spaces: how native labels are compared."""
    return " ".join(unaccented(text).translate(_GAPS).split())


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything known of one country. `version` changes when any file changes; `directory` holds the weights and the record too."""

    country: CountryFile
    version: str
    directory: Path
    citations: Mapping[str, Citation]
    targets: Mapping[Target, Words]
    institutions: Mapping[str, Institution]
    words: WordsFile
    milestones: tuple[MilestoneDate, ...]
    norms: Mapping[str, Norm]
    names: NormsFile
    lexicon: LexiconFile
    rules: tuple[Rule, ...]
    rule_ids: frozenset[str] = field(repr=False)
    rubric: Rubric
    procedure: Procedure
    filing: FilingFile
    shortcut_phrases: tuple[tuple[str, tuple[str, ...]], ...]
    _stages: Mapping[str, Stage] = field(repr=False)
    _starts: tuple[tuple[str, Stage], ...] = field(repr=False)
    _closed: frozenset[dt.date] = field(repr=False)
    _known: dict[str, Stage | None] = field(default_factory=dict, repr=False)
    _named: dict[str, Period | None] = field(default_factory=dict, repr=False)
    _sent: dict[tuple[dt.date, int], dt.date] = field(default_factory=dict, repr=False)

    @property
    def code(self) -> str:
        return self.country.code

    @property
    def timezone(self) -> str:
        return self.country.timezone

    @property
    def name(self) -> Words:
        return self.country.name

    @property
    def periods(self) -> tuple[Period, ...]:
        return self.country.periods

    @property
    def mechanisms(self) -> Mapping[Mechanism, Words]:
        return self.words.mechanisms

    def target_label(self, target: Target) -> Words:
        return self.targets[target]

    def stage_label(self, stage: Stage) -> Words:
        return self.words.stages[stage]

    def instrument_label(self, instrument: Instrument) -> Words:
        return self.words.instruments[instrument]

    def mechanism_label(self, mechanism: Mechanism) -> Words:
        return self.words.mechanisms[mechanism]

    def direction_label(self, direction: Direction) -> Words:
        return self.words.directions[direction]

    def level_label(self, level: Level) -> Words:
        return self.words.levels[level]

    def stage_of(self, native: str) -> Stage | None:
        """The stage a native label stands for, whatever its case, accents and punctuation; None when nobody mapped it."""
        if native in self._known:
            return self._known[native]
        plain = folded(native)
        stage = self._stages.get(plain) or next((stage for start, stage in self._starts if plain.startswith(start)), None)
        if len(self._known) < KNOWN_LABELS:
            self._known[native] = stage
        return stage

    def terminal(self, stage: Stage) -> bool:
        """Whether a move at this stage is no longer pending; a later step (reconsidered, restored) makes it pending again."""
        return stage in self.words.terminal

    def period(self, code: str) -> Period | None:
        """By code ("2021-2026") or by the year it began ("2021")."""
        if code in self._named:
            return self._named[code]
        found = next((period for period in self.periods if code in (period.code, str(period.start.year))), None)
        if len(self._named) < KNOWN_LABELS:
            self._named[code] = found
        return found

    def period_on(self, day: dt.date) -> Period | None:
        return next((period for period in self.periods if period.start <= day <= period.end), None)

    def ballots(self, as_of: dt.date) -> tuple[MilestoneDate, ...]:
        """Voting days from `as_of` on that could be known then, nearest first."""
        ahead = (found for found in self.milestones if found.kind in BALLOTS and found.known_from <= as_of <= found.date)
        return tuple(sorted(ahead, key=lambda found: found.date))

    def next_milestone(self, as_of: dt.date) -> MilestoneDate | None:
        """The next voting day that could be known on `as_of`, that day included."""
        return next(iter(self.ballots(as_of)), None)

    def one_year_line(self, as_of: dt.date) -> dt.date | None:
        """Last day on which a rule could be published and still apply to the next voting day: one year before it."""
        ballot = self.next_milestone(as_of)
        return _year_before(ballot.date) if ballot else None

    def working_day(self, day: dt.date) -> bool:
        return day.weekday() < 5 and day not in self._closed

    def add_working_days(self, day: dt.date, count: int) -> dt.date:
        """The `count`-th working day after `day`."""
        known = self._sent.get((day, count))
        if known is not None:
            return known
        end, left = day, count
        while left > 0:
            end += dt.timedelta(days=1)
            left -= self.working_day(end)
        if len(self._sent) < KNOWN_LABELS:
            self._sent[day, count] = end
        return end


def _year_before(day: dt.date) -> dt.date:
    return day.replace(year=day.year - 1) if (day.month, day.day) != (2, 29) else dt.date(day.year - 1, 2, 28)


def load(code: str, root: Path = HERE) -> Pack:
    """The pack of a country. Raises Refused(field="country") for a country without one, PackError for a file that is wrong."""
    directory = root / code
    if not re.fullmatch(r"[a-z]{2}", code) or not (directory / "pack.yaml").is_file():
        known = ", ".join(sorted(path.parent.name for path in root.glob("*/pack.yaml")))
        raise Refused(f"no pack for {code[:20]!r}: use one of {known}", field="country")
    documents = {name: Document(directory / f"{name}.yaml") for name in FILES}
    country = documents["pack"].read(CountryFile)
    procedure = documents["procedure"].read(Procedure)
    words = documents["words"].read(WordsFile)
    named = documents["norms"].read(NormsFile)
    bodies = documents["institutions"].read(InstitutionsFile)
    rules = documents["rules"].read(RulesFile).rules
    pack = Pack(
        country=country,
        version=f"{country.edition}+{_digest(documents.values())}",
        directory=directory,
        citations=documents["citations"].read(CitationsFile).citations,
        targets=bodies.targets,
        institutions=bodies.institutions,
        words=words,
        milestones=documents["calendar"].read(CalendarFile).milestones,
        norms=_norms(named),
        names=named,
        lexicon=documents["lexicon"].read(LexiconFile),
        rules=rules,
        rule_ids=frozenset(rule.id for rule in rules),
        rubric=documents["rubric"].read(Rubric),
        procedure=procedure,
        filing=documents["filing"].read(FilingFile),
        shortcut_phrases=tuple((code, tuple(folded(phrase) for phrase in shortcut.phrases)) for code, shortcut in procedure.shortcuts.items()),
        _stages={folded(label): stage for stage, labels in words.native_stages.items() for label in labels},
        _starts=_longest_first(words.native_starts),
        _closed=_closed(country.holidays),
    )
    check(pack, documents)
    return pack


FILES = ("pack", "citations", "institutions", "words", "calendar", "norms", "lexicon", "rules", "rubric", "procedure", "filing")


def _digest(documents: Iterable[Document]) -> str:
    total = hashlib.sha256()
    for document in documents:
        total.update(document.path.read_bytes())
    return total.hexdigest()[:8]


def _norms(named: NormsFile) -> dict[str, Norm]:
    """`law:32108`, `decree:1373`, `const:179`; `const:*` for any other article of a body."""
    norms = {f"law:{number}": norm for number, norm in named.laws.items()}
    norms |= {f"decree:{number}": norm for number, norm in named.decrees.items()}
    for code, body in named.bodies.items():
        norms |= {f"{code}:{article.strip()}": norm for listed, norm in body.articles.items() for article in listed.split(",")}
        if body.otherwise:
            norms[f"{code}:*"] = body.otherwise
    return norms


def _longest_first(starts: Mapping[Stage, tuple[str, ...]]) -> tuple[tuple[str, Stage], ...]:
    pairs = ((folded(label), stage) for stage, labels in starts.items() for label in labels)
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0])))


def _closed(country: str) -> frozenset[dt.date]:
    return frozenset(public_holidays.country_holidays(country, years=range(2000, 2041)))


def check(pack: Pack, documents: Mapping[str, Document]) -> None:
    """What one file alone cannot know: every citation, concept, norm and word that another file names exists. Raises PackError."""
    for code, institution in pack.institutions.items():
        _cited(pack, institution.citation, documents["institutions"], ("institutions", code, "citation"))
    for code, points in pack.rubric.factors.items():
        _cited(pack, points.citation, documents["rubric"], ("factors", code, "citation"))
    for code, shortcut in pack.procedure.shortcuts.items():
        _cited(pack, shortcut.citation, documents["procedure"], ("shortcuts", code, "citation"))
    _check_rules(pack, documents["rules"])
    _check_names(pack, documents["norms"])
    _check_words(pack, documents["words"], documents["institutions"])


def _cited(pack: Pack, citation: str | None, document: Document, loc: tuple[int | str, ...]) -> None:
    if citation is not None and citation not in pack.citations:
        raise document.error(loc, f"{citation!r} is no entry of citations.yaml: add it there or correct it")


def _check_rules(pack: Pack, document: Document) -> None:
    known = pack.lexicon.concepts.keys() | pack.institutions.keys() | {f"instrument.{instrument}" for instrument in Instrument}
    seen: set[str] = set()
    for at, rule in enumerate(pack.rules):
        _cited(pack, rule.citation, document, ("rules", at, "citation"))
        if rule.id in seen:
            raise document.error(("rules", at, "id"), f"{rule.id!r} is used twice: rename one")
        seen.add(rule.id)
        for where, concepts in [(("all", number), group) for number, group in enumerate(rule.all)] + [(("none", 0), rule.none)]:
            for concept in concepts:
                if concept not in known:
                    raise document.error(("rules", at, *where), f"{concept!r} is no concept of lexicon.yaml and no institution: add it or correct it")


def _check_names(pack: Pack, document: Document) -> None:
    for name, norm in pack.names.names.items():
        if norm not in pack.norms:
            raise document.error(("names", name), f"{norm!r} is no norm of this file: write law:NUMBER, decree:NUMBER or BODY:ARTICLE")
    for kind, norms in (("laws", pack.names.laws), ("decrees", pack.names.decrees)):
        for number, norm_ in norms.items():
            _cited(pack, norm_.citation, document, (kind, number, "citation"))
    for code, body in pack.names.bodies.items():
        for article, norm_ in body.articles.items():
            _cited(pack, norm_.citation, document, ("bodies", code, "articles", article, "citation"))


def _check_words(pack: Pack, words: Document, institutions: Document) -> None:
    for section, given, vocabulary in (
        ("stages", set(pack.words.stages), set(Stage)),
        ("instruments", set(pack.words.instruments), set(Instrument)),
        ("mechanisms", set(pack.words.mechanisms), set(Mechanism)),
        ("directions", set(pack.words.directions), set(Direction)),
        ("levels", set(pack.words.levels), set(Level)),
    ):
        for term in sorted(vocabulary - given):
            raise words.error((section,), f"{term} is missing: give it words in es and en")
    for target in Target:
        if target not in pack.targets:
            raise institutions.error(("targets",), f"{target} is missing: give it words in es and en")


__all__ = ["Pack", "PackError", "folded", "load"]
