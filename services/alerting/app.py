"""Alerting's API: alerts, clusters, institutions, the ledger with its proofs, exports, the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Response, current_app, request
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from services.alerting import answers as shape
from services.alerting.archive import Archive
from services.alerting.catalogue import AlertFilter, Catalogue
from services.alerting.checkpoint import Checkpoint
from services.alerting.export import csv_lines, json_lines
from services.alerting.institutions import Institutions
from services.alerting.stream import MOST_OF_ONE, Broadcaster, Denied
from shared.errors import Refused
from shared.events import Tlp
from shared.http import Door, create_api, problem, reader, reply
from shared.identity import ANONYMOUS, Identity

ALERTS = Tag(name="Alerts")
LEDGER = Tag(name="Ledger", description="Append-only, hash-chained, with signed checkpoints: verify it offline with `veedor verify`")
MOST_SEQUENCE = 2**31 - 1
RETRY = "10"
DENIALS = {
    Denied.FULL: (503, "all places for watchers are taken: try again shortly, or poll /v1/alerts?changed_since="),
    Denied.CROWDED: (429, f"this token's subject has {MOST_OF_ONE} streams open, which is the most: close one, or poll /v1/alerts?changed_since="),
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views delegate to. `public_key` is the ledger's key in PEM."""

    catalogue: Catalogue
    institutions: Institutions
    archive: Archive
    broadcaster: Broadcaster
    public_key: str


def create_app(door: Door, parts: Parts) -> OpenAPI:
    app = create_api("alerting", "Veedor alerting", door)
    _alerts(app, parts)
    _institutions(app, parts)
    _ledger(app, parts)
    _exports(app, parts)
    _stream(app, parts)
    return app


def _alerts(app: OpenAPI, parts: Parts) -> None:
    @app.get("/v1/alerts", summary="Alerts, filtered, by pages", tags=[ALERTS], responses={"200": shape.AlertPage})
    def get_alerts(query: shape.AlertQuery) -> Response:
        return reply(parts.catalogue.page(query, reader().clearance, sort=query.sort, cursor=query.cursor, limit=query.limit))

    @app.get("/v1/alerts/<string:alert_id>", summary="One alert with everything", tags=[ALERTS], responses={"200": shape.AlertDetail})
    def get_alert(path: shape.AlertPath) -> Response:
        return reply(parts.catalogue.one(path.alert_id, reader().clearance))

    @app.get("/v1/clusters", summary="Clusters: more filings against one institution than chance explains", tags=[ALERTS], responses={"200": shape.AlertPage})
    def get_clusters(query: shape.ClusterQuery) -> Response:
        return reply(parts.catalogue.page(query.chosen(), reader().clearance, sort="-changed", cursor=query.cursor, limit=query.limit))

    @app.get("/v1/summary", summary="Totals", tags=[ALERTS], responses={"200": shape.Summary})
    def get_summary() -> Response:
        return reply(parts.catalogue.summary(reader().clearance))


def _institutions(app: OpenAPI, parts: Parts) -> None:
    @app.get("/v1/institutions", summary="Pressure on each institution", tags=[ALERTS], responses={"200": shape.InstitutionPage})
    def get_institutions() -> Response:
        return reply(parts.institutions.all(cleared(reader()).clearance))

    @app.get("/v1/institutions/<string:code>/pressure", summary="The daily series of one institution", tags=[ALERTS], responses={"200": shape.Pressure})
    def get_pressure(path: shape.InstitutionPath, query: shape.PressureQuery) -> Response:
        cleared(reader())
        return reply(parts.institutions.pressure(path.code, query.since, query.until))


