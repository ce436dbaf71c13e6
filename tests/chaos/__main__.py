"""`python -m tests.chaos --seed N --moves M [--json F] [--short]`: exit code 1 when anything was lost, doubled, left a gap, or could not be verified."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from tests.chaos import cluster, embedded
from tests.chaos.plan import plan, short

err = Console(stderr=True)
NAMES = ("lost", "duplicated", "ledger_gaps", "sequence_gaps", "dead_letters", "poisoned", "posts_repeated", "unverified", "ledger_trouble", "crashes", "unquiet", "seconds")


def run(seed: int, moves: int, *, brief: bool) -> dict[str, Any]:
    """Both phases; the figures of the production shape at the top, those of the embedded one beside them. What went wrong in either stands at the top."""
    started = time.monotonic()
    seconds = 16.0 if brief else max(90.0, moves / 120)
    faults = short(seed, seconds) if brief else plan(seed, seconds)

    def say(words: str) -> None:
        err.print(f"[dim]{time.monotonic() - started:5.0f} s[/] {words}")

    found = cluster.run(seed, moves, faults, moves / seconds, say)
    say("the stack is down")
    small = embedded.run(seed, max(30, min(1000, moves // 20)), 1 if brief else 5, say)
    whole = merged(found, small) | {"seed": seed, "seconds": round(time.monotonic() - started, 1)}
    return whole | {"broken": broken(whole)}


def merged(found: dict[str, Any], small: dict[str, Any]) -> dict[str, Any]:
    """Losses, duplicates, gaps and refusals of both phases together."""
    whole = dict(found)
    whole["lost"] = found["lost"] + [f"embedded: {words}" for words in small["lost"]]
    whole["duplicated"] = {name: found["duplicated"][name] + small["duplicated"][name] for name in found["duplicated"]}
    for name in ("ledger_gaps", "sequence_gaps", "unverified"):
        whole[name] = found[name] + small[name]
    whole["ledger_trouble"] = found["ledger_trouble"] or small["ledger_trouble"]
    return whole | {"embedded": small}


def broken(found: dict[str, Any]) -> list[str]:
    """The promises that were not kept, in words; none is what we want."""
    promises = {
        "nothing is lost": not found["lost"],
        "nothing is stored twice or delivered under two ids": not any(found["duplicated"].values()),
        "all comes to rest": not found["unquiet"],
        "accepted and assessed agree": found["accepted"] == found["assessed"],
        "every poisoned message and no other is a dead letter": found["dead_letters"] == found["poisoned"],
        "the ledger has no gap": found["ledger_gaps"] == 0,
        "a subscriber's numbers have no gap": found["sequence_gaps"] == 0,
        "every delivery is verified": found["unverified"] == 0,
        "the ledger is verified": not found["ledger_trouble"],
        "doubles on the wire are the same bytes under the same id": not any(topic["conflicting"] for topic in found["wire"].values()),
    }
    return [promise for promise, kept in promises.items() if not kept]


def show(found: dict[str, Any]) -> None:
    table = Table("", "Kafka and PostgreSQL", "embedded")
    for name in ("accepted", "assessed", "alerted", "delivered"):
        table.add_row(name, str(found[name]), str(found["embedded"][name]))
    out = Console()
    out.print(table)
    for name in NAMES:
        out.print(f"{name}: {found[name]}")
    out.print(f"{len(found['faults'])} faults and mendings; refused when full: {found['embedded']['refusal']}")
    for promise in found["broken"]:
        out.print(f"[red]BROKEN: {promise}[/]")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", default=1, show_default=True)
@click.option("--moves", default=20_000, show_default=True, type=click.IntRange(20, 90_000))
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the ledger of the run to this file.")
@click.option("--short", "brief", is_flag=True, help="A few faults within a minute, as `make test` runs it.")
def main(seed: int, moves: int, file: Path | None, brief: bool) -> None:
    """Break the product under load and account for every move."""
    found = run(seed, moves, brief=brief)
    show(found)
    if file is not None:
        file.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    sys.exit(1 if found["broken"] else 0)


if __name__ == "__main__":
    main()
