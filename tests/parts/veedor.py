"""The product itself as real processes: `veedor up` on one machine, or one process a service on Kafka and PostgreSQL. Started by its own command, known ready by /readyz."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.process import Process
from tests.parts.prometheus import answers
from tests.parts.waiting import TooLateError, free_port, until

COMMAND = Path(sys.executable).parent / "veedor"
SERVICES = ("ingest", "scoring", "alerting", "webhooks", "console")


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the caller's VEEDOR_* settings reaches the product; emptied, because a child's environment is added to ours."""
    return {**{name: "" for name in os.environ if name.startswith("VEEDOR_")}, **extra}


def run(environment: Mapping[str, str], *arguments: str, seconds: float = 120) -> str:
    """A command of the product, to its end; what it printed. Raises CalledProcessError with its words."""
    done = subprocess.run([str(COMMAND), *arguments], env={**os.environ, **clean_environment(environment)}, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
    return done.stdout.strip()


def token(home: Path, *roles: str) -> str:
    """A bearer token of this home."""
    return run({}, "token", "issue", "--home", str(home), "--subject", "tests", *(word for role in roles for word in ("--role", role)))


@dataclass
class Embedded:
    """`veedor up` on `home`."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        command = [str(COMMAND), "up", "--home", str(self.home), "--port", str(self.port)]
        self.log = self.home.parent / f"{self.home.name}.log"
        self.process = Process("veedor up", command, self.log, clean_environment(self.environment))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, seconds: float = 60, sign: str = "readyz") -> None:
        """Returns when /readyz says so; `healthz` where something is known to be full."""
        self.process.start(lambda: answers(f"{self.url}/{sign}"), seconds=seconds)

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> int | None:
        return self.process.stop(seconds=40)

    def sign_in_link(self) -> str:
        """The last one it printed."""
        return str(re.findall(r"https?://\S+", self.log.read_text(encoding="utf-8"))[-1])


@dataclass
class Cluster:
    """Services as processes that meet on `bus` and `database`. Replicas beyond the first of a service get ports of their own."""

    folder: Path
    bus: str
    database: str
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in SERVICES})
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def settings(self) -> dict[str, str]:
        """The environment of every process."""
        urls = {f"VEEDOR_{name.upper()}_URL": self.url(name) for name in SERVICES if name != "console"}
        return clean_environment({"VEEDOR_BUS": self.bus, "VEEDOR_DATABASE": self.database, "VEEDOR_HOME": str(self.home), **urls, **self.environment})

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def migrate(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        run(self.settings, "migrate")

    def process(self, service: str, replica: int = 0, extra: Mapping[str, str] | None = None) -> Process:
        """A process of the service, not started; `extra` is its further environment."""
        name = f"{service}.{replica}"
        port = self.ports[service] if replica == 0 else free_port()
        self.ports[name] = port
        command = [str(COMMAND), service, "--port", str(port)]
        self.processes[name] = Process(f"veedor {name}", command, self.folder / f"{name}.log", {**self.settings, **(extra or {})})
        return self.processes[name]

    def start(self, *services: str, seconds: float = 60) -> None:
        """Starts them together and returns when all are ready."""
        wanted = services or SERVICES
        for service in wanted:
            self.process(service).start(lambda: True)
        for service in wanted:
            self.wait_ready(f"{service}.0", seconds=seconds)

    def wait_ready(self, name: str, *, seconds: float = 60) -> None:
        """Raises TooLateError with the end of its log."""
        process = self.processes[name]
        try:
            until(lambda: answers(f"http://127.0.0.1:{self.ports[name]}/readyz"), f"veedor {name} ready", seconds=seconds, every=0.1)
        except TooLateError as error:
            raise TooLateError(f"{error}\n{process.tail()}") from None

    def stop(self) -> None:
        for process in self.processes.values():
            process.thaw()
            process.send(signal.SIGTERM)
        for process in self.processes.values():
            process.stop(seconds=40)
