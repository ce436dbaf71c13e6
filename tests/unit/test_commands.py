"""The command line: every command is there under its name, and none waits for what the others need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from services.veedor import COMMANDS, main


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_there_under_its_name(name: str) -> None:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    assert found.name == name
    assert found.get_short_help_str()


def test_what_is_no_command_is_none() -> None:
    assert main.get_command(click.Context(main), "vedor") is None


@pytest.mark.parametrize(
    "words",
    [
        ["score", "--input", "F", "--output", "F"],
        ["import", "F", "--home", "home", "--json", "F"],
        ["demo", "--exit", "--home", "home", "--record", "F", "--json", "F"],
        ["backtest", "--record", "F", "--json", "F"],
    ],
)
def test_the_file_to_be_read_is_never_written_over(tmp_path: Path, words: list[str]) -> None:
    file, link = tmp_path / "bills.jsonl", tmp_path / "link.jsonl"
    file.write_bytes(b"{}")
    link.symlink_to(file)
    for target in (file, link):
        asked = [*({"F": str(file), "home": str(tmp_path / "home")}.get(word, word) for word in words[:-1]), str(target)]
        done = CliRunner().invoke(main, asked)
        assert (done.exit_code, "is the file to be read" in done.output) == (1, True)
    assert file.read_bytes() == b"{}"
    assert not (tmp_path / "home").exists()


def test_a_command_loads_no_library_of_the_others() -> None:
    asked = "import sys, services.veedor, services.commands.moves; print(sorted({'kafka', 'flask', 'sqlalchemy', 'jwt'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "[]"
