"""Canonical JSON: our fast way and the reference library spell everything alike."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerting.canonical import canonical

numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.floats(1e-7, 1e-3) | st.floats(0, 100)
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(st.none() | st.booleans() | numbers | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12)


@given(values)
@settings(max_examples=1500, deadline=None)
def test_it_is_what_the_reference_library_writes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.dictionaries(texts, st.lists(st.floats(-1e9, 1e9) | texts)))
@settings(deadline=None)
def test_what_was_read_is_written_as_it_was(value: Any) -> None:
    assert canonical(orjson.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    "value", [1.0, -0.0, 0.0001, 0.00001, 1e-6, 1e-7, 1e15, 1e16, 1e20, 1e21, 123456789012345.6, 0.1 + 0.2, '\x7f\u2028\x1f"\\/\b', {"\U0001f600": 1, "\ufb33": 2}, (1, 2)]
)
def test_where_they_could_part(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), "\ud800", {1: 2}, object()])
def test_what_json_cannot_say_is_refused_as_there(value: Any) -> None:
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)):
        canonical(value)
