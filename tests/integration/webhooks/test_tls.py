"""TLS: the name is kept though the address is dialled, and nothing unverified is spoken to."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading

import pytest

from services.webhooks.egress import Egress, Names
from services.webhooks.retry import Outcome, Reason
from services.webhooks.sender import Sender
from tests.integration.webhooks.endpoints import Endpoint, raw, serving
from tests.integration.webhooks.sending import LOCAL, send
from tests.parts.certificate import Certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.issue(tmp_path_factory.mktemp("tls"))


def trusting(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.authority))


def shown(certificate: Certificate, names: list[str | None]) -> ssl.SSLContext:
    """A server's side that notes the names asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


def test_tls_with_the_name_kept_though_the_address_is_dialled(certificate: Certificate) -> None:
    asked: list[str | None] = []
    with serving(Endpoint(), tls=shown(certificate, asked)) as endpoint:
        egress = Egress(allow_private=True, names=Names(lambda _: ["127.0.0.1"]))
        url = endpoint.url.replace("127.0.0.1", "localhost")
        outcomes = send(url, url, egress=egress, tls=trusting(certificate))
    assert [outcome.reason for outcome in outcomes] == [Reason.OK] * 2
    assert asked == ["localhost"]
    assert endpoint.posts[0].headers["host"].startswith("localhost:")


def test_a_certificate_for_another_name_is_refused_even_over_an_open_connection(certificate: Certificate) -> None:
    with serving(Endpoint(), tls=shown(certificate, [])) as endpoint:
        egress = Egress(allow_private=True, names=Names(lambda _: ["127.0.0.1"]))
        good, bad = (endpoint.url.replace("127.0.0.1", name) for name in ("localhost", "other.example"))
        outcomes = send(good, bad, good, egress=egress, tls=trusting(certificate))
    assert [outcome.reason for outcome in outcomes] == [Reason.OK, Reason.TLS, Reason.OK]
    assert len(endpoint.posts) == 2


def test_an_unknown_authority_is_refused(certificate: Certificate) -> None:
    with serving(Endpoint(), tls=shown(certificate, [])) as endpoint:
        (outcome,) = send(endpoint.url)
    assert outcome.reason is Reason.TLS
    assert endpoint.posts == []


def test_a_stalled_handshake_ends_at_the_deadline_and_frees_its_socket(certificate: Certificate) -> None:
    closed = threading.Event()

    def stall(connection: socket.socket, _: threading.Event) -> None:
        while connection.recv(65536):
            continue
        closed.set()

    with raw(stall) as port:

        async def run() -> Outcome:
            async with Sender(LOCAL, deadline=0.5, tls=trusting(certificate)) as sender:
                outcome = await sender.send(f"https://127.0.0.1:{port}", b"{}", {})
                assert await asyncio.to_thread(closed.wait, 5), "the socket is closed while the sender lives on"
                return outcome

        assert asyncio.run(run()).reason is Reason.TIMEOUT


def test_plain_http_behind_an_https_address(certificate: Certificate) -> None:
    with serving(Endpoint()) as endpoint:
        (outcome,) = send(endpoint.url.replace("http://", "https://"), tls=trusting(certificate))
    assert outcome.reason in (Reason.TLS, Reason.CONNECT, Reason.RESET)


def test_the_system_trusts_certificates_of_its_own() -> None:
    assert Sender(LOCAL).tls.verify_mode is ssl.CERT_REQUIRED
    assert Sender(LOCAL).tls.check_hostname
