"""Where the reference data is: the setting VEEDOR_REFERENCE, ../shared beside the checkout unless told."""

from __future__ import annotations

import os
from pathlib import Path


def bills_file() -> Path | None:
    """All bills with their histories, or None when the data is not here."""
    file = Path(os.environ.get("VEEDOR_REFERENCE", "../shared")) / "data" / "pe" / "bills.jsonl.gz"
    return file.resolve() if file.exists() else None
