"""Making a weekend happen: its acts, one after the other, in the two simulators, so that *they* send the webhooks.

The weekend's time is the simulators' clock; how fast it passes in real time is the player's business. People who react to
what the bridge did (an agent takes off a tag of ours) wait until they see it; everybody else of their story waits behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tsbridge.simulator.scenario import Scenario
from tsbridge.simulator.scenario_sheet import Act, Expected, System

LOOK_EVERY_S = 0.25
"""How often somebody who waits for a tag looks at the ticket."""


class Account(Protocol):
    """One of the two vendors, as the player uses it."""

    async def perform(self, at: datetime, act: Act, ids: Mapping[str, str]) -> str:
        """Make `act` happen with the account's clock at `at`; answers the id of what it made. `ids`: ticket refs -> ids."""
        ...


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as somebody who looks at it sees it."""

    tags: frozenset[str]
    group: str = ""
    status: str = ""


Look = Callable[[str], Awaitable[Ticket]]
"""Ticket id -> the ticket as it is now in the simulated Zendesk."""


@dataclass(slots=True)
class Played:
    """How far a weekend has come. `gave_up`: stories in which somebody waited for a tag in vain."""

    total: int
    done: int = 0
    at: datetime | None = None
    ids: dict[str, str] = field(default_factory=dict)
    gave_up: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that does not hold: tags that are missing, tags that must not be there, the wrong group or status."""

    expected: Expected
    ticket_id: str
    missing: tuple[str, ...]
    unwanted: tuple[str, ...]
    wrong_group: bool
    wrong_status: bool = False

    def __str__(self) -> str:
        parts = [f"lacks {' '.join(self.missing)}"] if self.missing else []
        parts += [f"must not have {' '.join(self.unwanted)}"] if self.unwanted else []
        parts += [f"is not in {self.expected.group}"] if self.wrong_group else []
        parts += [f"is not {self.expected.status}"] if self.wrong_status else []
        return f"ticket {self.ticket_id} ({self.expected.story}): {', '.join(parts)}"


async def nothing() -> None:
    """For those who need not do anything between two acts."""


class Player:
    """Plays one scenario. `speed`: seconds of the weekend in one real second; 0: as fast as it goes."""

    def __init__(
        self,
        scenario: Scenario,
        accounts: Mapping[System, Account],
        look: Look,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        speed: float = 0.0,
        patience_s: float = 20.0,
        between: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        self.scenario = scenario
        self.played = Played(total=len(scenario.acts))
        self._accounts, self._look = accounts, look
        self._monotonic, self._sleep, self._speed, self._patience_s = monotonic, sleep, speed, patience_s
        self._between = between
        self._held: dict[str, deque[Act]] = {}
        self._since: dict[str, float] = {}
        self._looked = 0.0

    async def play(self) -> Played:
        """All acts, in order; returns when the last has been done or its actor gave up waiting."""
        began = self._monotonic()
        for act in self.scenario.acts:
            if self._speed > 0:
                due = began + (act.at - self.scenario.start).total_seconds() / self._speed
                while (wait := due - self._monotonic()) > 0:
                    await self._sleep(min(wait, LOOK_EVERY_S))
                    await self._release()
            else:
                await self._release()
            if act.story in self._held or (act.after is not None and not await self._seen(act)):
                self._hold(act)
            else:
                await self._do(act)
        while self._held:
            await self._sleep(LOOK_EVERY_S)
            await self._release()
        return self.played

    def _hold(self, act: Act) -> None:
        self._held.setdefault(act.story, deque()).append(act)
        self._since.setdefault(act.story, self._monotonic())

    async def _release(self) -> None:
        """Let those go on who see by now what they were waiting for, or have waited long enough."""
        now = self._monotonic()
        if not self._held or now - self._looked < LOOK_EVERY_S:
            return
        self._looked = now
        for story in list(self._held):
            waiting = self._held[story]
            while waiting:
                first = waiting[0]
                if first.after is not None and not await self._seen(first):
                    if self._monotonic() - self._since[story] < self._patience_s:
                        break
                    self.played.gave_up.append(story)
                await self._do(waiting.popleft())
                self._since[story] = self._monotonic()
            if not waiting:
                del self._held[story], self._since[story]

    async def _seen(self, act: Act) -> bool:
        assert act.after is not None  # noqa: S101  # asked only of those who wait for something
        ref, tag = act.after
        return tag in (await self._look(self.played.ids[ref])).tags

    async def _do(self, act: Act) -> None:
        """The weekend's clock never goes back: who waited acts later than planned."""
        at = max(act.at, self.played.at or act.at)
        made = await self._accounts[act.system].perform(at, act, self.played.ids)
        if act.act == "ticket":
            self.played.ids[act.ref] = made
        self.played.at = at
        self.played.done += 1
        await self._between()


async def unmet(expected: Iterable[Expected], ids: Mapping[str, str], look: Look) -> tuple[Unmet, ...]:
    """Which expectations do not hold right now."""
    found = []
    for wish in expected:
        ticket = await look(ids[wish.ref])
        missing = tuple(tag for tag in wish.must if tag not in ticket.tags)
        unwanted = tuple(tag for tag in wish.must_not if tag in ticket.tags)
        wrong_group = bool(wish.group) and ticket.group != wish.group
        wrong_status = bool(wish.status) and ticket.status != wish.status
        if missing or unwanted or wrong_group or wrong_status:
            found.append(Unmet(wish, ids[wish.ref], missing, unwanted, wrong_group, wrong_status))
    return tuple(found)
