"""Rulebook documents as plain JSON: their rules one by one, what differs between two, what the check and the tests say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import Any, Final

from tsbridge.acts.errors import Conflict, Faulty, Invalid, NotFound
from tsbridge.core.moments import canonical
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import NAME, Finding, RulebookError
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook.check import check
from tsbridge.rulebook.examine import SEVERITIES, Examined, Sheet, examine, examine_body
from tsbridge.rulebook.staffed import unread

Document = dict[str, Any]

KEY_WORDS: Final = "Expected a key: up to 80 letters, digits, - _ . that begin with a letter or digit."
TOP: Final = ("schema", "title", "description", "lists", "calendars", "queues", "policies", "linking", "rules", "tests")
RULE: Final = ("key", "kind", "title", "description", "scope", "on", "when", "then")
TEST: Final = ("name", "at", "given", "expect")

# Rules one by one; a draft may be any JSON object, so nothing about it is taken for granted


def rules(document: Any) -> list[Any]:
    found = document.get("rules") if isinstance(document, dict) else None
    return found if isinstance(found, list) else []


def key_of(rule: Mapping[str, Any], place: str = "") -> str:
    """The key of a rule that stands at `place` of what came. Raises `Invalid`: it becomes part of an address."""
    key = rule.get("key")
    if not isinstance(key, str) or not NAME.fullmatch(key):
        raise Invalid({f"{place}/key": KEY_WORDS}, "key")
    return key


def position_of(document: Document, key: str) -> int:
    """Where the rule stands among all rules, from 0. Raises `NotFound`."""
    for place, rule in enumerate(rules(document)):
        if isinstance(rule, dict) and rule.get("key") == key:
            return place
    raise NotFound("rule in the draft")


def rule_of(document: Document, key: str) -> Document:
    found: Document = rules(document)[position_of(document, key)]
    return found


def with_rule(document: Document, rule: Document, before: str | None) -> Document:
    """The document with one rule more. Raises `Conflict` when its key is taken, `Invalid` when `before` names none."""
    _key_is_free(document, key_of(rule))
    standing = rules(document)
    place = _end_of(rule.get("kind"), standing) if before is None else _named_place(document, before)[1]
    return {**document, "rules": [*standing[:place], rule, *standing[place:]]}


def with_rules(document: Document, new: Sequence[Document], before: str | None = None, after: str | None = None) -> Document:
    """The document with rules more, in their order, each kind together: where they are of the kind of the rule that `before` or `after`
    names, above or below that one; else at the end of their kind, but above the catch-all. Raises `Invalid` when the key names none."""
    standing = rules(document)
    named, place = _named_place(document, before, after)
    kinds = {kind: [rule for rule in new if (rule.get("kind") == "routing") == (kind == "routing")] for kind in ("escalation", "routing")}
    places = {kind: place if kind == named else _end_of(kind, standing) for kind in kinds}
    for kind in sorted(kinds, key=lambda kind: (places[kind], kind), reverse=True):  # from below: what stands above keeps its place
        standing = [*standing[: places[kind]], *kinds[kind], *standing[places[kind] :]]
    return {**document, "rules": standing}


def replaced(document: Document, key: str, rule: Document, before: str | None = None) -> Document:
    """The document with another rule in this one's place, or above `before`. Raises as `with_rule` does, and `NotFound`."""
    place = position_of(document, key)
    if key_of(rule) != key:
        _key_is_free(document, key_of(rule))
    if before is not None and before != key:
        rest = without(document, key)
        return with_rule(rest, rule, before)
    standing = rules(document)
    return {**document, "rules": [*standing[:place], rule, *standing[place + 1 :]]}


def without(document: Document, key: str) -> Document:
    place = position_of(document, key)
    standing = rules(document)
    return {**document, "rules": [*standing[:place], *standing[place + 1 :]]}


def _named_place(document: Document, before: str | None, after: str | None = None) -> tuple[str, int]:
    """The kind of the rule that one of them names, and the place above or below it; no kind where neither is given."""
    key, member = (before, "before") if before is not None else (after, "after")
    if key is None:
        return "", 0
    try:
        place = position_of(document, key)
    except NotFound:
        raise Invalid({f"/{member}": "Expected the key of a rule of the draft."}, "key") from None
    kind = "routing" if rules(document)[place].get("kind") == "routing" else "escalation"
    return kind, place + (member == "after")


