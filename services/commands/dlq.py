"""`dlq`: dead letters, for people (services/dlq.py deals with them)."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from services.commands.options import home_option, json_option, settings_of, write_json
from shared.bus import open_bus
from shared.bus.contract import Bus
from shared.errors import Refused
from shared.operations import configure_logging


@click.group()
def dlq() -> None:
    """Dead letters: messages that could not be understood."""


def _bus(home: Path | None) -> Bus:
    settings = settings_of(home=home)
    configure_logging("ERROR")
    if settings.bus == "local" and not (settings.home / "bus.db").exists():
        raise Refused(f"no event log at {settings.home}: name the home of an installation, or set VEEDOR_BUS", field="--home")
    return open_bus(settings.bus, home=settings.home, max_bytes=settings.local_log_max_bytes)


@dlq.command("list")
@home_option
@json_option
def dlq_list(home: Path | None, json_file: Path | None) -> None:
    """Two lines each: where it lies and came from, and why it was refused."""
    from services.dlq import listed

    letters = listed(_bus(home))
    for letter in letters:
        again = f", replayed so far: {letter.replayed}" if letter.replayed else ""
        click.echo(f"{letter.place}  published {letter.published_at} with key {letter.delivery.key!r}, first at {letter.origin_words}{again}")
        click.echo(f"    {letter.error}")
    click.echo(f"{len(letters)} dead letters{': `veedor dlq show PLACE` prints one, `veedor dlq replay` sends them again' if letters else ''}", err=True)
    write_json(json_file, [letter.described() for letter in letters])


@dlq.command("show")
@home_option
@click.argument("place")
@json_option
def dlq_show(home: Path | None, place: str, json_file: Path | None) -> None:
    """Print the raw bytes of one as they came (standard output); what is known of it goes to standard error."""
    from services.dlq import shown

    letter = shown(_bus(home), place)
    click.echo(f"first at {letter.origin_words}, published {letter.published_at}, key {letter.delivery.key!r}, {letter.whole_bytes} bytes", err=True)
    click.echo(f"refused: {letter.error}", err=True)
    click.echo(letter.delivery.value)
    write_json(json_file, letter.described() | {"headers": [[name, value.decode("latin-1")] for name, value in letter.delivery.headers]})


@dlq.command("replay")
@home_option
@json_option
def dlq_replay(home: Path | None, json_file: Path | None) -> None:
    """Send back to where they came from those that can be understood by now. The others stay; exit code 1 then."""
    from services.dlq import replayed

    done = replayed(_bus(home))
    for letter, why in done.stayed:
        click.echo(f"stays: {letter.place}  {why}", err=True)
    click.echo(f"{len(done.sent)} sent again, {len(done.stayed)} stay because they still cannot be understood" if done.stayed else f"{len(done.sent)} sent again")
    write_json(json_file, done.described())
    sys.exit(1 if done.stayed else 0)
