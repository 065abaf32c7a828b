"""Random rotas against a reader written apart that reads the clock minute by minute and counts turns one by one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.core.calendar_oracle import WEEK, library
from tests.core.rota_oracle import Desk, Held, changes
from tsbridge.core.coverage import holes
from tsbridge.core.roster import Away, Override, Rotation
from tsbridge.core.rota import OnCall, Rota
from tsbridge.core.rotation_turns import first_turn, turns_at
from tsbridge.core.rules.read_calendars import Calendars
from tsbridge.roster.document import read

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SPRING, AUTUMN = date(2026, 2, 1), date(2026, 11, 20)
COUNTRIES = (("DE", "BY"), ("US", None), ("HU", None))
QUEUES = ("q1", "q2")
CLOCKS = ("00:00", "01:30", "01:45", "02:00", "02:30", "03:00", "09:00", "17:30", "23:30")
ROUNDS = int(os.environ.get("ROTAS", "30"))
"""How many rotas are tried; `make soak` tries ten thousand."""
INSTANTS = 14


def free_days() -> list[date]:
    return sorted({day for country in COUNTRIES for kind in library(*country, 2026) for day in kind if SPRING < day < AUTUMN})


def around(dice: Random, zone: str) -> datetime:
    """Noon of a day: often one near a change of the clock or a holiday."""
    if dice.random() < 0.5:
        day = dice.choice(changes(zone)).date() + timedelta(days=dice.randint(-1, 1))
    elif dice.random() < 0.4:
        day = dice.choice(free_days())
    else:
        day = SPRING + timedelta(days=dice.randrange((AUTUMN - SPRING).days))
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def random_agents(dice: Random, near: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("ana", "ben", "cleo", "dora", "emil")[: dice.randint(2, 5)]:
        found[key] = {"name": key, "queues": dice.sample(QUEUES, dice.randint(1, 2))}
        if dice.random() < 0.15:
            found[key]["from"] = str((near + dice.randint(-3, 1) * DAY).date())
        if dice.random() < 0.15:
            found[key]["until"] = str((near + dice.randint(1, 3) * DAY).date())
        if dice.random() < 0.1:
            found[key]["shadow"] = True
    return found


def random_hours(dice: Random) -> str:
    if dice.random() < 0.15:
        return "00:00-24:00"
    marks = sorted(dice.sample(range(0, 1440, dice.choice([15, 30, 60])), 2 * dice.randint(1, 2)))
    if dice.random() < 0.4:
        marks = [*marks[1:], marks[0]]  # a night
    return ",".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in zip(marks[::2], marks[1::2], strict=True))


def random_calendar(dice: Random, zone: str, near: datetime) -> dict[str, Any]:
    country, subdivision = dice.choice(COUNTRIES)
    off: dict[str, Any] = {"country": country} | ({"subdivision": subdivision} if subdivision else {})
    off["dates"] = {
        str((near + n * DAY).date()): dice.choice(["closed", "09:00-13:00", "00:00-12:00"]) for n in dice.sample(range(-3, 4), 2)
    }
    return {"timezone": zone, "hours": dice.choice([{"mon-fri": "09:00-17:00"}, {"mon-sun": "00:00-24:00"}]), "holidays": off}


def random_desk(dice: Random) -> tuple[Desk, datetime]:
    zone = dice.choice(ZONES)
    near = around(dice, zone)
    agents = random_agents(dice, near)
    shifts: dict[str, Any] = {}
    for key in ("day", "late", "night")[: dice.randint(0, 3)]:
        days = dice.choice(["mon-sun", "mon-fri", "sat-sun", "mon-sun", dice.choice(WEEK)])
        shifts[key] = {"days": days, "hours": random_hours(dice), "agents": dice.sample(sorted(agents), dice.randint(1, len(agents)))}
        if dice.random() < 0.2:
            shifts[key]["timezone"] = dice.choice(ZONES)
        if dice.random() < 0.2:
            shifts[key]["queues"] = ["q1"]
        if dice.random() < 0.5:
            shifts[key]["calendar"] = "cal"
    rotations: dict[str, Any] = {}
    for key in ("lead", "second")[: dice.randint(1, 2)]:
        starts = near.date() - timedelta(days=dice.choice([-1, 0, 1, 3, 7, 14, dice.randrange(20, 300)]))
        starts = max(starts, date(2026, 1, 15))
        members = dice.sample(sorted(agents), dice.randint(1, len(agents)))
        every = dice.choice(["1d", "1w", "2d", "1d", "12h", "8h", "13h", "90m"])
        rotations[key] = {
            "members": members,
            "every": every,
            "starts": f"{starts}T{dice.choice(CLOCKS if dice.random() < 0.5 else CLOCKS[1:6])}",
        }
        if dice.random() < 0.3:
            rotations[key]["timezone"] = dice.choice(ZONES)
    cover = []
    for _ in range(dice.randint(0, 3)):
        line: dict[str, Any] = {"oncall": dice.choice([*rotations, *shifts, dice.choice(sorted(agents))])}
        if dice.random() < 0.6:
            line["queue"] = dice.choice(QUEUES)
        if dice.random() < 0.4:
            line["severity"] = dice.sample([1, 2, 3, 4], dice.randint(1, 3))
        cover.append(line)
    cover.append({"oncall": dice.choice([*rotations, *shifts])} | ({"queue": "q1"} if dice.random() < 0.3 else {}))
    written = {"schema": 1, "timezone": zone, "agents": agents, "shifts": shifts, "rotations": rotations, "cover": cover}
    desk = Desk(written, random_overrides(dice, written, near), random_away(dice, agents, near), {"cal": random_calendar(dice, zone, near)})
    return desk, near


def moment(dice: Random, near: datetime) -> datetime:
    return near + timedelta(minutes=15 * dice.randint(-240, 240)) + dice.choice([timedelta(), timedelta(), dice.randrange(900) * SECOND])


def random_overrides(dice: Random, written: dict[str, Any], near: datetime) -> list[dict[str, Any]]:
    agents, found = sorted(written["agents"]), []
    for number in range(dice.randint(0, 5)):
        start = moment(dice, near)
        one: dict[str, Any] = {
            "id": f"ovr_{number}",
            "kind": dice.choice(["off", "shift", "oncall", "oncall"]),
            "agent": dice.choice(agents),
        }
        one |= {"from": start, "to": start + dice.choice([15 * MINUTE, HOUR, 9 * HOUR, DAY, 3 * DAY]), "why": "so"}
        if one["kind"] != "off":
            names = written["shifts"] if one["kind"] == "shift" else [*written["rotations"], *written["rotations"], *written["shifts"]]
            if names and dice.random() < 0.6:
                one["rotation"] = dice.choice(sorted(names))
            if dice.random() < 0.3:
                one["queue"] = dice.choice(QUEUES)
            if dice.random() < 0.5:
                one["instead_of"] = dice.choice([key for key in agents if key != one["agent"]])
        found.append(one)
        if one["kind"] == "oncall" and "instead_of" in one and dice.random() < 0.5:  # a swap
            back = {"id": f"ovr_{number}_back", "agent": one["instead_of"], "instead_of": one["agent"]}
            found.append(one | back)
    return found


def random_away(dice: Random, agents: dict[str, Any], near: datetime) -> list[tuple[str, datetime, datetime]]:
    starts = [moment(dice, near) for _ in range(dice.randint(0, 2))]
    return [(dice.choice(sorted(agents)), start, start + dice.choice([HOUR, DAY])) for start in starts]


def ours(desk: Desk) -> Rota:
    calendars = Calendars({"calendars": desk.calendars})
    calendars.read_calendars()
    overrides = [
        Override(
            one["id"],
            one["kind"],
            one["agent"],
            one["from"],
            one["to"],
            one["why"],
            one.get("instead_of"),
            one.get("rotation"),
            one.get("queue"),
        )
        for one in desk.overrides
    ]
    return Rota(read(desk.written), overrides, [Away(*one, "leave") for one in desk.away], calendars.calendars)


def instants(dice: Random, desk: Desk, rota: Rota, near: datetime) -> list[datetime]:
    """Anywhere, and one second to either side of edges and on them."""
    start, end = near - 3 * DAY, near + 3 * DAY
    edges = {edge for one in desk.overrides for edge in (one["from"], one["to"])} | {edge for _, *both in desk.away for edge in both}
    edges |= {edge for one in rota.duties(start, end) for edge in (one.start, one.end) if start <= edge <= end}
    set_anew = [one for zone in ZONES for one in changes(zone) if start <= one <= end]
    chosen = dice.sample(sorted(edges), min(len(edges), INSTANTS // 3))
    chosen += [dice.choice(set_anew) + dice.randint(-5, 5) * 15 * MINUTE for _ in set_anew]
    found = [edge + n * SECOND for edge in chosen for n in (-1, 0, 1)]
    return [*found, *(start + dice.randrange(6 * 86_400) * SECOND for _ in range(max(2, INSTANTS - len(found))))]


def agents_of(held: Sequence[Held]) -> list[str]:
    return list(dict.fromkeys(agent for agent, _ in held))


def differences(dice: Random) -> list[str]:
    """What the two say differently of one random rota."""
    desk, near = random_desk(dice)
    rota = ours(desk)
    window = near - DAY, near + DAY
    duties = rota.duties(*window)
    uncovered = holes(rota, QUEUES, (1, 2, 3, 4), *window)
    found = []
    for at in instants(dice, desk, rota, near):
        queue, severity = dice.choice([*QUEUES, "other", None]), dice.choice([1, 2, 3, 4, None])
        held = desk.on_call(at, queue, severity)
        answer = rota.on_call(at, queue, severity)
        if [one.agent for one in answer.people] != agents_of(held):
            found.append(f"on_call {at} {queue} {severity}: {[one.agent for one in answer.people]}, not {held}")
        found += wrong_ends(dice, desk, answer, held, queue, severity)
        present = sorted((one.agent, one.shift) for one in rota.at_work(at, queue))
        if present != desk.at_work(at, queue):
            found.append(f"at_work {at} {queue}: {present}, not {desk.at_work(at, queue)}")
        following = rota.next_change(at)
        within = at + dice.random() * (min(following or near + 9 * DAY, near + 9 * DAY) - at)
        if at < within and (agents_of(desk.on_call(within, queue, severity)), desk.at_work(within, None)) != (
            agents_of(held),
            desk.at_work(at, None),
        ):
            found.append(f"next_change {at}: {following}, but {within} is not as before")
        if window[0] <= at < window[1]:
            found += wrong_duties(desk, duties, at)
            for place, severity in ((place, severity) for place in QUEUES for severity in (1, 2, 3, 4)):
                nobody = any(one.start <= at < one.end for one in uncovered if one.queue == place and one.severity in (None, severity))
                if nobody is bool(desk.on_call(at, place, severity)):
                    found.append(f"hole {at} {place} {severity}: {nobody}")
    return [f"{one}\n{desk}" for one in found]


def wrong_ends(dice: Random, desk: Desk, answer: OnCall, held: list[Held], queue: str | None, severity: int | None) -> list[str]:
    """Until when people have what they have, and from when to when nobody has."""
    found = []
    for person in answer.people:
        key = next((one for one in held if one[0] == person.agent), None)
        if key is None:
            continue
        last = min(person.until or answer.at + 9 * DAY, datetime(2026, 11, 27, tzinfo=UTC))
        if any(
            key not in desk.on_call(answer.at + share * (last - answer.at), queue, severity) for share in (dice.random(), dice.random())
        ):
            found.append(f"until {answer.at} {person.agent}: {person.until}, but not all the time")
        if person.until == last and key not in desk.on_call(last - SECOND / 10, queue, severity):
            found.append(f"until {answer.at} {person.agent}: {person.until}, but not until then")
        if person.until == last and key in desk.on_call(last, queue, severity):
            found.append(f"until {answer.at} {person.agent}: {person.until}, but still")
    gap = answer.gap
    if (gap is None) is not bool(answer.people):
        found.append(f"gap {answer.at}: {gap}")
    if gap is not None:
        first, last = (
            max(gap.start, answer.at - 5 * DAY, datetime(2026, 1, 20, tzinfo=UTC)),
            min(gap.end or answer.at + 5 * DAY, answer.at + 5 * DAY),
        )
        if any(desk.on_call(first + share * (last - first), queue, severity) for share in (0.0, dice.random(), dice.random())):
            found.append(f"gap {answer.at}: {gap}, but somebody is there")
        if gap.start == first and first != answer.at and not desk.on_call(first - SECOND / 10, queue, severity):
            found.append(f"gap {answer.at}: {gap}, but it began before")
        if gap.end == last and not desk.on_call(last, queue, severity):
            found.append(f"gap {answer.at}: {gap}, but it goes on")
    return found


def wrong_duties(desk: Desk, duties: Any, at: datetime) -> list[str]:
    """Duties against what asking at the instant gives."""
    found = []
    now = [one for one in duties if one.start <= at < one.end]
    for rotation in desk.written["rotations"]:
        had = {one.agent for one in now if one.name == rotation and one.source in ("rotation", "override") and not _is_shift(desk, one.id)}
        if had != {agent for agent, _ in desk.answering(rotation, None, at)}:
            found.append(f"duties {at} {rotation}: {had}")
    worked = sorted(
        (one.agent, one.name if one.source == "shift" else one.id.split(":")[1])
        for one in now
        if one.source == "shift" or _is_shift(desk, one.id)
    )
    if worked != desk.at_work(at, None):
        found.append(f"duties {at}: {worked}, not {desk.at_work(at, None)}")
    return found


def _is_shift(desk: Desk, duty: str) -> bool:
    source, by, *_ = duty.split(":")
    return source == "override" and any(one["id"] == by and one["kind"] == "shift" for one in desk.overrides)


@pytest.mark.timeout(3_600)
def test_random_rotas_have_on_call_and_at_work_whom_a_reader_of_every_minute_has() -> None:
    found: list[str] = []
    for seed in range(ROUNDS):
        found += differences(Random(f"rota {seed}"))  # noqa: S311
        assert len(found) < 5, "\n\n".join(found)
    assert not found, "\n\n".join(found)


Turns = Callable[[Rotation, datetime], list[str]]
"""Whose turns run at an instant, the newest in front."""


def by_the_code(rotation: Rotation, at: datetime) -> list[str]:
    return [rotation.members[one.member] for one in turns_at(rotation, at)]


def by_fixed_hours(rotation: Rotation, at: datetime) -> list[str]:
    """A published mistake: a day is 24 hours from the first hand-over on, so that nine o'clock in winter is ten in summer."""
    passed = (at - first_turn(rotation)) // timedelta(days=rotation.days or 1)
    return [rotation.members[passed % len(rotation.members)]]


