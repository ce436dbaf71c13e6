"""Shows in a text the words that weighed. In: the text and the quotes; out: HTML with the quotes marked."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape


def spans(said: str, quotes: Iterable[str]) -> list[tuple[int, int]]:
    """Where the quotes stand in `said` (first occurrence, case aside), in order, those that touch joined."""
    folded = said.casefold() if len(said.casefold()) == len(said) else said
    found = sorted((at, at + len(quote)) for quote in {quote.strip() for quote in quotes if quote.strip()} if (at := folded.find(quote.casefold())) >= 0)
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def marked(said: str, quotes: Iterable[str]) -> Markup:
    """`said` with the quotes in <mark>; quotes that do not occur are passed over."""
    parts: list[Markup] = []
    done = 0
    for start, end in spans(said, quotes):
        parts += [escape(said[done:start]), Markup("<mark>{}</mark>").format(said[start:end])]
        done = end
    return Markup("").join([*parts, escape(said[done:])])
