"""The starters themselves: each real server starts, answers, and (Kafka) comes back with what it had."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.parts import faketime
from tests.parts import postgres as postgres_part
from tests.parts.alertmanager import Alertmanager
from tests.parts.chromium import driver_fault
from tests.parts.faketime import Clock
from tests.parts.kafka import Kafka
from tests.parts.need import need
from tests.parts.nginx import Nginx
from tests.parts.prometheus import Prometheus, promtool
from tests.parts.waiting import TooLateError, is_open, until


def test_kafka_listens_on_both_listeners(kafka: Kafka) -> None:
    assert is_open(kafka.port)
    assert is_open(kafka.secure_port)


def test_a_postgres_database_is_fresh(postgres: str) -> None:
    engine = create_engine(postgres)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar() == 0
    engine.dispose()


def test_two_databases_of_one_server_differ(postgres_server: postgres_part.Postgres, postgres: str) -> None:
    assert postgres_server.create("another_one") != postgres


def test_prometheus_answers_queries(start_prometheus: Callable[[Path], Prometheus], tmp_path: Path) -> None:
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text("global: {scrape_interval: 1s}\n", encoding="ascii")
    assert promtool("check", "config", str(configuration)).returncode == 0
    assert start_prometheus(configuration).query("vector(7)")[0]["value"][1] == "7"  # type: ignore[index]


def test_alertmanager_is_ready(start_alertmanager: Callable[[Path], Alertmanager], tmp_path: Path) -> None:
    configuration = tmp_path / "alertmanager.yml"
    configuration.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n", encoding="ascii")
    assert httpx.get(f"{start_alertmanager(configuration).url}/-/ready", trust_env=False).status_code == 200


@pytest.mark.parametrize(("program", "executable"), [("no program", True), ("#!/bin/sh\nexit 0\n", False), ("#!/bin/sh\nexec sleep 600\n", True), ("#!/bin/sh\nexit 127\n", True)])
def test_a_driver_that_does_not_start_is_named_and_never_an_error(tmp_path: Path, program: str, executable: bool) -> None:
    driver = tmp_path / "node"
    driver.write_text(program, encoding="ascii")
    driver.chmod(0o755 if executable else 0o644)
    assert "playwright's driver does not start" in (driver_fault(driver, patience=0.5) or "")


def test_nginx_serves(start_nginx: Callable[[str], Nginx]) -> None:
    server = start_nginx("server { listen 127.0.0.1:PORT; return 204; }")
    assert httpx.get(server.url, trust_env=False).status_code == 204
    assert server.check().returncode == 0


def test_chromium_says_its_version(chromium: str) -> None:
    assert "Chrom" in subprocess.run([chromium, "--version"], check=True, capture_output=True, text=True, timeout=60).stdout


def test_waiting_says_what_did_not_come() -> None:
    with pytest.raises(TooLateError, match="the moon"):
        until(lambda: False, "the moon", seconds=0.05)


CLOCK = """
import datetime, sys, threading, time
for _ in sys.stdin:
    began = time.monotonic()
    time.sleep(0.05)
    threading.Event().wait(0.05)
    print(time.time(), 0.09 < time.monotonic() - began < 5, flush=True)
"""


def test_the_time_of_day_of_a_running_child_jumps_and_its_waiting_does_not(tmp_path: Path) -> None:
    need(faketime.missing())
    clock = Clock(tmp_path / "clock")
    with subprocess.Popen([sys.executable, "-c", CLOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **clock.environment}) as child:
        assert child.stdin is not None

        def off() -> float:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write("\n")
            child.stdin.flush()
            at, waited = child.stdout.readline().split()
            assert waited == "True"
            return float(at) - time.time()

        for jump in (7200, -90, 0):
            clock.jump(jump)
            until(lambda jump=jump: abs(off() - jump) < 30, f"a time {jump} s off", seconds=20)  # type: ignore[misc]
        child.stdin.close()
