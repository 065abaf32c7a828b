"""Conditions of our language as the import builds them, and the word for those that have no counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Leaf = dict[str, Any]


class NotCarried(Exception):
    """The condition has no counterpart; the text says why, for the report."""


def leaf(field: str, operator: str, value: Any = None) -> Leaf:
    found = {"field": field, "operator": operator}
    return found if value is None else {**found, "value": value}


def split(value: Any) -> list[str]:
    """The words of a value that Zendesk writes as one text or as a list."""
    return value.split() if isinstance(value, str) else [str(v) for v in value] if isinstance(value, list) else []


def reads_of(tree: Any) -> set[str]:
    """Every field a tree of conditions reads; of tags, each one that it asks for."""
    if not isinstance(tree, Mapping):
        return set()
    if "field" in tree:
        return {f"tags {tree['value']}" if tree["field"] == "tags" else str(tree["field"])}
    return {name for branch in tree.values() for part in branch for name in reads_of(part)}
