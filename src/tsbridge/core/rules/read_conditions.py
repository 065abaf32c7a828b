"""Conditions of rules: trees of `all`, `any`, `none` over `{field, operator, value}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.findings import escape, kind_of, nearest, number_like, scalar
from tsbridge.core.rules.language import Condition, Leaf, Tree
from tsbridge.core.rules.parts import MAX_LIST, Parts
from tsbridge.core.rules.text import BadPattern, fold, pattern

MAX_NODES: Final = 200
MAX_DEPTH: Final = 16
WORD_OPERATORS: Final = ("contains", "not_contains", "contains_any", "contains_all", "starts_with")
SHOWN: Final = 8
"""Characters of a refused pattern that a message may repeat."""
CUSTOM_TOO: Final = ("less_than", "at_most", "greater_than", "at_least", "between", "includes", "not_includes", "includes_all")


class Conditions(Parts):
    """Reads conditions. `nodes`: how many the present one has so far; `list_words`: the words of lists, as they are looked for."""

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.nodes = 0
        self.list_words: dict[str, tuple[str, ...]] = {}

    def condition(self, value: Any, path: str, depth: int = 1) -> Condition:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1 or depth == MAX_DEPTH + 1:
                self.wrong(path, "too_large", f"more than {MAX_NODES} conditions, or nested deeper than {MAX_DEPTH}")
            return Tree()
        if not isinstance(value, Mapping):
            self.unlike(path, "conditions", value)
            return Tree()
        if "field" in value or "operator" in value:
            return self.leaf(value, path)
        parts: dict[str, tuple[Condition, ...]] = {}
        for name, branch in value.items():
            if name not in ("all", "any", "none"):
                self.wrong(f"{path}/{escape(name)}", "unknown_key", "expected all, any, none or a field with an operator")
            elif not isinstance(branch, list) or not branch:
                self.unlike(f"{path}/{name}", "a list of conditions", branch)
            else:
                parts[name] = tuple(self.condition(part, f"{path}/{name}/{n}", depth + 1) for n, part in enumerate(branch))
        return Tree(**parts)

    def leaf(self, value: Mapping[str, Any], path: str) -> Leaf:
        name, operator_name = value.get("field"), value.get("operator")
        for key in value:
            if key not in ("field", "operator", "value"):
                self.wrong(f"{path}/{escape(key)}", "unknown_key", "a condition has field, operator and value")
        known = vocabulary.field_named(name) if isinstance(name, str) else None
        if known is None:
            near = nearest(name, (f.name for f in vocabulary.FIELDS))
            self.wrong(f"{path}/field", "unknown_field", f"no such field{near}")
        operator = vocabulary.operator_named(operator_name) if isinstance(operator_name, str) else None
        if operator is None:
            near = nearest(operator_name, (o.name for o in vocabulary.OPERATORS))
            self.wrong(f"{path}/operator", "unknown_operator", f"no such operator{near}")
        if known is None or operator is None:
            return Leaf("source", "present")
        custom = known.name.startswith(vocabulary.CUSTOM)
        if known.type not in operator.types and not (custom and operator.name in CUSTOM_TOO):
            self.wrong(f"{path}/operator", "operator_type", f"{operator.name} does not suit {name}, which is a {known.type}")
            return Leaf("source", "present")
        given = value.get("value")
        if operator.value == "none":
            if "value" in value:
                self.wrong(f"{path}/value", "value", f"{operator.name} takes no value")
            return Leaf(str(name), operator.name, path=path)
        if "value" not in value:
            self.wrong(f"{path}/value", "missing", f"{operator.name} needs a value")
            return Leaf("source", "present")
        return self.filled(str(name), known, operator, given, path)

    def filled(self, name: str, known: vocabulary.Field, operator: vocabulary.Operator, given: Any, path: str) -> Leaf:
        where = f"{path}/value"
        value: Any = None
        if operator.value == "list":
            value = self.listed(given, where)
        elif operator.value == "one":
            if scalar(given):
                value = given
            else:
                self.unlike(where, "one value", given)
        elif operator.value == "number":
            if not number_like(given):
                self.unlike(where, "a number", given)
            value = given
        elif operator.value == "range":
            if not (isinstance(given, list) and len(given) == 2 and all(number_like(v) for v in given)):
                self.unlike(where, "two numbers, like [9, 17]", given)
            elif given[0] > given[1]:
                self.wrong(where, "range", "the first number is larger than the second")
            else:
                value = tuple(given)
        elif operator.value == "pattern":
            value = self.pattern(given, where)
        else:
            self.known(given, self.calendars, where, "unknown_calendar", "calendar")
            value = given
        words: tuple[str, ...] = ()
        if operator.name in WORD_OPERATORS and value is not None:
            words = self.folded(value, given)
            for place in (place for place, word in enumerate(words) if not word):
                self.wrong(_entry(where, given, place), "value", "expected words, not empty text")
        elif operator.value in ("one", "list") and value is not None:
            self.check_values(known, value if isinstance(value, tuple) else (value,), given, where)
        return Leaf(name, operator.name, value, words, path)

    def folded(self, value: Any, given: Any) -> tuple[str, ...]:
        """The words as they are looked for; those of a named list are made once, however many conditions use it."""
        name = given.get("list") if isinstance(given, Mapping) else None
        words = self.list_words.get(name) if name is not None else None
        if words is None:
            words = tuple(fold(str(v)) for v in (value if isinstance(value, tuple) else (value,)))
            if name is not None:
                self.list_words[name] = words
        return words

    def check_values(self, known: vocabulary.Field, values: tuple[Any, ...], given: Any, where: str) -> None:
        for place, one in enumerate(values):
            if known.type == "number" and not number_like(one):
                self.wrong(_entry(where, given, place), "type", f"{known.name} is a number, got {kind_of(one)}")
            elif known.type == "flag" and not isinstance(one, bool):
                self.wrong(_entry(where, given, place), "type", f"{known.name} is true or false, got {kind_of(one)}")

    def listed(self, given: Any, where: str) -> tuple[Any, ...] | None:
        if isinstance(given, Mapping):
            name = given.get("list")
            if set(given) != {"list"}:
                self.unlike(where, "a list, or {list: name}", given)
            elif self.known(name, self.lists, where, "unknown_list", "list"):
                return self.lists[str(name)]
            return None
        if not isinstance(given, list) or not given:
            self.unlike(where, "a list, or {list: name}", given)
            return None
        if len(given) > MAX_LIST:
            self.wrong(where, "too_large", f"more than {MAX_LIST} entries")
            return None
        bad = next((place for place, one in enumerate(given) if not scalar(one)), None)
        if bad is not None:
            self.unlike(f"{where}/{bad}", "words or numbers only", given[bad])
            return None
        return tuple(given)

    def pattern(self, given: Any, where: str) -> str | None:
        if not isinstance(given, str):
            self.unlike(where, "a pattern", given)
            return None
        try:
            pattern(given)
        except BadPattern as refused:
            self.wrong(where, "pattern", f"RE2 or our limits refuse it: {_why(refused)}")
        return given


def _entry(where: str, given: Any, place: int) -> str:
    """The place of one entry: its own in a list that is written out, else the condition's value."""
    return f"{where}/{place}" if isinstance(given, list) else where


def _why(refused: BadPattern) -> str:
    """What RE2 says, with the piece it minds when that is short: the pattern itself may name a person."""
    reason, _, piece = str(refused).partition(": ")
    return f"{reason}: {piece}" if 0 < len(piece) <= SHOWN and not any(map(str.isalnum, piece.lstrip("\\"))) else reason
