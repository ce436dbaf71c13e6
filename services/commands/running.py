"""`up`, `demo` and every service as a process of its own. What a command needs is imported when it runs: none waits for the others' libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from services.commands.options import country_option, home_option, json_option, keep_apart, settings_of, write_json
from shared.operations import configure_logging, settle_memory, stop_on_signals
from shared.process import Context, open_context, run
from shared.settings import PORTS


@click.command()
@home_option
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port of console and APIs; 0 takes a free one [default: 8400].")
@click.option("--host", default=None, help="Address to listen on [default: 127.0.0.1].")
@country_option
def up(home: Path | None, port: int | None, host: str | None, country: str | None) -> None:
    """Run every service in one process until Ctrl-C. The last line printed is the console's address with a one-time sign-in link."""
    from services.up import running

    settings = settings_of(home=home, port=port, host=host, country=country)
    configure_logging(settings.log_level)
    context = open_context(settings, stop_on_signals())
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not (settings.public_url or "").startswith("https:"):
        click.echo("Listening beyond this machine over plain http: put TLS in front and set VEEDOR_PUBLIC_URL=https://...", err=True)
    with running(context, PORTS["console"] if settings.port is None else settings.port) as house:
        settle_memory()
        click.echo(house.sign_in_link())
        context.stop.wait()


def _service(name: str, build: Callable[[], Callable[[Context], Any]]) -> click.Command:
    @click.command(name, help=f"Run the {name} service as a process of its own (port {PORTS[name]}).")
    @home_option
    @click.option("--port", type=click.IntRange(0, 65535), default=None)
    @click.option("--host", default=None)
    def command(home: Path | None, port: int | None, host: str | None) -> None:
        settings = settings_of(home=home, port=port, host=host)
        configure_logging(settings.log_level)
        context = open_context(settings, stop_on_signals())
        part = build()(context)
        settle_memory()
        run(context, part)

    return command


def _ingest() -> Callable[[Context], Any]:
    from services.ingest.main import build

    return build


def _scoring() -> Callable[[Context], Any]:
    from services.scoring.main import build

    return build


def _alerting() -> Callable[[Context], Any]:
    from services.alerting.main import build

    return build


def _webhooks() -> Callable[[Context], Any]:
    from services.webhooks.main import build

    return build


def _console() -> Callable[[Context], Any]:
    from services.console.main import build

    return build


ingest = _service("ingest", _ingest)
scoring = _service("scoring", _scoring)
alerting = _service("alerting", _alerting)
webhooks = _service("webhooks", _webhooks)
console = _service("console", _console)


@click.command()
@home_option
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port of console and APIs; 0 takes a free one [default: 8400].")
@click.option("--exit", "leave", is_flag=True, help="End after the summary instead of serving the console.")
@click.option("--record", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="Replay this record instead of the country's own.")
@json_option
def demo(home: Path | None, port: int | None, leave: bool, record: Path | None, json_file: Path | None) -> None:
    """Replay Peru's record from July 2021 as if each day were today, on a home of its own, then serve the console."""
    from services.demo import replay

    settings = settings_of(home=home or Path("var/demo"), port=port, webhook_allow_private=True)
    configure_logging("ERROR" if settings.log_level == "INFO" else settings.log_level)
    keep_apart(record, json_file, "--json")
    replay(settings, stop_on_signals(), leave=leave, record=record, write=lambda figures: write_json(json_file, figures))
