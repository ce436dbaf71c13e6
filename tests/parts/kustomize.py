"""Renders a kustomization: by kustomize itself where it is or Go can build it (into the cache), else by reading the files it lists, which is all our base asks of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.parts.kafka import cache

MODULE = "sigs.k8s.io/kustomize/kustomize/v5@v5.6.0"


def program() -> str | None:
    """Its path: installed, built before, or built now (a minute, once)."""
    built = cache().parent / "go" / "kustomize"
    found = shutil.which("kustomize") or (str(built) if built.exists() else None)
    if found is None and shutil.which("go"):
        subprocess.run(["go", "install", MODULE], check=False, capture_output=True, timeout=280, env={**os.environ, "GOBIN": str(built.parent)})
    return found or (str(built) if built.exists() else None)


def render(folder: Path) -> list[dict[str, Any]]:
    """The documents of a kustomization. Raises CalledProcessError with kustomize's words."""
    kustomize = program()
    if kustomize is None:
        said = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
        texts = [(folder / name).read_text(encoding="utf-8") for name in said["resources"]]
    else:
        texts = [subprocess.run([kustomize, "build", str(folder)], check=True, capture_output=True, text=True).stdout]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]
