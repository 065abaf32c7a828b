"""Rulebook documents as plain JSON: their rules one by one, what differs between two, what the check and the tests say."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from datetime import tzinfo
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Query

from tsbridge.core.moments import canonical
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError
from tsbridge.core.rules.language import content_hash
from tsbridge.rulebook.check import check
from tsbridge.web.problems import Problem, invalid, not_found

Document = dict[str, Any]

From = Annotated[str, Query(alias="from", max_length=20, json_schema_extra={"type": "integer"})]
Stories = Annotated[str, Query(max_length=20, json_schema_extra={"type": "integer"})]
To = Annotated[str, Query(alias="to", max_length=20, json_schema_extra={"type": "integer"})]


# Rules one by one; a draft may be any JSON object, so nothing about it is taken for granted


def rules(document: Document) -> list[Any]:
    found = document.get("rules")
    return found if isinstance(found, list) else []


def key_of(rule: Mapping[str, Any]) -> str:
    """The rule's own key, or 422."""
    key = rule.get("key")
    if not isinstance(key, str) or not 0 < len(key) <= 200:
        raise invalid("body", "#/key", "Expected a key: text of 1 to 200 characters.", code="key")
    return key


def position_of(document: Document, key: str) -> int:
    """Where the rule stands among all rules, from 0. Raises 404."""
    for place, rule in enumerate(rules(document)):
        if isinstance(rule, dict) and rule.get("key") == key:
            return place
    raise not_found("rule in the draft")


def rule_of(document: Document, key: str) -> Document:
    found: Document = rules(document)[position_of(document, key)]
    return found


def rule_tag(rule: Document) -> str:
    """A rule's ETag follows from its content."""
    return f'"r{hashlib.sha256(canonical(rule)).hexdigest()[:20]}"'


def with_rule(document: Document, rule: Document, before: str | None) -> Document:
    """The document with one rule more. Raises 409 when its key is taken, 422 when `before` names none."""
    _key_is_free(document, key_of(rule))
    standing = rules(document)
    if before is not None:
        try:
            place = position_of(document, before)
        except Problem:
            raise invalid("body", "#/before", "Expected the key of a rule of the draft.", code="key") from None
    elif rule.get("kind") == "routing":
        catches_all = (
            standing and isinstance(standing[-1], dict) and standing[-1].get("kind") == "routing" and standing[-1].get("when") == {}
        )
        place = len(standing) - (1 if catches_all else 0)
    else:
        routing = (place for place, other in enumerate(standing) if isinstance(other, dict) and other.get("kind") == "routing")
        place = next(routing, len(standing))
    return {**document, "rules": [*standing[:place], rule, *standing[place:]]}


def replaced(document: Document, key: str, rule: Document) -> Document:
    place = position_of(document, key)
    if key_of(rule) != key:
        _key_is_free(document, key_of(rule))
    standing = rules(document)
    return {**document, "rules": [*standing[:place], rule, *standing[place + 1 :]]}


def without(document: Document, key: str) -> Document:
    place = position_of(document, key)
    standing = rules(document)
    return {**document, "rules": [*standing[:place], *standing[place + 1 :]]}


def _key_is_free(document: Document, key: str) -> None:
    if any(isinstance(rule, dict) and rule.get("key") == key for rule in rules(document)):
        raise Problem(409, "The draft has a rule of this key already.")


# Two documents


def difference(before: Document, after: Document) -> tuple[Document, Document]:
    """What of two documents is not the same, for the record of an edit: rules by key, the rest by name."""
    old, new = _flat(before), _flat(after)
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    return {key: old.get(key) for key in keys}, {key: new.get(key) for key in keys}


def _flat(document: Document) -> Document:
    named = [rule for rule in rules(document) if isinstance(rule, dict) and isinstance(rule.get("key"), str)]
    if len(named) != len(rules(document)) or len({rule["key"] for rule in named}) != len(named):
        return dict(document)
    flat = {name: value for name, value in document.items() if name != "rules"}
    flat["rules order"] = [rule["key"] for rule in named]
    return flat | {f"rules/{rule['key']}": rule for rule in named}


# What the reader and the check say


def faults(document: Document) -> list[dict[str, Any]]:
    """What keeps a document from being judged by."""
    try:
        read(document)
    except RulebookError as refused:
        return [finding.to_json() for finding in refused.findings]
    return []


def findings(document: Document, zone: tzinfo, *, about: str | None = None, triggers: Any = None) -> list[dict[str, Any]]:
    """Everything there is to say about a document; errors keep it from being published.

    `about`: only what concerns this rule. `triggers`: Zendesk's, to be taken into account; raises `ValueError` when they are none.
    Takes its time: never on the event loop.
    """
    found = _checked(canonical(document), zone, about, canonical(triggers))
    return [finding.to_json() for finding in found if about is None or finding.severity != "error" or finding.rule == about]


@lru_cache(maxsize=4)
def _checked(document: bytes, zone: tzinfo, about: str | None, triggers: bytes) -> tuple[Finding, ...]:
    """The draft is looked at far more often than it is changed."""
    return check(json.loads(document), zone, about=about, triggers=json.loads(triggers))


def passes(found: list[dict[str, Any]]) -> bool:
    return all(finding["severity"] != "error" for finding in found)


def hash_of(document: Document) -> str:
    return content_hash(document)


async def refuse_faulty(document: Document) -> None:
    """Raises 422 with `findings` unless the document can be judged by."""
    found = await asyncio.to_thread(faults, document)
    if found:
        raise faulty(found)


def faulty(found: list[dict[str, Any]]) -> Problem:
    """What is answered when something would have to be judged by a document that has faults."""
    return Problem(422, "The rulebook has faults; see findings.", kind="rulebook-faulty", findings=found, failed_tests=[])
