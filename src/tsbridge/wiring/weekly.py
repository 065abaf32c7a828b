"""What the weekly pack is made of, and where it goes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from tsbridge.core import roster
from tsbridge.core.errors import GiveUp
from tsbridge.core.ports import Clock
from tsbridge.notify.messages import Attached, Message, Recipient
from tsbridge.notify.ways import Way
from tsbridge.settings.model import Settings
from tsbridge.store.db import Database

if TYPE_CHECKING:
    from tsbridge.reports.model import Question, Report

HTML: Final = "text/html"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Roster = Callable[[Connection], roster.Roster | None]
Place = Callable[["Pack"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pack:
    """`week`: as `2026-W47`. `figures`: what the week had, for programs."""

    week: str
    at: datetime
    page: bytes
    sheet: bytes
    figures: Mapping[str, Any]


def maker(settings: Settings, clock: Clock, answers: Callable[[Sequence[Question]], Sequence[Report]]) -> Callable[[date], Awaitable[Pack]]:
    """Makes packs. `answers` works out reports where it holds up nobody."""

    async def make(monday: date) -> Pack:
        return await asyncio.to_thread(made, monday, clock.now(), settings, answers)

    return make


def made(monday: date, at: datetime, settings: Settings, answers: Callable[[Sequence[Question]], Sequence[Report]]) -> Pack:
    """As the console shows it: its figures lead to pages of the console. Raises `core.ports.Died`."""
    from tsbridge.acts import reports
    from tsbridge.reports import pack
    from tsbridge.reports.groups import DAY, start_of, week
    from tsbridge.reports.sheet import workbook

    zone = settings.zone
    found = answers(reports.pack_of(start_of(monday, zone), start_of(monday + 7 * DAY, zone), at, zone))
    charted, title = [(one, reports.charted(one)) for one in found], f"Week {week(monday)}"
    page = pack.page(charted, title, settings.public_url or "").replace("/v1/reports/", "/console/reports/")
    volumes = next(one for one in found if one.question.name == "volumes")
    figures = {name: volumes.totals.figures[name] for name in ("cases", "tickets", "calls")}
    return Pack(week(monday), at, page.encode(), workbook(charted, title), MappingProxyType(figures))


def places(settings: Settings, database: Database, live: Roster, make: Callable[[roster.Way], Way]) -> Mapping[str, Place]:
    """By the name that the settings give: an agent of the roster, by mail, or a way of it."""

    def to(name: str) -> Place:
        async def place(pack: Pack) -> None:
            known = await database.read(live)
            way, whom = meant(known, name)
            await make(way).send(whom, message(pack, name, settings.public_url))

        return place

    return {name: to(name) for name in settings.pack_to}


def meant(known: roster.Roster | None, name: str) -> tuple[roster.Way, Recipient]:
    """Raises GiveUp for somebody, or a way, that the live roster does not have."""
    ways = () if known is None else known.ways
    agent = None if known is None else next((one for one in known.agents if one.key == name), None)
    way = next((one for one in ways if (one.kind == "smtp" if agent is not None else one.key == name)), None)
    if way is None:
        raise GiveUp("unknown_way")
    return way, Recipient(None, None, None) if agent is None else Recipient(agent.key, agent.email, None)


def message(pack: Pack, name: str, public_url: str | None) -> Message:
    """The same id whenever it is sent again. Mail has the pack with it; other ways the link and the figures."""
    link = None if public_url is None else f"{public_url}/console/reports/pack?week={pack.week}"
    had = ", ".join(f"{value} {title}" for title, value in pack.figures.items())
    data = {"week": pack.week, "figures": dict(pack.figures), "link": link, "dedup_key": f"week:{pack.week}"}
    id_ = hashlib.sha256(f"{pack.week} {name}".encode()).hexdigest()[:26]
    told = Message(
        f"ntf_{id_}",
        pack.at,
        f"The week {pack.week}",
        f"The week {pack.week} had {had}.",
        MappingProxyType(data),
        link,
        type="tsbridge.week",
    )
    files = (Attached(f"week-{pack.week}.html", HTML, pack.page), Attached(f"week-{pack.week}.xlsx", XLSX, pack.sheet))
    return replace(told, attached=files)
