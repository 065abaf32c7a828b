"""Who gets and who loses which coming duty, held against a count of each hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from tests.roster.rosters import document
from tsbridge.core.duty_changes import DutyChange, Handover, News, Piece, duty_changes, in_time, news, together
from tsbridge.core.roster import Override
from tsbridge.core.rota import Duty, Rota
from tsbridge.roster.document import read

MONDAY = datetime(2026, 11, 2, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = MONDAY + 14 * 24 * HOUR


def rota(*overrides: Override) -> Rota:
    made: dict[str, object] = document()
    del made["agents"]["ana"]["until"]  # type: ignore[index]
    return Rota(read(made), overrides)


def test_nothing_that_is_the_same_is_told() -> None:
    assert duty_changes(rota().duties(MONDAY, END), rota().duties(MONDAY, END), MONDAY, END) == ()


def test_a_swap_tells_both() -> None:
    swap = Override("ovr_1", "oncall", "ben", MONDAY + 24 * HOUR, MONDAY + 48 * HOUR, "swap", "ana", "lead")
    piece = Piece("lead", MONDAY + 24 * HOUR, MONDAY + 48 * HOUR)
    found = duty_changes(rota().duties(MONDAY, END), rota(swap).duties(MONDAY, END), MONDAY, END)
    assert found == (DutyChange("ana", (), (piece,)), DutyChange("ben", (piece,), ()))


def test_whoever_steps_in_for_somebody_ill_is_told() -> None:
    off = Override("ovr_1", "off", "ana", MONDAY, MONDAY + 4 * HOUR, "ill")
    found = {one.agent: one for one in duty_changes(rota().duties(MONDAY, END), rota(off).duties(MONDAY, END), MONDAY, END)}
    assert {piece.name for piece in found["ana"].lost} == {"day", "lead"}
    assert found["ben"].gained == (Piece("lead", MONDAY, MONDAY + 4 * HOUR),)


def test_a_turn_that_an_override_gives_to_whom_it_belonged_changes_nothing() -> None:
    same = Override("ovr_1", "oncall", "ana", MONDAY, MONDAY + HOUR, "to be sure", None, "lead")
    assert duty_changes(rota().duties(MONDAY, END), rota(same).duties(MONDAY, END), MONDAY, END) == ()


Drawn = tuple[str, str, int, int, Literal["shift", "rotation", "override"]]
DRAWN = st.tuples(
    st.sampled_from(["ana", "ben"]),
    st.sampled_from(["day", "lead"]),
    st.integers(-5, 40),
    st.integers(1, 20),
    st.sampled_from(["shift", "rotation", "override"]),
)
LISTS = st.lists(DRAWN, max_size=8)


def duties(drawn: list[Drawn]) -> list[Duty]:
    return [
        Duty(str(n), who, MONDAY + at * HOUR, MONDAY + (at + hours) * HOUR, how, name, ())
        for n, (who, name, at, hours, how) in enumerate(drawn)
    ]


@given(before=LISTS, after=LISTS)
def test_each_hour_is_told_that_one_list_has_and_the_other_has_not(before: list[Drawn], after: list[Drawn]) -> None:
    end = MONDAY + 30 * HOUR

    def hours(drawn: list[Drawn]) -> set[tuple[str, str, int]]:
        return {(who, name, hour) for who, name, at, length, _ in drawn for hour in range(at, at + length) if 0 <= hour < 30}

    changes = duty_changes(duties(before), duties(after), MONDAY, end)
    assert told("gained", changes) == sorted(hours(after) - hours(before))
    assert told("lost", changes) == sorted(hours(before) - hours(after))


def told(side: str, changes: tuple[DutyChange, ...]) -> list[tuple[str, str, int]]:
    return sorted(
        (one.agent, piece.name, (piece.start - MONDAY) // HOUR + n)
        for one in changes
        for piece in getattr(one, side)
        for n in range((piece.end - piece.start) // HOUR)
    )


@given(first=LISTS, second=LISTS, third=LISTS)
def test_two_changes_are_one_from_the_first_to_the_last(first: list[Drawn], second: list[Drawn], third: list[Drawn]) -> None:
    end = MONDAY + 30 * HOUR
    one, other, both = (
        {found.agent: found for found in duty_changes(duties(before), duties(after), MONDAY, end)}
        for before, after in ((first, second), (second, third), (first, third))
    )
    for agent in ("ana", "ben"):
        nothing = DutyChange(agent, (), ())
        assert together(one.get(agent, nothing), other.get(agent, nothing)) == both.get(agent, nothing)


def test_what_is_over_or_begins_too_late_is_not_told() -> None:
    pieces = tuple(Piece("lead", MONDAY + day * 24 * HOUR, MONDAY + (day + 1) * 24 * HOUR) for day in range(20))
    found = in_time(DutyChange("ana", pieces, ()), MONDAY + 36 * HOUR)
    assert found is not None
    assert (found.gained[0].start, found.gained[-1].start) == (MONDAY + 36 * HOUR, MONDAY + 15 * 24 * HOUR)
    assert in_time(DutyChange("ana", pieces[:1], pieces[17:]), MONDAY + 36 * HOUR) is None


def test_who_stands_beside_a_piece_is_said_with_until_when() -> None:
    had = duties([("ben", "lead", 0, 5, "rotation"), ("ana", "lead", 5, 2, "override"), ("ben", "lead", 7, 9, "rotation")])
    mine, theirs = Piece("lead", MONDAY + 5 * HOUR, MONDAY + 7 * HOUR), Piece("lead", MONDAY, MONDAY + 2 * HOUR)
    found = news(DutyChange("ana", (mine,), (theirs,)), {"lead": had})
    assert found.gained == (Handover(mine, ("ben",), (("ben", MONDAY + 16 * HOUR),)),)
    assert found.lost == (Handover(theirs, instead=("ben",)),)
    assert News.from_json(found.to_json()) == found
