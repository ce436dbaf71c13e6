"""Files become numbered lines of plain values, one at a time. In: a path; out: `Line`s, each with what it says or why it cannot be read.

The form is told by the content: gzip, XLSX, JSON lines, else CSV (`,` or `;`, UTF-8 or Windows-1252).
"""

from __future__ import annotations

import csv
import gzip
import warnings
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import orjson

from services.ingest.table import Table, is_blank, recognise
from shared.errors import Refused

MAX_LINE = 1 << 20
MAX_UNPACKED = 1 << 30
HEADER_WITHIN = 20
MOST_LINES = 5
"""Physical lines that one row may span: a quote that is never closed would swallow the rest of the file."""
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
    first = _beginning(path)
    if first.startswith(b"["):
        raise Refused("is one JSON list: write one JSON object a line", field="file")
    with _text(path) as (stream, position):
        yield from _json_lines(stream, position) if first.startswith(b"{") else _rows(path, stream, position)


def _beginning(path: Path) -> bytes:
    try:
        with _text(path) as (stream, _):
            return stream.read(4096).lstrip(BOM).lstrip()
    except BROKEN as error:
        raise Refused(f"breaks off within its first lines ({error}): get it again", field="file") from error


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
        said = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return Line(number, done, error=_unread(raw, error))
    if not isinstance(said, dict):
        return Line(number, done, error=Refused("is no JSON object: write one object a line", field="line"))
    return Line(number, done, said=said)


def _unread(raw: bytes, error: orjson.JSONDecodeError) -> Refused:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as garbled:
        return Refused(f"is not UTF-8 from its byte {garbled.start + 1} on: export the file again as UTF-8", field="line")
    return Refused(f"is not JSON: {error}", field="line")


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
    """Text lines for the CSV parser, row by row: of a row that is none only the first line is lost, the others are read again. Keeps what could not be decoded."""

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self.physical = _physical(stream)
        self.codec = codec
        self.waiting: deque[tuple[int, str]] = deque()
        self.row: list[tuple[int, str]] = []
        self.refused: list[tuple[int, Refused]] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Raises csv.Error where a row has more lines than a row may."""
        if len(self.row) == MOST_LINES:
            raise csv.Error(f"a quote that opens here is not closed within {MOST_LINES} lines")
        if not self.waiting:
            self.waiting.append(self._read())
        self.row.append(self.waiting.popleft())
        return self.row[-1][1]

    def head(self) -> str:
        """The first line that can be read, left in its place; empty when there is none."""
        try:
            self.waiting.append(self._read())
        except StopIteration:
            return ""
        return self.waiting[0][1]

    def begin(self) -> None:
        """A new row begins with the next line."""
        self.row = []

    def take_back(self) -> int:
        """All but the first line of the row are read again; the number of that one."""
        self.waiting.extendleft(reversed(self.row[1:]))
        return self.row[0][0]

    def _read(self) -> tuple[int, str]:
        for number, raw in self.physical:
            if isinstance(raw, Refused):
                self.refused.append((number, raw))
                continue
            try:
                return number, raw.decode(self.codec)
            except UnicodeDecodeError as error:
                why = f"is not {self.codec} as the lines before it (byte {error.start + 1}): export the file again in one encoding"
                self.refused.append((number, Refused(why, field="line")))
        raise StopIteration


def _rows(path: Path, stream: BinaryIO, position: Callable[[], int]) -> Iterator[Line]:
    """Raises Refused when no line says anything, or the first is no header we know."""
    decoded = _Decoded(stream, encoding(path))
    head = decoded.head()
    rows = csv.reader(decoded, delimiter=max(",;\t", key=head.count), strict=True)
    table: Table | None = None
    empty = True
    while True:
        decoded.begin()
        cells, wrong = _next_row(rows, decoded)
        if wrong:
            decoded.refused.append(wrong)
        for number, refused in decoded.refused:
            empty = False
            yield Line(number, position(), error=refused)
        decoded.refused.clear()
        if cells is None:
            break
        if is_blank(cells):
            continue
        empty = False
        if table is None:
            table = _header(cells)
        else:
            yield Line(decoded.row[0][0], position(), said=table.said(cells))
    if empty:
        raise Refused("is empty: no line of it says anything; export it again", field="file")


def _next_row(rows: Iterator[list[str]], decoded: _Decoded) -> tuple[list[str] | None, tuple[int, Refused] | None]:
    """The cells of the next row (None at the end of the file, none when it is no row), and why it is no row, with the line it begins at."""
    try:
        return next(rows, None), None
    except csv.Error as error:
        return [], (decoded.take_back(), Refused(f"is no CSV: {error}", field="line"))


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
    # It loads numpy where that is installed: only who brings a workbook waits for it.
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

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
