"""The lines of a file of bills, as `veedor score` takes them. In: a path to JSONL, gzipped or not, as it says itself; out: lines that are not blank, and where each stood."""

from __future__ import annotations

import gzip
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BOM = b"\xef\xbb\xbf"
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)


class Bills:
    """One pass over a file. `places` holds the numbers, as an editor counts them, of lines given and not yet asked for; `broken` says why there are no more."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.places: deque[int] = deque()
        self.broken: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        with opened(self.file) as stream:
            try:
                for number, raw in enumerate(stream, 1):
                    line = raw.removeprefix(BOM) if number == 1 else raw
                    if line.strip():
                        self.places.append(number)
                        yield line
            except BROKEN as error:
                self.broken = f"line {number + 1}: the file breaks off here ({error}): get it again"


def opened(file: Path) -> BinaryIO:
    with file.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if zipped else file.open("rb")  # type: ignore[return-value]
