"""Rules that set each other off through tags: what one moment adds the next takes away, for ever.

Rules only meet through tags they read and write themselves; of those that do, an event is looked for and played on, moment
after moment, with the judge. Only tags that still move at the end are told. Zendesk's own triggers can be part of the game.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import islice
from typing import Any, Final

from tsbridge.core.moments import Value
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Standing
from tsbridge.core.rules.language import Condition, Rule, Rulebook, leaves
from tsbridge.core.rules.next_change import OF_THE_MOMENT
from tsbridge.core.rules.vocabulary import EVENTS
from tsbridge.core.values import members
from tsbridge.rulebook.examiner import Examiner, tag_wishes
from tsbridge.rulebook.satisfy import Undecided
from tsbridge.rulebook.worlds import World
from tsbridge.rulebook.zendesk_import import import_zendesk

ROUNDS: Final = 24
"""Moments that are played before what still moves counts as moving for ever."""
LOOKED_BACK: Final = 8
STARTS: Final = 200
"""Rules from which one check plays on."""
PLAYERS: Final = 12
"""Other rules that a story may give a part to."""
SEARCH: Final = 200
"""Branches that looking for a part for one of them may cost."""
TOLD: Final = 20_000
"""Tags times triggers for which it is looked at what replacing all tags means."""
OTHER_MOMENT: Final = frozenset({"tags"})
ANSWERED: Final[Mapping[str, Value]] = {"source": "zendesk", "event": "ticket.updated", "update.by": "agent", "update.channel": "api"}
"""Our write as a trigger sees it: a change of the ticket, by an agent through the API."""
THEIR_MOMENT: Final = OTHER_MOMENT | ANSWERED.keys()
"""What is another thing at the moment of another rule; Zendesk's triggers answer our write, whatever made us write."""
GONE: Final = frozenset(OF_THE_MOMENT) - {"event"}
"""What the moment itself brought."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Tags that never come to rest, the rules that move them, and an event in the middle of it."""

    tags: frozenset[str]
    keys: frozenset[str]
    world: World


@dataclass(frozen=True, slots=True)
class Game:
    """Who plays: our rules and Zendesk's; by key the tags that a rule moves, and those for which it is a suspect."""

    examiner: Examiner
    triggers: Judge | None
    ours: Mapping[str, Rule]
    moves: Mapping[str, frozenset[str]]
    suspects: Mapping[str, frozenset[str]]
    by_tag: Mapping[str, Sequence[Rule]]


def tag_cycles(examiner: Examiner, triggers: Judge | None) -> Iterator[Finding]:
    """`triggers`: Zendesk's rules as a judge of their own, who acts after each of our writes."""
    game = _game(examiner, triggers)
    told: set[frozenset[str]] = set()
    for rule in islice((rule for key, rule in game.ours.items() if key in game.suspects), STARTS):
        found = next((cycle for world in _starts(game, rule) if (cycle := _played(game, world))), None)
        if found is None or found.tags in told:
            continue
        told.add(found.tags)
        keys = [key for key in game.ours if key in found.keys]
        mover = game.ours[keys[0]] if keys else rule
        tags = ", ".join(sorted(found.tags))
        if len(keys) < len(found.keys):
            who = f"{', '.join(keys) or 'this rule'} and a Zendesk trigger work against each other"
            words = f"{who}: {tags} is put on and taken off again for ever"
        else:
            words = f"the tag {tags} is put on and taken off again with every moment; by turns: {', '.join(keys)}"
        yield Finding("warning", "tag_cycle", words, mover.path, mover.key, found.world.to_json())


def _game(examiner: Examiner, triggers: Judge | None) -> Game:
    """Suspect is who moves or reads a tag that somebody adds and somebody removes; among ourselves somebody must read it, too."""
    everybody = [(examiner.book, rule) for rule in examiner.book.rules]
    everybody += [] if triggers is None else [(triggers.book, rule) for rule in triggers.book.rules]
    wishes = {rule.key: _wishes(rule, book) for book, rule in everybody}
    reads = {rule.key: _read_tags(rule.when) for _, rule in everybody}
    fought = frozenset().union(*(added for added, _ in wishes.values())) & frozenset().union(*(removed for _, removed in wishes.values()))
    if triggers is None:
        fought &= frozenset().union(*reads.values())
    moves = {key: added | removed for key, (added, removed) in wishes.items()}
    suspects = {key: touched for key, tags in moves.items() if (touched := (tags | reads[key]) & fought)}
    by_tag: dict[str, list[Rule]] = defaultdict(list)
    for _, rule in everybody:
        for tag in suspects.get(rule.key, ()):
            by_tag[tag].append(rule)
    return Game(examiner, triggers, {rule.key: rule for rule in examiner.book.rules}, moves, suspects, by_tag)


def _starts(game: Game, rule: Rule) -> Iterator[World]:
    """Events of a rule: on one, as many of the other suspects as can may get their turn; on one, nothing is done for them."""
    examiner, solver = game.examiner, game.examiner.solver
    wanted = [examiner.condition(rule)]
    try:
        plain = world = solver.find(wanted)
    except Undecided:
        return
    for number, other in enumerate(_others(game, rule) if plain is not None else (), 1):
        apart = OTHER_MOMENT if other.key in game.ours else THEIR_MOMENT
        node = solver.node(other.when, apart=apart, moment=number)
        part = examiner.asked(other, node) if other.key in game.ours else node
        try:
            found = solver.find([*wanted, part], SEARCH)
        except Undecided:
            continue
        if found is not None:
            world = found
            wanted.append(part)
    yield from (one for one in (world, plain if plain is not world else None) if one is not None)


