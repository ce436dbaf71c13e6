"""Sources: when each was last seen and whether we see through it now."""

from __future__ import annotations

from flask import Response

from services.console.answers import Listing, SourceHealth
from services.console.page import Page
from services.console.sight import TOLD, sight


def show(page: Page) -> Response:
    found = page.read("ingest", "/v1/sources", Listing[SourceHealth]).value
    sources = found.items if found else None
    return page.render("sources.html", today=page.today(page.summary()), sources=sources, sight=sight(sources), told=TOLD)
