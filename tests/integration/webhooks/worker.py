"""Webhooks as a process of its own on a home folder: `python -m tests.integration.webhooks.worker HOME`. Runs until SIGTERM, or until it is killed."""

from __future__ import annotations

import sys
from pathlib import Path

from services.webhooks.main import build
from shared.operations import Crew, stop_on_signals
from shared.process import open_context
from shared.settings import Settings


def main(home: str) -> None:
    context = open_context(Settings(home=Path(home), webhook_allow_private=True), stop_on_signals())
    crew = Crew(context.stop)
    for name, work in build(context).work.items():
        crew.start(name, work)
    context.stop.wait()
    crew.join()


if __name__ == "__main__":
    main(sys.argv[1])
