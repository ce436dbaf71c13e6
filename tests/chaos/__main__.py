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


def run(seed: int, moves: int, *, brief: bool) -> dict[str, Any]:
    """Both phases; the figures of the production shape at the top, those of the embedded one beside them. What went wrong in either stands at the top."""
    started = time.monotonic()
    seconds = 24.0 if brief else max(90.0, moves / 120)
    faults = short(seed, seconds) if brief else plan(seed, seconds)
    found = cluster.run(seed, moves, faults, moves / seconds, err.print)
    small = embedded.run(seed, max(30, min(1000, moves // 20)), 1 if brief else 5, err.print)
    return merged(found, small) | {"seed": seed, "seconds": round(time.monotonic() - started, 1)}


def merged(found: dict[str, Any], small: dict[str, Any]) -> dict[str, Any]:
    """Losses, duplicates, gaps and refusals of both phases together."""
    whole = dict(found)
    whole["lost"] = found["lost"] + [f"embedded: {words}" for words in small["lost"]]
    whole["duplicated"] = {name: found["duplicated"][name] + small["duplicated"][name] for name in found["duplicated"]}
    for name in ("ledger_gaps", "sequence_gaps", "unverified"):
        whole[name] = found[name] + small[name]
    whole["ledger_verified"] = found["ledger_verified"] and small["ledger_verified"]
    return whole | {"embedded": small}


def holds(found: dict[str, Any]) -> bool:
    """Whether the promises were kept."""
    clean = not found["lost"] and not any(found["duplicated"].values()) and not found["unquiet"]
    whole = (found["ledger_gaps"], found["sequence_gaps"], found["unverified"]) == (0, 0, 0) and found["ledger_verified"]
    counted = found["accepted"] == found["assessed"] and found["dead_letters"] == found["poisoned"]
    return clean and whole and counted and not any(topic["conflicting"] for topic in found["wire"].values())


def show(found: dict[str, Any]) -> None:
    table = Table("", "Kafka and PostgreSQL", "embedded")
    for name in ("accepted", "assessed", "alerted", "delivered"):
        table.add_row(name, str(found[name]), str(found["embedded"][name]))
    out = Console()
    out.print(table)
    for name in ("lost", "duplicated", "ledger_gaps", "sequence_gaps", "dead_letters", "poisoned", "posts_repeated", "ledger_verified", "crashes", "unquiet", "seconds"):
        out.print(f"{name}: {found[name]}")
    out.print(f"{len(found['faults'])} faults and mendings; refused when full: {found['embedded']['refusal']}")
    out.print("[green]held[/]" if holds(found) else "[red]BROKEN[/]")


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
    sys.exit(0 if holds(found) else 1)


if __name__ == "__main__":
    main()
