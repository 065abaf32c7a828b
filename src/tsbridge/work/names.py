"""Asks Zendesk about what people name: whether the groups, fields, agents and tags of a rulebook are there, and who is an agent.

People wait for the answer, so it comes within seconds or not at all; what could not be asked is said, never guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError
from tsbridge.rulebook.zendesk_names import ASKED, Field, Known, Named, strangers
from tsbridge.work.reads import ReadBudget

T = TypeVar("T")

WITHIN_S: Final = 3.0
"""How long people wait for all of it."""
A_READ: Final = 100
"""Users of one read."""
AGENTS: Final = ("agent", "admin")
CHOSEN_AMONG: Final = ("tagger", "multiselect")
"""Types of fields whose values are the tags of their options."""


class Zendesk(Protocol):
    """What is asked of Zendesk."""

    async def every(self, path: str, name: str) -> list[Mapping[str, Any]]: ...
    async def users(self, ids: Sequence[str]) -> list[dict[str, Any]]: ...
    async def popular_tags(self) -> list[str]: ...


class Names:
    """Looks names up, each list once. Without a client there is nobody to ask, and nothing is said.

    `reads`: where the looks are counted, among what people ask for; None where no database keeps count. No transaction is open while
    Zendesk is asked.
    """

    def __init__(self, zendesk: Zendesk | None, reads: ReadBudget | None, within_s: float = WITHIN_S) -> None:
        self._zendesk = zendesk
        self._reads = reads
        self._within_s = within_s

    async def findings(self, document: Any) -> tuple[Finding, ...]:
        """What a rulebook names that Zendesk does not have; one finding that says so when Zendesk could not be asked.

        Of a document that is no rulebook nothing is said: its faults come first.
        """
        if self._zendesk is None:
            return ()
        try:
            return await self.strangers(Named.by(await asyncio.to_thread(read, document)))
        except RulebookError:
            return ()

    async def strangers(self, named: Named | None) -> tuple[Finding, ...]:
        """As `findings`, of what a rulebook names; of none nothing is said."""
        if (zendesk := self._zendesk) is None or named is None:
            return ()
        parts = [part for part in (named.groups, named.fields, named.agents, named.tags) if part]
        if not parts:
            return ()
        known = await self._asked(len(parts), lambda: self._known(zendesk, named))
        return (Finding("info", "zendesk_not_asked", ASKED["zendesk_not_asked"]),) if known is None else tuple(strangers(named, known))

    async def is_agent(self, user: str) -> bool | None:
        """Whether this Zendesk user may be given tickets; None when Zendesk could not be asked."""
        if (zendesk := self._zendesk) is None:
            return None
        found = await self._asked(1, lambda: zendesk.users([user]))
        return None if found is None else _agents(found).get(user, False)

    async def of_roster(self, users: Mapping[str, str | None]) -> tuple[Finding, ...]:
        """Agents of a roster, by their keys, whose Zendesk user may not be given tickets. Nothing is said while Zendesk cannot be asked."""
        ids = sorted({user for user in users.values() if user is not None})
        if (zendesk := self._zendesk) is None or not ids:
            return ()
        found = await self._asked(1 + (len(ids) - 1) // A_READ, lambda: zendesk.users(ids))
        if found is None:
            return ()
        able = _agents(found)
        words = "Zendesk has no agent with this id, so nothing can be assigned to them"
        return tuple(
            Finding("warning", "zendesk_agent", words, f"/agents/{key}/zendesk_user_id")
            for key, user in users.items()
            if user is not None and not able.get(user, False)
        )

    async def _asked(self, reads: int, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The answer, if it may be asked for and comes in time."""
        if self._reads is not None and await self._reads.take("people", reads) < reads:
            return None
        try:
            async with asyncio.timeout(self._within_s):
                return await ask()
        except TimeoutError:
            return None
        except VendorError as failure:
            if self._reads is not None and isinstance(failure, TryLater) and failure.waiting:
                await self._reads.failed(failure, "people")
            return None

    @staticmethod
    async def _known(zendesk: Zendesk, named: Named) -> Known:
        async def nothing() -> list[Any]:
            return []

        ids = sorted({id_ for id_, _ in named.agents})
        groups, fields, users, tags = await asyncio.gather(
            zendesk.every("groups.json", "groups") if named.groups else nothing(),
            zendesk.every("ticket_fields.json", "ticket_fields") if named.fields else nothing(),
            zendesk.users(ids) if ids else nothing(),
            zendesk.popular_tags() if named.tags else nothing(),
        )
        return Known(
            groups={str(group.get("id")): group.get("deleted") is not True for group in groups},
            fields={str(field.get("id")): _field(field) for field in fields},
            agents=_agents(users),
            tags=frozenset(tags),
        )


def _agents(users: Iterable[Mapping[str, Any]]) -> dict[str, bool]:
    return {
        str(user.get("id")): user.get("role") in AGENTS and user.get("active") is not False and user.get("suspended") is not True
        for user in users
    }


def _field(field: Mapping[str, Any]) -> Field:
    options = field.get("custom_field_options")
    tags = None
    if field.get("type") in CHOSEN_AMONG and isinstance(options, list):
        tags = frozenset(str(one["value"]) for one in options if isinstance(one, Mapping) and one.get("value"))
    return Field(field.get("active") is not False, tags)
