"""docker-compose.yml as a document: its form, its references, its secrets, what each container may do."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from shared.settings import PORTS, Settings
from tests.parts import compose

VARIABLES = {"POSTGRES_PASSWORD": "one", "GRAFANA_PASSWORD": "two"}
OURS = ("migrate", *PORTS)
SCHEMA = compose.ROOT / "tests/integration/deploy/compose-spec.json"
"""From github.com/compose-spec/compose-go v2.16.2, Apache-2.0."""


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return compose.read(VARIABLES)


def test_it_has_the_form_of_the_compose_specification(said: dict[str, Any]) -> None:
    errors = [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in Draft202012Validator(orjson.loads(SCHEMA.read_bytes())).iter_errors(said)]
    assert errors == []


def test_every_reference_is_defined(said: dict[str, Any]) -> None:
    for name, service in said["services"].items():
        assert set(service.get("depends_on", ())) <= set(said["services"]), name
        assert set(service["networks"]) <= set(said["networks"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (compose.ROOT / source).exists() if source.startswith(".") else source in said["volumes"], f"{name}: {volume}"


def test_who_is_waited_for_says_when_it_is_healthy(said: dict[str, Any]) -> None:
    for name, service in said["services"].items():
        depends = service.get("depends_on", {})
        for other, wanted in depends.items() if isinstance(depends, dict) else ():
            assert wanted["condition"] != "service_healthy" or "healthcheck" in said["services"][other], f"{name} waits for {other}"


@pytest.mark.parametrize("secret", sorted(VARIABLES))
def test_it_does_not_start_without_its_secrets(secret: str) -> None:
    with pytest.raises(compose.UnsetError, match=secret):
        compose.read({name: value for name, value in VARIABLES.items() if name != secret})


def test_no_secret_stands_in_it() -> None:
    raw = yaml.safe_load(compose.FILE.read_text(encoding="utf-8"))
    for name, service in raw["services"].items():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or str(value).startswith("${"), f"{name}: {key}"


def test_our_containers_may_do_nothing_they_need_not(said: dict[str, Any]) -> None:
    for name in (*OURS, "gateway"):
        service = said["services"][name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    for name in OURS:
        assert said["services"][name]["user"] == "10001:10001", name
    for name in PORTS:
        assert said["services"][name]["volumes"] == ["identity:/var/lib/veedor:ro"], name


def test_the_gateway_is_the_only_door(said: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in said["services"].items() if "ports" in service}
    assert set(published) == {"gateway", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])
    assert said["networks"]["inside"]["internal"] is True


def test_every_setting_it_gives_exists(said: dict[str, Any]) -> None:
    known = {f"VEEDOR_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        assert set(said["services"][name]["environment"]) <= known, name
