"""Paths of Zendesk's API to functions: a request on its way, an answer, and the table of routes. With and without `.json`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tsbridge.simulator.zendesk.answers import Rejected, too_many_values
from tsbridge.simulator.zendesk.records import Store
from tsbridge.simulator.zendesk.world import World

MANY: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way to a route."""

    query: Mapping[str, str]
    content: Any
    user: dict[str, Any]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def inside(self, name: str) -> Mapping[str, Any]:
        """The object a body wraps, like {"ticket": {...}}."""
        found = self.content.get(name) if isinstance(self.content, Mapping) else None
        if not isinstance(found, Mapping):
            raise Rejected(400, {"error": "Unprocessable Entity", "description": f"Expected a {name}"})
        return found

    def listed(self, name: str) -> list[Mapping[str, Any]]:
        found = self.content.get(name) if isinstance(self.content, Mapping) else None
        if not isinstance(found, list) or not all(isinstance(f, Mapping) for f in found):
            raise Rejected(400, {"error": "Unprocessable Entity", "description": f"Expected {name}"})
        if len(found) > MANY:
            raise too_many_values(name, MANY)
        return found

    def ids(self, name: str = "ids") -> list[int]:
        return [int(part) for part in self.values(name) if part.isdecimal()]

    def values(self, name: str) -> list[str]:
        """The values of a parameter that lists them with commas."""
        found = [part.strip() for part in self.query.get(name, "").split(",") if part.strip()]
        if len(found) > MANY:
            raise too_many_values(name, MANY)
        return found


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the API."""

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., Any]
ROUTES: Final[list[tuple[str, re.Pattern[str], str]]] = []


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Register a method of `Api`; `<id>` stands for digits, `<word>` for any part of a path."""
    expression = re.compile("^" + pattern.replace("<id>", r"(\d+)").replace("<word>", r"([^/]+?)") + r"(?:\.json)?/?$")

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, expression, handler.__name__))
        return handler

    return register


class RouteGroup(Protocol):
    """What a group of routes works on."""

    world: World
    s: Store

    def create_or_update(self, asked: Asked) -> Any: ...

    def new_user(self, props: Mapping[str, Any]) -> dict[str, Any]: ...

    def change_user(self, user: dict[str, Any], given: Mapping[str, Any]) -> None: ...

    def end_user(self, id_: int) -> dict[str, Any]: ...

    def import_one(self, props: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]: ...

    def metric(self, ticket: Mapping[str, Any]) -> dict[str, Any]: ...

    def put_away(self, word: str, asked: Asked) -> Any: ...

    def change_of_shelf(self, asked: Asked, word: str, id_: int) -> Any: ...

    def delete_of_shelf(self, asked: Asked, word: str, id_: int) -> Any: ...


def written() -> list[str]:
    """Every path of the API with its methods, one line each, as the page about the simulators lists them."""
    methods: dict[str, list[str]] = {}
    for method, expression, _ in ROUTES:
        path = expression.pattern.removeprefix("^").removesuffix(r"(?:\.json)?/?$")
        for said, shown in ((r"(\d+)", "{id}"), ("([^/]+?)", "{word}"), ("(?:", "(")):
            path = path.replace(said, shown)
        methods.setdefault(path, []).append(method)
    return [f"- `{path}`: {', '.join(sorted(set(how)))}" for path, how in sorted(methods.items())]
