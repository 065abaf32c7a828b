"""A ticket's audits as changes by field (reference/zendesk.md section 4.1 and 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tsbridge.core.drift import Change
from tsbridge.core.moments import Value
from tsbridge.vendors import reading
from tsbridge.vendors.zendesk.read_fields import scalar

IDS = ("group_id", "assignee_id")


def changes_of(audits: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Every change of tags and single values that the audits tell. A rule's own changes name it in their `via`."""
    found: list[Change] = []
    for audit in audits:
        at = reading.time(audit.get("created_at"))
        if at is None:
            continue
        author, whole = reading.id_text(audit.get("author_id")), _rule(audit.get("via"))
        for event in audit.get("events") or ():
            if isinstance(event, Mapping) and event.get("type") == "Change":
                name = str(event.get("field_name"))
                what = f"custom:{name}" if reading.WHOLE.fullmatch(name) else name
                rule = _rule(event.get("via")) or whole
                found.append(Change(at, what, _value(what, event.get("previous_value")), _value(what, event.get("value")), author, rule))
    return found


def _value(what: str, value: Any) -> Value:
    if what == "tags":
        return reading.tags(value)
    return reading.id_text(value) if what in IDS else scalar(value)


def _rule(via: Any) -> str | None:
    """The title of the rule that made a change; its id where it has none."""
    if not isinstance(via, Mapping) or via.get("channel") != "rule":
        return None
    source = via.get("source")
    rule = source.get("from") if isinstance(source, Mapping) else None
    if not isinstance(rule, Mapping):
        return "a rule"
    return reading.text(rule.get("title"), 200) or reading.id_text(rule.get("id")) or "a rule"
