"""k8s/base rendered and validated offline against the schemas of Kubernetes, and held to what the services are."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from shared.settings import PORTS, Settings
from tests.parts import kustomize
from tests.parts.compose import ROOT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

BASE = ROOT / "k8s" / "base"
VERSION = "1.32"


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return kustomize.render(BASE)


def of_kind(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {document["metadata"]["name"]: document for document in documents if document["kind"] == kind}


def pods(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: document["spec"]["template"]["spec"] for kind in ("Deployment", "Job") for name, document in of_kind(documents, kind).items()}


def test_kubernetes_takes_every_document(documents: list[dict[str, Any]]) -> None:
    for document in documents:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kubernetes_validate.validate(document, VERSION, strict=True)


def test_one_file_a_service(documents: list[dict[str, Any]]) -> None:
    assert set(of_kind(documents, "Deployment")) == set(PORTS)
    assert set(of_kind(documents, "Job")) == {"migrate"}
    assert {file.stem for file in BASE.glob("*.yaml")} == {*PORTS, "migrate", "configuration", "kustomization"}


def test_every_pod_is_restricted(documents: list[dict[str, Any]]) -> None:
    for name, pod in pods(documents).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            allowed = container["securityContext"]
            assert (allowed["allowPrivilegeEscalation"], allowed["readOnlyRootFilesystem"], allowed["capabilities"]) == (False, True, {"drop": ["ALL"]}), name
            assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name


def test_every_service_answers_where_it_is_asked(documents: list[dict[str, Any]]) -> None:
    services = of_kind(documents, "Service")
    for name, pod in pods(documents).items():
        if name not in PORTS:
            continue
        (container,) = pod["containers"]
        assert container["args"] == [name]
        assert [port["containerPort"] for port in container["ports"]] == [PORTS[name]]
        assert services[name]["spec"]["ports"][0]["port"] == PORTS[name]
        for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"] == {"path": path, "port": "http"}, f"{name} {probe}"
        labels = of_kind(documents, "Deployment")[name]["spec"]["template"]["metadata"]
        assert services[name]["spec"]["selector"].items() <= labels["labels"].items()
        assert labels["annotations"]["prometheus.io/port"] == str(PORTS[name])


def test_pods_outlive_their_graceful_stop(documents: list[dict[str, Any]]) -> None:
    for name, pod in pods(documents).items():
        assert name == "migrate" or pod["terminationGracePeriodSeconds"] >= 30, name


def test_what_is_mounted_is_defined_and_every_setting_exists(documents: list[dict[str, Any]]) -> None:
    maps, known = of_kind(documents, "ConfigMap"), {f"VEEDOR_{name.upper()}" for name in Settings.model_fields}
    for name, pod in pods(documents).items():
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes, name
            for source in container["envFrom"]:
                assert "configMapRef" not in source or source["configMapRef"]["name"] in maps, name
    for settings in maps.values():
        assert set(settings["data"]) <= known


def test_a_private_key_is_where_it_signs_and_nowhere_else(documents: list[dict[str, Any]]) -> None:
    private: dict[str, set[str]] = {}
    for name, pod in pods(documents).items():
        for volume in pod["volumes"]:
            for source in volume.get("projected", {}).get("sources", ()):
                private.setdefault(name, set()).update(item["path"] for item in source["secret"]["items"] if item["path"].endswith(".pem"))
    assert {name: keys for name, keys in private.items() if keys} == {"console": {"identity.pem"}, "alerting": {"ledger.pem"}, "webhooks": {"webhooks.pem"}}
