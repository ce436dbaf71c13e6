"""Where a real Chromium is; playwright drives it with `executable_path`, by a Node.js of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import playwright

DRIVER = Path(playwright.__file__).parent / "driver" / "node"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def program() -> str | None:
    """Its path, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def missing() -> str | None:
    return driver_fault() if program() else "Chromium is not installed"


def driver_fault(driver: Path = DRIVER, patience: float = 60) -> str | None:
    """Why playwright's Node.js does not start here: it needs a library that a small Debian lacks (libatomic1)."""
    if not driver.exists():
        return None
    try:
        ran = subprocess.run([str(driver), "--version"], check=False, capture_output=True, text=True, timeout=patience)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"playwright's driver does not start: {error}"[:300]
    return f"playwright's driver does not start: {ran.stderr.strip()[:200]}" if ran.returncode else None


def flags() -> list[str]:
    """Chromium refuses to run its sandbox as root (containers, CI)."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []
