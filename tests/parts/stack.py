"""The stack of docker-compose.yml as local processes: the commands and environment of our services exactly, equivalent ones for Kafka, PostgreSQL, nginx and Prometheus; host names become loopback ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.settings import PORTS
from tests.parts import compose, kafka, postgres
from tests.parts.compose import ROOT, Loopback
from tests.parts.gateway import render
from tests.parts.nginx import Nginx
from tests.parts.process import Process
from tests.parts.prometheus import Prometheus, answers
from tests.parts.veedor import COMMAND, clean_environment
from tests.parts.waiting import is_open, until

SECRETS = {"POSTGRES_PASSWORD": "correct-horse", "GRAFANA_PASSWORD": "battery-staple"}
NOT_HERE = ("grafana",)
"""No such server is to be had; its dashboard has a test of its own."""


@dataclass
class Stack:
    """`start()` brings all up in the file's own order and waits for what it waits for. `folder` must be reachable by the user postgres when we are root."""

    folder: Path
    variables: dict[str, str]
    processes: ExitStack
    running: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = compose.read(SECRETS | self.variables)
        self.services: dict[str, Any] = self.file["services"]
        self.loopback = Loopback(tuple(self.services))

    def start(self) -> None:
        for name in compose.order(self.services):
            if name in NOT_HERE:
                continue
            for before, wanted in dict.fromkeys(self.services[name].get("depends_on", ()), {}).items() if isinstance(self.services[name].get("depends_on"), list) else ():
                assert before in self.running or wanted == {}, f"{name} before {before}"
            self._start(name)

    def _start(self, name: str) -> None:
        starters: dict[str, Callable[[], Any]] = {"kafka": self._kafka, "postgres": self._postgres, "migrate": self._migrate, "gateway": self._gateway, "prometheus": self._prometheus}
        self.running[name] = starters.get(name, lambda: self._service(name))()
