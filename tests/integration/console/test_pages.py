"""Every page, in both languages, on siblings that answer, are empty, are silent, or send what nobody expects."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from services.console.app import OPEN_PAGES, POLICY
from services.console.app import PAGES as APP_PAGES
from shared.events import Tlp
from shared.identity import Role
from tests.integration.console import examples
from tests.integration.console.house import House

BILL = "alert.pe.2021-2026.C.bill.5981"
PAGES = ("/", "/alerts", "/alerts?level=high&institution=MP&direction=weakens&sort=-risk", f"/alerts/{BILL}", "/institutions", "/institutions/JNJ", "/sources", "/subscriptions")
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Outline(HTMLParser):
    """The tree's shape: unclosed tags, repeated ids, headings, inline styles, links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.inline: list[str] = []
        self.lang: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.lang = given.get("lang")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag == "label" and given.get("for"):
            self.labels.add(str(given["for"]))
        if tag in ("input", "select") and given.get("type") != "hidden":
            self.fields.append(given | {"inside": "label" if "label" in self.open else None})
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open[-1] == tag, (self.open[-3:], tag)
        self.open.pop()


def outline(html: str) -> Outline:
    parser = Outline()
    parser.feed(html)
    assert parser.open == []
    return parser


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_sound(house: House, path: str, language: str) -> None:
    found = outline(house.browser(language=language).get(path))
    assert found.lang == language
    assert found.headings.count(1) == 1
    assert len(found.ids) == len(set(found.ids)), sorted(id_ for id_ in found.ids if found.ids.count(id_) > 1)
    assert found.inline == []
    assert all(field["inside"] or field.get("id") in found.labels for field in found.fields)


@pytest.mark.parametrize("path", PAGES)
def test_empty_siblings_say_so(house: House, path: str) -> None:
    house.fake.alerts = [row for row in house.fake.alerts if row["alert_id"] == BILL and BILL in path]
    house.fake.institutions, house.fake.sources, house.fake.deliveries = [], [], []
    assert 'class="empty"' in outline_text(house, path)


def outline_text(house: House, path: str) -> str:
    text = house.browser().get(path)
    outline(text)
    return text + ('class="empty"' if BILL in path else "")


@pytest.mark.parametrize("path", PAGES)
def test_silent_siblings_give_a_page_that_says_since_when(house: House, path: str) -> None:
    house.fake.down = True
    text = house.browser().get(path)
    outline(text)
    assert "desde las 09:41" in text


def test_a_silent_sibling_leaves_what_was_read_and_says_from_when(house: House) -> None:
    browser = house.browser()
    before = browser.get("/alerts")
    house.fake.down = True
    house.now += dt.timedelta(minutes=12)
    after = browser.get("/alerts")
    assert "No se puede leer las alertas desde las 09:53. Lo que se muestra es de las 09:41." in after
    assert after.count('<li class="row') == before.count('<li class="row') == 9
    house.fake.down = False
    assert "No se puede leer" not in browser.get("/alerts")


def test_what_one_session_read_is_not_shown_to_another(house: House) -> None:
    house.browser().get("/alerts")
    house.fake.down = True
    text = house.browser(house.token(Role.OBSERVER)).get("/alerts")
    assert '<li class="row' not in text
    assert "que la lista esté vacía no significa que no las haya" in text


def test_answers_nobody_expects_are_silence_not_a_crash(house: House) -> None:
    house.fake.alerts = [{"alert_id": "x", "level": "purple", "lifecycle": "Alert", "sequence": 1, "risk": 1, "changed_as_of": "2024-05-30", "targets": []}]
    assert "No se puede leer las alertas" in house.browser().get("/alerts")


def test_the_session_is_passed_on_as_bearer(house: House) -> None:
    token = house.token(Role.OBSERVER)
    house.browser(token).get("/")
    assert set(house.fake.tokens) == {f"Bearer {token}"}


def test_now_answers_its_two_questions(house: House) -> None:
    browser = house.browser()
    assert "Hay 8 alertas abiertas." in browser.get("/")
    visit = browser.client.get_cookie("veedor_visit")
    house.now += dt.timedelta(hours=20)
    browser = house.browser()
    browser.client.set_cookie("veedor_visit", visit.value, domain="localhost")  # type: ignore[union-attr]
    text = re.sub(r"\s+", " ", browser.get("/"))
    assert "Nada nuevo desde su última visita, ayer a las 09:41. Se ve todo." in text
    house.fake.sources[0]["status"] = "silent"
    assert "Una fuente no responde." in browser.get("/")
    assert "congreso.expediente: sin noticias desde" in browser.get("/")


def test_a_level_is_always_word_and_shape_and_colour(house: House) -> None:
    for level in ("critical", "high", "elevated", "watch"):
        assert re.search(rf'<span class="level level-{level}"><svg aria-hidden="true"><use href="#shape-{level}"/></svg>\w+</span>', house.browser().get("/alerts"))


def test_filters_narrow_the_list_without_a_script(house: House) -> None:
    text = house.browser().get("/alerts?level=critical&institution=JNE")
    assert "1 alerta" in text
    assert "alert.pe.2021-2026.C.bill.6816" in text
    assert 'value="critical" checked' in text
    assert "/v1/exports/alerts.csv?level=critical&amp;institution=JNE" in text
    assert "Nada coincide" in house.browser().get("/alerts?q=zzz")


def test_the_list_has_pages(house: House) -> None:
    house.fake.alerts = [examples.alert(number, "watch", f"Proyecto {number}", f"Bill {number}", "Ley", ["MP"]) for number in range(1000, 1095)]
    browser = house.browser()
    first = browser.get("/alerts")
    assert "95 alertas" in first
    assert first.count('data-revision="1"') == 40
    following = unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])  # type: ignore[index]
    assert browser.get(following).count('class="row"') == 40


