"""Rules that set each other off through tags: what one moment adds the next takes away, for ever.

Rules only meet through tags they read and write themselves; of those that do, an event is looked for and played on, moment
after moment, with the judge. Only tags that still move at the end are told. Zendesk's own triggers can be part of the game.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Final

from tsbridge.core.moments import Value
from tsbridge.core.rules.document import read
from tsbridge.core.rules.facts import members
from tsbridge.core.rules.findings import Finding, RulebookError
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Condition, Rule, leaves
from tsbridge.rulebook.examiner import Examiner, tag_wishes
from tsbridge.rulebook.satisfy import Undecided
from tsbridge.rulebook.worlds import World
from tsbridge.rulebook.zendesk_import import import_zendesk

ROUNDS: Final = 24
"""Moments that are played before what still moves counts as moving for ever."""
LOOKED_BACK: Final = 8
STARTS: Final = 200
"""Events that one check plays on."""


def tag_cycles(examiner: Examiner, triggers: Judge | None) -> Iterator[Finding]:
    """`triggers`: Zendesk's rules as a judge of their own, who acts after each of our writes."""
    theirs = () if triggers is None else triggers.book.rules
    told: set[frozenset[str]] = set()
    for start, rule in enumerate(_suspects(examiner.book.rules, theirs)):
        if start >= STARTS:
            return
        try:
            world = examiner.solver.find([examiner.condition(rule)])
        except Undecided:
            continue
        if world is None:
            continue
        moving, keys = _played(examiner.judge, triggers, world)
        if not moving or moving in told:
            continue
        told.add(moving)
        tags = ", ".join(sorted(moving))
        if keys - {one.key for one in examiner.book.rules}:
            words = f"this rule and the Zendesk trigger work against each other: {tags} is put on and taken off again for ever"
        else:
            words = f"the tag {tags} is put on and taken off again with every moment; by turns: {', '.join(sorted(keys))}"
        yield Finding("warning", "tag_cycle", words, rule.path, rule.key, world.to_json())


def as_judge(triggers: Any, document: Any, zone: tzinfo) -> Judge | None:
    """Zendesk's triggers, as `GET /api/v2/triggers` gives them, as a judge. None when there are none. Raises `ValueError`."""
    if not triggers:
        return None
    queues = document.get("queues") or {"none": {}}
    # They answer each of our writes, which is no event of its own here: when they look does not matter.
    rules = [{**rule, "on": None} for rule in import_zendesk(triggers, document)["rules"] if rule["kind"] == "escalation"]
    if not rules:
        return None
    last = {"key": "tsbridge-catch-all", "kind": "routing", "when": {}, "then": [{"route": next(iter(queues))}]}
    parts = {name: document[name] for name in ("lists", "calendars", "policies") if name in document}
    try:
        return Judge(read({"schema": 1, **parts, "queues": queues, "rules": [*rules, last]}), zone)
    except RulebookError as refused:
        raise ValueError(f"the triggers make no sound rules: {refused}") from None


def _suspects(ours: Iterable[Rule], theirs: Iterable[Rule]) -> Iterator[Rule]:
    """Our rules that write a tag which some rule reads, where somebody also writes the opposite."""
    everybody = [*ours, *theirs]
    read_by_somebody = {tag for rule in everybody for tag in _read_tags(rule.when)}
    added = {tag for rule in everybody for tag in tag_wishes(rule)[0]}
    removed = {tag for rule in everybody for tag in tag_wishes(rule)[1]}
    fought = added & removed & read_by_somebody
    if theirs:
        fought = added & removed
    for rule in ours:
        if (frozenset().union(*tag_wishes(rule)) | _read_tags(rule.when)) & fought:
            yield rule


def _read_tags(condition: Condition) -> frozenset[str]:
    found: set[str] = set()
    for leaf in leaves(condition):
        if leaf.field == "tags":
            values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
            found |= {str(value) for value in values}
    return frozenset(found)


def _played(judge: Judge, triggers: Judge | None, world: World) -> tuple[frozenset[str], frozenset[str]]:
    """(tags that still move after many moments, rules that move them)."""
    history: list[tuple[frozenset[str], frozenset[str]]] = []
    for _ in range(ROUNDS):
        moved: set[str] = set()
        keys: set[str] = set()
        for player in (judge, triggers):
            if player is None:
                continue
            judgement = world.judged(player)
            before = members(world.given.get("tags"))
            now = (before | set(judgement.tags_added)) - set(judgement.tags_removed)
            changed = before ^ now
            moved |= changed
            keys |= _movers(player, {match.key for match in judgement.matched}, changed)
            world = _next(world, now)
        history.append((frozenset(moved), frozenset(keys)))
        if not moved:
            return frozenset(), frozenset()
    recent = history[-LOOKED_BACK:]
    return frozenset().union(*(tags for tags, _ in recent)), frozenset().union(*(keys for _, keys in recent))


def _movers(judge: Judge, matched: set[str], changed: Set[str]) -> set[str]:
    return {rule.key for rule in judge.book.rules if rule.key in matched and frozenset().union(*tag_wishes(rule)) & changed}


def _next(world: World, tags: Iterable[str]) -> World:
    """The next moment of the same story: nothing else has changed. A ticket is created only once."""
    given: dict[str, Value] = {**world.given, "tags": tuple(sorted(tags)) or None}
    if given.get("event") == "ticket.created":
        given["event"] = "ticket.updated"
    return replace(world, given=given)
