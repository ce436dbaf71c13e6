"""The command `veedor`: the only entry point. Parses, builds a Context, delegates; the composition roots do the rest."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import click
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shared.bus import open_bus
from shared.bus.contract import Bus
from shared.errors import Refused, VeedorError
from shared.events import TOPICS, Tlp, dead_letters
from shared.identity import SIGN_IN, Revocations, Role, Verifier, issue, load_key
from shared.operations import configure_logging, settle_memory, stop_on_signals
from shared.process import Context, open_context, run, utc_now
from shared.settings import PORTS, Settings, read, strange

SERVICES = ("ingest", "alerting", "webhooks")
"""The services that own a database."""

home_option = click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of everything this installation keeps [default: var, or VEEDOR_HOME].")
json_option = click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this file as JSON.")
country_option = click.option("--country", default=None, help="Country pack [default: pe, or VEEDOR_COUNTRY].")


class Group(click.Group):
    """Shows the failures we expect as one line and exit code 1, never as a trace."""

    def invoke(self, ctx: click.Context) -> Any:
        os.umask(0o077)  # what an installation keeps (secrets of subscriptions among it) is its owner's alone
        try:
            return super().invoke(ctx)
        except VeedorError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'the disk'}: {error.strerror or error}: choose another place, or make room") from error


def settings_of(**overrides: Any) -> Settings:
    for name in strange(os.environ):
        click.echo(f"{name} is no setting of ours (docs/operations.md lists them): it is not read", err=True)
    return read(os.environ, **overrides)


def write_json(file: Path | None, data: Any) -> None:
    if file is not None:
        file.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


def progress_bar(unit: str) -> Progress:
    """The one progress bar of the house, on standard error."""
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn(), console=Console(stderr=True))


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="veedor")
def main() -> None:
    """Early warning for electoral integrity. `veedor demo` shows it at work; `veedor up` runs it."""


# ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@main.command()
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


def _service(name: str, build: Callable[[], Callable[[Context], Any]]) -> None:
    @main.command(name, help=f"Run the {name} service as a process of its own (port {PORTS[name]}).")
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


def _ingest() -> Callable[[Context], Any]:
    from services.ingest import main as ingest

    return ingest.build


def _scoring() -> Callable[[Context], Any]:
    from services.scoring import main as scoring

    return scoring.build


def _alerting() -> Callable[[Context], Any]:
    from services.alerting import main as alerting

    return alerting.build


def _webhooks() -> Callable[[Context], Any]:
    from services.webhooks import main as webhooks

    return webhooks.build


def _console() -> Callable[[Context], Any]:
    from services.console import main as console

    return console.build


for _name, _build in {"ingest": _ingest, "scoring": _scoring, "alerting": _alerting, "webhooks": _webhooks, "console": _console}.items():
    _service(_name, _build)


@main.command()
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
    replay(settings, stop_on_signals(), leave=leave, record=record, write=lambda figures: write_json(json_file, figures))


# ── input and scoring ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@main.command("import")
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

    settings = settings_of(home=home, country=country)
    configure_logging("WARNING")
    context = open_context(settings, stop_on_signals())
    pack = load(settings.country)
    today = context.now().astimezone(ZoneInfo(pack.timezone)).date()
    store = Store(context.database("ingest"), pack)
    settle_memory()
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


def open_lines(file: Path) -> BinaryIO:
    """A JSONL file, gzipped or not, as it says itself."""
    with file.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if zipped else file.open("rb")  # type: ignore[return-value]


@main.command()
@click.option("--input", "source", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Bills, one JSON object a line (.gz too).")
@click.option("--output", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="One assessment a line, in the same order.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Day to score at; a line's own as_of beats it [default: today].")
@country_option
def score(source: Path, target: Path, as_of: dt.datetime | None, country: str | None) -> None:
    """Score a file of bills. Exit code 1 when a line could not be scored (it gives {key, error})."""
    from services.scoring.assess import ScoringPack
    from services.scoring.lines import score as score_lines

    pack = ScoringPack.load(settings_of(country=country).country)
    day = as_of.date() if as_of else utc_now().astimezone(ZoneInfo(pack.country.timezone)).date()
    failed = 0
    settle_memory()
    with open_lines(source) as lines, target.open("wb") as out, progress_bar("bills") as bar:
        for number, line in enumerate(bar.track(score_lines(lines, pack, day), description=source.name, total=None)):
            failed += "error" in line
            if "error" in line and failed <= 20:
                click.echo(f"line {number + 1}: {line['error']}", err=True)
            out.write(orjson.dumps(line) + b"\n")
    sys.exit(1 if failed else 0)


@main.command()
@click.option("--record", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A record (docs/record.schema.json).")
@click.option(
    "--judgments", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="What people judged of each move, JSONL of {id, polarity}, to compare with."
)
@click.option(
    "--bills", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="Every bill filed in the windows, JSONL (.gz too): false alarms, chance of law."
)
@click.option("--window", "spans", multiple=True, metavar="FROM:UNTIL", help="Days between which --bills is complete; may be given again.")
@click.option("--labels", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Labels of bills, to judge alarms by; may be given again.")
@click.option(
    "--weights", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None, help="Learned parts as `veedor train --out` wrote them [default: the country's]."
)
@country_option
@json_option
def backtest(
    record: Path, judgments: Path | None, bills: Path | None, spans: tuple[str, ...], labels: tuple[Path, ...], weights: Path | None, country: str | None, json_file: Path | None
) -> None:
    """Replay a record point in time and say when each move would first have been warned of, misses first."""
    from services import backtest as replay
    from services.methodology import scorecard
    from services.methodology.docket import judgments_of, window_of
    from shared.countries import load

    code = settings_of(country=country).country
    if bool(bills) != bool(spans):
        raise click.UsageError("--bills needs --window FROM:UNTIL, the days between which the list is complete, and the other way round")
    windows = [window_of(span, load(code)) for span in spans]
    figures = replay.backtest(record, code, weights)
    if judgments:
        figures["judged"] = replay.by_judgment(figures["moves"], judgments_of(judgments))
    if bills:
        figures["filings"] = scorecard.scorecards(bills, windows, scorecard.labels_of(labels), code, weights)
    write_json(json_file, figures)
    for line in replay.describe(figures):
        click.echo(line)
    for card in figures.get("filings", {}).values():
        for line in scorecard.describe(card):
            click.echo(line)


@main.command()
@click.option("--reference", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder with the training data [default: ../shared, or VEEDOR_REFERENCE].")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Where the weights go [default: the country pack].")
@click.option("--seed", default=7, show_default=True)
@click.option("--only-filing", is_flag=True, help="Keep the weights; count again how often moves that weaken an institution are filed (filing.yaml, for clusters).")
def train(reference: Path | None, out: Path | None, seed: int, only_filing: bool) -> None:
    """Train the learned parts from the labels, print time-split cross-validation, write the weights (needs scikit-learn) and the usual rates of filings."""
    from services.methodology.filing import train_filing

    data = reference or Path(os.environ.get("VEEDOR_REFERENCE", "../shared"))
    if not only_filing:
        from services.scoring.train import train as run_training

        run_training(data, out or Path(__file__).parent.parent / "shared/countries/pe/weights", seed=seed)
    if out is None:
        train_filing(data, "pe", say=click.echo)


@main.command()
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


# ── identity ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@main.group()
def token() -> None:
    """Tokens for people and machines."""


MAX_TTL = dt.timedelta(days=3650)


def parse_ttl(value: str) -> dt.timedelta:
    """`90d`, `12h`, `30m`."""
    units = {"d": "days", "h": "hours", "m": "minutes"}
    if not value[:-1].isascii() or not value[:-1].isdigit() or value[-1:] not in units:
        raise click.BadParameter("must look like 90d, 12h or 30m", param_hint="--ttl")
    if not 0 < int(value[:-1]) < 100_000 or (ttl := dt.timedelta(**{units[value[-1]]: int(value[:-1])})) > MAX_TTL:
        raise click.BadParameter("must be more than nothing and at most 3650d", param_hint="--ttl")
    return ttl


def parse_subject(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A name people and logs can read: printable, not blank, at most 200 characters."""
    if not value.strip() or not value.isprintable() or len(value) > 200:
        raise click.BadParameter("must be a printable name of 1 to 200 characters")
    return value


