"""Waiting with a deadline: for a condition or a port; never a bare sleep."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TooLateError(AssertionError):
    """What was waited for did not come in time."""


def until(condition: Callable[[], T], what: str, *, seconds: float = 20.0, every: float = 0.02) -> T:
    """The first true value of `condition`, asked every `every` seconds. Raises TooLateError naming `what` after `seconds`."""
    never = threading.Event()
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TooLateError(f"not within {seconds} s: {what} (last seen: {value!r})")
        never.wait(every)


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago; only for servers that cannot take port 0."""
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
