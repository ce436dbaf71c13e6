"""The prepared output of a hop: for each incoming key the records that follow. Lines of JSON: `[incoming key, outgoing key, value]`.

Captured from a real run of the product, so that the peers move the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

Answer = tuple[bytes, bytes]


@dataclass(frozen=True)
class Answers:
    found: dict[bytes, list[Answer]]

    @classmethod
    def load(cls, file: str) -> Answers:
        found: dict[bytes, list[Answer]] = {}
        with Path(file).open("rb") as lines:
            for line in lines:
                incoming, outgoing, value = orjson.loads(line)
                found.setdefault(incoming.encode(), []).append((outgoing.encode(), value.encode()))
        return cls(found)

    def of(self, key: bytes) -> Iterable[Answer]:
        return self.found.get(key, ())


def save(file: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    with file.open("wb") as out:
        out.writelines(orjson.dumps(row) + b"\n" for row in rows)


def read(file: Path) -> Iterator[tuple[str, str, str]]:
    with file.open("rb") as lines:
        for line in lines:
            yield tuple(orjson.loads(line))