def existing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key of an installation that is there: a token of a key made just now would open nothing. Raises Refused."""
    path = settings.keys / "identity.pem"
    if not path.exists():
        raise Refused(f"no installation at {settings.home}: name its home, or start it first (`veedor up`, `veedor migrate`)", field="--home")
    return load_key(path)


@token.command("issue")
@home_option
@click.option("--subject", required=True, callback=parse_subject, help="Who it is for.")
@click.option("--role", "roles", required=True, multiple=True, type=click.Choice([role.value for role in Role]))
@click.option("--organisation", default="")
@click.option("--clearance", default=Tlp.AMBER.value, show_default=True, type=click.Choice([tlp.value for tlp in Tlp] + [tlp.value.removeprefix("TLP:") for tlp in Tlp]))
@click.option("--ttl", default="90d", show_default=True)
def token_issue(home: Path | None, subject: str, roles: tuple[str, ...], organisation: str, clearance: str, ttl: str) -> None:
    """Print a new token and nothing else."""
    settings = settings_of(home=home)
    marking = Tlp(clearance if clearance.startswith("TLP:") else f"TLP:{clearance}")
    key = load_key(settings.keys / "identity.pem")
    click.echo(issue(key, subject=subject, roles=[Role(role) for role in roles], clearance=marking, ttl=parse_ttl(ttl), now=utc_now(), organisation=organisation))


@token.command("revoke")
@home_option
@click.argument("token_or_id")
def token_revoke(home: Path | None, token_or_id: str) -> None:
    """Revoke a token (or its id): every service refuses it from its next request on."""
    settings = settings_of(home=home)
    verifier = Verifier(existing_key(settings).public_key(), Revocations(settings.home / "revoked"), lambda: dt.datetime.min.replace(tzinfo=dt.UTC))
    token_id = verifier.verify(token_or_id).token_id if "." in token_or_id else token_or_id
    if re.fullmatch(r"[0-9a-f]{32}", token_id) is None:
        raise click.ClickException("NOT revoked: give the whole token, or its id of 32 hexadecimal digits")
    verifier.revoked.add(token_id)
    click.echo(f"revoked {token_id}")


@token.command("link")
@home_option
@click.option("--subject", default="operator", show_default=True, callback=parse_subject)
@click.option("--role", "roles", multiple=True, default=(Role.ADMIN.value,), show_default=True, type=click.Choice([role.value for role in Role]))
@click.option("--url", default=f"http://127.0.0.1:{PORTS['console']}", show_default=True, help="Where the console is.")
def token_link(home: Path | None, subject: str, roles: tuple[str, ...], url: str) -> None:
    """Print a sign-in link for the console that runs on this home: good once, for ten minutes."""
    key = existing_key(settings_of(home=home))
    link = issue(key, subject=subject, roles=[Role(role) for role in roles], clearance=Tlp.AMBER, ttl=dt.timedelta(minutes=10), now=utc_now(), audience=SIGN_IN)
    click.echo(f"{url.rstrip('/')}/session?token={link}")


# ── operating ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@main.command()
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


@main.group()
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


@main.command()
@home_option
def doctor(home: Path | None) -> None:
    """Say what works here and what does not, one line each; exit code 1 when something does not."""
    from services.doctor import examine

    failed = False
    for name, trouble in examine(settings_of(home=home)):
        failed = failed or trouble is not None
        click.echo(f"{'ok ' if trouble is None else 'BAD'} {name}{'' if trouble is None else ': ' + trouble}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