def _others(game: Game, rule: Rule) -> Iterable[Rule]:
    """The suspects nearest to a rule: those that touch its tags, those that touch theirs, and so on."""
    found: dict[str, Rule] = {rule.key: rule}
    for near in (queue := [rule]):
        for tag in sorted(game.suspects[near.key]):
            for other in game.by_tag[tag]:
                if len(found) > PLAYERS:
                    return queue[1:]
                if other.key not in found:
                    found[other.key] = other
                    queue.append(other)
    return queue[1:]


def as_judge(triggers: Any, document: Any, zone: tzinfo) -> Judge | None:
    """Zendesk's triggers, as `GET /api/v2/triggers` gives them, as a judge. None when there are none. Raises `ValueError`."""
    if not triggers:
        return None
    queues = {name: queue or {} for name, queue in (document.get("queues") or {"none": {}}).items()}
    # They answer each of our writes, which is no event of its own here: when they look does not matter.
    carried = import_zendesk(_with_plain_tags(triggers, document), {**document, "queues": queues})["rules"]
    rules = [{**rule, "on": list(EVENTS)} for rule in carried if rule["kind"] == "escalation"]
    if not rules:
        return None
    last = {"key": "tsbridge-catch-all", "kind": "routing", "when": {}, "then": [{"route": next(iter(queues))}]}
    parts = {name: document[name] for name in ("lists", "calendars", "policies") if name in document}
    try:
        return Judge(read({"schema": 1, **parts, "queues": queues, "rules": [*rules, last]}), zone)
    except RulebookError as refused:
        raise ValueError(f"the triggers make no sound rules: {refused}") from None


def _with_plain_tags(triggers: Any, document: Mapping[str, Any]) -> Any:
    """Triggers that replace all tags, as what that means for ours: those they do not name are taken off."""
    if not isinstance(triggers, Mapping) or not isinstance(triggers.get("triggers"), list):
        return triggers
    ours = {tag for rule in read(document).rules for tag in frozenset().union(*tag_wishes(rule))}
    if len(ours) * len(triggers["triggers"]) > TOLD:
        return triggers

    def told(trigger: Any) -> Any:
        actions = trigger.get("actions") if isinstance(trigger, Mapping) else None
        if not isinstance(actions, list):
            return trigger
        return {**trigger, "actions": [one for action in actions for one in _plain_tags(action, ours)]}

    return {**triggers, "triggers": [told(trigger) for trigger in triggers["triggers"]]}


def _plain_tags(action: Any, ours: Set[str]) -> list[Any]:
    value = action.get("value") if isinstance(action, Mapping) and action.get("field") == "set_tags" else None
    if not isinstance(value, str):
        return [action]
    kept = set(value.lower().split())
    return [{"field": "current_tags", "value": " ".join(kept)}, {"field": "remove_tags", "value": " ".join(sorted(ours - kept))}]


def _wishes(rule: Rule, book: Rulebook) -> tuple[frozenset[str], frozenset[str]]:
    """The tags a rule adds and those it removes, by itself or by the policies it escalates to."""
    raised = [book.policies[action.value] for action in rule.then if action.name == "escalate" and action.value in book.policies]
    steps = [action for policy in raised for step in policy.steps for action in step.actions]
    return tag_wishes(rule._replace(then=(*rule.then, *steps)))


def _read_tags(condition: Condition) -> frozenset[str]:
    found: set[str] = set()
    for leaf in leaves(condition):
        if leaf.field == "tags":
            values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
            found |= {str(value).casefold() for value in values}
    return frozenset(found)


def _played(game: Game, world: World) -> Cycle | None:
    """Moment after moment from `world` on: the tags that still move after many, if any do."""
    history: list[Cycle] = []
    standing = Standing()
    for _ in range(ROUNDS):
        begin, moved, keys = world, frozenset[str](), frozenset[str]()
        for player in (game.examiner.judge, game.triggers):
            if player is None:
                continue
            mine = player is not game.triggers
            seen = world if mine else _answered(world)
            judgement = player.decide(seen.given, seen.previous, standing if mine else Standing(), seen.at, until=seen.at)
            if mine:
                standing = Standing(None, judgement.firing, judgement.armed)
            before = members(world.given.get("tags"))
            now = (before | set(judgement.tags_added)) - set(judgement.tags_removed)
            moved |= before ^ now
            keys |= {match.key for match in judgement.matched if game.moves[match.key] & (before ^ now)}
            # what a trigger changes comes back to us as an update of the ticket
            world = _next(world if mine or now == before else seen, now)
        history.append(Cycle(moved, keys, begin))
        if not moved:
            return None
    recent = history[-LOOKED_BACK:]
    shown = next((one.world for one in reversed(recent) if one.keys & game.ours.keys()), recent[-1].world)
    return Cycle(frozenset().union(*(one.tags for one in recent)), frozenset().union(*(one.keys for one in recent)), shown)


def _answered(world: World) -> World:
    """What a trigger sees: our write."""
    return replace(world, given={**world.given, **ANSWERED})


def _next(world: World, tags: Iterable[str]) -> World:
    """The next moment of the same story: nothing has changed and nobody has said anything. A ticket is created only once."""
    given: dict[str, Value] = {name: value for name, value in world.given.items() if name not in GONE}
    given["tags"] = tuple(sorted(tags)) or None
    if given.get("event") == "ticket.created":
        given["event"] = "ticket.updated"
    return replace(world, given=given, previous={name: given.get(name) for name in world.previous})
