"""The gateway's nginx configuration as its container renders it. In: what stands in for its variables; out: the text of the http block."""

from __future__ import annotations

from collections.abc import Mapping

from tests.parts.compose import ROOT

TEMPLATE = ROOT / "deploy" / "nginx" / "veedor.conf.template"


def render(variables: Mapping[str, str]) -> str:
    """What the image's envsubst does: the named variables, and no other dollar sign."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in variables.items():
        text = text.replace(f"${{{name}}}", value)
    return text
