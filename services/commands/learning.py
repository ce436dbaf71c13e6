"""`train` and `backtest`: what the learned parts are made of, and what the whole would have said in time."""

from __future__ import annotations

import os
from pathlib import Path

import click

from services.commands.options import country_option, json_option, keep_apart, settings_of, write_json


@click.command()
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

    for source in (record, judgments, bills, *labels):
        keep_apart(source, json_file, "--json")
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


@click.command()
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

        run_training(data, out or Path(__file__).parents[2] / "shared/countries/pe/weights", seed=seed)
    if out is None:
        train_filing(data, "pe", say=click.echo)
