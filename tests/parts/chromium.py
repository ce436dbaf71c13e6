"""Where a real Chromium is; playwright drives it with `executable_path`."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def program() -> str | None:
    """Its path, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def missing() -> str | None:
    return None if program() else "Chromium is not installed"


def flags() -> list[str]:
    """Chromium refuses to run its sandbox as root (containers, CI)."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []
