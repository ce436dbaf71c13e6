"""`veedor up` as a user runs it: one process, one port, a token, a posted move, an alert; bad input refused by name; kill -9 and go on."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.identity import Role, issue, load_key
from tests.parts.process import Process
from tests.parts.waiting import until

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "shared/countries/pe/record.jsonl"
THREAT = {
    "key": "test-1",
    "aliases": ["PL 9001/2025-CR"],
    "instrument": "bill",
    "observed_on": "2026-10-05",
    "stage": "filed",
    "title": "Ley que reduce a un año el mandato de los miembros del Pleno del Jurado Nacional de Elecciones en funciones",
    "source": {"url": "https://example.org/bill/9001"},
}


def veedor(*arguments: str, code: int = 0) -> str:
    """Runs a command to its end; its standard output."""
    done = subprocess.run([sys.executable, "-m", "services.veedor", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stdout


class House:
    """A running `veedor up` and how to ask it things."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home.parent / "up.log"
        self.process: Process | None = None

    def start(self) -> None:
        self.log.write_text("")
        command = [sys.executable, "-m", "services.veedor", "up", "--home", str(self.home), "--port", "0"]
        self.process = Process("up", command, self.log, {"PYTHONPATH": str(ROOT)})
        self.process.start(lambda: bool(self.link()), seconds=90)

    def link(self) -> str | None:
        return next((line for line in self.log.read_text().splitlines() if "/session?token=" in line and line.startswith("http")), None)

    @property
    def url(self) -> str:
        return str(self.link()).partition("/session")[0]

    def token(self, role: str = "admin", **more: str) -> str:
        flags = [part for name, value in more.items() for part in (f"--{name}", value)]
        return veedor("token", "issue", "--home", str(self.home), "--subject", "tester", "--role", role, *flags).strip()

    def client(self, token: str | None = None) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token or self.token()}"}, timeout=30, trust_env=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = House(tmp_path_factory.mktemp("up") / "home")
    found.start()
    yield found
    assert found.process is not None
    found.process.stop()


def alerts(client: httpx.Client, **params: Any) -> Any:
    return client.get("/v1/alerts", params=params).raise_for_status().json()


def test_a_posted_move_becomes_an_alert(house: House) -> None:
    with house.client(house.token("analyst")) as client:
        answer = client.post("/v1/moves", json=THREAT)
        assert answer.status_code == 201, answer.text
        move_id = answer.json()["move_id"]
        assert move_id == "pe.2021-2026.C.bill.9001"
        until(lambda: alerts(client, q="9001")["total"] == 1, "the alert", seconds=30)
        (item,) = alerts(client, q="9001")["items"]
        assert item["alert_id"] == f"alert.{move_id}"
        assert "JNE" in item["targets"]
        assert client.post("/v1/moves", json=THREAT).status_code == 200
        detail = client.get(f"/v1/alerts/{item['alert_id']}").json()
        assert len(detail["history"]) == 1
        assert all(factor["citation"] for factor in detail["assessment"]["factors"])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"observed_on": "2999-01-01"}, "observed_on"),
    ({"observed_on": "2024-02-31"}, "observed_on"),
    ({"observed_on": 7}, "observed_on"),
    ({"title": "x" * 2001}, "title"),
    ({"title": "a\x00b"}, "title"),
    ({"title": None}, "title"),
    ({"stage": "nonsense"}, "stage"),
    ({"country": "xx"}, "country"),
    ({"instrument": "spell"}, "instrument"),
    ({"source": {"url": "javascript:alert(1)"}}, "source.url"),
    ({"votes": {"yes": -1, "no": 0}}, "votes.yes"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "field"), BAD)
def test_bad_input_is_refused_by_name_and_nothing_is_stored(house: House, change: dict[str, Any], field: str) -> None:
    with house.client() as client:
        before = client.get("/v1/moves", params={"limit": 1}).json()["total"]
        answer = client.post("/v1/moves", json=THREAT | {"key": "bad", "aliases": ["PL 9999/2025-CR"]} | change)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
        assert answer.json()["field"] == field
        assert client.get("/v1/moves", params={"limit": 1}).json()["total"] == before


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b'{"title": "' + b"x" * (1 << 20) + b'"}', "application/json", 413),
        (b" " * (3 << 20), "application/json", 413),
    ],
)
def test_bodies_that_are_no_json_or_too_long(house: House, content: bytes, kind: str, status: int) -> None:
    with house.client() as client:
        assert client.post("/v1/moves", content=content, headers={"Content-Type": kind}).status_code == status


def test_tokens_that_do_not_count(house: House, tmp_path: Path) -> None:
    forged = issue(load_key(tmp_path / "other.pem"), subject="x", roles=[Role.ADMIN], clearance="TLP:RED", ttl=dt.timedelta(hours=1), now=dt.datetime.now(dt.UTC))  # type: ignore[arg-type]
    expired = issue(
        load_key(house.home / "keys/identity.pem"),
        subject="x",
        roles=[Role.ADMIN],
        clearance="TLP:RED",  # type: ignore[arg-type]
        ttl=dt.timedelta(hours=1),
        now=dt.datetime.now(dt.UTC) - dt.timedelta(hours=2),
    )
    revoked = house.token()
    veedor("token", "revoke", "--home", str(house.home), revoked)
    for token in (forged, expired, revoked, "junk", "a.b.c"):
        with house.client(token) as client:
            answer = client.get("/v1/alerts")
            assert answer.status_code == 401
            assert answer.json()["field"] == "Authorization"
    with house.client(house.token("observer")) as client:
        assert client.post("/v1/moves", json=THREAT).status_code == 403
    assert httpx.get(f"{house.url}/v1/alerts", trust_env=False).status_code == 401


