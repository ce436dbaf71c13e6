"""Shorthand of the sender's tests: posts to urls one after the other, over one sender."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from services.webhooks.egress import Egress
from services.webhooks.retry import Outcome
from services.webhooks.sender import Sender

LOCAL = Egress(allow_private=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def send(*urls: str, egress: Egress = LOCAL, deadline: float = 2.0, tls: ssl.SSLContext | None = None, headers: Mapping[str, str] | None = None) -> list[Outcome]:
    """The urls one after the other, over one sender."""

    async def run() -> list[Outcome]:
        async with Sender(egress, deadline=deadline, tls=tls) as sender:
            return [await sender.send(url, b'{"a": 1}', headers or {"webhook-id": "msg_1"}) for url in urls]

    return asyncio.run(run())
