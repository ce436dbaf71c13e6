"""A real Alertmanager (Debian names the program prometheus-alertmanager)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.process import Process
from tests.parts.prometheus import answers
from tests.parts.waiting import free_port


def program() -> str | None:
    return shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


def missing() -> str | None:
    return None if program() else "Alertmanager is not installed"


@dataclass
class Alertmanager:
    """One server on the configuration file given."""

    folder: Path
    configuration: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        flags = [f"--config.file={self.configuration}", f"--storage.path={self.folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="]
        self.process = Process("Alertmanager", [program() or "alertmanager", *flags], self.folder / "alertmanager.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start(lambda: answers(f"{self.url}/-/ready"))

    def stop(self) -> None:
        self.process.stop()
