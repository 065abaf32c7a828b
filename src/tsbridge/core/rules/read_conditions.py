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
CUSTOM_TOO: Final = ("less_than", "at_most", "greater_than", "at_least", "between", "includes", "not_includes", "includes_all")


class Conditions(Parts):
    """Reads conditions. `nodes`: how many the present one has so far."""

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.nodes = 0

    def condition(self, value: Any, path: str, depth: int = 1) -> Condition:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1 or depth == MAX_DEPTH + 1:
                self.wrong(path, "too_large", f"more than {MAX_NODES} conditions, or nested deeper than {MAX_DEPTH}")
            return Tree()
        if not isinstance(value, Mapping):
            self.wrong(path, "type", f"expected conditions, got {kind_of(value)}")
            return Tree()
        if "field" in value or "operator" in value:
            return self.leaf(value, path)
        parts: dict[str, tuple[Condition, ...]] = {}
        for name, branch in value.items():
            if name not in ("all", "any", "none"):
                self.wrong(f"{path}/{escape(name)}", "unknown_key", "expected all, any, none or a field with an operator")
            elif not isinstance(branch, list) or not branch:
                self.wrong(f"{path}/{name}", "type", "expected a list of conditions, not an empty one")
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
            near = nearest(str(name), (f.name for f in vocabulary.FIELDS))
            self.wrong(f"{path}/field", "unknown_field", f"no such field{near}")
        operator = vocabulary.operator_named(operator_name) if isinstance(operator_name, str) else None
        if operator is None:
            near = nearest(str(operator_name), (o.name for o in vocabulary.OPERATORS))
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
            if not scalar(given):
                self.wrong(where, "type", f"expected one value, got {kind_of(given)}")
            value = given
        elif operator.value == "number":
            if not number_like(given):
                self.wrong(where, "type", f"expected a number, got {kind_of(given)}")
            value = given
        elif operator.value == "range":
            if not (isinstance(given, list) and len(given) == 2 and all(number_like(v) for v in given)):
                self.wrong(where, "type", "expected two numbers, like [9, 17]")
            elif given[0] > given[1]:
                self.wrong(where, "range", "the first number is larger than the second")
            else:
                value = tuple(given)
        elif operator.value == "pattern":
            value = self.pattern(given, where)
        else:
            self.known(given, self.calendars, where, "unknown_calendar", "calendar")
            value = given
        self.check_values(known, operator, value, where)
        words: tuple[str, ...] = ()
        if operator.name in WORD_OPERATORS and value is not None:
            words = tuple(fold(str(v)) for v in (value if isinstance(value, tuple) else (value,)))
            if not all(words):
                self.wrong(where, "value", "expected words, not empty text")
        return Leaf(name, operator.name, value, words, path)

    def check_values(self, known: vocabulary.Field, operator: vocabulary.Operator, value: Any, where: str) -> None:
        values = value if isinstance(value, tuple) and operator.value == "list" else (value,)
        if operator.value not in ("one", "list") or operator.name in WORD_OPERATORS:
            return
        for one in values:
            if known.type == "number" and not number_like(one) and one is not None:
                self.wrong(where, "type", f"{known.name} is a number, got {kind_of(one)}")
            elif known.type == "flag" and not isinstance(one, bool) and one is not None:
                self.wrong(where, "type", f"{known.name} is true or false, got {kind_of(one)}")

    def listed(self, given: Any, where: str) -> tuple[Any, ...] | None:
        if isinstance(given, Mapping):
            name = given.get("list")
            if set(given) != {"list"}:
                self.wrong(where, "type", "expected a list, or {list: name}")
            elif self.known(name, self.lists, where, "unknown_list", "list"):
                return self.lists[str(name)]
            return None
        if not isinstance(given, list) or not given:
            self.wrong(where, "type", f"expected a list, or {{list: name}}, got {kind_of(given)}")
            return None
        if len(given) > MAX_LIST or not all(scalar(v) for v in given):
            self.wrong(where, "type", f"expected up to {MAX_LIST} words or numbers")
            return None
        return tuple(given)

    def pattern(self, given: Any, where: str) -> str | None:
        if not isinstance(given, str):
            self.wrong(where, "type", f"expected a pattern, got {kind_of(given)}")
            return None
        try:
            pattern(given)
        except BadPattern as refused:
            self.wrong(where, "pattern", f"RE2 or our limits refuse it: {refused}")
        return given
