"""A real nginx around the server blocks given: what stands between people and the services in compose."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.process import Process
from tests.parts.waiting import free_port, is_open

FRAME = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {http}
}}
"""


def program() -> str | None:
    """Debian keeps it where only root's path looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def missing() -> str | None:
    return None if program() else "nginx is not installed"


@dataclass
class Nginx:
    """`http` is what stands inside the http block, with PORT where the port to listen on belongs."""

    folder: Path
    http: str
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.configuration = self.folder / "nginx.conf"
        self.configuration.write_text(FRAME.format(folder=self.folder, http=self.http.replace("PORT", str(self.port))), encoding="utf-8")
        self.process = Process("nginx", [program() or "nginx", "-c", str(self.configuration)], self.folder / "nginx.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def check(self) -> subprocess.CompletedProcess[str]:
        """nginx's own opinion of the configuration."""
        return subprocess.run([program() or "nginx", "-t", "-c", str(self.configuration)], check=False, capture_output=True, text=True, timeout=30)

    def start(self) -> None:
        self.process.start(lambda: is_open(self.port))

    def stop(self) -> None:
        self.process.stop()