def by_milliseconds_of_the_server(rotation: Rotation, at: datetime) -> list[str]:
    """Another one: full days since the first hand-over as milliseconds through 86,400,000, by the server's clock, here New York's."""
    server = ZoneInfo("America/New_York")
    hour = timedelta(minutes=rotation.minute)
    midnights = [(when - hour).astimezone(server).replace(hour=0, minute=0, second=0) for when in (first_turn(rotation), at)]
    milliseconds = int((midnights[1].timestamp() - midnights[0].timestamp()) * 1000)
    return [rotation.members[milliseconds // 86_400_000 // (rotation.days or 1) % len(rotation.members)]]


def wrong_hand_overs(turns: Turns, zone: str, days: int, at: Sequence[datetime]) -> int:
    """At how many instants the turns of a rotation from January on are not those of the reader."""
    written = {"members": ["ana", "ben", "cleo"], "every": f"{days}d", "starts": "2026-01-19T09:00"}
    rotation = Rotation("lead", ("ana", "ben", "cleo"), date(2026, 1, 19), 9 * 60, ZoneInfo(zone), days=days)
    desk = Desk({"timezone": zone, "agents": {}, "shifts": {}, "rotations": {"lead": written}, "cover": []})
    return sum(turns(rotation, one) != [member for _, member in desk.turns("lead", one)] for one in at)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("days", [1, 7])
def test_the_published_mistakes_of_other_desks_are_seen_at_hand_overs(zone: str, days: int) -> None:
    mondays = [datetime(2026, 1, 19, 9, tzinfo=ZoneInfo(zone)) + n * 7 * DAY for n in range(1, 44)]
    edges = [when.astimezone(UTC) + n * SECOND for when in mondays for n in (-1, 0, 1, 1800)]
    assert wrong_hand_overs(by_the_code, zone, days, edges) == 0
    assert wrong_hand_overs(by_fixed_hours, zone, days, edges) > 0
    assert wrong_hand_overs(by_milliseconds_of_the_server, zone, days, edges) > 0


@pytest.mark.parametrize("zone", ZONES)
def test_in_the_middle_of_a_winters_week_nobody_sees_them(zone: str) -> None:
    thursdays = [datetime(2026, 1, 22, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC) + n * 7 * DAY for n in range(3)]
    assert [wrong_hand_overs(turns, zone, 7, thursdays) for turns in (by_the_code, by_fixed_hours, by_milliseconds_of_the_server)] == [
        0,
        0,
        0,
    ]


def test_how_long_ago_a_rota_began_changes_nothing() -> None:
    dice = Random("an old rota")  # noqa: S311
    for _ in range(300):
        zone, members, days = ZoneInfo(dice.choice(ZONES)), ("ana", "ben", "cleo"), dice.choice([1, 2, 7])
        young = Rotation("lead", members, date(2026, 1, 19), dice.choice([0, 120, 150, 540]), zone, days=days)
        old = replace(young, starts=young.starts - dice.randrange(1, 2_000) * timedelta(days=days * len(members)))
        at = datetime(2026, 1, 21, tzinfo=UTC) + timedelta(minutes=dice.randrange(1_000_000))
        assert by_the_code(young, at) == by_the_code(old, at)


def test_the_tried_rotas_have_what_is_to_be_tried() -> None:
    """Else agreeing would mean nothing."""
    seen: dict[str, int] = dict.fromkeys(("nobody", "one", "several", "override", "overlap", "shadow", "hole"), 0)
    for seed in range(60):
        dice = Random(f"rota {seed}")  # noqa: S311
        desk, near = random_desk(dice)
        rota = ours(desk)
        for at in instants(dice, desk, rota, near):
            held = desk.on_call(at, "q1", 1)
            seen[("nobody", "one", "several")[min(2, len(held))]] += 1
            seen["override"] += any(key.startswith("ovr_") for _, key in held)
            seen["overlap"] += any(len(desk.turns(key, at)) == 2 for key in desk.written["rotations"])
            seen["shadow"] += any(one.shadow for one in rota.at_work(at))
        seen["hole"] += len(holes(rota, QUEUES, (1, 2), near - DAY, near + DAY))
    assert min(seen.values()) >= 5, seen
