"""`import` and `score`: files of moves in, what happened to each line out."""

from __future__ import annotations

import datetime as dt
import gc
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import orjson

from services.commands.bills import Bills
from services.commands.options import country_option, home_option, json_option, keep_apart, progress_bar, settings_of, write_json
from shared.operations import configure_logging, settle_memory


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@home_option
@country_option
@click.option("--backfill/--live", "backfill", default=None, help="Treat all as history (never delivered) or as news [default: what is older than 30 days is history].")
@json_option
def import_(file: Path, home: Path | None, country: str | None, backfill: bool | None, json_file: Path | None) -> None:
    """Import FILE: the record's form, JSONL of bills, CSV, or the Congress's XLSX export. Exit code 1 when a line was rejected."""
    from services.ingest.importer import import_file
    from services.ingest.store import Store
    from shared.countries import load
    from shared.database import open_database

    keep_apart(file, json_file, "--json")
    settings = settings_of(home=home, country=country)
    configure_logging("WARNING")
    pack = load(settings.country)
    today = dt.datetime.now(ZoneInfo(pack.timezone)).date()
    # What it stores is published by ingest's relay: it needs no bus.
    store = Store(open_database(settings.database_url("ingest"), "ingest"), pack)
    gc.freeze()
    with progress_bar("bytes") as bar:
        task = bar.add_task(file.name, total=None)
        report = import_file(file, store, pack, today, lambda done, total: bar.update(task, completed=done, total=total), backfill=backfill)
    for line in report.rejected[:20]:
        click.echo(f"line {line['line']}: {line['field']}: {line['error']}", err=True)
    if len(report.rejected) > 20:
        click.echo(f"... and {len(report.rejected) - 20} more: see --json FILE", err=True)
    click.echo(f"read {report.read}, accepted {report.accepted}, unchanged {report.unchanged}, rejected {len(report.rejected)}")
    write_json(json_file, {"read": report.read, "accepted": report.accepted, "unchanged": report.unchanged, "rejected": report.rejected})
    sys.exit(1 if report.rejected else 0)


@click.command()
@click.option("--input", "source", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Bills, one JSON object a line (.gz too).")
@click.option("--output", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="One assessment a line, in the same order.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Day to score at; a line's own as_of beats it [default: today].")
@country_option
def score(source: Path, target: Path, as_of: dt.datetime | None, country: str | None) -> None:
    """Score a file of bills. Exit code 1 when a line could not be scored (it gives {key, error})."""
    from services.scoring.assess import ScoringPack
    from services.scoring.lines import score as score_lines

    keep_apart(source, target, "--output")
    pack = ScoringPack.load(settings_of(country=country).country)
    day = as_of.date() if as_of else dt.datetime.now(ZoneInfo(pack.country.timezone)).date()
    failed, bills = 0, Bills(source)
    settle_memory()
    with target.open("wb") as out, progress_bar("bills") as bar:
        for line in bar.track(score_lines(bills, pack, day), description=source.name, total=None):
            place = bills.places.popleft()
            failed += "error" in line
            if "error" in line and failed <= 20:
                click.echo(f"line {place}: {line['error']}", err=True)
            out.write(orjson.dumps(line) + b"\n")
    if bills.broken:
        click.echo(bills.broken, err=True)
    sys.exit(1 if failed or bills.broken else 0)
