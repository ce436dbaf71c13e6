"""The command `veedor`: the only entry point. The commands parse, build a Context and delegate; the composition roots do the rest."""

from __future__ import annotations

import gc
import os
from typing import Any

import click

from services.commands import dlq, learning, moves, operating, running, token
from shared.errors import VeedorError
from shared.operations import SELDOM


class Group(click.Group):
    """Shows the failures we expect as one line and exit code 1, never as a trace."""

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


for _command in (
    *(running.up, running.demo, *running.SERVICES),
    *(moves.import_, moves.score),
    *(learning.backtest, learning.train),
    *(token.token, dlq.dlq),
    *(operating.migrate, operating.doctor, operating.verify),
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