def test_one_document_for_all_and_every_prefix_answers(house: House) -> None:
    with house.client() as client:
        paths = client.get("/openapi.json").raise_for_status().json()["paths"]
        assert {"/v1/moves", "/v1/assess", "/v1/alerts", "/v1/ledger", "/v1/subscriptions", "/v1/deliveries"} <= paths.keys()
        for path in ("/healthz", "/readyz", "/metrics", "/.well-known/jwks.json", "/v1/sources", "/v1/institutions", "/v1/summary"):
            assert client.get(path).status_code == 200, path


def test_private_addresses_are_refused_unless_told(house: House) -> None:
    with house.client() as client:
        answer = client.post("/v1/subscriptions", json={"url": "https://127.0.0.1/hook"})
        assert answer.status_code == 422
        assert answer.json()["field"] == "url"


def test_imported_twice_there_is_no_new_alert_and_a_kill_keeps_everything(house: House) -> None:
    figures = house.home.parent / "import.json"
    first = subprocess.run(
        [sys.executable, "-m", "services.veedor", "import", str(RECORD), "--home", str(house.home), "--json", str(figures)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert first.returncode == 0, first.stderr[-2000:]
    read = json.loads(figures.read_text())
    assert read["read"] == read["accepted"] + read["unchanged"] + len(read["rejected"]) == len(RECORD.read_text().splitlines())
    with house.client() as client:
        until(lambda: client.get("/v1/sources").json()["waiting"] == 0 and client.get("/v1/summary").json()["scored"] >= 111, "all scored", seconds=60)
        before = client.get("/v1/summary").json()
    veedor("import", str(RECORD), "--home", str(house.home), "--json", str(figures))
    assert json.loads(figures.read_text())["unchanged"] == read["read"]
    assert house.process is not None
    house.process.send(signal.SIGKILL)
    house.process.kill()
    house.start()
    with house.client() as client:
        until(lambda: client.get("/v1/summary").json()["waiting"] == 0, "at rest", seconds=60)
        after = client.get("/v1/summary").json()
    assert {name: after[name] for name in ("scored", "alerted", "by_level", "last_sequence")} == {name: before[name] for name in ("scored", "alerted", "by_level", "last_sequence")}


def test_the_export_verifies_with_the_key_got_another_way(house: House, tmp_path: Path) -> None:
    export, key = tmp_path / "export.jsonl", tmp_path / "ledger.pub"
    with house.client() as client:
        export.write_bytes(client.get("/v1/ledger/export").raise_for_status().content)
        key.write_bytes(client.get("/v1/ledger/key").raise_for_status().content)
    assert "the chain holds" in veedor("verify", str(export), "--key", str(key))
    lines = export.read_text(encoding="utf-8").splitlines()
    export.write_text("\n".join([lines[0].replace("pe.", "px.", 1), *lines[1:]]), encoding="utf-8")
    veedor("verify", str(export), "--key", str(key), code=1)


def test_doctor_finds_nothing_wrong_and_no_dead_letters(house: House) -> None:
    assert "BAD" not in veedor("doctor", "--home", str(house.home))
    assert veedor("dlq", "list", "--home", str(house.home)) == ""


def test_sigterm_ends_it_within_the_grace(house: House) -> None:
    assert house.process is not None
    assert house.process.stop(seconds=25) == 0
    house.start()


def test_what_it_keeps_is_its_owners_alone(house: House) -> None:
    kept = [*house.home.glob("*.db"), *(house.home / "keys").glob("*.pem")]
    assert len(kept) >= 6
    assert not [path for path in kept if path.stat().st_mode & 0o077]


def test_a_link_for_a_home_without_an_installation_is_refused(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "services.veedor", "token", "link", "--home", str(tmp_path / "nobody")], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "no installation" in done.stderr
    assert not (tmp_path / "nobody").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["token", "revoke", "garbage"], "NOT revoked"),
        (["token", "issue", "--subject", "x", "--role", "admin", "--ttl", "999999999d"], "--ttl"),
        (["token", "issue", "--subject", "x", "--role", "admin", "--ttl", "0d"], "--ttl"),
        (["token", "issue", "--subject", "x\ny", "--role", "admin"], "printable"),
    ],
)
def test_commands_refuse_in_one_line(house: House, arguments: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "services.veedor", *arguments, "--home", str(house.home)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_crowd_of_half_open_connections_does_not_end_it(house: House) -> None:
    host, _, port = house.url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as crowd:
        for _ in range(1100):
            found = crowd.enter_context(socket.create_connection((host, int(port)), timeout=10))
            found.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    with house.client() as client:
        until(lambda: client.get("/healthz").status_code == 200, "an answer after the crowd", seconds=30)
