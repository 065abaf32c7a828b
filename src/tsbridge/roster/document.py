"""The roster's document, read into frozen values. Every problem is found at once, with its place and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.roster import Agent, Cover, Limit, Roster
from tsbridge.core.rules.findings import Finding, escape, kind_of, nearest
from tsbridge.core.rules.vocabulary import CHANNELS
from tsbridge.roster.read_parts import RosterError
from tsbridge.roster.read_rota import Rotas
from tsbridge.roster.read_ways import Ways

TOP: Final = (
    *("schema", "title", "description", "timezone", "agents", "ways", "shifts", "rotations"),
    *("cover", "calendars", "limits", "lists"),
)
MAX_AGENTS: Final = 500
MAX_COVER: Final = 500
MAX_PARTS: Final = 200
"""Ways, shifts, rotations, lists, limits, feeds: of each at most so many."""
MAX_QUEUES: Final = 200
"""Each is looked at for holes."""
MAX_NAMES: Final = 200
"""Entries of a list inside an entry."""
MOST_AT_ONCE: Final = 1_000
BEST: Final = 100
"""The highest level of a skill."""
SEVERITIES: Final = (1, 2, 3, 4)
RESERVED: Final = ("oncall",)
"""Words that `notify` takes for something else."""


def read(document: Any, almanac: Almanac = INSTALLED) -> Roster:
    """A plain JSON value as a roster, each part sorted by its keys; raises `RosterError` with every problem. Zones are by `almanac`."""
    reader = _Reader(document)
    reader.almanac = almanac
    return reader.read()


class _Reader(Rotas, Ways):
    def read(self) -> Roster:
        if not isinstance(self.document, Mapping):
            raise RosterError([Finding("error", "type", f"expected a mapping, got {kind_of(self.document)}")])
        for name in self.document:
            if name not in TOP:
                self.wrong(f"/{escape(name)}", "unknown_key", f"the roster has no such part{nearest(name, TOP)}")
        self.words(self.document, "", "title", "description")
        if self.document.get("schema") != 1 or isinstance(self.document.get("schema"), bool):
            self.wrong("/schema", "schema", "expected schema: 1")
        if "timezone" in self.document:
            self.zone = self.read_zone(self.document, "")
        parts = {name: self.entries(name, MAX_AGENTS if name == "agents" else MAX_PARTS) for name in TOP[4:8] + TOP[10:]}
        self.agent_keys = frozenset(parts["agents"])
        self.way_keys = frozenset(parts["ways"])
        ways = [self.way(key, value) for key, value in parts["ways"].items()]
        agents = [self.agent(key, value) for key, value in parts["agents"].items()]
        shifts = [self.shift(key, value) for key, value in parts["shifts"].items()]
        rotations = [self.rotation(key, value) for key, value in parts["rotations"].items()]
        feeds = self.feeds(MAX_PARTS)
        self.turns = frozenset(parts["rotations"]) | {feed.key for feed in feeds if feed.means == "rotation"}
        self.shift_keys = frozenset(parts["shifts"]) | {feed.key for feed in feeds if feed.means == "shift"}
        for key in RESERVED:
            for part in ("agents", "ways"):
                if key in parts[part]:
                    self.wrong(f"/{part}/{key}", "reserved", f"{key} is what rules call whoever is on call; choose another key")
        self.twins(parts["agents"])
        made = Roster(
            self.zone,
            tuple(one for one in agents if one is not None),
            tuple(one for one in ways if one is not None),
            tuple(one for one in shifts if one is not None),
            tuple(one for one in rotations if one is not None),
            self.cover(),
            feeds,
            tuple(one for key, value in parts["limits"].items() if (one := self.limit(key, value)) is not None),
            tuple((key, self.members_of_list(key, value)) for key, value in parts["lists"].items()),
            "" if self.findings else self.named(),
            self.almanac,
        )
        queues = {queue for part in (made.agents, made.shifts) for one in part for queue in one.queues} | {
            line.queue for line in made.cover
        }
        if len(queues) > MAX_QUEUES:
            self.wrong("/agents", "too_large", f"more than {MAX_QUEUES} queues are named in all")
        if self.findings:
            raise RosterError(self.findings)
        return made

    def agent(self, key: str, value: Any) -> Agent | None:
        path = f"/agents/{escape(key)}"
        keys = (
            *("name", "email", "zendesk_user_id", "talkdesk_user_id", "timezone", "skills", "queues", "capacity"),
            *("from", "until", "reach", "quiet", "shadow", "title", "description"),
        )
        if not self.mapping(value, path, keys):
            return None
        self.words(value, path, "title", "description")
        since, until = self.day(value, "from", path), self.day(value, "until", path)
        if since is not None and until is not None and until < since:
            self.wrong(f"{path}/until", "dates", "expected a last day that is not before the first, which stands in from")
        queues = self.names(value.get("queues", []), f"{path}/queues", "keys of queues", MAX_NAMES)
        if not queues:
            where = f"{path}/queues" if "queues" in value else path
            self.wrong(where, "no_queue", "this agent works no queue; expected queues: a list of at least one")
        shadow = value.get("shadow", False)
        if not isinstance(shadow, bool):
            self.unlike(f"{path}/shadow", "true or false", shadow)
        return Agent(
            key,
            self.line(value.get("name", key), f"{path}/name") or key,
            self.read_zone(value, path),
            self.user_id(value.get("zendesk_user_id"), f"{path}/zendesk_user_id"),
            self.line(value.get("talkdesk_user_id"), f"{path}/talkdesk_user_id"),
            self.address(value.get("email"), f"{path}/email"),
            self.numbers(value.get("skills", {}), f"{path}/skills", "a level", 1, BEST),
            queues,
            self.capacity(value.get("capacity", {}), f"{path}/capacity"),
            since,
            until,
            self.known_names(value.get("reach", []), f"{path}/reach", self.way_keys, "unknown_way", "way"),
            () if "quiet" not in value else self.hours(value["quiet"], f"{path}/quiet"),
            shadow is True,
        )

    def capacity(self, value: Any, path: str) -> tuple[tuple[str, int], ...]:
        found = self.numbers(value, path, "how many at once", 0, MOST_AT_ONCE)
        for name, _ in found:
            if name not in CHANNELS:
                self.wrong(
                    f"{path}/{escape(name)}", "unknown_channel", f"expected one of {', '.join(sorted(CHANNELS))}{nearest(name, CHANNELS)}"
                )
        return found

    def twins(self, agents: Mapping[str, Any]) -> None:
        """People at the vendors who would be two agents here."""
        for name in ("zendesk_user_id", "talkdesk_user_id"):
            first: dict[str, str] = {}
            for key, value in agents.items():
                one = value.get(name) if isinstance(value, Mapping) else None
                if isinstance(one, str | int) and not isinstance(one, bool) and (had := first.setdefault(str(one), key)) != key:
                    self.wrong(f"/agents/{escape(key)}/{name}", "duplicate_id", f"agent {had} has this {name} already")

    def cover(self) -> tuple[Cover, ...]:
        value = self.listed("cover", MAX_COVER)
        return tuple(one for place, raw in enumerate(value) if (one := self.cover_line(raw, f"/cover/{place}")) is not None)

    def cover_line(self, value: Any, path: str) -> Cover | None:
        if not self.mapping(value, path, ("queue", "severity", "oncall", "then", "title", "description")):
            return None
        self.words(value, path, "title", "description")
        queue = value.get("queue")
        if queue is not None:
            queue = self.line(queue, f"{path}/queue")
        answering = value.get("oncall")
        if answering is None:
            self.wrong(f"{path}/oncall", "missing", "expected oncall: a rotation, a shift or an agent")
            return None
        able = self.turns | self.shift_keys | self.agent_keys
        self.known(answering, able, f"{path}/oncall", "unknown_oncall", "rotation, shift or agent")
        then = self.known_names(
            value.get("then", []), f"{path}/then", able | self.way_keys, "unknown_backup", "agent, rotation, shift or way"
        )
        for place, name in enumerate(then):
            if name == answering:
                self.wrong(f"{path}/then/{place}", "circular_backup", "this is who is on call already: nobody is their own backup")
            elif name in then[:place]:
                self.wrong(f"{path}/then/{place}", "circular_backup", "this backup stands there already: the chain would begin anew")
        return Cover(queue, self.severities(value.get("severity"), f"{path}/severity"), str(answering), then)

    def severities(self, value: Any, path: str) -> tuple[int, ...] | None:
        if value is None:
            return None
        several = value if isinstance(value, list) else [value]
        if not several or not all(type(one) is int and one in SEVERITIES for one in several):
            self.wrong(path, "value", "expected a severity from 1 (worst) to 4, or a list of them")
            return None
        return tuple(sorted(set(several)))

    def limit(self, key: str, value: Any) -> Limit | None:
        path = f"/limits/{escape(key)}"
        if not self.mapping(value, path, ("categories", "per_shift", "title", "description")):
            return None
        self.words(value, path, "title", "description")
        categories = self.names(value.get("categories"), f"{path}/categories", "words of set_category", MAX_NAMES)
        if not categories:
            self.wrong(f"{path}/categories", "missing", "expected categories: a list of at least one")
        most = value.get("per_shift")
        if type(most) is not int or not 0 <= most <= MOST_AT_ONCE:
            self.wrong(f"{path}/per_shift", "range", f"expected a number from 0 to {MOST_AT_ONCE}")
            return None
        return Limit(key, categories, most)

    def members_of_list(self, key: str, value: Any) -> tuple[str, ...]:
        path = f"/lists/{escape(key)}"
        able: Iterable[str] = self.agent_keys | self.turns | self.shift_keys | self.way_keys
        found = self.known_names(value, path, able, "unknown_member", "agent, rotation, shift or way")
        if value == []:
            self.wrong(path, "nobody", "nobody is on this list; expected at least one")
        return found
