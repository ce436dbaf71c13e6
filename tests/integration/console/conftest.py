"""A console on fake siblings for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.countries import Pack, load
from tests.integration.console.house import House


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load("pe")


@pytest.fixture
def house(tmp_path: Path, pack: Pack) -> House:
    return House(tmp_path, pack)
