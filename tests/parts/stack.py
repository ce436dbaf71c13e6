"""The stack of docker-compose.yml as local processes: our services' commands and environment exactly, equivalent servers for the rest; host names become ports of 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.parts import compose, kafka, postgres
from tests.parts.compose import ROOT, Loopback
from tests.parts.gateway import render
from tests.parts.nginx import Nginx
from tests.parts.process import Process
from tests.parts.prometheus import Prometheus
from tests.parts.veedor import COMMAND, clean_environment
from tests.parts.waiting import TooLateError, is_open, until

SECRETS = {"POSTGRES_PASSWORD": "correct-horse", "GRAFANA_PASSWORD": "battery-staple"}
NOT_HERE = ("grafana",)
"""No such server is to be had here; its dashboard and its provisioning have tests of their own."""


@dataclass
class Stack:
    """`start` brings all up in the file's own order, each when what it waits for is healthy. `folder` must be reachable by the user postgres when we are root."""

    folder: Path
    variables: Mapping[str, str]
    stack: ExitStack
    home: Path = field(init=False)
    processes: dict[str, Process] = field(default_factory=dict)
    """Our services, as they run."""

    def __post_init__(self) -> None:
        self.services: dict[str, Any] = compose.read({**SECRETS, **self.variables})["services"]
        self.loopback = Loopback(tuple(self.services))
        self.home = self.folder / "home"
        self.home.mkdir()

    def start(self) -> None:
        starters: dict[str, Callable[[], object]] = {
            "kafka": self._kafka,
            "postgres": self._postgres,
            "migrate": self._migrate,
            "gateway": self._gateway,
            "prometheus": self._prometheus,
        }
        for name in compose.order(self.services):
            if name not in NOT_HERE:
                self._wait_for(self.services[name].get("depends_on", {}))
                starters.get(name, lambda name=name: self._service(name))()

    def _wait_for(self, depends: Mapping[str, Any] | list[str]) -> None:
        """What the file says to wait for; a server that stands in for an image's was waited for when it was started."""
        for name, wanted in depends.items() if isinstance(depends, dict) else ():
            if name in self.processes and wanted["condition"] == "service_healthy":
                self._wait_healthy(name)

    def _wait_healthy(self, name: str) -> None:
        process = self.processes[name]
        try:
            until(lambda: process.child is not None and process.child.poll() is None and self.healthy(name), f"{name} healthy", seconds=90, every=0.2)
        except TooLateError as error:
            raise TooLateError(f"{error}\n{process.tail()}") from None

    def environment(self, service: str) -> dict[str, str]:
        """What the container gets, with loopback in place of host names and of the volume's path."""
        said = {name: self.loopback.map(str(value)) for name, value in self.services[service].get("environment", {}).items()}
        return said | {name: str(self.home) for name in said if name == "VEEDOR_HOME"} | {name: "127.0.0.1" for name in said if name == "VEEDOR_HOST"}

    def command(self, service: str, *arguments: str) -> list[str]:
        """The image's entry point and the file's command; the port is where loopback has it."""
        port = self._port(service)
        return [str(COMMAND), *(arguments or self.services[service]["command"]), *(["--port", str(self.loopback.port(service, port))] if port else [])]

    def run(self, service: str, *arguments: str) -> str:
        """`docker compose run --rm SERVICE ARGUMENTS`: what it printed."""
        environment = {**os.environ, **clean_environment(self.environment(service))}
        return subprocess.run([str(COMMAND), *arguments], env=environment, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def healthy(self, service: str) -> bool:
        """The file's own health check, against loopback."""
        kind, *words = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD", f"{service}: {kind}"
        port = self._port(service)
        words = [word.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.loopback.port(service, port)}") for word in words]
        return subprocess.run([sys.executable if words[0] == "python" else words[0], *words[1:]], check=False, capture_output=True, timeout=10).returncode == 0

    def _port(self, service: str) -> str:
        """The port a service of ours answers on: the one its health check asks."""
        test = shlex.join(self.services[service].get("healthcheck", {}).get("test", ()))
        return test.partition("127.0.0.1:")[2].partition("/")[0]

    def _service(self, name: str) -> None:
        process = Process(f"veedor {name}", self.command(name), self.folder / f"{name}.log", clean_environment(self.environment(name)))
        self.stack.callback(process.stop, seconds=40)
        process.start(lambda: True)
        self.processes[name] = process

    def _migrate(self) -> None:
        self.run("migrate", *self.services["migrate"]["command"])

    def _kafka(self) -> None:
        """The image's rule: KAFKA_A_B becomes a.b."""
        said = {name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in self.environment("kafka").items()}
        broker, controller = self.loopback.port("kafka", 9092), self.loopback.port("kafka", 9093)
        said["listeners"] = said["listeners"].replace("0.0.0.0:9092", f"127.0.0.1:{broker}").replace("0.0.0.0:9093", f"127.0.0.1:{controller}")
        said["log.dirs"] = str(self.folder / "kafka")
        settings = self.folder / "server.properties"
        settings.write_text("".join(f"{name}={value}\n" for name, value in said.items()), encoding="ascii")
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{kafka.cache()}/*"]
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(settings)], check=True, capture_output=True, cwd=self.folder)
        process = Process("Kafka", [*java, "kafka.Kafka", str(settings)], self.folder / "kafka.log", {"LOG_DIR": str(self.folder)})
        self.stack.callback(process.stop)
        process.start(lambda: is_open(broker), seconds=60)

    def _postgres(self) -> None:
        """The image's rule: a superuser and a database of these names, password by SCRAM."""
        said, port = self.environment("postgres"), self.loopback.port("postgres", 5432)
        place, words = self.folder / "postgres", self.folder / "password"
        place.mkdir()
        words.write_text(said["POSTGRES_PASSWORD"], encoding="utf-8")
        if os.geteuid() == 0:
            for path in (place, words):
                os.chown(path, pwd.getpwnam("postgres").pw_uid, -1)
        self._as_postgres("initdb", "-D", f"{place}/data", "--no-sync", "-A", "scram-sha-256", "-U", said["POSTGRES_USER"], f"--pwfile={words}", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {place}"
        self._as_postgres("pg_ctl", "-D", f"{place}/data", "-w", "-t", "30", "-s", "-l", f"{place}/log", "-o", options, "start")
        self.stack.callback(self._as_postgres, "pg_ctl", "-D", f"{place}/data", "-m", "immediate", "-w", "-s", "stop")
        address = ("-h", "127.0.0.1", "-p", str(port), "-U", said["POSTGRES_USER"])
        self._as_postgres("createdb", *address, said["POSTGRES_DB"], environment={"PGPASSWORD": said["POSTGRES_PASSWORD"]})

    @staticmethod
    def _as_postgres(program: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        folder = postgres.programs()
        assert folder is not None
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*user, str(folder / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60, env={**os.environ, **(environment or {})})

    def _gateway(self) -> None:
        """The published port is the loopback port of gateway:8080."""
        said = self.environment("gateway")
        port = self.loopback.port("gateway", said.pop("GATEWAY_PORT"))
        folder = self.folder / "nginx"
        folder.mkdir()
        server = Nginx(folder, render({"GATEWAY_PORT": f"127.0.0.1:{port}", **said}), port)
        self.stack.callback(server.stop)
        server.start()

    def _prometheus(self) -> None:
        folder, configuration = self.folder / "prometheus", self.folder / "prometheus.yml"
        folder.mkdir()
        configuration.write_text(self.loopback.map((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8")), encoding="utf-8")
        self.prometheus = Prometheus(folder, configuration, self.loopback.port("prometheus", 9090))
        self.stack.callback(self.prometheus.stop)
        self.prometheus.start()

    @property
    def url(self) -> str:
        """The only published address."""
        return f"http://127.0.0.1:{self.loopback.port('gateway', 8080)}"


def up(folder: Path, variables: Mapping[str, str], stack: ExitStack) -> Stack:
    """The stack, healthy; what it started ends with `stack`."""
    made = Stack(folder, variables, stack)
    made.start()
    until(lambda: is_open(made.loopback.port("gateway", 8080)), "the published port")
    return made
