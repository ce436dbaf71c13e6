"""Files become numbered lines of plain values, one at a time. In: a path; out: `Line`s, each with what it says or why it cannot be read.

The form is told by the content: gzip, XLSX, JSON lines, else CSV (`,` or `;`, UTF-8 or Windows-1252).
"""

from __future__ import annotations

import csv
import gzip
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
import orjson
from openpyxl.utils.exceptions import InvalidFileException

from services.ingest.table import Table, is_blank, recognise
from shared.errors import Refused

MAX_LINE = 1 << 20
MAX_UNPACKED = 1 << 30
HEADER_WITHIN = 20
BOM = b"\xef\xbb\xbf"
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Line:
    """A line, a row. `number` counts from 1 as an editor shows it; either `said` or `error` is there. `done` is how many bytes of the file are behind it."""

    number: int
    done: int
    said: dict[str, Any] | None = None
    error: Refused | None = None


def lines(path: Path) -> Iterator[Line]:
    """Every line of the file that is not blank. Raises Refused when the file as a whole is none we know."""
    with path.open("rb") as raw:
        start = raw.read(4)
    if start.startswith(b"PK"):
        yield from _sheet(path)
        return
    with _text(path) as (stream, position):
        first = stream.read(4096).lstrip(BOM).lstrip()
    if first.startswith(b"["):
        raise Refused("is one JSON list: write one JSON object a line", field="file")
    with _text(path) as (stream, position):
        yield from _json_lines(stream, position) if first.startswith(b"{") else _rows(path, stream, position)


@contextmanager
def _text(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """The file's bytes, unpacked, and how far the packed file is read."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not zipped:
            yield raw, raw.tell
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield unpacked, raw.tell  # type: ignore[misc]


def _physical(stream: BinaryIO) -> Iterator[tuple[int, bytes | Refused]]:
    """Lines as bytes, or why one cannot be had; memory stays flat whatever a line's length."""
    number = 0
    while True:
        number += 1
        try:
            raw = stream.readline(MAX_LINE + 1)
            if len(raw) > MAX_LINE:
                while raw and not raw.endswith(b"\n"):
                    raw = stream.readline(MAX_LINE)
                yield number, Refused(f"is over {MAX_LINE} bytes: shorten it", field="line")
                continue
        except BROKEN as error:
            yield number, Refused(f"the file breaks off here ({error}): get it again", field="file")
            return
        if not raw:
            return
        yield number, raw.removeprefix(BOM) if number == 1 else raw


def _json_lines(stream: BinaryIO, position: Callable[[], int]) -> Iterator[Line]:
    for number, raw in _physical(stream):
        if isinstance(raw, Refused):
            yield Line(number, position(), error=raw)
        elif raw.strip():
            yield _json_line(number, position(), raw)


def _json_line(number: int, done: int, raw: bytes) -> Line:
    try:
        said = orjson.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Line(number, done, error=Refused(f"is not UTF-8 from its byte {error.start + 1} on: export the file again as UTF-8", field="line"))
    except orjson.JSONDecodeError as error:
        return Line(number, done, error=Refused(f"is not JSON: {error}", field="line"))
    if not isinstance(said, dict):
        return Line(number, done, error=Refused("is no JSON object: write one object a line", field="line"))
    return Line(number, done, said=said)


# ── CSV ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def encoding(path: Path) -> str:
    """utf-8 when a byte order mark or any line says so, else cp1252 when a line is no UTF-8. Lines that disagree are refused one by one, never garbled."""
    western = False
    with _text(path) as (stream, _):
        if stream.read(len(BOM)) == BOM:
            return "utf-8"
    with _text(path) as (stream, _):
        for number, raw in _physical(stream):
            if isinstance(raw, Refused) or raw.isascii():
                continue
            if _is_utf8(raw):
                return "utf-8"
            western = True
            if number > 200_000:
                break
    return "cp1252" if western else "utf-8"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Decoded:
    """Text lines for the CSV parser; keeps what could not be decoded, and the number of the last line given."""

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self.physical = _physical(stream)
        self.codec = codec
        self.number = 0
        self.refused: list[tuple[int, Refused]] = []

    def __iter__(self) -> Iterator[str]:
        for number, raw in self.physical:
            self.number = number
            if isinstance(raw, Refused):
                self.refused.append((number, raw))
                continue
            try:
                yield raw.decode(self.codec)
            except UnicodeDecodeError as error:
                why = f"is not {self.codec} as the lines before it (byte {error.start + 1}): export the file again in one encoding"
                self.refused.append((number, Refused(why, field="line")))


def _rows(path: Path, stream: BinaryIO, position: Callable[[], int]) -> Iterator[Line]:
    decoded = _Decoded(stream, encoding(path))
    source = iter(decoded)
    head = next(source, "")
    rows = csv.reader(_again(head, source), delimiter=max(",;\t", key=head.count))
    table: Table | None = None
    while True:
        before = decoded.number
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield Line(decoded.number, position(), error=Refused(f"is no CSV: {error}", field="line"))
            continue
        while decoded.refused:
            number, refused = decoded.refused.pop(0)
            yield Line(number, position(), error=refused)
        if cells is None:
            break
        if is_blank(cells):
            continue
        if table is None:
            table = _header(cells)
        else:
            yield Line(max(before + 1, 2), position(), said=table.said(cells))


def _again(head: str, rest: Iterator[str]) -> Iterator[str]:
    yield head
    yield from rest


def _header(cells: list[str]) -> Table:
    table = recognise(cells)
    if table is None:
        known = "the record's fields (key, observed_on, ...) or the export's columns (Proyecto de Ley, Fecha de Presentación, Título, ...)"
        raise Refused(f"has no header we know: its first row must name {known}", field="file")
    return table


# ── XLSX ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sheet(path: Path) -> Iterator[Line]:
    """Rows of the first sheet whose header we know."""
    size = path.stat().st_size
    with path.open("rb") as raw:
        try:
            for sheet in _workbook(raw).worksheets:
                found = False
                for line in _sheet_rows(sheet, size):
                    found = True
                    yield line
                if found:
                    return
        except (ParseError, *BROKEN) as error:
            yield Line(0, size, error=Refused(f"the workbook breaks off ({error}): get it again", field="file"))
            return
    raise Refused("has no sheet with the export's header (Proyecto de Ley, Fecha de Presentación, Título, ...) and rows below it: export it again", field="file")


def _sheet_rows(sheet: Any, size: int) -> Iterator[Line]:
    """The rows below a header we know within the first twenty; none when there is no such header."""
    table: Table | None = None
    total = max(sheet.max_row or 1, 1)
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if table is not None and not is_blank(cells):
            yield Line(number, size * min(number, total) // total, said=table.said(cells))
        elif table is None:
            table = recognise(cells)
            if table is None and number >= HEADER_WITHIN:
                return


def _workbook(raw: BinaryIO) -> Any:
    try:
        with zipfile.ZipFile(raw) as packed:
            if sum(member.file_size for member in packed.infolist()) > MAX_UNPACKED:
                raise Refused(f"unpacks to over {MAX_UNPACKED} bytes: export less at a time", field="file")
        with warnings.catch_warnings():
            # The Congress's export has no default style; openpyxl says so every time.
            warnings.simplefilter("ignore", UserWarning)
            return openpyxl.load_workbook(raw, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, ParseError) as error:
        raise Refused(f"is no XLSX workbook ({error}): export it again", field="file") from error
