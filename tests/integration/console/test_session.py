"""Signing in by the printed link, staying in, signing out; nothing without a session."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from shared.identity import COOKIE, Role
from tests.integration.console.house import House

HTML = {"Accept": "text/html"}


def path_of(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def token_of(link: str) -> str:
    return urlsplit(link).query.removeprefix("token=")


def sign_in(house: House, link: str) -> FlaskClient:
    client = house.app.test_client()
    assert client.get(path_of(link), headers=HTML).status_code == 200
    answer = client.post("/session", data={"token": token_of(link)}, headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
    return client


def test_the_link_signs_in_once_with_a_strict_cookie(house: House) -> None:
    link = house.link("http://127.0.0.1:8400")
    assert link.startswith("http://127.0.0.1:8400/session?token=")
    client = house.app.test_client()
    page = client.get(path_of(link), headers=HTML)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers
    answer = client.post("/session", data={"token": token_of(link)}, headers=HTML)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert client.get("/", headers=HTML).status_code == 200
    again = house.app.test_client().post("/session", data={"token": token_of(link)}, headers=HTML)
    assert again.status_code == 401
    assert "ya no sirven" in again.text


def test_a_link_ends_after_ten_minutes_and_is_no_session_itself(house: House) -> None:
    link = house.link()
    client = house.app.test_client()
    client.set_cookie(COOKIE, token_of(link), domain="localhost")
    assert client.get("/", headers=HTML).status_code == 401
    house.now += dt.timedelta(minutes=11)
    assert house.app.test_client().post("/session", data={"token": token_of(link)}, headers=HTML).status_code == 401


def test_a_sign_in_from_another_site_is_refused(house: House) -> None:
    answer = house.app.test_client().post("/session", data={"token": token_of(house.link())}, headers=HTML | {"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_without_a_session_every_page_says_calmly_how_to_get_in(house: House) -> None:
    client = house.app.test_client()
    for path in ("/", "/alerts", "/alerts/x", "/institutions", "/sources", "/subscriptions"):
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 401
        assert "<code>veedor up</code>" in answer.text
        assert "<code>veedor token link</code>" in answer.text
    assert house.fake.tokens == []


def test_a_session_ends_by_time_by_revocation_and_by_signing_out(house: House) -> None:
    client = sign_in(house, house.link())
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    csrf = client.get("/", headers=HTML).text.split('name="csrf" value="')[1].split('"')[0]
    assert client.post("/sign-out", data={"csrf": "wrong"}, headers=HTML).status_code == 403
    out = client.post("/sign-out", data={"csrf": csrf}, headers=HTML)
    assert (out.status_code, out.headers["Location"]) == (303, "/signed-out")
    assert client.get("/signed-out", headers=HTML).status_code == 200
    stolen = house.app.test_client()
    stolen.set_cookie(COOKIE, cookie.value, domain="localhost")
    assert stolen.get("/", headers=HTML).status_code == 401
    late = house.browser()
    house.now += dt.timedelta(hours=2)
    late.get("/", 401)


def test_junk_tokens_are_refused_not_crashed_on(house: House) -> None:
    for junk in ("", "a.b.c", "\x00", "ñ" * 300, house.token(Role.ADMIN)):
        assert house.app.test_client().post("/session", data={"token": junk}, headers=HTML).status_code == 401
