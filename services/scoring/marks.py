"""What the reader found in a text, as features of the linear models beside its words: a body by any of its names, a norm by its number. In: a reading; out: marks, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from services.scoring.citing import Cited
from services.scoring.reading import Reading
from shared.countries.pack import Pack

MARK = "@"


class Marks:
    """`@CODE` for a concept or body, `@q:CODE` for a body named only inside another norm's name, `@t:TARGET` for whom a body stands,

    `@n:TARGET` for what a cited norm regulates (`@n:by:` where it is named only as the norm that changed another, `@n:central`, `@n:other`).
    """

    def __init__(self, pack: Pack) -> None:
        self._of_body = {code: f"{MARK}t:{institution.target}" for code, institution in pack.institutions.items()}

    def read(self, reading: Reading) -> Collection[str]:
        where = reading.where
        found = dict.fromkeys([f"{MARK}{code}" for code, mentions in where.items() if not (mentions[0].quoted and all(m.quoted for m in mentions))])
        for body in self._of_body.keys() & where.keys():
            found[self._of_body[body]] = None
            if f"{MARK}{body}" not in found:
                found[f"{MARK}q:{body}"] = None
        for cited in reading.cited:
            found.update(dict.fromkeys(_of_norm(cited)))
        return found


def _of_norm(cited: Cited) -> Iterator[str]:
    norm = cited.norm
    if norm is None:
        return
    yield from (f"{MARK}n:{'by:' if cited.by else ''}{target}" for target in norm.targets)
    if norm.central and not cited.by:
        yield f"{MARK}n:central"
    if not norm.targets:
        yield f"{MARK}n:other"
