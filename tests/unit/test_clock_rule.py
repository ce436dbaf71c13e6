"""Clock as data: nothing downstream of ingest asks what time it is, and the pure files of the design touch neither clock nor world. Read from the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = (
    "shared/events.py",
    "shared/errors.py",
    "shared/body.py",
    "services/ingest/observation.py",
    "services/ingest/merge.py",
    "services/ingest/lapse.py",
    "services/scoring/assess.py",
    "services/scoring/reading.py",
    "services/scoring/direction.py",
    "services/scoring/points.py",
    "services/scoring/clock.py",
    "services/alerting/alert.py",
    "services/alerting/canonical.py",
    "services/alerting/ledger.py",
    "services/alerting/merkle.py",
    "services/alerting/pressure.py",
    "services/webhooks/subscription.py",
    "services/webhooks/signing.py",
    "services/webhooks/retry.py",
    "services/console/axis.py",
    "services/console/chart.py",
)
"""The starred files of DESIGN.md and what they were split into. (scoring/learned.py and chance.py also know how to read their own weights: under the clock rule only.)"""
SCORING = tuple(sorted(str(path.relative_to(ROOT)) for path in (ROOT / "services/scoring").rglob("*.py")))
CLOCKS = {
    *(f"{module}.{name}" for module in ("datetime", "dt.datetime", "datetime.datetime") for name in ("now", "utcnow", "today")),
    *(f"{module}.today" for module in ("date", "dt.date", "datetime.date")),
    *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "localtime", "gmtime", "ctime", "strftime", "sleep")),
    "utc_now",
}
WORLD = {
    *(
        "os",
        "io",
        "sys",
        "socket",
        "ssl",
        "select",
        "subprocess",
        "shutil",
        "tempfile",
        "glob",
        "pathlib",
        "sqlite3",
        "urllib.request",
        "http",
        "signal",
        "time",
    ),
    *("httpx", "aiohttp", "flask", "flask_openapi3", "sqlalchemy", "sqlmodel", "alembic", "psycopg", "kafka", "waitress", "threading", "asyncio", "multiprocessing"),
    *("shared.bus", "shared.database", "shared.http", "shared.outbox", "shared.consumer", "shared.operations", "shared.process", "shared.settings", "shared.sqlite"),
}
BUILT_IN_DOORS = {"open", "input", "print", "exec", "eval", "__import__"}


def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), path)


def dotted(node: ast.expr) -> str:
    """`dt.datetime.now` of the expression that says so, else ""."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def clocks(module: ast.Module) -> Iterator[str]:
    """Every mention of a clock: a call, or the function handed on."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in CLOCKS:
            yield f"line {node.lineno}: {dotted(node)}"


def imports(module: ast.Module) -> Iterator[str]:
    """Names of the modules imported, wherever in the file."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def doors(module: ast.Module) -> Iterator[str]:
    """Ways out of a pure function: modules that reach the world, built-ins that do."""
    for name in imports(module):
        if any(name == world or name.startswith(f"{world}.") for world in WORLD):
            yield f"imports {name}"
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and dotted(node.func) in BUILT_IN_DOORS:
            yield f"line {node.lineno}: {dotted(node.func)}"


@pytest.mark.parametrize("path", PURE)
def test_a_pure_file_reads_no_clock(path: str) -> None:
    assert list(clocks(tree(path))) == []


@pytest.mark.parametrize("path", PURE)
def test_a_pure_file_does_not_touch_the_world(path: str) -> None:
    assert sorted(set(doors(tree(path)))) == []


@pytest.mark.parametrize("path", SCORING)
def test_scoring_reads_no_clock(path: str) -> None:
    assert list(clocks(tree(path))) == []


@pytest.mark.parametrize("code", ["import datetime as dt\ndt.datetime.now(dt.UTC)", "from datetime import date\nx = date.today", "import time\ntime.time()", "now = utc_now"])
def test_a_clock_is_seen(code: str) -> None:
    assert list(clocks(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["import os", "from pathlib import Path", "def f():\n    import httpx", "open('x')", "from shared import database", "from shared.bus.kafka import KafkaBus"]
)
def test_a_door_is_seen(code: str) -> None:
    assert list(doors(ast.parse(code)))


def test_innocent_code_is_left_alone() -> None:
    module = ast.parse("import datetime as dt\nfrom shared.events import Move\ndef f(now: dt.datetime, today): return now.date(), today, dt.date(2026, 7, 28)")
    assert [*clocks(module), *doors(module)] == []