def _end_of(kind: Any, standing: Sequence[Any]) -> int:
    """Where a new rule of this kind goes by itself."""
    if kind == "routing":
        last = standing[-1] if standing else None
        return len(standing) - (isinstance(last, dict) and last.get("kind") == "routing" and last.get("when") == {})
    routing = (place for place, other in enumerate(standing) if isinstance(other, dict) and other.get("kind") == "routing")
    return next(routing, len(standing))


def _key_is_free(document: Document, key: str) -> None:
    if any(isinstance(rule, dict) and rule.get("key") == key for rule in rules(document)):
        raise Conflict("The draft has a rule of this key already.")


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


def as_people_write(document: Document) -> Document:
    """The same document with its parts, and those of its rules and tests, in the order of the guide: a database keeps none."""
    found = arranged(document, TOP)
    for part, names in (("rules", RULE), ("tests", TEST)):
        if isinstance(found.get(part), list):
            found[part] = [arranged(one, names) if isinstance(one, dict) else one for one in found[part]]
    return found


def arranged(values: Document, names: Sequence[str]) -> Document:
    """The same members, those of `names` first and in that order."""
    return {name: values[name] for name in (*names, *values) if name in values}


# What the reader and the check say


def faults(document: Document) -> tuple[Finding, ...]:
    """What keeps a document from being judged by."""
    try:
        read(document)
    except RulebookError as refused:
        return tuple(refused.findings)
    return ()


def findings(document: Document, zone: tzinfo, *, about: str | None = None, triggers: Any = None) -> list[Finding]:
    """Everything there is to say about a document by itself; errors keep it from being published.

    `about`: only what concerns this rule. `triggers`: Zendesk's, to be taken into account; raises `ValueError` when they are none.
    Takes its time: never on the event loop.
    """
    found = check(document, zone, about=about, triggers=triggers)
    if about is None:
        return [*found, *unread(document, read_roster)]
    place = f"/rules/{position_of(document, about)}"
    return [one for one in found if one.severity != "error" or one.rule == about or f"{one.path}/".startswith(f"{place}/")]


def examined(apart: Callable[..., Examined], document: Document, zone: tzinfo, roster: Document | None, triggers: Any = None) -> Examined:
    """Everything there is to say about a document, by the live roster too, worked out wherever there is room. Raises as `findings`."""
    return _kept(apart, canonical(document), zone, canonical(roster), canonical(triggers))


@lru_cache(maxsize=4)
def _kept(apart: Callable[..., Examined], content: bytes, zone: tzinfo, roster: bytes, triggers: bytes) -> Examined:
    """The draft and the roster are looked at far more often than they are changed."""
    return apart(examine, content, zone, roster, read_roster, triggers)


def examined_body(apart: Callable[..., Sheet | None], body: bytes, cap: int, zone: tzinfo, roster: Document | None) -> Sheet | None:
    """The same of a body that is not even read here; None for one that is no document."""
    return apart(examine_body, body, cap, zone, canonical(roster), read_roster)


def ordered(found: Iterable[Finding]) -> list[Finding]:
    """The most severe first; of equals as they come."""
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def passes(found: Iterable[Finding]) -> bool:
    return all(finding.severity != "error" for finding in found)


@dataclass(frozen=True, slots=True)
class CheckResult:
    ok: bool
    findings: Sequence[Finding]


def checked(found: Sequence[Finding]) -> CheckResult:
    return CheckResult(passes(found), found)


def refuse_faulty(apart: Callable[..., tuple[Finding, ...]], document: Document) -> None:
    """Raises `Faulty` unless the document can be judged by."""
    found = apart(faults, document)
    if found:
        raise faulty(found)


def faulty(found: Iterable[Finding]) -> Faulty:
    """What is raised when something would have to be judged by a document that has faults."""
    told = [finding.to_json() for finding in found]
    return Faulty("The rulebook has faults; see findings.", "rulebook-faulty", findings=told, failed_tests=[])
