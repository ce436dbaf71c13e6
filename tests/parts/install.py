"""Installs the real servers that the tests need and this machine lacks: by apt as root on Debian, Kafka's jars by Maven; elsewhere it says what will be skipped."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.parts import alertmanager, chromium, faketime, kafka, nginx, postgres, prometheus

POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True)
class Part:
    """`missing` says what is missing or None; `packages` are Debian's."""

    name: str
    missing: Callable[[], str | None]
    packages: tuple[str, ...]


def _no_java() -> str | None:
    return None if kafka.missing() is None or (shutil.which("java") and shutil.which("mvn")) else "Java and Maven are not installed"


PARTS = (
    Part("Java and Maven (for Kafka)", _no_java, ("default-jre-headless", "maven")),
    Part("PostgreSQL", postgres.missing, ("postgresql",)),
    Part("Prometheus", prometheus.missing, ("prometheus",)),
    Part("Alertmanager", alertmanager.missing, ("prometheus-alertmanager",)),
    Part("nginx", nginx.missing, ("nginx",)),
    Part("Chromium", chromium.missing, ("chromium", "libatomic1")),
    Part("faketime", faketime.missing, ("faketime",)),
)


def say(words: str) -> None:
    print(f"tests: {words}", flush=True)


@contextlib.contextmanager
def services_not_started() -> Iterator[None]:
    """Debian starts a server when its package is installed unless policy-rc.d says no; one that stands there already is left alone."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink()


def install_packages(parts: list[Part]) -> None:
    packages = [package for part in parts for package in part.packages]
    say(f"installing {', '.join(part.name for part in parts)} with apt: {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with services_not_started():
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]):
            done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
            if done.returncode:
                say(f"`{' '.join(command[:2])}` failed:\n{done.stdout[-500:]}{done.stderr[-1500:]}")
                return


def fetch_kafka() -> None:
    say(f"fetching Apache Kafka {kafka.VERSION} with Maven into {kafka.cache()}")
    try:
        kafka.fetch_jars()
    except subprocess.CalledProcessError as error:
        say(f"Maven failed:\n{error.stdout[:1500]}")


def main() -> int:
    """Exit code 0 whatever is still missing: the tests that need it say so, each for itself."""
    lacking = [part for part in PARTS if part.missing()]
    if lacking and os.geteuid() == 0 and shutil.which("apt-get"):
        install_packages(lacking)
    if kafka.missing() and shutil.which("java") and shutil.which("mvn"):
        fetch_kafka()
    still = [why for why in (kafka.missing(), *(part.missing() for part in PARTS if part.missing is not _no_java)) if why]
    for why in still:
        say(f"{why}: the tests that need it {'fail, because CI is set' if os.environ.get('CI') else 'are skipped'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
