"""Nesting is bounded exactly, whatever else has brackets."""

from __future__ import annotations

import json

import pytest

from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed
from tsbridge.core.strict_json import DEPTH

OPEN = {"[": ("[", "]"), "{": ('{"a":', "}")}


def nested(kinds: str, within: str) -> bytes:
    return ("".join(OPEN[one][0] for one in kinds) + within + "".join(OPEN[one][1] for one in reversed(kinds))).encode()


@pytest.mark.parametrize("kinds", ["[" * DEPTH, "{" * DEPTH, "[{" * (DEPTH // 2), "{" * 10 + "[" * (DEPTH - 10)])
@pytest.mark.parametrize("within", ["1", '"[[[{{{"', '"\\u0041"'])
def test_as_deep_as_may_be_is_read_and_one_more_is_not(kinds: str, within: str) -> None:
    raw = nested(kinds, within)
    assert strict_json.read(raw) == json.loads(raw)
    for one in OPEN:
        with pytest.raises(Malformed, match=r"^too_deep$"):
            strict_json.read(nested(kinds + one, within))


@pytest.mark.parametrize("flat", [DEPTH - 1, DEPTH, 10 * DEPTH])
def test_many_beside_each_other_are_not_deep(flat: int) -> None:
    for one in ("{}", "[]"):
        raw = f"[{','.join([one] * flat)}]".encode()
        assert strict_json.read(raw) == json.loads(raw)
