"""A server as a child process: started with a log file, known ready, frozen, killed and stopped by its own process id."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.waiting import TooLateError, until


@dataclass
class Process:
    """`command` run with its output in `log`; `environment` is added to ours."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, ready: Callable[[], bool], *, seconds: float = 30.0) -> None:
        """Returns when `ready` says so. Raises TooLateError with the end of the log when it dies or is not ready in time."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **self.environment}, cwd=self.log.parent)
        try:
            until(lambda: self._check_alive() and ready(), f"{self.name} ready", seconds=seconds, every=0.05)
        except TooLateError as error:
            self.kill()
            raise TooLateError(f"{error}\n{self.tail()}") from None

    def _check_alive(self) -> bool:
        if self.child is None or self.child.poll() is not None:
            raise TooLateError(f"{self.name} ended with exit code {self.child.returncode if self.child else None}")
        return True

    def tail(self, count: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])

    def send(self, number: signal.Signals) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(number)

    def freeze(self) -> None:
        """It stays connected and answers nothing."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it without warning."""
        self._end(signal.SIGKILL, 10)

    def stop(self, *, seconds: float = 15.0) -> int | None:
        """Ends it politely, by force when it takes longer than `seconds`; returns its exit code."""
        self.thaw()
        return self._end(signal.SIGTERM, seconds)

    def _end(self, number: signal.Signals, seconds: float) -> int | None:
        if self.child is None:
            return None
        self.send(number)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait(10)
