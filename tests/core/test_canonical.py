"""The canonical text: one for a value, whoever writes it; hashes are made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seeds import examples
from tsbridge.core import casestate_json
from tsbridge.core.casestate import CaseState
from tsbridge.core.helpdesk import Asked
from tsbridge.core.moments import Actor, Change, Handle, Moment, canonical_text, to_json
from tsbridge.core.thread import Own, Thread
from tsbridge.core.track import Track

AT = datetime(2026, 11, 22, 9, 16, 2, 125, UTC)
ODD = [1e-05, 9.9999e-05, 1e-4, -1.5e-07, 1e-10, 1e16, 1.5e300, 5e-324, 0.1, -0.0, 2.0, float("inf"), float("-inf"), float("nan")]
ODD += [2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**40]
ODD += ["\x00\x1f\x7f\b\f\n\r\t", 'a "quoted" \\ word / <b>', "\ud800", "\u2028é\U0001f600", "1e-05", ":1e-05,"]  # type: ignore[list-item]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from(ODD)
NAMES = st.text(st.characters(), max_size=4)
JSON = st.recursive(VALUES, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(NAMES, inner), max_leaves=30)
FACTS = st.dictionaries(NAMES, VALUES | st.tuples(NAMES))


def numbers_in(value: Any) -> list[Any]:
    if isinstance(value, dict | list | tuple):
        return [number for inner in (value.values() if isinstance(value, dict) else value) for number in numbers_in(inner)]
    return [value]


def as_ever(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@given(JSON)
@examples(200, 5_000)
def test_it_is_what_python_writes_whoever_writes_it(value: Any) -> None:
    assert canonical_text(value, numbers_in(value)) == canonical_text(value) == as_ever(value)


@pytest.mark.parametrize("value", [*ODD, {1: 2, 3: 4}, {"b": {"ä": 1, "z": 2, "\U0001f600": 3, "\uffff": 4}}])
def test_what_the_two_write_otherwise_is_written_as_ever(value: Any) -> None:
    assert canonical_text([value], numbers_in(value)) == as_ever([value])


def test_what_is_nested_deeply_is_written_as_ever() -> None:
    value: Any = []
    for _ in range(400):
        value = [value]
    assert canonical_text(value, ()) == as_ever(value)


@pytest.mark.parametrize("value", [{1, 2}, AT, b"bytes", Thread, (one for one in "ab")])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="expected a JSON value"):
        canonical_text([value], ())


@given(FACTS, VALUES, VALUES)
@examples(100, 2_000)
def test_a_moment_becomes_the_text_that_it_always_became(facts: Any, previous: Any, current: Any) -> None:
    for changes in ((), (Change("ticket.custom.1", previous, current),)):
        named = {"names": (Handle("call", "c1"),), "people": (Handle("email", "a@b.example"),), "actor": Actor("agent", "7")}
        told = Moment("zendesk", "1", "ticket.updated", AT, facts=tuple(sorted(facts.items())), changes=changes, **named)  # type: ignore[arg-type]
        assert told.text == as_ever(to_json(told))


@pytest.mark.parametrize("via", ["email", 'a "b" \\ \x00é', ',"via":"x"}'])
def test_by_which_channel_it_came_is_no_part_of_what_a_moment_is_known_by(via: str) -> None:
    told = Moment("zendesk", "1", "ticket.updated", AT, vendor_order="00000000000000000001", via=via)
    assert to_json(told)["via"] == via
    assert told.digest == replace(told, via="").digest == sha256(as_ever(to_json(replace(told, via=""))).encode()).hexdigest()


@given(FACTS, FACTS, VALUES)
@examples(100, 2_000)
def test_a_state_becomes_the_text_that_it_always_became(facts: Any, theirs: Any, value: Any) -> None:
    asked = Own(custom_fields={"77": Asked(value, "there")})
    for track, own in ((Track(AT, facts), Own()), (Track(AT, {}, others={"41": theirs}), Own()), (Track(AT, {}), asked)):
        for threads, whole in (({"zendesk:1": Thread(own={"zendesk:1": own})}, Thread()), ({}, Thread(own={"zendesk:1": own}))):
            state = CaseState(AT, AT, tracks={"zendesk:1": track}, threads=threads, whole=whole)
            assert casestate_json.text(state) == as_ever(casestate_json.to_json(state))
