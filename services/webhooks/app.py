"""The API of webhooks: subscriptions, the delivery log, the pull feed and the public keys. In: requests; out: JSON. A subscriber sees only their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from services.webhooks import answers as shape
from services.webhooks.egress import Egress
from services.webhooks.history import History, Wanted
from services.webhooks.intake import Intake
from services.webhooks.signing import jwks, signed_headers
from services.webhooks.store import DeliveryRow, SubscriptionRow
from services.webhooks.subscribers import Subscribers, Waiting
from services.webhooks.subscription import State
from shared.errors import Refused
from shared.http import Door, Paging, create_api, reply, require
from shared.identity import Identity, Role

WRITERS = (Role.SUBSCRIBER, Role.OPERATOR)
SUBSCRIPTIONS, DELIVERIES, FEED = Tag(name="Subscriptions"), Tag(name="Deliveries"), Tag(name="Feed and keys")


class Sending(Protocol):
    """What the API tells whoever sends."""

    def wake(self, subscriptions: set[str]) -> None: ...

    def forget(self, subscription_id: str) -> None: ...


@dataclass(frozen=True)
class Parts:
    """What the views work with. `now` is real time (UTC), for signatures."""

    subscribers: Subscribers
    intake: Intake
    history: History
    egress: Egress
    sending: Sending
    key: Ed25519PrivateKey
    now: Callable[[], dt.datetime]


def create_app(door: Door, parts: Parts) -> OpenAPI:
    app = create_api("webhooks", "Veedor webhooks", door)
    add_subscriptions(app, parts)
    add_deliveries(app, parts)
    add_feed(app, parts)
    return app


def add_subscriptions(app: OpenAPI, parts: Parts) -> None:
    subscribers = parts.subscribers

    @app.post("/v1/subscriptions", summary="Subscribe an address (or, without url, a pull feed)", tags=[SUBSCRIPTIONS], responses={"201": shape.Created})
    def post_subscription(body: shape.NewSubscription) -> Response:
        caller = require(*WRITERS)
        if body.url is not None:
            parts.egress.vet_now(body.url)
        row = subscribers.create(caller, url=body.url, description=body.description, filters=body.filters(), max_per_second=body.max_per_second)
        return reply(shape.created(row), 201, {"Location": f"/v1/subscriptions/{row.subscription_id}"})

    @app.get("/v1/subscriptions", summary="Own subscriptions (operators see all)", tags=[SUBSCRIPTIONS], responses={"200": shape.SubscriptionPage})
    def get_subscriptions(query: Paging) -> Response:
        rows, total = subscribers.page(require(*Role), query.limit, shape.opened_time(query.cursor))
        waiting = subscribers.waiting([row.subscription_id for row in rows])
        items = [shape.shown_subscription(row, waiting.get(row.subscription_id, Waiting())) for row in rows]
        more = shape.cursor(rows[-1].created_at.isoformat(), rows[-1].subscription_id) if len(rows) == query.limit else None
        return reply(shape.SubscriptionPage(items=items, next=more, total=total))

    @app.get("/v1/subscriptions/<string:subscription_id>", summary="One subscription", tags=[SUBSCRIPTIONS], responses={"200": shape.SubscriptionPublic})
    def get_subscription(path: shape.SubscriptionPath) -> Response:
        return reply(_shown(subscribers, subscribers.get(require(*Role), path.subscription_id)))

    @app.patch("/v1/subscriptions/<string:subscription_id>", summary="Change, pause or resume", tags=[SUBSCRIPTIONS], responses={"200": shape.SubscriptionPublic})
    def patch_subscription(path: shape.SubscriptionPath, body: shape.SubscriptionChanges) -> Response:
        caller = require(*WRITERS)
        subscribers.get(caller, path.subscription_id)
        if body.url is not None:
            parts.egress.vet_now(body.url)
        row = subscribers.change(caller, path.subscription_id, body.columns(), body.filters(), State(body.status) if body.status else None)
        parts.sending.forget(path.subscription_id)
        return reply(_shown(subscribers, row))

    @app.delete("/v1/subscriptions/<string:subscription_id>", summary="Stop at once and drop what waits", tags=[SUBSCRIPTIONS], responses={"204": None})
    def delete_subscription(path: shape.SubscriptionPath) -> Response:
        subscribers.delete(require(*WRITERS), path.subscription_id)
        parts.sending.forget(path.subscription_id)
        return Response(status=204)

    @app.post("/v1/subscriptions/<string:subscription_id>/secret", summary="A new secret, shown once", tags=[SUBSCRIPTIONS], responses={"201": shape.Created})
    def post_secret(path: shape.SubscriptionPath, body: shape.SecretRenewal) -> Response:
        row = subscribers.renew_secret(require(*WRITERS), path.subscription_id, dt.timedelta(hours=body.overlap_hours))
        parts.sending.forget(path.subscription_id)
        return reply(shape.created(row), 201)

    @app.post("/v1/subscriptions/<string:subscription_id>/test", summary="Send a signed test event", tags=[SUBSCRIPTIONS], responses={"202": shape.DeliveryPublic})
    def post_test(path: shape.SubscriptionPath) -> Response:
        caller = require(*WRITERS)
        subscribers.get(caller, path.subscription_id)
        row, _ = parts.history.get(caller, parts.intake.take_trial(path.subscription_id))
        return _queued(parts, row)


def add_deliveries(app: OpenAPI, parts: Parts) -> None:
    history = parts.history

    @app.get("/v1/deliveries", summary="What was sent, newest first", tags=[DELIVERIES], responses={"200": shape.DeliveryPage})
    def get_deliveries(query: shape.DeliveryQuery) -> Response:
        wanted = Wanted(query.subscription, query.status, query.alert_id, query.since)
        rows, total = history.page(require(*Role), wanted, query.limit, shape.opened_time(query.cursor))
        more = shape.cursor(rows[-1].created_at.isoformat(), rows[-1].delivery_id) if len(rows) == query.limit else None
        return reply(shape.DeliveryPage(items=[shape.shown_delivery(row) for row in rows], next=more, total=total))

    @app.get("/v1/deliveries/<string:delivery_id>", summary="One delivery with its attempts", tags=[DELIVERIES], responses={"200": shape.DeliveryDetail})
    def get_delivery(path: shape.DeliveryPath) -> Response:
        return reply(shape.detailed(*history.get(require(*Role), path.delivery_id)))

    @app.post("/v1/deliveries/<string:delivery_id>/redeliver", summary="Send it again under the same id", tags=[DELIVERIES], responses={"202": shape.DeliveryPublic})
    def post_redeliver(path: shape.DeliveryPath) -> Response:
        return _queued(parts, history.send_again(require(*WRITERS), path.delivery_id))


def add_feed(app: OpenAPI, parts: Parts) -> None:
    @app.get("/v1/feed", summary="A subscription's events by number, signed, for networks that let nothing in", tags=[FEED], responses={"200": shape.FeedPage})
    def get_feed(query: shape.FeedQuery) -> Response:
        subscription = _subscription_of_feed(parts.subscribers, require(*Role), query.subscription)
        after = _known(query.place(), subscription)
        parts.history.acknowledge(subscription, after)
        rows, total = parts.history.feed(subscription.subscription_id, after, query.limit)
        items = [_feed_item(parts, subscription, row) for row in rows]
        place = shape.cursor(rows[-1].sequence if rows else after)
        return reply(shape.FeedPage(subscription_id=subscription.subscription_id, items=items, next=place, total=total))

    keys = shape.KeySet.model_validate(jwks([parts.key.public_key()]))

    @app.get("/.well-known/jwks.json", summary="The keys that sign deliveries", tags=[FEED], security=[], responses={"200": shape.KeySet})
    def get_keys() -> Response:
        return reply(keys, headers={"Cache-Control": "public, max-age=300"})


def _shown(subscribers: Subscribers, row: SubscriptionRow) -> shape.SubscriptionPublic:
    return shape.shown_subscription(row, subscribers.waiting([row.subscription_id]).get(row.subscription_id, Waiting()))


def _queued(parts: Parts, row: DeliveryRow) -> Response:
    parts.sending.wake({row.subscription_id})
    return reply(shape.shown_delivery(row), 202)


def _subscription_of_feed(subscribers: Subscribers, caller: Identity, named: str | None) -> SubscriptionRow:
    """The one named, or the caller's only one. Raises Refused (404, 422)."""
    if named is not None:
        return subscribers.get(caller, named)
    rows, total = subscribers.page(caller, 1, None)
    if total != 1:
        raise Refused(f"is needed: you can read {total} subscriptions; name one (GET /v1/subscriptions lists them, POST makes one)", field="subscription")
    return rows[0]


def _known(after: int, subscription: SubscriptionRow) -> int:
    """The place asked for. Raises Refused (409) when it is beyond the last event: this is then not the history the reader has read, as after a restore from a backup."""
    last = subscription.last_sequence
    if after > last:
        raise Refused(
            f"your place is beyond ours: you have read to {after}, our last event is {last}; start again from after={last} (after=0 has everything)", field="after", status=409
        )
    return after


def _feed_item(parts: Parts, subscription: SubscriptionRow, row: DeliveryRow) -> shape.FeedItem:
    headers = signed_headers(row.body, webhook_id=row.delivery_id, timestamp=int(parts.now().timestamp()), secrets=(subscription.secret,), key=parts.key)
    signed = {name.replace("-", "_"): value for name, value in headers.items()}
    return shape.FeedItem(sequence=row.sequence, body=row.body.decode(), **signed)
