"""What docker-compose.yml says, without a container engine. In: the file and the operator's variables; out: its services, every variable put in, on loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.parts.waiting import free_port

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")


class UnsetError(KeyError):
    """A `${VAR:?words}` without a value: what compose refuses to start with."""


def substitute(value: Any, variables: Mapping[str, str]) -> Any:
    """Compose's interpolation: `${A:?words}`, `${A:-default}`, `${A}`, `$$`."""
    if isinstance(value, dict):
        return {key: substitute(found, variables) for key, found in value.items()}
    if isinstance(value, list):
        return [substitute(found, variables) for found in value]
    return VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    found = variables.get(match["name"])
    if found:
        return found
    if match["kind"] == "?":
        raise UnsetError(f"{match['name']}: {match['rest']}")
    return match["rest"] or ""


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole file. Raises UnsetError."""
    said: dict[str, Any] = substitute(yaml.safe_load(FILE.read_text(encoding="utf-8")), variables)
    return said


@dataclass
class Loopback:
    """Host names of the file as ports of 127.0.0.1: `kafka:9092` becomes `127.0.0.1:PORT`, the same one everywhere."""

    services: tuple[str, ...]
    ports: dict[str, int] = field(default_factory=dict)

    def port(self, service: str, port: int | str) -> int:
        return self.ports.setdefault(f"{service}:{port}", free_port())

    def map(self, text: str) -> str:
        """Every `service:port` of a text."""
        names = "|".join(map(re.escape, self.services))
        return re.sub(rf"\b({names}):(\d+)\b", lambda match: f"127.0.0.1:{self.port(match[1], match[2])}", text)


def order(services: Mapping[str, Any]) -> Iterator[str]:
    """Names in an order in which each comes after what it depends on."""
    started: list[str] = []

    def visit(name: str) -> Iterator[str]:
        if name not in started:
            for before in services[name].get("depends_on", ()):
                yield from visit(before)
            started.append(name)
            yield name

    for name in services:
        yield from visit(name)
