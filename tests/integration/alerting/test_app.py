"""The API over real files: lists and their filters, one alert, institutions, ledger and proofs, exports; who may see what; fuzzed from its own document."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import schemathesis
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy import update

from services.alerting import tables
from services.alerting.app import Parts, create_app
from services.alerting.archive import Archive
from services.alerting.catalogue import Catalogue
from services.alerting.checkpoint import Checkpoint
from services.alerting.institutions import Institutions
from services.alerting.merkle import leaf_hash, verify_consistency, verify_inclusion
from services.alerting.stream import MOST_OF_ONE, Broadcaster, Denied
from services.alerting.verify import verify_export
from shared.database import Database
from shared.events import Direction, Level, Stage, Target, Tlp
from shared.http import Door
from shared.identity import Revocations, Role, Verifier, issue, public_pem
from shared.operations import Liveness
from tests.integration.alerting.home import KEY, Clock, migrated, sqlite, store
from tests.unit.alerting.bursts import CLUSTER, filed
from tests.unit.alerting.sample import assessed, pack

REAL = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


def fill(database: Database) -> None:
    """Forty alerts of every level, institution and stage, one of them revised, one cancelled, one red."""
    writer, levels, targets = store(database, Clock(REAL)), list(Level)[1:], list(Target)
    for number in range(40):
        event = assessed(
            f"pe.2021-2026.C.bill.{number}",
            as_of=f"2024-{1 + number % 5:02d}-10",
            level=levels[number % 4],
            stage=(Stage.COMMITTEE, Stage.FLOOR)[number % 2],
            targets=(targets[number % 12], targets[(number + 5) % 12]),
            direction=Direction.WEAKENS if number % 3 else Direction.MIXED,
            risk=20.0 + number,
            move={"title": f"Ley número {number} sobre la elección de jueces", "aliases": (f"PL {5000 + number}/2023-CR",), "key": f"PE-2023-{number:02d}"},
        )
        writer.handle([event])
    writer.handle(
        [
            assessed("pe.2021-2026.C.bill.1", revision=2, level=Level.CRITICAL, as_of="2024-06-01", risk=95.5),
            assessed("pe.2021-2026.C.bill.2", revision=2, stage=Stage.WITHDRAWN, as_of="2024-06-02"),
        ]
    )
    with database.transaction() as session:
        session.connection().execute(update(tables.alerts).where(tables.alerts.c.alert_id == "alert.pe.2021-2026.C.bill.3").values(tlp_rank=Tlp.RED.rank))
        session.connection().execute(update(tables.ledger).where(tables.ledger.c.alert_id == "alert.pe.2021-2026.C.bill.3").values(tlp_rank=Tlp.RED.rank))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = sqlite(tmp_path_factory.mktemp("alerting")) if request.param == "sqlite" else migrated(request.getfixturevalue("postgres"))
    fill(found)
    yield found
    found.close()


def build(database: Database, folder: Path, anonymous: bool = False) -> Flask:
    archive = Archive(database)
    door = Door(Verifier(KEY.public_key(), Revocations(folder / "revoked"), lambda: REAL), Liveness(), {"database": database.ready}, anonymous_clear=anonymous)
    broadcaster = Broadcaster(archive, 2)
    return create_app(door, Parts(Catalogue(database), Institutions(database, pack()), archive, broadcaster, public_pem(KEY.public_key())))


@pytest.fixture(scope="module")
def app(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return build(database, tmp_path_factory.mktemp("home"))


def bearer(clearance: Tlp = Tlp.AMBER) -> dict[str, str]:
    token = issue(KEY, subject="observer", roles=[Role.OBSERVER], clearance=clearance, ttl=dt.timedelta(days=1), now=REAL)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def api(app: Flask) -> FlaskClient:
    found = app.test_client()
    found.environ_base["HTTP_AUTHORIZATION"] = bearer()["Authorization"]
    return found


def get(api: FlaskClient, path: str, status: int = 200, **query: Any) -> Any:
    answer = api.get(path, query_string=query)
    assert answer.status_code == status, answer.text
    return answer.get_json(force=True)


def test_the_list_counts_all_and_the_newest_change_comes_first(api: FlaskClient) -> None:
    found = get(api, "/v1/alerts")
    assert (found["total"], len(found["items"]), found["next"]) == (39, 39, None)
    assert [item["alert_id"][-2:] for item in found["items"][:2]] == [".2", ".1"]
    places = [(item["changed_as_of"], item["sequence"]) for item in found["items"]]
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize(("sort", "key"), [("-changed", "changed_as_of"), ("-risk", "risk"), ("-peak", "peak_risk")])
def test_pages_join_to_the_whole_list(api: FlaskClient, sort: str, key: str) -> None:
    seen, cursor = [], None
    while True:
        page = get(api, "/v1/alerts", sort=sort, limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [item["alert_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [item["alert_id"] for item in get(api, "/v1/alerts", sort=sort, limit=500)["items"]]
    assert len(set(seen)) == 39


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"level": ["high", "critical"]}, lambda item: item["level"] in ("high", "critical")),
        ({"min_level": "elevated"}, lambda item: item["level"] in ("elevated", "high", "critical")),
        ({"institution": "JNE"}, lambda item: "JNE" in item["targets"]),
        ({"institution": ["JNE", "MP"]}, lambda item: {"JNE", "MP"} & set(item["targets"])),
        ({"direction": "mixed"}, lambda item: item["direction"] == "mixed"),
        ({"stage": "committee"}, lambda item: item["stage"] == "committee"),
        ({"lifecycle": "Cancel"}, lambda item: item["lifecycle"] == "Cancel"),
        ({"kind": "move", "country": "pe", "exercise": "false"}, lambda item: True),
        ({"as_of_since": "2024-03-01", "as_of_until": "2024-03-31"}, lambda item: item["changed_as_of"].startswith("2024-03")),
        ({"changed_since": "2024-06-01T00:00:30Z"}, lambda item: item["recorded_at"] >= "2024-06-01T00:00:30"),
        ({"updated_since": "2024-06-01T00:00:30Z"}, lambda item: item["updated_at"] >= "2024-06-01T00:00:30"),
        ({"q": "PL 5021/2023-CR"}, lambda item: item["move_id"].endswith(".21")),
        ({"q": "PE-2023-07"}, lambda item: item["move_id"].endswith(".7")),
        ({"q": "NUMERO 7"}, lambda item: item["move_id"].endswith(".7")),
        ({"q": "eleccion juec"}, lambda item: "elección de jueces" in item["title"]),
    ],
)
def test_filters_keep_exactly_what_they_say(api: FlaskClient, query: dict[str, Any], holds: Any) -> None:
    every = get(api, "/v1/alerts", limit=500)["items"]
    wanted = {item["alert_id"] for item in every if holds(item)}
    found = get(api, "/v1/alerts", limit=500, **query)
    assert wanted
    assert {item["alert_id"] for item in found["items"]} == wanted
    assert found["total"] == len(wanted)
    lines = api.get("/v1/exports/alerts.jsonl", query_string=query).data.splitlines()
    assert {orjson.loads(line)["alert_id"] for line in lines} == wanted
    rows = list(csv.DictReader(io.StringIO(api.get("/v1/exports/alerts.csv", query_string=query).text)))
    assert {row["alert_id"] for row in rows} == wanted


def test_a_search_for_signs_alone_finds_all_and_a_wildcard_is_no_wildcard(api: FlaskClient) -> None:
    assert get(api, "/v1/alerts", q="%_")["total"] == 39
    assert get(api, "/v1/alerts", q="zzz%")["total"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"level": "huge"}, "level.0"),
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"cursor": "bm9uZQ"}, "cursor"),
        ({"cursor": "!"}, "cursor"),
        ({"sort": "risk"}, "sort"),
        ({"changed_since": "2024-06-01T00:00:00"}, "changed_since"),
        ({"updated_since": "0001-01-01T00:00:00+14:00"}, "updated_since"),
        ({"as_of_since": "9999-12-31"}, "as_of_since"),
        ({"colour": "red"}, "colour"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "a" * 201}, "q"),
    ],
)
def test_a_wrong_parameter_is_named(api: FlaskClient, query: dict[str, Any], field: str) -> None:
    assert get(api, "/v1/alerts", 422, **query)["field"] == field


def test_a_cursor_of_another_sort_is_refused(api: FlaskClient) -> None:
    cursor = get(api, "/v1/alerts", limit=2)["next"]
    assert get(api, "/v1/alerts", 422, limit=2, cursor=cursor, sort="-risk")["field"] == "cursor"


def test_lists_have_an_etag(api: FlaskClient) -> None:
    first = api.get("/v1/alerts")
    assert api.get("/v1/alerts", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_one_alert_has_everything(api: FlaskClient) -> None:
    found = get(api, "/v1/alerts/alert.pe.2021-2026.C.bill.1")
    assert [(revision["revision"], revision["lifecycle"], revision["level"], revision["previous_level"]) for revision in found["history"]] == [
        (1, "Alert", "elevated", None),
        (2, "Update", "critical", "elevated"),
    ]
    assert found["history"][1]["reason"]["es"].startswith("El nivel sube: de «elevado» a «crítico»")
    assert found["assessment"]["factors"][0]["citation"] == "UNTOC, art. 20"
    assert found["assessment"]["pack_version"] == "pe-1"
    assert found["move"]["steps"]
    assert found["counterfactuals"][0]["level"] == "elevated"
    assert found["body"]["en"].startswith("What changed: The level rises")
    assert "\nOfficial title: «" in found["body"]["en"]
    assert [point["level"] for point in found["course"]] == ["elevated", "critical"]
    assert Checkpoint.open(found["checkpoint"], KEY.public_key()).size == 42


def test_what_is_above_the_clearance_is_not_there(app: Flask, api: FlaskClient) -> None:
    red = app.test_client()
    red.environ_base["HTTP_AUTHORIZATION"] = bearer(Tlp.RED)["Authorization"]
    path = "/v1/alerts/alert.pe.2021-2026.C.bill.3"
    assert get(api, path, 404)["field"] == "alert_id"
    assert get(red, path)["alert_id"].endswith(".3")
    assert (get(api, "/v1/alerts")["total"], get(red, "/v1/alerts")["total"]) == (39, 40)
    assert [entry["body"] is None for entry in get(api, "/v1/ledger", limit=4)["items"]] == [False, False, False, True]
    exported = {form: api.get(f"/v1/exports/alerts.{form}").text for form in ("csv", "jsonl")}
    assert "alert.pe.2021-2026.C.bill.3" not in {row["alert_id"] for row in csv.DictReader(io.StringIO(exported["csv"]))}
    assert "alert.pe.2021-2026.C.bill.3" not in {orjson.loads(line)["alert_id"] for line in exported["jsonl"].splitlines()}
    assert "alert.pe.2021-2026.C.bill.3" in {row["alert_id"] for row in csv.DictReader(io.StringIO(red.get("/v1/exports/alerts.csv").text))}
    verified = verify_export(api.get("/v1/ledger/export").data.splitlines(keepends=True), KEY.public_key())
    assert (verified.ok, verified.entries, verified.withheld, verified.hidden) == (True, 42, 1, 1)


def test_an_entry_above_the_clearance_shows_its_place_and_its_hash_alone(api: FlaskClient) -> None:
    entry = get(api, "/v1/ledger", limit=4)["items"][3]
    assert entry == {"sequence": 4, "withheld": True, "entry": None, "hash": entry["hash"], "salt": None, "body": None}
    lines = api.get("/v1/ledger/export").data.splitlines()
    assert [orjson.loads(line) for line in lines if b'"withheld":true' in line] == [{"hash": entry["hash"], "sequence": 4, "withheld": True}]
    assert not [line for line in lines if b'bill.3"' in line]


def test_whoever_is_cleared_for_nothing_verifies_the_whole_ledger_and_learns_no_name(app: Flask) -> None:
    nobody = app.test_client()
    nobody.environ_base["HTTP_AUTHORIZATION"] = bearer(Tlp.CLEAR)["Authorization"]
    lines = nobody.get("/v1/ledger/export").data.splitlines(keepends=True)
    verified = verify_export(lines, KEY.public_key())
    assert (verified.ok, verified.entries, verified.hidden) == (True, 42, 42)
    assert b"bill" not in b"".join(lines)
    assert "bill" not in nobody.get("/v1/ledger").text
    shorter = [line for line in lines if b'"sequence":7,' not in line]
    assert not verify_export(shorter, KEY.public_key()).ok
    changed = [b'{"hash":"%s","sequence":7,"withheld":true}\n' % (b"0" * 64) if b'"sequence":7,' in line else line for line in lines]
    broken = verify_export(changed, KEY.public_key()).broken
    assert broken is not None
    assert "the ledger was rewritten" in str(broken)


def test_summary_counts_peaks_and_what_is_open(app: Flask) -> None:
    red = app.test_client()
    red.environ_base["HTTP_AUTHORIZATION"] = bearer(Tlp.RED)["Authorization"]
    found = get(red, "/v1/summary")
    assert (found["scored"], found["alerted"], found["withheld"], found["last_sequence"], found["waiting"], found["last_as_of"]) == (40, 40, False, 42, 42, "2024-06-02")
    assert found["by_level"] == {"watch": 10, "elevated": 9, "high": 10, "critical": 11}
    assert sum(found["open_by_level"].values()) == 39


def test_a_summary_that_would_be_false_says_that_something_is_withheld(api: FlaskClient) -> None:
    found = get(api, "/v1/summary")
    assert found["withheld"] is True
    assert [found[name] for name in ("alerted", "not_alerted", "by_level", "open_by_level")] == [None, None, None, None]


@pytest.mark.parametrize("path", ["/v1/institutions", "/v1/institutions/JNE/pressure"])
def test_pressure_is_for_those_who_may_read_what_it_sums(app: Flask, path: str, database: Database, tmp_path: Path) -> None:
    clear, green = app.test_client(), app.test_client()
    clear.environ_base["HTTP_AUTHORIZATION"], green.environ_base["HTTP_AUTHORIZATION"] = (bearer(tlp)["Authorization"] for tlp in (Tlp.CLEAR, Tlp.GREEN))
    assert "TLP:GREEN" in get(clear, path, 403)["detail"]
    get(green, path)
    get(build(database, tmp_path, anonymous=True).test_client(), path, 403)


def test_one_subject_has_ten_streams_at_most(tmp_path: Path) -> None:
    database = sqlite(tmp_path)
    broadcaster = Broadcaster(Archive(database), 100)
    leaving = [broadcaster.admit("mission") for _ in range(MOST_OF_ONE)]
    assert broadcaster.admit("mission") is Denied.CROWDED
    assert callable(broadcaster.admit("embassy"))
    assert callable(leaving[0])
    leaving[0]()
    leaving[0]()
    assert callable(broadcaster.admit("mission"))
    assert broadcaster.admit("mission") is Denied.CROWDED, "a place is given back once"
    database.close()


def test_institutions_have_pressure_now_and_over_time(api: FlaskClient) -> None:
    found = get(api, "/v1/institutions")
    assert [item["code"] for item in found["items"]] == [str(target) for target in Target]
    assert (found["as_of"], found["total"]) == ("2024-06-02", 12)
    jne = found["items"][0]
    assert jne["name"] == {"es": "Jurado Nacional de Elecciones (JNE)", "en": "National Jury of Elections (JNE)"}
    assert jne["open_total"] == sum(jne["open"].values()) == get(api, "/v1/alerts", institution="JNE", min_level="watch")["total"]
    assert (len(jne["series"]), jne["series"][-1]) == (53, {"date": "2024-06-02", "value": jne["pressure"]})
    assert jne["pressure"] > 0
    assert jne["previous_year"] == 0


def test_pressure_is_the_decayed_sum_by_hand(api: FlaskClient) -> None:
    series = get(api, "/v1/institutions/CRIME/pressure", since="2024-05-01", until="2030-01-01")["series"]
    assert (series[0]["date"], series[-1]["date"]) == ("2024-05-01", "2024-06-02")
    day = dt.date(2024, 6, 2)
    pending = get(api, "/v1/alerts", institution="CRIME", direction="weakens", min_level="watch", limit=500)["items"]
    steps = {item["move_id"]: dt.date.fromisoformat(item["changed_as_of"]) for item in pending}
    by_hand = sum(item["risk"] / 100 * 0.5 ** ((day - steps[item["move_id"]]).days / 90) for item in pending)
    assert series[-1]["value"] == pytest.approx(by_hand, abs=1e-3)


@pytest.mark.parametrize(
    ("path", "query", "status", "field"), [("XXX", {}, 404, "code"), ("JNE", {"since": "1995-01-01"}, 422, "since"), ("JNE", {"since": "yesterday"}, 422, "since")]
)
def test_pressure_refuses_by_name(api: FlaskClient, path: str, query: dict[str, str], status: int, field: str) -> None:
    assert get(api, f"/v1/institutions/{path}/pressure", status, **query)["field"] == field


def test_proofs_by_api_hold(api: FlaskClient) -> None:
    key = load_pem_public_key(api.get("/v1/ledger/key").data)
    held = Checkpoint.open(get(api, "/v1/ledger/checkpoint"), key)  # type: ignore[arg-type]
    entry = get(api, "/v1/ledger", since=16, limit=1)["items"][0]
    proof = get(api, "/v1/ledger/proof", sequence=17)
    path = [bytes.fromhex(step) for step in proof["path"]]
    assert proof["checkpoint"] == held.model_dump()
    assert verify_inclusion(leaf_hash(bytes.fromhex(entry["hash"])), 16, held.size, path, held.root_hash)
    lines = api.get("/v1/ledger/export").data.splitlines()
    older = next(Checkpoint.open(orjson.loads(line)["checkpoint"], key) for line in lines if b'"size":21' in line)  # type: ignore[arg-type]
    answer = get(api, "/v1/ledger/consistency", **{"from": 21, "to": 42})
    assert verify_consistency(21, 42, [bytes.fromhex(step) for step in answer["path"]], older.root_hash, held.root_hash)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("proof", {"sequence": 43}, 404),
        ("proof", {"sequence": 0}, 422),
        ("consistency", {"from": 43}, 404),
        ("consistency", {"from": 3, "to": 2}, 422),
        ("consistency", {}, 422),
        ("proof", {"sequence": 10**30}, 422),
    ],
)
def test_proofs_of_nothing_are_refused(api: FlaskClient, path: str, query: dict[str, Any], status: int) -> None:
    get(api, f"/v1/ledger/{path}", status, **query)


def test_the_ledger_by_pages(api: FlaskClient) -> None:
    first = get(api, "/v1/ledger", limit=40)
    rest = get(api, "/v1/ledger", since=first["next"])
    assert [entry["sequence"] for entry in first["items"] + rest["items"]] == list(range(1, 43))
    assert (rest["next"], rest["total"]) == (None, 42)


def test_without_a_token_nothing_but_the_key(app: Flask, database: Database, tmp_path: Path) -> None:
    nobody = app.test_client()
    for path in ("/v1/alerts", "/v1/alerts/x", "/v1/clusters", "/v1/summary", "/v1/institutions", "/v1/ledger", "/v1/ledger/export", "/v1/exports/alerts.csv", "/v1/stream"):
        assert nobody.get(path).status_code == 401, path
    assert nobody.get("/v1/ledger/key").status_code == 200
    assert get(build(database, tmp_path, anonymous=True).test_client(), "/v1/alerts")["total"] == 0, "nothing here is TLP:CLEAR"


def test_a_formula_in_a_title_is_text_in_csv(tmp_path: Path) -> None:
    database = sqlite(tmp_path)
    store(database).handle([assessed(move={"title": "=HYPERLINK(1)"})])
    api = build(database, tmp_path).test_client()
    rows = list(csv.DictReader(io.StringIO(api.get("/v1/exports/alerts.csv", headers=bearer()).text)))
    assert rows[0]["title"] == "'=HYPERLINK(1)"
    database.close()


def test_an_empty_house_answers(tmp_path: Path) -> None:
    database = sqlite(tmp_path)
    api = build(database, tmp_path).test_client()
    api.environ_base["HTTP_AUTHORIZATION"] = bearer()["Authorization"]
    assert get(api, "/v1/alerts") == {"items": [], "next": None, "total": 0, "total_is_floor": False}
    assert get(api, "/v1/clusters", state="all") == {"items": [], "next": None, "total": 0, "total_is_floor": False}
    assert get(api, "/v1/institutions")["items"][0]["pressure"] == 0
    assert get(api, "/v1/institutions/JNE/pressure")["series"] == []
    assert get(api, "/v1/ledger") == {"items": [], "next": None, "total": 0}
    assert get(api, "/v1/summary")["last_as_of"] is None
    assert api.get("/v1/ledger/export").data == b""
    get(api, "/v1/ledger/checkpoint", 404)
    get(api, "/v1/ledger/proof", 404, sequence=1)
    database.close()


def test_clusters_open_and_all(tmp_path: Path) -> None:
    database = sqlite(tmp_path)
    store(database).handle([filed(number) for number in (1, 2, 3)])
    app = build(database, tmp_path)
    api = app.test_client()
    api.environ_base["HTTP_AUTHORIZATION"] = bearer()["Authorization"]
    (item,) = get(api, "/v1/clusters")["items"]
    assert (item["alert_id"], item["kind"], item["pending"]) == (CLUSTER, "cluster", 3)
    assert [member["alert_id"] for member in item["members"]] == ["alert.m.1", "alert.m.2", "alert.m.3"]
    assert get(api, f"/v1/alerts/{CLUSTER}")["headline"] == item["headline"]
    assert get(api, "/v1/clusters", institution="TC")["total"] == 0
    fuzz(schemathesis.openapi.from_wsgi("/openapi.json", app)["/v1/clusters"]["GET"].as_strategy())
    store(database).handle([filed(1, revision=2, later=40, stage=Stage.SHELVED)])
    assert (get(api, "/v1/clusters")["total"], get(api, "/v1/clusters", state="all")["total"]) == (0, 1)
    assert get(api, "/v1/clusters", 422, state="none")["status"] == 422
    database.close()


def test_fuzzed_from_its_document_nothing_breaks(app: Flask) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app).exclude(path="/v1/stream")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 14
    for operation in operations:
        fuzz(operation.as_strategy())


def fuzz(cases: Any) -> None:
    @given(case=cases)
    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        # A cursor is opaque: most that have its form are none, and are refused by name.
        case.call_and_validate(headers=bearer(), excluded_checks=[positive_data_acceptance])

    check()


def test_what_began_before_the_window_still_presses(tmp_path: Path) -> None:
    database = sqlite(tmp_path)
    store(database).handle([assessed("m.1", as_of="2021-01-01", targets=(Target.TC,)), assessed("m.2", as_of="2024-01-01", targets=(Target.TC,))])
    api = build(database, tmp_path).test_client()
    api.environ_base["HTTP_AUTHORIZATION"] = bearer()["Authorization"]
    found = {item["code"]: item for item in get(api, "/v1/institutions")["items"]}["TC"]
    series = {point["date"]: point["value"] for point in get(api, "/v1/institutions/TC/pressure", since="2021-01-01")["series"]}
    assert series["2021-01-01"] == 0.71
    assert found["pressure"] == series["2024-01-01"] == pytest.approx(0.71 + 0.71 * 0.5 ** (1095 / 90), abs=1e-4)
    assert found["previous_year"] == series["2023-01-01"] > 0
    database.close()