def _ledger(app: OpenAPI, parts: Parts) -> None:
    @app.get("/v1/ledger", summary="Entries after a sequence", tags=[LEDGER], responses={"200": shape.LedgerPage})
    def get_ledger(query: shape.LedgerQuery) -> Response:
        found, size = parts.archive.entries(query.since, query.limit, reader().clearance), parts.archive.size()
        last = found[-1]["sequence"] if found else size
        return reply({"items": found, "next": last if last < size else None, "total": size})

    @app.get("/v1/ledger/checkpoint", summary="The latest signed checkpoint", tags=[LEDGER], responses={"200": Checkpoint})
    def get_checkpoint() -> Response:
        reader()
        found = parts.archive.checkpoint()
        return reply(found) if found else problem(404, "nothing was said yet, so nothing is signed: ask again after the first alert")

    @app.get("/v1/ledger/proof", summary="Proof that an entry stands under the latest checkpoint", tags=[LEDGER], responses={"200": shape.Inclusion})
    def get_proof(query: shape.ProofQuery) -> Response:
        reader()
        return reply(parts.archive.inclusion(query.sequence))

    @app.get("/v1/ledger/consistency", summary="Proof that one checkpoint only adds to another", tags=[LEDGER], responses={"200": shape.Consistency})
    def get_consistency(query: shape.ConsistencyQuery) -> Response:
        reader()
        return reply(parts.archive.consistency(query.first, query.second))

    @app.get("/v1/ledger/export", summary="All entries and checkpoints as JSON lines", tags=[LEDGER], responses={"200": _file("application/x-ndjson")})
    def get_export() -> Response:
        return _download(parts.archive.export(reader().clearance), "application/x-ndjson", "ledger.jsonl")

    @app.get("/v1/ledger/key", summary="The public key of the checkpoints; no token needed", tags=[LEDGER], responses={"200": _file("application/x-pem-file")}, security=[{}])
    def get_key() -> Response:
        return Response(parts.public_key, content_type="application/x-pem-file")


def _exports(app: OpenAPI, parts: Parts) -> None:
    @app.get("/v1/exports/alerts.jsonl", summary="Exactly the filtered set as JSON lines", tags=[ALERTS], responses={"200": _file("application/x-ndjson")})
    def get_jsonl(query: AlertFilter) -> Response:
        return _download(json_lines(parts.catalogue.every(query, reader().clearance)), "application/x-ndjson", "alerts.jsonl")

    @app.get("/v1/exports/alerts.csv", summary="Exactly the filtered set as CSV", tags=[ALERTS], responses={"200": _file("text/csv; charset=utf-8")})
    def get_csv(query: AlertFilter) -> Response:
        return _download(csv_lines(parts.catalogue.every(query, reader().clearance)), "text/csv; charset=utf-8", "alerts.csv")


def _stream(app: OpenAPI, parts: Parts) -> None:
    @app.get("/v1/stream", summary="Live alerts (server-sent events)", tags=[ALERTS], responses={"200": _file("text/event-stream")})
    def get_stream(query: shape.StreamQuery) -> Response:
        caller, since = reader(), resume_after(request.headers.get("Last-Event-ID"), query.since)
        leave = parts.broadcaster.admit(caller.subject)
        if isinstance(leave, Denied):
            return problem(*DENIALS[leave], headers={"Retry-After": RETRY})
        frames = parts.broadcaster.watch(since, caller.clearance, _still_valid(caller))
        response = Response(frames, content_type="text/event-stream", headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})
        response.call_on_close(leave)
        return response


def cleared(caller: Identity, needed: Tlp = Tlp.GREEN) -> Identity:
    """The caller, who may read `needed`: pressure sums what the alerts say, so it is marked as they are. Raises Refused (403)."""
    if caller.clearance.rank < needed.rank:
        raise Refused(f"needs a clearance of {needed}, yours is {caller.clearance}: ask your operator for a token with it (`veedor token issue --clearance {needed}`)", status=403)
    return caller


def resume_after(header: str | None, since: int | None) -> int | None:
    """Where a watcher resumes: the browser's own header goes before the address it first opened. Raises Refused."""
    if not header:
        return since
    if not header.isascii() or not header.isdigit() or len(header) > 10 or int(header) > MOST_SEQUENCE:
        raise Refused("must be the id of the last event you got: a ledger sequence", field="Last-Event-ID")
    return int(header)


def _still_valid(caller: Identity) -> Callable[[], bool]:
    """Whether the caller's token is neither expired nor revoked meanwhile: a stream may outlive it."""
    verifier = current_app.extensions["door"].verifier
    return lambda: caller is ANONYMOUS or (caller.expires > verifier.now() and caller.token_id not in verifier.revoked)


def _file(content_type: str) -> dict[str, object]:
    return {"description": "OK", "content": {content_type: {"schema": {"type": "string"}}}}


def _download(lines: Iterable[bytes], content_type: str, name: str) -> Response:
    return Response(lines, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"})
