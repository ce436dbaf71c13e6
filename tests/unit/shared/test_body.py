"""What the JSON of a request may hold."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from shared.body import MAX_DEPTH, find_nul, too_deep

WORD = st.text(alphabet="ab\0", max_size=2)
TREE = st.recursive(WORD | st.integers(-9, 9) | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3))


@given(TREE)
def test_nul_is_found_exactly_where_there_is_one(value: object) -> None:
    assert (find_nul(value) is not None) == (b"\\u0000" in orjson.dumps(value))


def test_the_place_is_named() -> None:
    assert find_nul({"a": [{"b": ""}, {"b": "x\0"}]}) == "a.1.b"
    assert find_nul({"a": {"b\0c": 1}}) == "a.bc"
    assert find_nul("\0") == "body"
    assert find_nul({"\0": 1}) == "body"


def nested(depth: int) -> object:
    value: object = 1
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


def test_depth_is_counted_in_lists_and_objects() -> None:
    assert not too_deep(1, limit=0)
    assert not too_deep(nested(MAX_DEPTH))
    assert too_deep(nested(MAX_DEPTH + 1))
    assert too_deep(nested(100_000))


def test_breadth_is_no_depth() -> None:
    assert not too_deep([[number, {"a": []}] for number in range(10_000)])
