"""A real Prometheus server, and promtool to check rules with."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.parts.process import Process
from tests.parts.waiting import free_port


def missing() -> str | None:
    return None if shutil.which("prometheus") and shutil.which("promtool") else "Prometheus is not installed"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`promtool check rules FILE`, `check config FILE`, `test rules FILE`; the caller looks at the exit code."""
    return subprocess.run(["promtool", *arguments], check=False, capture_output=True, text=True, timeout=60)


@dataclass
class Prometheus:
    """One server on the configuration file given."""

    folder: Path
    configuration: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        command = [
            "prometheus",
            f"--config.file={self.configuration}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            # Without it the first alert can take over 40 s to reach Alertmanager.
            "--rules.alert.resend-delay=1s",
        ]
        self.process = Process("Prometheus", command, self.folder / "prometheus.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start(lambda: answers(f"{self.url}/-/ready"))

    def stop(self) -> None:
        self.process.stop()

    def query(self, expression: str) -> list[dict[str, object]]:
        """The instant vector an expression gives now."""
        found = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, trust_env=False)
        found.raise_for_status()
        result: list[dict[str, object]] = found.json()["data"]["result"]
        return result


def answers(url: str) -> bool:
    """Whether a GET is answered with 2xx."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
