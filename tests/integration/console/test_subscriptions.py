"""Subscriptions by form: created with the secret shown once, refused with the field named, paused, resumed, deleted; never without the CSRF token."""

from __future__ import annotations

import pytest

from shared.identity import Role
from tests.integration.console.house import House

NEW = {"url": "https://mission.example.org/hook", "description": "Misión", "min_level": "high"}


def test_the_secret_is_shown_once(house: House) -> None:
    browser = house.browser()
    created = browser.post("/subscriptions", NEW, 201)
    assert "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" in created
    listed = browser.get("/subscriptions")
    assert "mission.example.org" in listed
    assert "whsec_" not in listed


def test_what_the_api_refuses_stands_beside_the_field_with_what_was_typed(house: House) -> None:
    text = house.browser().post("/subscriptions", NEW | {"url": "http://10.0.0.1/"}, 422)
    assert "must begin with https://" in text
    assert 'aria-invalid="true"' in text
    assert 'value="http://10.0.0.1/"' in text
    assert house.fake.subscriptions == {}


def test_a_bad_address_is_refused_in_the_page_s_language(house: House) -> None:
    assert "Esta dirección no se acepta." in house.browser().post("/subscriptions", NEW | {"url": "http://10.0.0.1/"}, 422)
    assert "is not accepted" not in house.browser(language="en").post("/subscriptions", NEW | {"url": "http://10.0.0.1/"}, 422)


def test_a_delivery_is_named_by_what_the_alert_says(house: House) -> None:
    browser = house.browser()
    browser.post("/subscriptions", NEW, 201)
    text = browser.get("/subscriptions")
    assert '<a href="/alerts/alert.pe.2021-2026.C.bill.5981">El Pleno aprobó' in text
    assert 'data-label="Dirección"' in text


def test_pause_resume_delete(house: House) -> None:
    browser = house.browser()
    browser.post("/subscriptions", NEW, 201)
    browser.post("/subscriptions/sub_1", {"act": "pause"})
    assert house.fake.subscriptions["sub_1"]["status"] == "paused"
    assert "En pausa" in browser.get("/subscriptions")
    browser.post("/subscriptions/sub_1", {"act": "resume"})
    assert house.fake.subscriptions["sub_1"]["status"] == "active"
    browser.post("/subscriptions/sub_1", {"act": "explode"}, 422)
    browser.post("/subscriptions/sub_1", {"act": "delete"})
    assert house.fake.subscriptions == {}


@pytest.mark.parametrize("path", ["/subscriptions", "/subscriptions/sub_1"])
def test_a_form_without_its_token_changes_nothing(house: House, path: str) -> None:
    house.fake.subscriptions["sub_1"] = {"id": "sub_1", "url": "https://a.example", "status": "active"}
    before = dict(house.fake.subscriptions["sub_1"])
    house.browser().post(path, NEW | {"act": "delete"}, 403, csrf=False)
    house.browser(token="").post(path, NEW | {"act": "delete"}, 401)
    assert house.fake.subscriptions == {"sub_1": before}


def test_an_observer_is_told_which_role_it_takes(house: House) -> None:
    assert "subscriber" in house.browser(house.token(Role.OBSERVER)).get("/subscriptions")


def test_a_silent_webhooks_service_changes_nothing_and_says_so(house: House) -> None:
    house.fake.down = True
    assert "does not answer now" in house.browser().post("/subscriptions", NEW, 503)
