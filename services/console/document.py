"""The console's OpenAPI 3.1 document. In: its pages as (method, rule, name); out: plain JSON values. Pages are HTML; data is at the siblings' APIs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from shared.http import described_problem


def openapi(pages: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """`rule` is Flask's (`/alerts/<alert_id>`); every page answers HTML, or a problem to whoever does not ask for HTML."""
    paths: dict[str, dict[str, Any]] = {}
    for method, rule, name in pages:
        paths.setdefault(re.sub(r"<(\w+)>", r"{\1}", rule), {})[method.lower()] = _operation(method, rule, name)
    return {"openapi": "3.1.0", "info": {"title": "Veedor console", "version": "1"}, "paths": paths}


def _operation(method: str, rule: str, name: str) -> dict[str, Any]:
    parameters = [{"name": found, "in": "path", "required": True, "schema": {"type": "string"}} for found in re.findall(r"<(\w+)>", rule)]
    page = {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}}
    answers = {"200": page} if method == "GET" else {"200": page, "201": page, "303": {"description": "Done: see the page it leads to"}}
    failures = {code: described_problem(why) for code, why in FAILURES.items()}
    return {"operationId": name, "parameters": parameters, "responses": answers | failures}


FAILURES = {
    "401": "No session: open the sign-in link",
    "403": "The session's role or the form's token does not allow this",
    "404": "There is no such thing",
    "413": "The body is over 1 MiB",
    "422": "A field is wrong; `field` names it",
    "429": "Too many requests; see Retry-After",
    "503": "A sibling does not answer",
}
