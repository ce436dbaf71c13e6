"""`python -m tests.chaos --seed N --moves M [--json F] [--short]`: exit code 1 when anything was lost, doubled, left a gap, or could not be verified."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from tests.chaos import cluster, embedded
from tests.chaos.evidence import Arrivals, Evidence, Stores
from tests.chaos.ledger import account, broken
from tests.chaos.plan import plan, short
from tests.chaos.progress import Progress

ROWS = (
    "asked",
    "accepted",
    "assessed",
    "alerted",
    "ledger_entries",
    "due",
    "delivered",
    "posts_repeated",
    "ledger_gaps",
    "sequence_gaps",
    "dead_letters",
    "poisoned",
    "unverified",
)
WORDS = ("lost", "duplicated", "invented", "changed_bodies", "ledger_trouble", "unquiet", "unready", "crashes")


def run(seed: int, moves: int, *, brief: bool) -> dict[str, Any]:
    """Both phases; the figures of the production shape at the top, those of the embedded one beside them. What went wrong in either stands at the top."""
    progress = Progress()
    seconds = 16.0 if brief else max(90.0, moves / 120)
    faults = short(seed, seconds) if brief else plan(seed, seconds)
    found = cluster.run(seed, moves, faults, moves / seconds, progress, verdict)
    progress.say("the stack is down")
    small = _embedded(seed, max(30, min(1000, moves // 20)), 1 if brief else 5, progress)
    kinds = Counter(fault.kind for fault in faults)
    return merged(found, small) | {"seed": seed, "seconds": round(progress.seconds, 1), "kinds": dict(sorted(kinds.items()))}


def _embedded(seed: int, count: int, kills: int, progress: Progress) -> dict[str, Any]:
    """The ledger of the embedded phase; where it did not come to its end, why: what the other phase found is not thrown away with it."""
    try:
        return embedded.run(seed, count, kills, progress, verdict)
    except AssertionError as error:
        nothing = Evidence(asked=count, accepted={}, grave=set(), refused=[], stores=Stores(set(), [], [], 0, {}, 0), arrivals=Arrivals(), unquiet=str(error))
        return verdict(nothing) | {"refusal": {"detail": "not reached"}, "faults": []}


def verdict(evidence: Evidence) -> dict[str, Any]:
    """The ledger of a phase and the promises it shows broken."""
    found = account(evidence)
    return found | {"broken": broken(found)}


def merged(found: dict[str, Any], small: dict[str, Any]) -> dict[str, Any]:
    """Losses, duplicates, gaps and refusals of both phases together."""
    whole = dict(found)
    for name in ("lost", "invented", "changed_bodies", "broken"):
        whole[name] = found[name] + [f"embedded: {words}" for words in small[name]]
    whole["duplicated"] = {name: found["duplicated"][name] + small["duplicated"][name] for name in found["duplicated"]}
    for name in ("ledger_gaps", "sequence_gaps", "unverified"):
        whole[name] = found[name] + small[name]
    whole["ledger_trouble"] = found["ledger_trouble"] or small["ledger_trouble"]
    return whole | {"embedded": small}


def show(found: dict[str, Any]) -> None:
    small = found["embedded"]
    table = Table("", "Kafka and PostgreSQL", "embedded")
    for name in ROWS:
        table.add_row(name.replace("_", " "), str(found[name]), str(small[name]))
    for topic, wire in found["wire"].items():
        table.add_row(f"{topic}: sent again", str(wire["records"] - wire["distinct"]), "")
    out = Console(highlight=False)
    out.print(table)
    for name in WORDS:
        out.print(f"{name.replace('_', ' ')}: {found[name] or 'none'}", soft_wrap=True, markup=False)
    out.print("faults: " + ", ".join(f"{count} {kind}" for kind, count in found["kinds"].items()) + f", {len(small['faults'])} kill of veedor up", soft_wrap=True)
    out.print(f"refused when full: {small['refusal']['detail']}", soft_wrap=True, markup=False)
    out.print(f"{found['seconds']} s with seed {found['seed']}: " + ("every promise kept" if not found["broken"] else "[red]BROKEN[/]"))
    for promise in found["broken"]:
        out.print(f"[red]BROKEN: {promise}[/]")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", default=1, show_default=True)
@click.option("--moves", default=20_000, show_default=True, type=click.IntRange(20, 90_000))
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the ledger of the run to this file.")
@click.option("--short", "brief", is_flag=True, help="A few faults within a minute, as `make test` runs it.")
def main(seed: int, moves: int, file: Path | None, brief: bool) -> None:
    """Break the product under load and account for every move."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    found = run(seed, moves, brief=brief)
    show(found)
    if file is not None:
        file.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    sys.exit(1 if found["broken"] else 0)


def _leave(number: int, _: object) -> None:
    """Whoever ends a run, also one in the background, leaves no broker behind."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
