"""Signing in by a one-time link and signing out. The link's token leaves the address by a POST and a redirect; the session lives in one HttpOnly, SameSite=Strict cookie."""

from __future__ import annotations

import structlog
from flask import Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from services.console.page import Page
from shared.errors import Refused
from shared.identity import COOKIE

log = structlog.get_logger(__name__)
SECONDS = 12 * 3600


def ask(page: Page) -> Response:
    """The page behind the link: one button (pressed by a script where there is one) that posts the token."""
    return page.render("session.html", link_token=request.args.get("token", "")[:4000])


def enter(page: Page) -> Redirect:
    """Redeems the link. Refused from another site, so that nobody is signed in to someone else's session."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Refused("the sign-in must start from this console's own page: open the link again", field="token", status=403)
    session = page.desk.sign_in.redeem(request.form.get("token", "")[:4000])
    response = redirect("/", 303)
    response.set_cookie(COOKIE, session, max_age=SECONDS, httponly=True, samesite="Strict", secure=page.desk.secure, path="/")
    return response


def leave(page: Page) -> Redirect:
    """Ends the session everywhere: the cookie goes and its token is revoked."""
    try:
        page.desk.sign_in.verifier.revoked.add(page.identity.token_id)
    except OSError as error:
        log.warning("the list of revoked tokens cannot be written: the session ends by its own time", why=str(error))
    response = redirect("/signed-out", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", secure=page.desk.secure, path="/")
    return response


def signed_out(page: Page) -> Response:
    return page.render("signed_out.html")
