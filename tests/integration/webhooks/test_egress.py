"""Who may be dialled: the corpus of hostile URLs, and names that turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.egress import LOOKUPS_AT_ONCE, Egress, Names, NoAnswerError, parse
from shared.errors import Refused
from tests.parts.waiting import until

HOSTILE = [
    "",
    "example.org",
    "//example.org",
    "https://",
    "https:///path",
    "https:example.org",
    "http://example.org",
    "ftp://example.org",
    "file:///etc/passwd",
    "gopher://example.org",
    "javascript:alert(1)",
    "https://user@example.org",
    "https://user:password@example.org",
    "https://example.org@127.0.0.1",
    "https://example.org:0",
    "https://example.org:99999",
    "https://example.org:port",
    "https://example.org:",
    "https://exam ple.org",
    "https://example.org/a b",
    "https://example.org\\@127.0.0.1",
    "https://example.org\n.evil.example",
    "https://example\t.org",
    "https://example.org/\x00",
    "https://exa%6Dple.org",
    "https://[::1",
    "https://[::1]",
    "https://[fe80::1%25eth0]",
    "https://[example.org]",
    "https://[v1.fe80::a+en1]",
    "https://[::ffff:127.0.0.1]",
    "https://[64:ff9b::a9fe:a9fe]",
    "https://127.0.0.1",
    "https://127.0.0.1.",
    "https://127.1",
    "https://127.0.1",
    "https://2130706433",
    "https://017700000001",
    "https://0177.0.0.1",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0X7F.1",
    "https://0",
    "https://0x",
    "https://127.0.0.1.0x0",
    "https://256.256.256.256",
    "https://08.08.08.08",
    "https://169.254.169.254/latest/meta-data/",
    "https://１２７.0.0.1",
    "https://①②⑦.0.0.1",
    "https://127。0。0。1",
    "https://xn--\u00ff.example",
    "https://" + "a" * 64 + ".ünder.example",
    "https://example.org/" + "a" * 2000,
    "https://\ud800.example",
]


def never(host: str) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


def names(**answers: Sequence[str]) -> Names:
    """Looks names up in a table (dots written as underscores)."""

    def lookup(host: str) -> Sequence[str]:
        try:
            return answers[host.replace(".", "_")]
        except KeyError as error:
            raise OSError("no such name") from error

    return Names(lookup, keep=0.0)


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_urls_are_refused_without_asking_anyone(url: str) -> None:
    egress = Egress(names=Names(never))
    with pytest.raises(Refused) as refused:
        egress.vet_now(url)
    assert refused.value.field == "url"
    with pytest.raises(Refused):
        asyncio.run(egress.vet(url))


@given(st.text(max_size=60))
def test_no_text_is_anything_but_refused_or_parsed(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.org/{text}"):
        try:
            place = parse(url)
        except Refused:
            continue
        assert place.host
        assert (place.authority + place.path).isascii()


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("https://Example.ORG", "example.org", 443, "example.org", "/"),
        ("https://example.org.:8443/a?b=c#d", "example.org", 8443, "example.org:8443", "/a?b=c"),
        ("https://bücher.example/ñ?q=é", "xn--bcher-kva.example", 443, "xn--bcher-kva.example", "/%C3%B1?q=%C3%A9"),
        ("https://example.org/%2e%2e/%C3%B1", "example.org", 443, "example.org", "/%2e%2e/%C3%B1"),
        ("https://1.1.1.1/x", "1.1.1.1", 443, "1.1.1.1", "/x"),
        ("https://[2606:4700:4700::1111]:444/x", "2606:4700:4700::1111", 444, "[2606:4700:4700::1111]:444", "/x"),
    ],
)
def test_what_may_be_dialled_keeps_its_name(url: str, host: str, port: int, authority: str, path: str) -> None:
    found = names(example_org=["8.8.8.8"], **{"xn--bcher-kva_example": ["8.8.4.4"]})
    place = asyncio.run(Egress(names=found).vet(url)).place
    assert (place.host, place.port, place.authority, place.path, place.secure) == (host, port, authority, path, True)


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::1"], ["2606:4700::1", "64:ff9b::7f00:1"]])
def test_one_forbidden_address_refuses_the_name(answers: list[str]) -> None:
    egress = Egress(names=names(rebound_example=answers))
    with pytest.raises(Refused, match=r"rebound\.example"):
        asyncio.run(egress.vet("https://rebound.example"))
    with pytest.raises(Refused) as refused:
        egress.vet_now("https://rebound.example")
    assert refused.value.field == "url"


def test_an_answer_that_turns_is_seen_at_the_next_dial() -> None:
    answers = iter([["8.8.8.8"], ["169.254.169.254"]])
    egress = Egress(names=Names(lambda _: next(answers), keep=0.0))
    assert str(asyncio.run(egress.vet("https://turns.example")).addresses[0]) == "8.8.8.8"
    with pytest.raises(Refused, match="metadata"):
        asyncio.run(egress.vet("https://turns.example"))


def test_what_is_remembered_is_the_vetted_address_itself() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    egress = Egress(names=Names(lambda _: next(answers), keep=60.0))
    for _ in range(3):
        assert [str(address) for address in asyncio.run(egress.vet("https://turns.example")).addresses] == ["8.8.8.8"]


def test_a_name_nobody_knows_passes_the_api_and_fails_the_dial() -> None:
    egress = Egress(names=names())
    egress.vet_now("https://new.example")
    with pytest.raises(NoAnswerError):
        asyncio.run(egress.vet("https://new.example"))


def test_the_setting_lets_the_demos_receiver_through_and_never_metadata() -> None:
    egress = Egress(allow_private=True, names=names(localhost=["127.0.0.1"]))
    for url in ("http://127.0.0.1:9999/veedor", "http://localhost/", "https://10.0.0.8/"):
        egress.vet_now(url)
    for url in ("http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://0.0.0.0/", "http://2130706433/"):
        with pytest.raises(Refused):
            egress.vet_now(url)


def test_a_resolver_that_hangs_holds_up_no_other_name() -> None:
    over = threading.Event()

    def lookup(host: str) -> Sequence[str]:
        if host.startswith("hangs"):
            over.wait(30)
        return ["8.8.8.8"]

    egress = Egress(names=Names(lookup))
    try:
        for number in range(LOOKUPS_AT_ONCE - 1):
            egress.names.ask(f"hangs{number}.example")
        assert asyncio.run(asyncio.wait_for(egress.vet("https://answers.example"), 2)).addresses
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(egress.vet("https://hangs0.example"), 0.05))
        until(lambda: len(egress.names.asked) == LOOKUPS_AT_ONCE - 1, "the one that answered is done")
        egress.names.ask("hangs-too.example")
        with pytest.raises(NoAnswerError, match="too many"):
            asyncio.run(egress.vet("https://one-more.example"))
    finally:
        over.set()
    until(lambda: not egress.names.asked, "all look-ups end")
