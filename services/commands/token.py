"""`token`: credentials of an installation, issued, revoked, or as a link to sign in once."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.commands.options import home_option, settings_of
from shared.errors import Refused
from shared.events import Tlp
from shared.identity import SIGN_IN, Revocations, Role, Verifier, issue, load_key
from shared.process import utc_now
from shared.settings import PORTS, Settings


@click.group()
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
