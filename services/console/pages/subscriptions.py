"""Subscriptions: where signed alerts are sent. Lists, creates (the secret is shown once), pauses, resumes, deletes; every write is a form with a CSRF token."""

from __future__ import annotations

from flask import Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from services.console.answers import Alert, Delivery, Listing, Subscription
from services.console.page import Page
from shared.errors import Refused
from shared.events import Level, Tlp, Words
from shared.identity import Role

LEVELS = tuple(level for level in Level if level is not Level.NONE)


def may_subscribe(page: Page) -> bool:
    return page.identity.may(Role.SUBSCRIBER, Role.OPERATOR)


def show(page: Page, *, created: Subscription | None = None, error: Refused | None = None, status: int = 200) -> Response:
    page.tlp = Tlp.AMBER  # who is told what is for the people concerned
    found = page.read("webhooks", "/v1/subscriptions", Listing[Subscription]).value if may_subscribe(page) else None
    recent = page.read("webhooks", "/v1/deliveries", Listing[Delivery], limit=20).value if found and found.items else None
    page.today(page.summary())
    return page.render(
        "subscriptions.html",
        status=status,
        headlines=headlines(page) if recent and recent.items else {},
        allowed=may_subscribe(page),
        subscriptions=found.items if found else None,
        deliveries=recent.items if recent else (),
        created=created,
        error=error,
        given=request.form,
        levels=LEVELS,
        names={subscription.id: subscription.name for subscription in found.items} if found else {},
    )


def headlines(page: Page) -> dict[str, Words]:
    """The sentences of the alerts that changed last, by id: a delivery knows its alert's id alone."""
    found = page.read("alerting", "/v1/alerts", Listing[Alert], sort="-changed", limit=200).value
    return {alert.alert_id: alert.headline for alert in found.items} if found else {}


def create(page: Page) -> Response:
    """Creates a subscription; what the API refuses stands beside its field, with what was typed."""
    body = {name: request.form.get(name, "").strip() for name in ("url", "description", "min_level")}
    try:
        created = Subscription.model_validate(page.write("POST", "/v1/subscriptions", {name: value for name, value in body.items() if value}))
    except Refused as error:
        return show(page, error=error, status=error.status)
    return show(page, created=created, status=201)


def change(page: Page, subscription_id: str) -> Redirect | Response:
    """Pauses, resumes or deletes one subscription, then shows the list again."""
    act = request.form.get("act", "")
    place = f"/v1/subscriptions/{subscription_id}"
    try:
        if act == "delete":
            page.write("DELETE", place)
        elif act in ("pause", "resume"):
            page.write("PATCH", place, {"status": "paused" if act == "pause" else "active"})
        else:
            raise Refused("must be pause, resume or delete: use the buttons of the list", field="act")
    except Refused as error:
        return show(page, error=error, status=error.status)
    return redirect("/subscriptions", 303)
