"""The console in a real browser on the real alerting, ingest and webhooks: signs in by the link, watches an alert arrive live, opens it, switches language."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from services.alerting import main as alerting
from services.console import main as console
from services.ingest import main as ingest
from services.webhooks import main as webhooks
from shared.bus.contract import Record
from shared.events import Assessment, Direction, Factor, Instrument, Level, Mechanism, Move, MoveAssessed, Stage, Step, Target, Words
from shared.http import client
from shared.operations import Crew
from shared.process import Context, Part, open_context
from shared.server import Mount, Server
from shared.settings import Settings
from tests.parts.chromium import flags

PREFIXES = {
    "ingest": ("/v1/moves", "/v1/sources"),
    "alerting": ("/v1/alerts", "/v1/institutions", "/v1/ledger", "/v1/stream", "/v1/exports", "/v1/summary"),
    "webhooks": ("/v1/subscriptions", "/v1/deliveries"),
}
TODAY = dt.date(2024, 5, 31)
BILL = "pe.2021-2026.C.bill.5981"


@dataclass
class House:
    """A running console with what stands behind it."""

    context: Context
    console: Part
    url: str
    said: int = field(default=0)

    def assess(self, level: Level, risk: float, *, number: int = 5981, stage: Stage = Stage.FIRST_VOTE) -> None:
        """What scoring would publish of a move today."""
        self.said += 1
        event = assessed(f"pe.2021-2026.C.bill.{number}", self.said, level, risk, stage)
        with closing(self.context.bus.producer()) as producer:
            producer.publish([Record(event.TOPIC, event.key, event.encode())])


def assessed(move_id: str, revision: int, level: Level, risk: float, stage: Stage) -> MoveAssessed:
    title = "Ley que modifica la Ley 30077, Ley contra el Crimen Organizado"
    steps = (Step(stage=Stage.FILED, date=dt.date(2023, 10, 5)), Step(stage=stage, date=TODAY, native_stage="Aprobado en primera votación"))
    number = move_id.rsplit(".", 1)[1]
    move = Move(move_id=move_id, key=number, country="pe", period="2021-2026", chamber="C", instrument=Instrument.BILL, aliases=(f"PL {number}",), title=title, steps=steps)
    label = Words(es="Toca la persecución del crimen organizado", en="Touches the prosecution of organised crime")
    judged = Assessment(
        relevance=1,
        targets=(Target.CRIME,),
        mechanisms=(Mechanism.POWERS,),
        direction=Direction.WEAKENS,
        abstained=False,
        severity=80,
        imminence=60,
        confidence=0.7,
        risk=risk,
        level=level,
        p_law=0.46,
        p_law_base=0.28,
        earliest_law=dt.date(2024, 7, 5),
        factors=(Factor(rule="target.crime", part="severity", points=24, quote="Crimen Organizado", citation="Palermo 2(b)", label=label),),
    )
    return MoveAssessed(move=move, revision=revision, as_of=TODAY, pack_version="1", model_version="1", assessment=judged)


@contextmanager
def running(home: Path) -> Iterator[House]:
    """alerting at work, the others' APIs, the console in front, on one port."""
    stop = threading.Event()
    context = open_context(Settings(home=home), stop, now=lambda: dt.datetime(2024, 5, 31, 14, 41, tzinfo=dt.UTC))
    parts = {"ingest": ingest.build(context), "alerting": alerting.build(context), "webhooks": webhooks.build(context)}
    prefixes = {prefix: parts[name].app for name, found in PREFIXES.items() for prefix in found}
    inside = client("http://veedor.internal", transport=httpx.WSGITransport(app=Mount(prefixes, parts["alerting"].app)))
    front = console.build(context, dict.fromkeys(PREFIXES, inside))
    server = Server(Mount(prefixes, front.app), "127.0.0.1", 0, 16, parts["alerting"].closing)
    crew = Crew(stop)
    for name, work in parts["alerting"].work.items():
        crew.start(name, work)
    crew.start("http", lambda: server.run(stop))
    try:
        yield House(context, front, f"http://127.0.0.1:{server.port}")
    finally:
        stop.set()
        crew.join()
        inside.close()
        context.bus.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with running(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=flags())
        yield found
        found.close()


@dataclass
class Seen:
    """What the browser complained of."""

    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def signed_in(browser: Browser, house: House, *, width: int = 1280, language: str = "es-PE") -> tuple[Page, Seen]:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=language, reduced_motion="reduce")
    page, seen = context.new_page(), Seen()
    seen.watch(page)
    page.goto(console.sign_in_link(house.console, house.url))
    page.wait_for_url(f"{house.url}/")
    return page, seen


