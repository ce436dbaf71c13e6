"""HTTP once for the whole house: the API factory (problem+json, identity, limits, health, metrics, OpenAPI), the server, the client."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import orjson
import structlog
from flask import Flask, Response, current_app, g, request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from shared.body import MAX_DEPTH, find_nul, too_deep
from shared.errors import DiskFull, Full, InvalidMessage, Refused, Retryable
from shared.identity import ANONYMOUS, COOKIE, CSRF_HEADER, Identity, Role, Verifier, csrf_matches
from shared.operations import Liveness

log = structlog.get_logger(__name__)

MAX_BODY = 1 << 20
SERVER_MAX_BODY = 2 << 20
SAFE = ("GET", "HEAD", "OPTIONS")
REQUESTS = Counter("veedor_http_requests_total", "Requests answered.", ["service", "method", "status"])
SECONDS = Histogram("veedor_http_seconds", "Seconds from request to the response's head.", ["service"], buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5))
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin"}

Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]{1,200}$")]
"""An opaque place in a list, as a page's `next` gave it."""


class Problem(BaseModel):
    """RFC 9457. `field` names what is wrong; `errors` lists all of it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    errors: list[dict[str, str]] = []


class Query(BaseModel):
    """Base of query strings: a parameter we do not know is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paging(Query):
    """Cursor paging: `limit` rows from `cursor` on."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: Cursor | None = None


class Body(BaseModel):
    """Base of request bodies: strict about names, so that a typing error is an error."""

    model_config = ConfigDict(extra="forbid")


def problem(status: int, detail: str, *, field: str = "", errors: Sequence[Mapping[str, str]] = (), headers: Mapping[str, str] | None = None) -> Response:
    """The one way an error leaves the house."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, field=field or None, errors=[dict(error) for error in errors])
    response = Response(body.model_dump_json(exclude_none=True), status=status, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    response.headers.update(headers or {})
    return response


def reply(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON of a model or plain values; GETs get an ETag and answer If-None-Match."""
    if isinstance(data, BaseModel):
        data = data.model_dump(mode="json")
    response = Response(orjson.dumps(data), status=status, content_type="application/json")
    response.headers.update(headers or {})
    if request.method in ("GET", "HEAD") and status == 200:
        response.add_etag()
        response.make_conditional(request)
    return response


def described_problem(description: str) -> dict[str, Any]:
    """An OpenAPI response of the problem shape."""
    return {"description": description, "content": {"application/problem+json": {"schema": Problem.model_json_schema()}}}


COMMON_RESPONSES: dict[str | int | HTTPStatus, Any] = {
    "400": described_problem("The body is not JSON"),
    "401": described_problem("No token, or one that is not accepted"),
    "403": described_problem("The token's roles or clearance do not allow this"),
    "404": described_problem("There is no such thing"),
    "405": described_problem("The path exists, this method does not"),
    "409": described_problem("It conflicts with what is there"),
    "413": described_problem("The body is over 1 MiB"),
    "415": described_problem("The body is not application/json"),
    "429": described_problem("Too many requests; see Retry-After"),
    "503": described_problem("A dependency does not answer; see Retry-After"),
}


@dataclass
class RateLimit:
    """Token bucket a caller: `rate` a second, bursts of `burst`. Bounded in memory."""

    rate: float = 500.0
    burst: float = 1000.0
    clock: Callable[[], float] = time.monotonic
    buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, caller: str) -> float:
        """0 when the request may pass, else seconds until one may."""
        now = self.clock()
        with self.lock:
            if len(self.buckets) > 10_000:
                self.buckets.clear()
            tokens, at = self.buckets.get(caller, (self.burst, now))
            tokens = min(self.burst, tokens + (now - at) * self.rate)
            if tokens < 1:
                self.buckets[caller] = (tokens, now)
                return (1 - tokens) / self.rate
            self.buckets[caller] = (tokens - 1, now)
            return 0.0


@dataclass
class Door:
    """What every API needs from its process: who may enter, how alive and ready it is."""

    verifier: Verifier
    liveness: Liveness
    checks: Mapping[str, Callable[[], bool]] = field(default_factory=dict)
    troubles: Sequence[Callable[[], str]] = ()
    """Each says in an operator's words why no work can be taken now, or ""."""
    anonymous_clear: bool = False
    rate: RateLimit = field(default_factory=RateLimit)


def create_api(service: str, title: str, door: Door) -> OpenAPI:
    """An API with the house's manners; views are added by the caller with flask-openapi3's decorators."""
    app = OpenAPI(
        service,
        info=Info(title=title, version="1"),
        security_schemes={"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}, "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE}},
        responses=COMMON_RESPONSES,
        validation_error_status=422,
        validation_error_callback=refuse_invalid,
        doc_ui=False,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = SERVER_MAX_BODY
    app.extensions["door"] = door
    app.url_map.strict_slashes = False
    guard(app, service)
    add_operations(app, door)
    app.add_url_rule("/openapi.json", "openapi", lambda: reply(document(app)))
    return app


def document(app: OpenAPI) -> dict[str, Any]:
    """The app's OpenAPI 3.1 document; validation errors have our problem shape."""
    found: dict[str, Any] = app.api_doc
    for path in found["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"]["422"] = described_problem("A field is wrong; `field` names it")
                operation.setdefault("security", [{"bearer": []}, {"cookie": []}])
    return found


def guard(app: Flask, service: str) -> None:
    """Limits, body checks, metrics, security headers and error rendering for every request of `app`."""

    @app.before_request
    def _enter() -> Response | None:
        g.started = time.perf_counter()
        door: Door = app.extensions["door"]
        wait = door.rate.wait(request.headers.get("Authorization") or request.cookies.get(COOKIE) or request.remote_addr or "")
        if wait:
            return problem(429, "too many requests: slow down", headers={"Retry-After": str(max(1, math.ceil(wait)))})
        return _check_address() or (_check_body() if request.method not in SAFE else None)

    @app.after_request
    def _leave(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        REQUESTS.labels(service, request.method if request.method in (*SAFE, "POST", "PATCH", "PUT", "DELETE") else "other", str(response.status_code)).inc()
        if "started" in g:
            SECONDS.labels(service).observe(time.perf_counter() - g.started)
        return response

    app.register_error_handler(
        Refused, lambda error: problem(error.status, error.detail, field=error.field, errors=[{"field": error.field, "error": error.detail}] if error.field else [])
    )
    app.register_error_handler(InvalidMessage, lambda error: problem(413 if "limit" in str(error) else 422, str(error)))
    app.register_error_handler(Retryable, _render_retryable)
    app.register_error_handler(HTTPException, _render_http)
    app.register_error_handler(Exception, _render_bug)


def _check_address() -> Response | None:
    """No database takes a NUL in a text, so none gets that far."""
    if "\0" in request.path:
        return problem(404, "there is nothing at this path")
    field = next((name for name, value in request.args.items(multi=True) if "\0" in name or "\0" in value), None)
    return problem(422, "must not contain NUL characters", field=field.replace("\0", "") or "query") if field is not None else None


def _check_body() -> Response | None:
    """A body is JSON, at most 1 MiB, an object without NUL characters; anything else is refused before a view sees it."""
    if (request.content_length or 0) > MAX_BODY:
        return problem(413, f"the body is over the limit of {MAX_BODY} bytes: send less at a time")
    try:
        raw = request.get_data(cache=True)
    except RequestEntityTooLarge:
        return problem(413, f"the body is over the limit of {MAX_BODY} bytes: send less at a time")
    if len(raw) > MAX_BODY:
        return problem(413, f"the body is over the limit of {MAX_BODY} bytes: send less at a time")
    if not raw or getattr(current_app, "accepts_forms", False):
        return None
    if request.mimetype != "application/json":
        return problem(415, "send the body as application/json (UTF-8)", field="Content-Type")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return problem(400, f"the body is not JSON: {error}")
    if not isinstance(value, dict):
        return problem(422, "the body must be a JSON object", field="body")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and too_deep(value):
        return problem(422, f"the body is nested more than {MAX_DEPTH} deep", field="body")
    nul = find_nul(value) if b"\\u0000" in raw else None
    return problem(422, f"{nul}: must not contain NUL characters", field=nul) if nul else None


def refuse_invalid(error: ValidationError) -> Response:
    """pydantic's findings as one problem; `field` is the first of them."""
    found = [{"field": ".".join(map(str, item["loc"])) or "body", "error": item["msg"]} for item in error.errors(include_url=False, include_context=False, include_input=False)]
    return problem(422, f"{found[0]['field']}: {found[0]['error']}", field=found[0]["field"], errors=found)


def _render_retryable(error: Retryable) -> Response:
    log.warning("a dependency does not answer", why=str(error))
    if isinstance(error, DiskFull):
        return problem(503, "the disk is full, nothing was taken: try again when its operator has made room", headers={"Retry-After": "30"})
    if isinstance(error, Full):
        detail = "the event log is full, nothing was taken: try again when its consumers have caught up, or have its operator raise VEEDOR_LOCAL_LOG_MAX_BYTES"
        return problem(503, detail, headers={"Retry-After": "30"})
    return problem(503, "a dependency does not answer now: try again", headers={"Retry-After": "5"})


def _render_http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    code = error.code or 500
    if code < 400:
        return error.get_response()  # type: ignore[return-value]
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return problem(code, error.description or error.name, headers=headers)


def _render_bug(error: Exception) -> Response:
    log.exception("request failed: this is a bug", path=request.path, method=request.method)
    return problem(500, "something went wrong on our side; it was logged with the time of your request")


def add_operations(app: Flask, door: Door) -> None:
    """/healthz (the loops turn), /readyz (dependencies answer and have room), /metrics."""

    def healthz() -> Response:
        stuck = door.liveness.stuck()
        return problem(503, f"stuck: {', '.join(stuck)}") if stuck else reply({"status": "alive"})

    def readyz() -> Response:
        missing = [name for name, check in door.checks.items() if not check()]
        said = [f"does not answer: {', '.join(missing)}"] if missing else []
        said += [words for trouble in door.troubles if (words := trouble())]
        return problem(503, "; ".join(said), headers={"Retry-After": "5"}) if said else reply({"status": "ready"})

    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)
    app.add_url_rule("/metrics", "metrics", lambda: Response(generate_latest(), content_type=CONTENT_TYPE_LATEST))


def who() -> Identity:
    """The caller: by bearer token, by session cookie (writes need the CSRF header), or anonymous. Raises Refused (401, 403)."""
    if "identity" in g:
        found: Identity = g.identity
        return found
    door: Door = current_app.extensions["door"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    cookie = request.cookies.get(COOKIE)
    if scheme:
        if scheme.lower() != "bearer":
            raise Refused("must be `Bearer TOKEN`", field="Authorization", status=401)
        g.identity = door.verifier.verify(token.strip())
    elif cookie:
        g.identity = door.verifier.verify(cookie, by_cookie=True)
        if request.method not in SAFE and not csrf_matches(cookie, request.headers.get(CSRF_HEADER) or (request.form.get("csrf") if current_app.config.get("FORMS") else None)):
            raise Refused("is missing or does not belong to this session: reload the page and try again", field=CSRF_HEADER, status=403)
    else:
        g.identity = ANONYMOUS
    return g.identity  # type: ignore[no-any-return]


def require(*roles: Role) -> Identity:
    """The caller, who has one of `roles`. Raises Refused: 401 without a token, 403 without the role."""
    caller = who()
    if caller is ANONYMOUS:
        raise Refused("needs a token: send `Authorization: Bearer TOKEN` (`veedor token issue`)", field="Authorization", status=401)
    if not caller.may(*roles):
        raise Refused(f"needs one of the roles {', '.join(sorted(roles))}; this token has {', '.join(sorted(caller.roles)) or 'none'}", field="Authorization", status=403)
    return caller


def reader() -> Identity:
    """The caller of a read: anyone with a token, and anonymous only where TLP:CLEAR is open to all."""
    caller = who()
    door: Door = current_app.extensions["door"]
    if caller is ANONYMOUS and not door.anonymous_clear:
        raise Refused("needs a token: send `Authorization: Bearer TOKEN` (`veedor token issue`), or sign in", field="Authorization", status=401)
    return caller


def client(base_url: str = "", *, transport: httpx.BaseTransport | None = None, timeout: float = 10.0, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """The one HTTP client of the house (webhook lanes excepted): bounded, no redirects, no proxy from the environment."""
    return httpx.Client(
        base_url=base_url,
        transport=transport,
        timeout=httpx.Timeout(timeout, connect=5.0),
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
        follow_redirects=False,
        trust_env=False,
        headers=dict(headers or {}),
    )
