"""The command line: every command is there under its name, and none waits for what the others need."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from services.veedor import COMMANDS, main


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_there_under_its_name(name: str) -> None:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    assert found.name == name
    assert found.get_short_help_str()


def test_what_is_no_command_is_none() -> None:
    assert main.get_command(click.Context(main), "vedor") is None


def test_a_command_loads_no_library_of_the_others() -> None:
    asked = "import sys, services.veedor, services.commands.moves; print(sorted({'kafka', 'flask', 'sqlalchemy', 'jwt'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "[]"
