"""What several commands share. In: flags and the environment; out: settings, figures as JSON, the one progress bar."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from shared.errors import Refused
from shared.settings import Settings, read, strange

if TYPE_CHECKING:
    from rich.progress import Progress

home_option = click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of everything this installation keeps [default: var, or VEEDOR_HOME].")
json_option = click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this file as JSON.")
country_option = click.option("--country", default=None, help="Country pack [default: pe, or VEEDOR_COUNTRY].")


def settings_of(**overrides: Any) -> Settings:
    for name in strange(os.environ):
        click.echo(f"{name} is no setting of ours (docs/operations.md lists them): it is not read", err=True)
    return read(os.environ, **overrides)


def keep_apart(source: Path | None, target: Path | None, option: str) -> None:
    """Raises Refused when what `option` names to be written is the file to be read."""
    if source and target and target.exists() and target.samefile(source):
        raise Refused("is the file to be read: name another", field=option)


def write_json(file: Path | None, data: Any) -> None:
    if file is not None:
        file.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


def progress_bar(unit: str) -> Progress:
    """The one progress bar of the house, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn(), console=Console(stderr=True))
