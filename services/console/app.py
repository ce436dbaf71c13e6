"""The console's application. In: the desk (pack, siblings, languages, sign-in) and the door; out: a Flask app of pages under a strict Content-Security-Policy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import structlog
from flask import Flask, Response, current_app, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Redirect

from services.console import chart
from services.console.document import openapi
from services.console.language import LOCALES, choose
from services.console.page import Desk, Page
from services.console.pages import alert, alerts, institutions, now, session, sources, subscriptions
from shared.errors import Refused, Retryable
from shared.events import Tlp
from shared.http import Door, add_operations, guard, problem, reader, reply, who
from shared.identity import ANONYMOUS, COOKIE, Identity

log = structlog.get_logger(__name__)
HERE = Path(__file__).parent
LANGUAGE_COOKIE = "veedor_lang"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
Show = Callable[..., Response | Redirect]
PAGES: tuple[tuple[str, str, str, Show], ...] = (
    ("GET", "/", "now", now.show),
    ("GET", "/alerts", "alerts", alerts.show),
    ("GET", "/alerts/<alert_id>", "alert", alert.show),
    ("GET", "/institutions", "institutions", institutions.show),
    ("GET", "/institutions/<code>", "institution", institutions.show_one),
    ("GET", "/sources", "sources", sources.show),
    ("GET", "/subscriptions", "subscriptions", subscriptions.show),
    ("POST", "/subscriptions", "subscribe", subscriptions.create),
    ("POST", "/subscriptions/<subscription_id>", "subscription", subscriptions.change),
    ("POST", "/sign-out", "leave", session.leave),
)
OPEN_PAGES: tuple[tuple[str, str, str, Show], ...] = (
    ("GET", "/session", "session", session.ask),
    ("POST", "/session", "enter", session.enter),
    ("GET", "/signed-out", "signed_out", session.signed_out),
)


def versions(folder: Path) -> dict[str, str]:
    """Address of every static file with a digest of its content, so that it may be cached for ever."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {(name := path.relative_to(folder).as_posix()): f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}" for path in found}


def create_app(door: Door, desk: Desk) -> Flask:
    """The console as a WSGI application."""
    app = Flask("console", template_folder=str(HERE / "templates"), static_folder=str(HERE / "static"), static_url_path="/static")
    app.config["FORMS"] = True
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 365 * 86400
    app.url_map.strict_slashes = False
    app.accepts_forms = True  # type: ignore[attr-defined]
    app.extensions["door"] = door
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["meter"] = chart.meter
    guard(app, "console")
    add_operations(app, door)
    for method, rule, name, show in PAGES:
        app.add_url_rule(rule, name, view(desk, show, signed_in=True), methods=[method])
    for method, rule, name, show in OPEN_PAGES:
        app.add_url_rule(rule, name, view(desk, show, signed_in=False), methods=[method])
    app.add_url_rule("/openapi.json", "openapi", lambda: reply(openapi((method, rule, name) for method, rule, name, _ in (*PAGES, *OPEN_PAGES))))
    app.after_request(protect)
    render_errors(app, desk)
    return app


def view(desk: Desk, show: Show, *, signed_in: bool) -> Show:
    """A page as a Flask view: its session, its language, its cookie."""

    def shown(**place: str) -> Response | Redirect:
        page = open_page(desk, signed_in=signed_in)
        response = show(page, **place)
        if request.args.get("lang") in LOCALES:
            response.set_cookie(LANGUAGE_COOKIE, page.tongue.code, max_age=365 * 86400, httponly=True, samesite="Lax", secure=desk.secure)
        return response

    return shown


def open_page(desk: Desk, *, signed_in: bool) -> Page:
    """The page of this request. Raises Refused (401) where a session is needed and there is none."""
    code = choose(request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE), request.accept_languages.best_match(list(LOCALES)))
    page = Page(desk, desk.tongues[code], exercise=desk.exercise)
    if signed_in:
        page.tlp = Tlp.GREEN
        page.identity = reader() if request.method == "GET" else who()
        if page.identity is ANONYMOUS and request.method != "GET":
            raise Refused("needs a session: sign in again", field="Authorization", status=401)
        bearer = request.headers.get("Authorization", "").partition(" ")[2].strip()
        page.token = bearer or request.cookies.get(COOKIE, "")
    return page


def known_session() -> tuple[str, Identity]:
    """The session's token and who holds it, for a page that is shown whatever the session is worth."""
    token = request.cookies.get(COOKIE, "")
    try:
        return (token, current_app.extensions["door"].verifier.verify(token)) if token else ("", ANONYMOUS)
    except Refused:
        return "", ANONYMOUS


def protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response


def render_errors(app: Flask, desk: Desk) -> None:
    """Errors as pages for people; as problem+json for everything that does not ask for HTML."""

    def failed(status: int, detail: str, field: str = "") -> Response:
        if "text/html" not in request.accept_mimetypes.values():
            return problem(status, detail, field=field)
        page = open_page(desk, signed_in=False)
        if status != 401:
            page.token, page.identity = known_session()
        if status == 401:
            return page.render("signed_out.html", status=401, why=detail if request.cookies.get(COOKIE) or field == "token" else "")
        return page.render("error.html", status=status, code=status, detail=detail, field=field)

    def bug(error: Exception) -> Response:
        log.exception("request failed: this is a bug", path=request.path, method=request.method, error=repr(error))
        return failed(500, "")

    app.register_error_handler(Refused, lambda error: failed(error.status, error.detail, error.field))
    app.register_error_handler(Retryable, lambda error: failed(503, str(error)))
    app.register_error_handler(HTTPException, lambda error: failed(error.code or 500, error.description or "") if (error.code or 500) >= 400 else error.get_response())
    app.register_error_handler(Exception, bug)
