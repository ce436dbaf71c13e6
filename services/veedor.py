"""The command `veedor`: the only entry point. The commands parse, build a Context and delegate; the composition roots do the rest."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Any

import click

from shared.errors import VeedorError
from shared.operations import SELDOM

COMMANDS = {
    **dict.fromkeys(("up", "demo", "ingest", "scoring", "alerting", "webhooks", "console"), "running"),
    **{"import": "moves", "score": "moves", "backtest": "learning", "train": "learning", "token": "token", "dlq": "dlq"},
    **dict.fromkeys(("migrate", "doctor", "verify"), "operating"),
}
"""Each command and its module in services/commands, loaded when it is asked for: none waits for what the others need."""


class Group(click.Group):
    """Shows the failures we expect as one line and exit code 1, never as a trace."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"services.commands.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, "import_" if cmd_name == "import" else cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        gc.set_threshold(*SELDOM)  # a command first builds what it keeps: the collector would walk it again and again
        os.umask(0o077)  # what an installation keeps (secrets of subscriptions among it) is its owner's alone
        try:
            return super().invoke(ctx)
        except VeedorError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'the disk'}: {error.strerror or error}: choose another place, or make room") from error


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="veedor")
def main() -> None:
    """Early warning for electoral integrity. `veedor demo` shows it at work; `veedor up` runs it."""


if __name__ == "__main__":
    main()
