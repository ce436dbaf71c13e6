"""A real PostgreSQL server in a temporary folder; every test module gets a database of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.waiting import free_port

SPEED = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def programs() -> Path | None:
    """Folder of initdb and pg_ctl: the newest of Debian's, else wherever the path has them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[4]))
    on_path = shutil.which("pg_ctl")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def missing() -> str | None:
    if programs() is None:
        return "PostgreSQL is not installed"
    return None


@dataclass
class Postgres:
    """One server. `durable` keeps fsync on, for tests of what survives a crash. `folder` must be reachable by the user postgres when we are root."""

    folder: Path
    durable: bool = False
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", f"{self.folder}/data", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")

    def start(self) -> None:
        """Returns when it answers. Started again on the same folder it goes on with what it had."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c max_connections=200 -k {self.folder} {'' if self.durable else SPEED}"
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-t", "30", "-s", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """At once, without a checkpoint: what a crash does."""
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "-w", "-s", "stop")

    def create(self, name: str) -> str:
        """A fresh database; its SQLAlchemy address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        folder = programs()
        assert folder is not None
        # PostgreSQL refuses to run as root.
        command = ["runuser", "-u", "postgres", "--", str(folder / program)] if os.geteuid() == 0 else [str(folder / program)]
        subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)
