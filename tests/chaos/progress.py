"""What a run says while it goes on: steps as they end, figures every few seconds, on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console

EVERY_SECONDS = 15.0


@dataclass
class Progress:
    """Every line begins with the seconds since the start."""

    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def __post_init__(self) -> None:
        self.started = self.last = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def say(self, words: str) -> None:
        self.last = time.monotonic()
        self.console.print(f"[dim]{self.seconds:5.0f} s[/] {words}", soft_wrap=True)

    def now_and_then(self, words: Callable[[], str]) -> None:
        """Says them when nothing was said for a while."""
        if time.monotonic() - self.last > EVERY_SECONDS:
            self.say(words())
