"""What the JSON of a request may hold: plain values in, the first thing no service could take out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 64


def too_deep(value: Any, limit: int = MAX_DEPTH) -> bool:
    """Whether lists and objects are nested more than `limit` deep: parsers and validators further in would run out of stack."""
    level = [value]
    for _ in range(limit + 1):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def find_nul(value: Any, place: str = "") -> str | None:
    """The dotted place of the first string (or name) with a NUL, or None. No database takes one in a text. `value` must not be too deep."""
    if isinstance(value, str):
        return (place or "body") if "\0" in value else None
    if isinstance(value, dict):
        named = next((_join(place, name) for name in value if "\0" in name), None)
        return named or _first(find_nul(inner, _join(place, name)) for name, inner in value.items())
    if isinstance(value, list):
        return _first(find_nul(inner, _join(place, index)) for index, inner in enumerate(value))
    return None


def _join(place: str, name: object) -> str:
    return f"{place}.{name}".strip(".").replace("\0", "") or "body"


def _first(found: Iterable[str | None]) -> str | None:
    return next((place for place in found if place), None)
