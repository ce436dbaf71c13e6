"""Reads the siblings' HTTP APIs. In: a service, a path, the session's token; out: an Answer that says how fresh it is, the last good one when a sibling is silent."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from shared.errors import Refused, Retryable

log = structlog.get_logger(__name__)

Model = TypeVar("Model", bound=BaseModel)
Params = Mapping[str, Any]
REMEMBERED = 2000
PASSED_ON = (400, 401, 404, 409, 422)
"""Statuses that are about the request, not about the sibling's health: the page says them to the person who asked."""


@dataclass(frozen=True)
class Answer(Generic[Model]):
    """What a sibling said, when it was read, since when it is silent (None while it answers). `value` is None when nothing was ever read, `denied` when this session may not."""

    service: str
    value: Model | None
    read_at: dt.datetime | None
    silent_since: dt.datetime | None = None
    denied: bool = False


@dataclass
class Siblings:
    """The services behind the pages, by name, each with its client. Keeps the last good answer of each session, bounded."""

    clients: Mapping[str, httpx.Client]
    now: Callable[[], dt.datetime]
    kept: OrderedDict[tuple[str, ...], tuple[BaseModel, dt.datetime]] = field(default_factory=OrderedDict)
    silent: dict[str, dt.datetime] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, service: str, path: str, model: type[Model], *, token: str, params: Params | None = None) -> Answer[Model]:
        """GETs `path` as `model`. Raises Refused for what is wrong with the request itself (unknown id, bad filter, ended session)."""
        place = (service, path, repr(sorted((params or {}).items())), model.__name__, hashlib.sha256(token.encode()).hexdigest())
        try:
            response = self._send(service, "GET", path, token, params=params)
            if response.status_code == 403:
                return Answer(service, None, self.now(), denied=True)
            return self._keep(place, model.model_validate_json(response.content))
        except (Retryable, ValidationError) as error:
            return self._last(place, error)

    def write(self, service: str, method: str, path: str, *, token: str, body: Params | None = None) -> dict[str, Any]:
        """Sends a write on behalf of the session; the answer's JSON object. Raises Refused with the sibling's own words, 503 when it is silent."""
        try:
            response = self._send(service, method, path, token, body=body)
        except Retryable as error:
            raise Refused("does not answer now: nothing was changed; try again in a minute", field=service, status=503) from error
        if response.status_code == 403:
            raise refused(response)
        return cast(dict[str, Any], response.json()) if response.content else {}

    def _send(self, service: str, method: str, path: str, token: str, *, params: Params | None = None, body: Params | None = None) -> httpx.Response:
        try:
            response = self.clients[service].request(method, path, params=params, json=body, headers={"Authorization": f"Bearer {token}"} if token else {})
        except (httpx.HTTPError, KeyError) as error:
            raise Retryable(f"{service} {path}: {error!r}") from error
        if response.status_code in PASSED_ON:
            raise refused(response)
        if response.status_code >= 500 or response.status_code == 429 or 300 <= response.status_code < 400:
            raise Retryable(f"{service} {path}: status {response.status_code}")
        return response

    def _keep(self, place: tuple[str, ...], value: Model) -> Answer[Model]:
        at = self.now()
        with self.lock:
            self.silent.pop(place[0], None)
            self.kept[place] = (value, at)
            self.kept.move_to_end(place)
            while len(self.kept) > REMEMBERED:
                self.kept.popitem(last=False)
        return Answer(place[0], value, at)

    def _last(self, place: tuple[str, ...], error: Exception) -> Answer[Model]:
        with self.lock:
            since = self.silent.setdefault(place[0], self.now())
            value, at = self.kept.get(place, (None, None))
        log.warning("a sibling does not answer", service=place[0], path=place[1], why=str(error))
        return Answer(place[0], cast("Model | None", value), at, since)


def refused(response: httpx.Response) -> Refused:
    """A sibling's problem+json as the failure it names."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    found = problem if isinstance(problem, dict) else {}
    return Refused(str(found.get("detail") or response.reason_phrase), field=str(found.get("field") or ""), status=response.status_code)


def stale(answers: Sequence[Answer[Any]]) -> list[Answer[Any]]:
    """Those of `answers` that are not fresh, one a service: the oldest silence."""
    silent: dict[str, Answer[Any]] = {}
    for answer in answers:
        if answer.silent_since and (answer.service not in silent or answer.value is None):
            silent[answer.service] = answer
    return list(silent.values())
