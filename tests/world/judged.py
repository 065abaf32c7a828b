"""The desk's rules in the laws' own words: a slow reader of the few kinds that worlds have, and what each ticket's story asks for.

It knows the documents and what the vendor holds, nothing of the code that is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
HANDLED = ("pending", "hold", "solved")


@dataclass
class Change:
    """One thing that happened to a ticket: an audit by others than us, or what rules of theirs did inside one of ours."""

    at: str
    by: str
    events: list[Entry]
    audit: int

    def to(self, name: str) -> Any:
        """What a field was changed to; None where it was not."""
        return next((one["value"] for one in self.events if one.get("field_name") == name and one["type"] in ("Change", "Create")), None)

    def tags(self) -> tuple[set[str], set[str]]:
        """Tags that came and that went."""
        came: set[str] = set()
        went: set[str] = set()
        for one in self.events:
            if one.get("field_name") == "tags" and one["type"] in ("Change", "Create"):
                after, before = set(one["value"] or ()), set(one.get("previous_value") or ())
                came |= after - before
                went |= before - after
        return came, went

    @property
    def public(self) -> bool:
        return any(one["type"] == "Comment" and one["public"] for one in self.events)


def is_rules(event: Entry) -> bool:
    return bool((event.get("via") or {}).get("channel") == "rule")


@dataclass
class Ticket:
    """A ticket as Zendesk holds it: its changes by others, ours; what its requester said, and what is left of that (`left`: in the same
    order, empty where it was redacted); which tickets it was merged with."""

    id: str
    status: str
    tags: set[str]
    gone: bool
    changes: list[Change] = field(default_factory=list)
    ours: list[Change] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    scrubbed: bool = False
    joined: set[str] = field(default_factory=set)

    @property
    def writable(self) -> bool:
        return not self.gone and self.status not in ("closed", "deleted")


def tickets(held: Entry, did: Iterable[Entry]) -> dict[str, Ticket]:
    """Each ticket out of what Zendesk holds and what people did."""
    bridge, users = held["bridge"], held["users"]
    found: dict[str, Ticket] = {}
    for id_, row in held["tickets"].items():
        one = found[id_] = Ticket(id_, row["status"], set(row["tags"]), id_ in held["gone"])
        for audit in held["audits"][id_]:
            theirs = [event for event in audit["events"] if is_rules(event)]
            if audit["author_id"] == bridge:
                one.ours.append(Change(audit["created_at"], "us", [e for e in audit["events"] if not is_rules(e)], audit["id"]))
                if theirs:
                    one.changes.append(Change(audit["created_at"], "system", theirs, audit["id"]))
            elif any(event["type"] != "CommentRedactionEvent" for event in audit["events"]):
                role = users[str(audit["author_id"])]["role"]
                by = "requester" if audit["author_id"] == row["requester_id"] else "agent" if role != "end-user" else "other"
                one.changes.append(Change(audit["created_at"], by, audit["events"], audit["id"]))
    for entry in did:
        about = [found[str(entry[name])] for name in ("ticket", "into") if entry.get(name) is not None]
        if entry["did"] == "merge":
            group = {one.id for one in about}.union(*(one.joined for one in about))
            for id_ in group:
                found[id_].joined = group
        elif entry["did"] == "delete for good":
            about[0].scrubbed = True
        elif entry["did"] == "redact":
            about[0].left = ["" if words == entry["words"] else words for words in about[0].left]
        elif entry["did"] in ("opens", "writes"):
            about[0].said.append(entry["said"])
            about[0].left.append(entry["said"])
    return found


def matched(document: Entry, text: str, solved_now: bool, severity: int | None) -> tuple[list[str], int | None]:
    """The keys of rules that match, in order, and the severity that there is afterwards."""
    keys: list[str] = []
    route: str | None = None
    for rule in document["rules"]:
        when = rule["when"]
        if rule["kind"] == "escalation":
            hit = when["value"] in text if when["field"] == "text.requester" else solved_now
            if hit:
                keys.append(rule["key"])
                severity = next((then["set_severity"] for then in rule["then"] if "set_severity" in then and severity is None), severity)
        elif route is None and (not when or (severity is not None and severity <= when["value"])):
            route = rule["key"]
            keys.append(route)
    return keys, severity


def fields_of(document: Entry) -> set[str]:
    """The custom fields that rules set."""
    return {str(then["set_custom_field"]["id"]) for rule in document["rules"] for then in rule["then"] if "set_custom_field" in then}


def asked_by(document: Entry, keys: Iterable[str]) -> set[str]:
    """Tags that these rules add, without what policies do later."""
    return {tag for rule in document["rules"] if rule["key"] in keys for then in rule["then"] for tag in then.get("add_tags", ())}


@dataclass
class Story:
    """What a ticket's story asks for: of each tag when it was asked for last and taken off last, by number of the change."""

    asked: dict[str, int] = field(default_factory=dict)
    undone: dict[str, int] = field(default_factory=dict)
    severe: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def stands(self) -> set[str]:
        return {tag for tag, number in self.asked.items() if number > self.undone.get(tag, -1)}
