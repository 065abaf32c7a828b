"""Rows of the export of ticket events as audits: the same updates, many tickets a call (reference/zendesk.md section 7).

A row is one update: its id is the audit's, `updater_id` its author, `via` a title in words, and each child tells differences
under their own names. Where a row does not surely tell what the audit tells it is none: its ticket is read on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Final

from tsbridge.core.drift import MERGED
from tsbridge.vendors.reading import WHOLE, id_text, tags, whole_id, word
from tsbridge.vendors.zendesk.channels import CHANNELS, plain
from tsbridge.vendors.zendesk.read_audits import FIELDS
from tsbridge.vendors.zendesk.read_fields import inside

TOLD: Final = ("Create", "Change", "Comment")
SILENT: Final = frozenset(
    {"Notification", "NotificationWithCcs", "FollowerNotification", "Cc", "External", "Push", "Error", "AutomaticAnswerSend"}
)
"""Events that tell nothing about a ticket."""
PLAIN: Final = CHANNELS.keys() - {"merge", "closed_ticket"}
"""Titles of `via` behind which no other ticket is named, as far as they are known."""
FRAME: Final = frozenset(
    {"id", "via", "via_reference_id", "event_type", "previous_value", "added_tags", "removed_tags", "audit_id", "created_at"}
)
UNTOLD: Final = frozenset(
    {"submitter_id", "is_public", "description", "due_at", "problem_id", "locale_id", "comment_present", "comment_public"}
)
"""Properties that an audit's reader passes over, too."""


def says_anything(row: Mapping[str, Any]) -> bool:
    """Whether an update did more than notify somebody."""
    return any(_kind(child) not in SILENT for child in _children(row))


def merger_in(row: Mapping[str, Any]) -> str | None:
    """Who closed a ticket by merging it, where an update did that."""
    return id_text(row.get("updater_id")) if _merges(_children(row)) else None


def audits_of(
    rows: Iterable[Mapping[str, Any]], own: str | None, requester: str | None, mergers: Set[str] = frozenset()
) -> list[Mapping[str, Any]] | None:
    """The audits that rows of one ticket stand for, oldest first; None when one of them does not tell all of it.

    `own`: the user we write as; whether a row carries an update's metadata is not documented, so one of that user without our
    marker may be ours. `requester`: whose ticket it is when the first of them happened; None for one that they tell from its
    creation on. `mergers`: who merged other tickets about then.
    """
    found: list[Mapping[str, Any]] = []
    for row in sorted(rows, key=lambda one: _number(one.get("id"))):
        if requester is None and not _creates(_children(row)):
            return None
        audit = _audit(row, own, requester, mergers)
        if audit is None:
            return None
        set_to = [id_text(e.get("value")) for e in audit["events"] if e.get("field_name") == "requester_id"]
        requester = next((one for one in reversed(set_to) if one is not None), requester or id_text(row.get("updater_id")))
        found.append(audit)
    return found


def _audit(row: Mapping[str, Any], own: str | None, requester: str | None, mergers: Set[str]) -> Mapping[str, Any] | None:
    children = sorted(_children(row), key=lambda child: _number(child.get("id")))
    author, metadata = id_text(row.get("updater_id")), inside(row, "metadata")
    if author is not None and author == own and not inside(metadata, "custom").get("tsbridge"):
        return None
    spoken = [child for child in children if _kind(child) == "Comment"]
    via = _via(row, spoken)
    if via is None or _merges(children) or _may_merge(children, spoken, author, requester, mergers):
        return None
    events: list[Mapping[str, Any]] = []
    for child in children:
        told = _events(child)
        if told is None:
            return None
        events += told
    return {
        "id": row.get("id"),
        "ticket_id": row.get("ticket_id"),
        "created_at": row.get("created_at"),
        "author_id": row.get("updater_id"),
        "via": via,
        "metadata": metadata,
        "events": events,
    }


def _merges(children: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an update closed its ticket by merging it into another."""
    return any(MERGED in tags(child.get("tags")) for child in children)


def _may_merge(
    children: Iterable[Mapping[str, Any]],
    spoken: Sequence[Mapping[str, Any]],
    author: str | None,
    requester: str | None,
    mergers: Set[str],
) -> bool:
    """Whether an update may have merged others into its ticket. The other ticket is named in its text, unless somebody wrote another
    one, and, in an audit, in its `via`.

    Agents merge, tickets of their own as well; what a requester says in public is none, unless they merged somewhere.
    """
    if _creates(children):
        return False
    if author in mergers:
        return bool(spoken)
    said = (child for child in spoken if not (author == requester and child.get("public") is True))
    return any(re.search(r"\d", str(child.get("body"))) for child in said)


def _creates(children: Iterable[Mapping[str, Any]]) -> bool:
    return any(_kind(child) == "Create" for child in children)


def _via(row: Mapping[str, Any], spoken: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Where an update came from: a comment tells it whole, a title only when it names nothing else."""
    for via in (*(child.get("via") for child in spoken), row.get("via")):
        if isinstance(via, Mapping):
            return via
    said = word(row.get("via"))
    return {"channel": said} if plain(said) in PLAIN and not _creates(_children(row)) else None


def _events(child: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """A child as events of an audit; None when it tells something that cannot be said for sure."""
    kind = _kind(child)
    if kind in SILENT:
        return []
    if kind not in TOLD:
        return None
    if kind == "Comment":
        return [{**child, "type": "Comment"}] if isinstance(child.get("body"), str) and isinstance(child.get("via"), Mapping) else None
    told = {name: value for name, value in child.items() if name not in FRAME and name not in UNTOLD}
    custom = told.pop("custom_ticket_fields", None) or {}
    if not told.keys() <= FIELDS.keys() or not isinstance(custom, Mapping):
        return None
    if kind == "Change" and len(told) + len(custom) > 1:
        return None  # which of them `previous_value` belongs to is not said
    if not all(WHOLE.fullmatch(name) and (value is None or isinstance(value, str)) for name, value in custom.items()):
        return None  # how an audit writes a number or a checkbox is not documented
    via = {"channel": "rule"} if word(child.get("via")) == "rule" else {}
    previous = child.get("previous_value")
    if "tags" in told and kind == "Change" and not isinstance(previous, list):
        previous = sorted(({*tags(told["tags"])} - {*tags(child.get("added_tags"))}) | {*tags(child.get("removed_tags"))})
    return [
        {"type": kind, "field_name": name, "value": value, "previous_value": previous, "via": via}
        for name, value in {**told, **custom}.items()
    ]


def _kind(child: Mapping[str, Any]) -> str:
    found = child.get("event_type")
    return found if isinstance(found, str) else ""


def _children(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    children = row.get("child_events")
    return [child for child in children if isinstance(child, Mapping)] if isinstance(children, list) else []


def _number(id_: Any) -> int:
    return int(whole_id(id_) or 0)