def test_an_alert_arrives_live_is_opened_and_read_in_the_other_language(browser: Browser, house: House) -> None:
    page, seen = signed_in(browser, house)
    assert "token" not in page.url
    expect(page.get_by_role("heading", level=1)).to_contain_text("Todavía no hay alertas.")
    page.get_by_role("link", name="Alertas", exact=True).click()
    expect(page.locator("[data-live]")).to_have_text("En vivo")
    house.assess(Level.HIGH, 66)
    row = page.locator(f'[data-id="alert.{BILL}"]').first
    expect(row).to_be_visible(timeout=15_000)
    expect(page.locator("[data-announce]")).to_contain_text("Llegó:")
    expect(row.locator(".level")).to_have_text("Alto")
    house.assess(Level.CRITICAL, 80, stage=Stage.SECOND_VOTE)
    expect(row.locator(".level")).to_have_text("Crítico", timeout=15_000)
    row.get_by_role("link").click()
    article = page.locator("#alert")
    expect(article.locator("blockquote mark")).to_have_text("Crimen Organizado")
    assert "selected=" in page.url
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert "selected=" in page.url
    expect(page.locator("#alert")).to_contain_text("Why this level")
    expect(page.locator("#alert .level").first).to_have_text("Critical")
    assert seen.complaints == []
    page.context.close()


def test_a_stream_that_is_refused_is_asked_for_again(browser: Browser, house: House) -> None:
    """The browser gives a stream up for good when it is refused, as it is while its server is being replaced."""
    page, _ = signed_in(browser, house)
    page.clock.install()
    page.route("**/v1/stream*", lambda route: route.fulfill(status=503))
    page.goto(f"{house.url}/alerts")
    expect(page.locator("[data-live]")).to_have_text("Sin conexión en vivo: se reintenta")
    page.unroute("**/v1/stream*")
    house.assess(Level.HIGH, 66)
    page.clock.fast_forward(30_000)
    expect(page.locator("[data-live]")).to_have_text("En vivo")
    expect(page.locator(f'[data-id="alert.{BILL}"]').first).to_be_visible(timeout=15_000)
    page.context.close()


def test_the_pages_hold_on_a_phone_by_keyboard_and_without_a_script(browser: Browser, house: House) -> None:
    house.assess(Level.HIGH, 66)
    page, seen = signed_in(browser, house, width=390)
    row = page.locator(f'[data-id="alert.{BILL}"]').first
    expect(row).to_be_visible(timeout=15_000)
    for path in ("/", "/alerts", f"/alerts/alert.{BILL}", "/institutions", "/institutions/CRIME", "/sources", "/subscriptions"):
        page.goto(house.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(f"{house.url}/alerts")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    row.get_by_role("link").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{house.url}/alerts/alert.{BILL}")
    assert seen.complaints == []
    state = page.context.storage_state()
    page.context.close()
    still = browser.new_context(java_script_enabled=False, storage_state=state, locale="es-PE")
    page = still.new_page()
    page.goto(f"{house.url}/alerts?level=high")
    page.locator(f'[data-id="alert.{BILL}"]').get_by_role("link").click()
    expect(page.locator("#alert h1")).to_be_visible()
    page.locator("details.factor summary").first.click()
    expect(page.locator("details.factor[open]")).to_contain_text("target.crime")
    page.get_by_role("button", name="Salir").click()
    page.wait_for_url(f"{house.url}/signed-out")
    page.goto(f"{house.url}/alerts")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sin sesión")
    still.close()


def test_a_subscription_is_made_paused_and_deleted_by_form(browser: Browser, house: House) -> None:
    page, seen = signed_in(browser, house, language="en-GB")
    page.goto(f"{house.url}/subscriptions")
    page.get_by_label("Receiving address").fill("https://198.51.100.7/hook")
    page.get_by_role("button", name="Create subscription").click()
    expect(page.get_by_role("alert")).to_contain_text("url")
    seen.complaints.clear()  # the browser logs the 422 that the form was answered with
    page.get_by_label("Receiving address").fill("https://example.org/hook")
    page.get_by_label("Name").fill("Mission")
    page.get_by_role("button", name="Create subscription").click()
    page.wait_for_load_state()
    assert seen.complaints == []
    page.context.close()
