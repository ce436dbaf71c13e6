"""`migrate`, `doctor`, `verify`: what an operator runs before, beside and after."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from services.commands.options import home_option, settings_of
from shared.bus import open_bus
from shared.events import TOPICS, dead_letters
from shared.identity import load_key

SERVICES = ("ingest", "alerting", "webhooks")
"""The services that own a database."""


@click.command()
@home_option
def migrate(home: Path | None) -> None:
    """Create keys and topics and bring every service's schema to the newest. Safe to run from several places at once."""
    from shared.database import Database

    settings = settings_of(home=home)
    for name in ("identity", "ledger", "webhooks"):
        load_key(settings.keys / f"{name}.pem")
    bus = open_bus(settings.bus, home=settings.home, max_bytes=settings.local_log_max_bytes)
    bus.ensure_topics([*TOPICS, *map(dead_letters, TOPICS)])
    for service in SERVICES:
        Database(settings.database_url(service), service).migrate()
        click.echo(f"{service}: schema is the newest")


@click.command()
@home_option
def doctor(home: Path | None) -> None:
    """Say what works here and what does not, one line each; exit code 1 when something does not."""
    from services.doctor import examine

    failed = False
    for name, trouble in examine(settings_of(home=home)):
        failed = failed or trouble is not None
        click.echo(f"{'ok ' if trouble is None else 'BAD'} {name}{'' if trouble is None else ': ' + trouble}")
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("export", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The ledger's public key (PEM), got by another way than the export.")
@click.option("--since", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="A checkpoint you kept (JSON, as in a webhook).")
def verify(export: Path, key: Path, since: Path | None) -> None:
    """Check an export of the ledger offline: the chain, the checkpoints, their signatures. Trusts no key inside the export."""
    from services.alerting.verify import read_file

    found = read_file(export, key, since)
    if found.broken:
        raise click.ClickException(str(found.broken))
    click.echo("the chain holds, every checkpoint is signed by this key")
    if found.hidden:
        click.echo(f"{found.hidden} of {found.entries} entries are withheld from whoever made this export: only their place and hash were checked, under the signed checkpoints")
