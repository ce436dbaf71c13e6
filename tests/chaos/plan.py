"""Which faults, when. In: a seed and how many seconds of load there are; out: faults in the order of their time, the same for the same seed. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["kill", "freeze", "takeover", "broker", "broker_freeze", "postgres", "replica", "poison", "clock"]

CONSUMERS = ("scoring", "alerting", "webhooks")
SERVICES = ("ingest", *CONSUMERS, "console")
STATELESS = "console"
"""Owns nothing and consumes nothing: killed once, to see that nobody minds."""
PAST_THE_SESSION = 9.0
"""Seconds: longer than the consumers' session timeout in the harness (6 s)."""


@dataclass(frozen=True, order=True)
class Fault:
    """At `at` seconds of load `kind` befalls `target`; after `lasts` seconds it is undone. `amount`: poisoned messages, or seconds a clock jumps.

    `pile`: seconds for which a consumer is first held up, so that it is hit `after` seconds into a large batch and not while it idles.
    """

    at: float
    kind: Kind
    target: str = ""
    lasts: float = 0.0
    amount: int = 0
    pile: float = 0.0
    after: float = 0.0

    @property
    def words(self) -> str:
        """What it is, for the ledger."""
        said = {
            "kill": f"kill -9 {self.target}, started again after {self.lasts:.1f} s",
            "freeze": f"SIGSTOP {self.target} for {self.lasts:.0f} s, past its session",
            "takeover": f"SIGSTOP {self.target} for {self.lasts:.0f} s, past its session, beside a replica that takes over",
            "broker": "kill -9 the broker, started again",
            "broker_freeze": f"SIGSTOP the broker for {self.lasts:.0f} s",
            "postgres": "PostgreSQL stopped at once, started again",
            "replica": f"a replica of {self.target} for {self.lasts:.0f} s",
            "poison": f"{self.amount} poisoned messages",
            "clock": f"the clock of {self.target} jumps by {self.amount:+d} s, and back after {self.lasts:.0f} s",
        }
        return said[self.kind] + (f", {self.after * 1000:.0f} ms into work that piled up for {self.pile:.1f} s" if self.pile else "")

    @property
    def held_up(self) -> str:
        """The service whose work piles up first."""
        return self.target or "alerting"


def plan(seed: int, seconds: float) -> list[Fault]:
    """Every kind at least once; about one fault every three seconds of load."""
    draw = random.Random(seed)
    once = [_fault(draw, kind, target) for kind, target in _everything()]
    more = [_fault(draw, *draw.choice(_everything())) for _ in range(max(0, int(seconds / 3) - len(once)))]
    return sorted(_at(fault, _when(draw, fault, seconds)) for fault in [*once, *more])


def short(seed: int, seconds: float) -> list[Fault]:
    """A few of each kind for a suite that has a minute: what makes a lease run out comes early."""
    draw = random.Random(seed)
    early = [("kill", "webhooks"), ("clock", "webhooks"), (draw.choice(("freeze", "takeover")), draw.choice(("scoring", "alerting"))), ("poison", "")]
    late = [("kill", service) for service in ("ingest", "scoring", "alerting")] + [("replica", draw.choice(("scoring", "alerting"))), ("broker", ""), ("postgres", "")]
    draw.shuffle(late)
    faults = [_fault(draw, kind, target) for kind, target in (*early, *late)]  # type: ignore[arg-type]
    return sorted(_at(fault, seconds * place / len(faults)) for place, fault in enumerate(faults))


def _everything() -> list[tuple[Kind, str]]:
    busy = [service for service in SERVICES if service != STATELESS]
    kills: list[tuple[Kind, str]] = [("kill", service) for service in busy]
    freezes: list[tuple[Kind, str]] = [("freeze", service) for service in CONSUMERS]
    takeovers: list[tuple[Kind, str]] = [("takeover", service) for service in CONSUMERS]
    replicas: list[tuple[Kind, str]] = [("replica", service) for service in busy]
    outside: list[tuple[Kind, str]] = [
        ("broker", ""),
        ("broker", ""),
        ("broker_freeze", ""),
        ("postgres", ""),
        ("postgres", ""),
        ("poison", ""),
        ("poison", ""),
        ("clock", "webhooks"),
    ]
    return [*kills, *kills, ("kill", STATELESS), *freezes, *takeovers, *replicas, *outside]


def _fault(draw: random.Random, kind: Kind, target: str) -> Fault:
    lasts = {
        "kill": draw.uniform(0, 2),
        "freeze": PAST_THE_SESSION,
        "takeover": PAST_THE_SESSION,
        "broker_freeze": draw.uniform(2, 8),
        "replica": draw.uniform(5, 15),
        "clock": draw.uniform(5, 12),
    }
    amount = {"poison": draw.randint(2, 6), "clock": draw.choice((-7200, -90, 90, 7200))}
    busy = (kind == "kill" and target in CONSUMERS and draw.random() < 0.7) or kind == "postgres"
    pile, after = (draw.uniform(1, 3), draw.uniform(0, 0.25)) if busy else (0.0, 0.0)
    return Fault(0.0, kind, target, lasts.get(kind, 0.0), amount.get(kind, 0), pile, after)


def _when(draw: random.Random, fault: Fault, seconds: float) -> float:
    """While the load runs, and undone before it ends where that can be."""
    return draw.uniform(0.5, max(1.0, seconds - fault.lasts - 1))


def _at(fault: Fault, at: float) -> Fault:
    return replace(fault, at=round(at, 2))
