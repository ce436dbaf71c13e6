"""The country pack, loaded once."""

from __future__ import annotations

import pytest

from shared.countries import Pack, load


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load("pe")