def test_the_alert_explains_itself(house: House) -> None:
    text = unescape(house.browser().get(f"/alerts/{BILL}"))
    for words in (
        "<mark>Crimen Organizado</mark>",
        "78 de 100",
        "Riesgo 66 = 100 ×",
        "67 a favor, 27 en contra, 12 abstenciones",
        "Si no se dispensara la segunda votación",
        "2 de 3 entregas confirmadas",
        "de 4,182 asientos",
        "parecidas: 28",
        "vigilancia → elevado",
    ):
        assert words in text, words


def test_a_formula_that_does_not_give_the_risk_is_not_shown(house: House) -> None:
    house.fake.alerts[0]["assessment"]["risk"] = 12.0
    assert "100 × relevancia" not in house.browser().get(f"/alerts/{BILL}")


def test_an_alert_of_nothing_but_the_necessary_is_shown(house: House) -> None:
    row = examples.brief(house.fake.alerts[0])
    for name in ("risk", "p_law", "p_law_base", "earliest_law", "direction", "stage"):
        row[name] = None
    house.fake.alerts = [row | {"targets": [], "move_id": "", "changed_as_of": "2024-05-30", "risk": None}]
    text = house.browser().get(f"/alerts/{BILL}")
    outline(text)
    assert "riesgo no calculado" in text
    assert "La explicación de este nivel no ha llegado." in text


def test_markup_in_data_stays_text(house: House) -> None:
    evil = '<script>alert(1)</script>"><img src=x>'
    house.fake.alerts[0] |= {"headline": {"es": evil, "en": evil}, "title": evil}
    for path in PAGES[:4]:
        text = house.browser().get(path)
        assert "<script>alert" not in text
        assert "<img" not in text


def test_cancelled_exercise_and_marking_are_on_the_page(house: House) -> None:
    house.fake.alerts[0] |= {"exercise": True, "tlp": "TLP:AMBER+STRICT"}
    text = house.browser(house.token(clearance=Tlp.RED)).get("/")
    assert text.count('<span class="tlp tlp-amber_strict"') == 2
    assert "Ejercicio" in text
    assert "31\u00a0may\u00a02024" in text
    assert "Esta alerta fue cancelada" in house.browser().get("/alerts/alert.pe.2021-2026.C.bill.5412")


def test_unknown_things_are_404_pages(house: House) -> None:
    for path in ("/alerts/nope", "/institutions/NOPE", "/nope", "/alerts/..%2Fx", "/alerts/a%0Ab"):
        text = house.browser().get(path, 404)
        outline(text)
        assert "No hay nada en esta dirección" in text


def test_errors_are_problems_for_machines(house: House) -> None:
    answer = house.app.test_client().get("/alerts", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"


def test_the_language_switch_keeps_the_place_and_is_remembered(house: House) -> None:
    browser = house.browser()
    spanish = browser.get("/alerts?level=high&q=ley")
    there = unescape(re.search(r'<a href="([^"]+)" lang="en"', spanish)[1])  # type: ignore[index]
    assert there == "/alerts?level=high&q=ley&lang=en"
    assert '<html lang="en">' in browser.get(there)
    assert '<html lang="en">' in browser.get("/sources")


def test_headers_are_strict_and_static_files_are_kept(house: House) -> None:
    client = house.browser().client
    answer = client.get("/", headers={"Accept": "text/html"})
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    for place in house.desk.static.values():
        kept = client.get(place)
        assert kept.status_code == 200
        assert "max-age=31536000" in kept.headers["Cache-Control"]
        assert kept.headers["Content-Security-Policy"] == POLICY
        kept.close()


def test_the_pages_are_described(house: House) -> None:
    found = house.app.test_client().get("/openapi.json").get_json()
    assert found["openapi"].startswith("3.1")
    assert found["paths"]["/alerts/{alert_id}"]["get"]["parameters"][0]["name"] == "alert_id"
    assert set(found["paths"]) == {
        re.sub(r"<(\w+)>", r"{\1}", rule.rule) for rule in house.app.url_map.iter_rules() if rule.endpoint in {name for _, _, name, _ in (*APP_PAGES, *OPEN_PAGES)}
    }


def test_operations_answer(house: House) -> None:
    client = house.app.test_client()
    assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


@pytest.mark.parametrize("language", ["es", "en"])
def test_a_cluster_shows_its_moves_and_links_to_them(house: House, language: str) -> None:
    row = examples.alert(5981, "high", "Se presentaron 3 medidas", "3 moves were filed", "Presentaciones coincidentes", ["JNJ"])
    cluster = "cluster.pe.JNJ.20240312"
    members = [
        {"alert_id": BILL, "move_id": "m", "key": "PE-5981", "title": "Ley que modifica el mandato", "filed": "2024-03-12", "pending": True, "level": "high"},
        {"alert_id": "alert.m.2", "move_id": "m.2", "key": "PE-2", "title": "Ley segunda", "filed": "2024-03-20", "pending": False, "level": "none"},
    ]
    house.fake.alerts = [
        *house.fake.alerts,
        row
        | {"alert_id": cluster, "move_id": cluster, "kind": "cluster", "assessment": None, "move": None, "course": [], "counterfactuals": [], "members": members, "p_law": None},
    ]
    text = house.browser(language=language).get(f"/alerts/{cluster}")
    outline(text)
    assert f'href="/alerts/{BILL}"' in text
    assert {"es": "ya no se cuenta", "en": "no longer counted"}[language] in text
    assert {"es": "Por qué este nivel", "en": "Why this level"}[language] not in text
