"""What happens when a real server is missing: the tests that need it are skipped with one line, and fail where CI is set."""

from __future__ import annotations

import os

import pytest


def need(why: str | None) -> None:
    """`why` is what a part's `missing()` says; None lets the test go on."""
    if why is None:
        return
    words = f"{why} (`python -m tests.parts.install` installs it as root on Debian)"
    if os.environ.get("CI"):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)
