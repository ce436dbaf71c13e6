"""The verifier printed in the guide for subscribers does what the guide says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.retry import SCHEDULE, Reason
from services.webhooks.signing import jwks, signed_headers

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
KEY = Ed25519PrivateKey.generate()
KEYS = jwks([KEY.public_key()])
NOW = 1_800_000_000


def printed() -> Callable[..., bool]:
    (source,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "docs/webhooks.md", "exec"), names)
    found: Callable[..., bool] = names["is_from_veedor"]
    return found


is_from_veedor = printed()
HEADERS = signed_headers(b"{}", webhook_id="msg_1", timestamp=NOW, secrets=[b"s"], key=KEY)


def test_it_accepts_what_we_send_and_nothing_else() -> None:
    assert is_from_veedor(b"{}", HEADERS, KEYS, NOW)
    assert not is_from_veedor(b"{} ", HEADERS, KEYS, NOW)
    assert not is_from_veedor(b"{}", HEADERS, KEYS, NOW + 301)
    assert not is_from_veedor(b"{}", HEADERS, jwks([Ed25519PrivateKey.generate().public_key()]), NOW)


@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(st.characters(), max_size=60)), st.binary(max_size=50))
def test_it_never_raises(junk: dict[str, str], body: bytes) -> None:
    assert not is_from_veedor(body, {**HEADERS, **junk, "webhook-id": "other"}, KEYS, NOW)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.STATUS_1XX])
def test_it_names_every_reason(reason: Reason) -> None:
    assert f"`{reason.value}`" in GUIDE


def test_it_states_the_schedule() -> None:
    words = {5: "5 s", 30: "30 s", 120: "2 min", 600: "10 min", 1800: "30 min", 7200: "2 h", 18_000: "5 h", 36_000: "10 h"}
    assert ", ".join(words[int(step)] for step in SCHEDULE) in GUIDE
