"""Normalizing is total: whatever a proven body holds, it is moments, ignored, or `Malformed` with a code."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.seeds import examples
from tests.vendors.captured import deliveries, normalized
from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed
from tsbridge.core.moments import from_json, to_json

BODIES = [(path.parent.name, json.loads(path.read_text("utf-8"))) for path in deliveries()]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["", "null", "{{ticket.id}}", "0", "-1", "true", "1e999", "2026-13-01", "0001-01-01T00:00:00+14:00", "[1", "['a', 2]", "a+b"]
    ),
    st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers()), max_size=3),
    st.dictionaries(
        st.sampled_from(["id", "value", "body", "tags", "channel", "x"]), st.one_of(st.none(), st.text(max_size=3)), max_size=2
    ),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, child in value.items():
            found += places(child, (*path, key))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    return {**value, path[0]: put(value[path[0]], path[1:], new)}


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, Any]:
    """A captured body with up to three of its values replaced by something odd."""
    vendor, body = draw(st.sampled_from(BODIES))
    for _ in range(draw(st.integers(1, 3))):
        here = places(body)
        if not here:
            break
        body = put(body, draw(st.sampled_from(here)), draw(ODD))
    return vendor, body


def say(vendor: str, body: Any) -> None:
    try:
        found = normalized(vendor, body)
    except Malformed:
        return
    assert bool(found.moments) != (found.ignored is not None)
    for moment in found.moments:
        assert from_json(to_json(moment)) == moment
        assert moment.interaction
        assert moment.facts == tuple(sorted(dict(moment.facts).items()))
        assert "\x00" not in json.dumps(to_json(moment), ensure_ascii=False)


@examples(100, 400)
@given(broken())
def test_a_body_with_odd_values_is_read_or_refused_but_never_fails(found: tuple[str, Any]) -> None:
    say(*found)


@examples(40, 150)
@given(
    st.sampled_from(["zendesk", "talkdesk"]),
    st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8),
)
def test_any_json_at_all_is_read_or_refused_but_never_fails(vendor: str, body: Any) -> None:
    say(vendor, body)


@examples(75, 300)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_at_all_are_read_or_refused(raw: bytes) -> None:
    try:
        value = strict_json.read(raw)
    except Malformed:
        return
    assert value == json.loads(raw) or b"\\u0000" in raw
