"""Files of every form, good and bad: the good lines come in, the others are named, nothing is stored half."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest

from services.ingest.importer import Report, import_file, read_record
from services.ingest.store import Store
from shared.countries import Pack
from shared.errors import Refused
from shared.events import Stage
from tests.integration.ingest.ledger import events, rows
from tests.unit.ingest.examples import TODAY, said

BILLS = Path(os.environ.get("VEEDOR_REFERENCE", "../shared")) / "data" / "pe" / "bills.jsonl.gz"
HEADER = ["Proyecto de Ley", "Fecha de Presentación", "Título", "Estado", "Proponente", "Autores"]
EXPORT = [
    ["05981/2023-CR", "2023-09-21", "LEY QUE MODIFICA LA LEY 30077", "EN COMISIÓN", "Congreso", "Uno, Dos"],
    ["05982/2023-PE", "21/09/2023", "LEY DEL PODER EJECUTIVO", "PRESENTADO", "Poder Ejecutivo", None],
]


def line(**fields: Any) -> bytes:
    return orjson.dumps(said(**fields))


def imported(store: Store, path: Path, content: bytes, **options: Any) -> Report:
    path.write_bytes(content)
    report = import_file(path, store, store.pack, TODAY, **options)
    assert report.read == report.accepted + report.unchanged + len(report.rejected)
    return report


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.read, report.accepted, report.unchanged, len(report.rejected)


def workbook(path: Path, rows: Sequence[Sequence[Any]], *, sheet: str = "Reporte") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(list(row))
    book.save(path)
    return path.read_bytes()


def test_the_record_comes_in_whole_and_a_second_time_changes_nothing(embedded: Store, tmp_path: Path, pack: Pack) -> None:
    seen: list[tuple[int, int]] = []
    record = pack.directory / "record.jsonl"
    report = import_file(record, embedded, pack, dt.date(2026, 11, 25), lambda done, total: seen.append((done, total)))
    lines = len(record.read_bytes().splitlines())
    assert counts(report) == (lines, lines, 0, 0)
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > 0
    moves = rows(embedded.database, "moves", "move_id")
    assert {row["revision"] for row in moves} == {1}
    assert len(events(embedded.database)) == len(moves) == len({orjson.loads(text)["key"] for text in record.read_bytes().splitlines()})
    again = import_file(record, embedded, pack, dt.date(2026, 11, 26))
    assert counts(again) == (lines, 0, lines, 0)
    assert len(events(embedded.database)) == len(moves)


def test_a_file_is_one_revision_a_move_wherever_its_lines_stand(embedded: Store, tmp_path: Path) -> None:
    others = [line(key=f"k{number}", aliases=[f"PL {number}/2023-CR"]) for number in range(1, 600)]
    content = b"\n".join([line(), *others, line(key="z", aliases=["PL 5981"], observed_on="2024-05-30", stage="first_vote")])
    report = imported(embedded, tmp_path / "f.jsonl", content)
    assert counts(report) == (601, 601, 0, 0)
    assert len(events(embedded.database)) == 600
    (move,) = [event.move for event in events(embedded.database) if event.move.move_id == "pe.2021-2026.C.bill.5981"]
    assert move.stage is Stage.FIRST_VOTE


BAD = [
    (b'{"key": "x", ', "line", "is not JSON"),
    (b"[1, 2]", "line", "no JSON object"),
    (b'"text"', "line", "no JSON object"),
    (line(title="Ley").replace(b"Ley", b"Comisi\xf3n"), "line", "is not UTF-8"),
    (line(title=7), "title", "string"),
    (line(observed_on="2030-01-01"), "observed_on", "future"),
    (line(observed_on="2023-02-31"), "observed_on", "no date of the calendar"),
    (line(title="a" * 2001), "title", "shorten it to 2000"),
    (line(title="Ley\x00"), "title", "control character"),
    (line(stage="aprobado"), "stage", "unknown: use one of"),
    (line(country="zz"), "country", "unknown"),
    (line(votes={"yes": -3}), "votes.yes", "greater than or equal"),
    (line(key="각" * 200), "key", "once accents are taken off: shorten it to 200"),
    (line(polarity="threat"), "polarity", "no field of the record"),
    (line(key="good", instrument="motion"), "instrument", "contradicts 'bill'"),
    (b'{"key": "' + b"x" * (1 << 20) + b'"}', "line", "is over 1048576 bytes"),
    (b'{"number": "1/2021-CR", "presented": "2021-09-01"}', "title", "missing"),
]


def test_bad_lines_are_named_and_the_good_ones_come_in(embedded: Store, tmp_path: Path) -> None:
    good = line(key="good")
    content = b"\n".join([good, b"", *(bad for bad, _, _ in BAD), line(key="good", observed_on="2024-05-30", stage="first_vote")])
    report = imported(embedded, tmp_path / "bad.jsonl", content)
    assert counts(report) == (len(BAD) + 2, 2, 0, len(BAD))
    for at, (found, (_, field, words)) in enumerate(zip(report.rejected, BAD, strict=True)):
        assert found["line"] == at + 3
        assert found["field"] == field
        assert words in str(found["error"])
    assert len(rows(embedded.database, "moves", "move_id")) == 1
    assert len(rows(embedded.database, "observations", "id")) == 2


def test_the_same_line_twice_counts_once(embedded: Store, tmp_path: Path) -> None:
    assert counts(imported(embedded, tmp_path / "f.jsonl", line() + b"\n" + line())) == (2, 1, 1, 0)


def test_what_contradicts_the_store_is_refused_line_by_line(embedded: Store, tmp_path: Path) -> None:
    imported(embedded, tmp_path / "a.jsonl", line())
    content = b"\n".join([line(instrument="motion", observed_on="2024-01-01"), line(key="other", aliases=["PL 9/2023-CR"])])
    report = imported(embedded, tmp_path / "b.jsonl", content)
    assert counts(report) == (2, 1, 0, 1)
    assert report.rejected[0]["field"] == "instrument"


def test_gzip_is_told_by_its_bytes_and_a_broken_one_keeps_what_came_before(embedded: Store, tmp_path: Path) -> None:
    packed = gzip.compress(b"\n".join(line(key=f"k{number}", aliases=[], title=f"Ley {number} {os.urandom(300).hex()}") for number in range(200)))
    assert counts(imported(embedded, tmp_path / "whole.txt", packed)) == (200, 200, 0, 0)
    broken = imported(embedded, tmp_path / "broken.txt", packed[: len(packed) // 2])
    assert broken.accepted == 0
    assert broken.unchanged > 10
    assert [entry["field"] for entry in broken.rejected] in (["file"], ["line", "file"])


@pytest.mark.parametrize("kept", [8, 60])
def test_a_packed_file_that_breaks_off_at_once_is_refused_as_a_whole(embedded: Store, tmp_path: Path, kept: int) -> None:
    with pytest.raises(Refused, match="breaks off") as found:
        imported(embedded, tmp_path / "f.jsonl.gz", gzip.compress(line())[:kept])
    assert found.value.field == "file"


def test_backfill_can_be_told(embedded: Store, tmp_path: Path) -> None:
    imported(embedded, tmp_path / "f.jsonl", line(), backfill=False)
    assert [event.backfill for event in events(embedded.database)] == [False]


# ── CSV ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS = ["key", "aliases", "instrument", "observed_on", "stage", "native_stage", "title", "votes.yes", "source_url", "note_es"]
ROW = ["T-1", "PL 5981/2023-CR|Ley 32108", "bill", "2023-09-21", "filed", "", "Ley de la Comisión, «ñandú»", "12", "https://example.org/a;b", "Nota\ncon dos líneas"]

PLAIN = [ROW[0], "", *ROW[2:6], "Ley que dice algo", *ROW[7:9], "Nota"]
"""A row of one line in which nothing is quoted."""


def table(*data: Sequence[str], delimiter: str = ",") -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows([COLUMNS, *data])
    return written.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_table_of_the_records_columns(embedded: Store, tmp_path: Path, delimiter: str, codec: str) -> None:
    report = imported(embedded, tmp_path / "f.csv", table(ROW, delimiter=delimiter).encode(codec))
    assert counts(report) == (1, 1, 0, 0)
    (event,) = events(embedded.database)
    assert event.move.title == "Ley de la Comisión, «ñandú»"
    assert event.move.aliases == ("PL 5981/2023-CR", "Ley 32108")
    assert event.move.steps[0].votes is not None
    assert event.move.steps[0].note is not None
    assert event.move.steps[0].note.es == "Nota con dos líneas"


def test_mixed_encodings_are_errors_by_line_and_never_garbled(embedded: Store, tmp_path: Path) -> None:
    rows_ = [[f"T-{number}", "", *ROW[2:6], f"Ley {number} de la Comisión", *["", "https://example.org", ""]] for number in range(3)]
    lines = table(*rows_).encode("utf-8").splitlines(keepends=True)
    lines[2] = lines[2].decode("utf-8").encode("cp1252")
    report = imported(embedded, tmp_path / "f.csv", b"".join(lines))
    assert counts(report) == (3, 2, 0, 1)
    assert (report.rejected[0]["line"], report.rejected[0]["field"]) == (3, "line")
    assert "one encoding" in str(report.rejected[0]["error"])


def test_a_byte_order_mark_says_utf8_and_holds_every_line_to_it(embedded: Store, tmp_path: Path) -> None:
    report = imported(embedded, tmp_path / "f.csv", b"\xef\xbb\xbf" + table([*ROW[:-1], ""]).encode("cp1252"))
    assert (counts(report), report.rejected[0]["line"]) == ((1, 0, 0, 1), 2)


def test_text_garbled_before_it_came_is_refused(embedded: Store, tmp_path: Path) -> None:
    garbled = [*ROW[:6], "Ley de la Comisión".encode().decode("cp1252"), *ROW[7:]]
    report = imported(embedded, tmp_path / "f.csv", table(garbled).encode("utf-8"))
    assert (counts(report), report.rejected[0]["field"]) == ((1, 0, 0, 1), "title")


def test_rows_are_numbered_as_an_editor_shows_them(embedded: Store, tmp_path: Path) -> None:
    bad = [*ROW[:4], "x", *ROW[5:]]
    report = imported(embedded, tmp_path / "f.csv", table(ROW, bad).encode("utf-8"))
    assert [(entry["line"], entry["field"]) for entry in report.rejected] == [(4, "stage")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("blank.jsonl", b"\n\n  \n"),
    ],
)
def test_an_empty_file_says_so(embedded: Store, tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(Refused, match="is empty"):
        imported(embedded, tmp_path / name, content)


def test_a_quote_that_is_never_closed_costs_its_own_line_only(embedded: Store, tmp_path: Path) -> None:
    good = [[f"k{number}", *PLAIN[1:]] for number in range(12)]
    lines = table(*good).split("\n")
    lines[3] = lines[3].replace("k2", '"k2', 1)
    report = imported(embedded, tmp_path / "f.csv", "\n".join(lines).encode())
    assert counts(report) == (12, 11, 0, 1)
    assert (report.rejected[0]["line"], report.rejected[0]["field"]) == (4, "line")
    assert "not closed within 5 lines" in str(report.rejected[0]["error"])


def test_a_quote_that_is_open_at_the_end_loses_nothing_after_it(embedded: Store, tmp_path: Path) -> None:
    lines = table(["a", *PLAIN[1:]], ["b", *PLAIN[1:]], ["c", *PLAIN[1:]]).split("\n")
    lines[2] = lines[2].replace("b,", '"b,', 1)
    report = imported(embedded, tmp_path / "f.csv", "\n".join(lines).encode())
    assert (counts(report), report.rejected[0]["line"]) == ((3, 2, 0, 1), 3)


def test_a_cell_of_five_lines_is_one_row(embedded: Store, tmp_path: Path) -> None:
    long = [*PLAIN[:6], "Ley\nque\ntiene\ncinco\nrenglones", *PLAIN[7:]]
    assert counts(imported(embedded, tmp_path / "f.csv", table(long).encode())) == (1, 1, 0, 0)
    longer = [*PLAIN[:6], "Ley\nque\ntiene\nmás\nde\ncinco", *PLAIN[7:]]
    report = imported(embedded, tmp_path / "g.csv", table(longer).encode())
    assert (report.accepted, report.rejected[0]["line"]) == (0, 2)


def test_lines_left_out_are_the_source_s_trouble_until_it_is_whole(embedded: Store, tmp_path: Path) -> None:
    bad = [*ROW[:4], "x", *ROW[5:]]
    imported(embedded, tmp_path / "f.csv", table(ROW, bad).encode())
    assert [row["trouble"] for row in rows(embedded.database, "sources", "source")] == ["1 of 2 lines rejected"]
    imported(embedded, tmp_path / "f.csv", table(ROW).encode())
    assert [row["trouble"] for row in rows(embedded.database, "sources", "source")] == [None]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("other.csv", b"a,b,c\n1,2,3\n", "no header we know"),
        ("noise.bin", bytes(range(256)) * 40, "no header we know"),
        ("list.json", b'[{"key": 1}]', "one JSON object a line"),
        ("fake.xlsx", b"PK\x03\x04 and then nothing", "no XLSX workbook"),
        ("column.csv", b"key,observed_on,tittle\n", "no field of the record"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(embedded: Store, tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        imported(embedded, tmp_path / name, content)
    assert rows(embedded.database, "moves", "move_id") == []


# ── the Congress's export ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("banner", [[], [["Reporte de Proyectos de Ley"], []]])
def test_the_congresss_workbook(embedded: Store, tmp_path: Path, banner: list[list[str]]) -> None:
    content = workbook(tmp_path / "x.xlsx", [*banner, [name.upper() for name in HEADER], *EXPORT, [None] * 6])
    report = imported(embedded, tmp_path / "export.dat", content)
    assert counts(report) == (2, 2, 0, 0)
    moves = {event.move.move_id: event for event in events(embedded.database)}
    assert set(moves) == {"pe.2021-2026.C.bill.5981", "pe.2021-2026.C.bill.5982"}
    first = moves["pe.2021-2026.C.bill.5981"]
    assert (first.move.stage, first.backfill, first.move.proponent) == (Stage.COMMITTEE, True, "Congreso")
    assert [step.date for step in first.move.steps] == [dt.date(2023, 9, 21), TODAY]
    assert "Uno" not in str(first)


def test_the_export_again_the_next_day_is_no_news_until_a_state_changes(embedded: Store, tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "x.xlsx"
    imported(embedded, path, workbook(path, [HEADER, *EXPORT]))
    again = import_file(path, embedded, pack, TODAY + dt.timedelta(days=1))
    assert counts(again) == (2, 0, 2, 0)
    workbook(path, [HEADER, [*EXPORT[0][:3], "APROBADO 1ERA. VOTACIÓN", *EXPORT[0][4:]], EXPORT[1]])
    changed = import_file(path, embedded, pack, TODAY + dt.timedelta(days=2))
    assert counts(changed) == (2, 1, 1, 0)
    assert [(event.revision, event.backfill) for event in events(embedded.database)][-1] == (2, False)


def test_dates_as_excel_keeps_them_and_bad_rows_by_number(embedded: Store, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    good = ["05981/2023-CR", dt.date(2023, 9, 21), "LEY", "PRESENTADO", "Congreso", ""]
    bad = [[None, dt.date(2023, 9, 21), "LEY", "", "", ""], ["05983/2023-CR", "ayer", "LEY", "", "", ""], ["05984/2023-CR", "2031-01-01", "LEY", "", "", ""]]
    report = imported(embedded, path, workbook(path, [HEADER, good, *bad]))
    assert counts(report) == (4, 1, 0, 3)
    assert [(entry["line"], entry["field"]) for entry in report.rejected] == [(3, "number"), (4, "presented"), (5, "presented")]


def test_the_same_export_as_csv(embedded: Store, tmp_path: Path) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerows([HEADER, *EXPORT])
    assert counts(imported(embedded, tmp_path / "f.csv", written.getvalue().encode("cp1252"))) == (2, 2, 0, 0)
    assert any("COMISIÓN" in str(step.native_stage) for event in events(embedded.database) for step in event.move.steps)


def test_a_workbook_without_the_header_is_refused(embedded: Store, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with pytest.raises(Refused, match="no sheet with the export's header"):
        imported(embedded, path, workbook(path, [["a", "b"], [1, 2]]))


# ── records for replays, and the real list of bills ───────────────────────────────────────────────────────────────────────────────


def test_a_record_to_replay_is_read_whole_or_refused_by_line(tmp_path: Path, pack: Pack) -> None:
    assert len(list(read_record(pack.directory / "record.jsonl", pack))) > 500
    (tmp_path / "r.jsonl").write_bytes(line() + b"\n" + line(stage="x"))
    with pytest.raises(Refused, match=r"r.jsonl line 2: stage"):
        list(read_record(tmp_path / "r.jsonl", pack))


def test_a_thousand_real_bills(embedded: Store, tmp_path: Path, pack: Pack) -> None:
    if not BILLS.exists():
        pytest.skip(f"no reference data at {BILLS}: set VEEDOR_REFERENCE to the folder that has data/pe")
    with gzip.open(BILLS) as file:
        lines = file.read().splitlines()[::12]
    report = imported(embedded, tmp_path / "bills.jsonl", b"\n".join(lines))
    today_is_later = [entry for entry in report.rejected if "future" not in str(entry["error"]) and entry["field"] != "title"]
    assert today_is_later == []
    assert report.accepted > 900
    kept = "".join(row["content"] for row in rows(embedded.database, "observations", "id"))
    assert "dni" not in kept
    assert "authors" not in kept
