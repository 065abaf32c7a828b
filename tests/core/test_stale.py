"""A list of tags that somebody read before our write and sent after it undoes nothing; any other removal is a person's."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.core.test_story import AGENT, GROUPS, JUDGE, T0, judged, tags, ticket
from tsbridge.core.casestate_json import from_json, to_json
from tsbridge.core.drift import Change as Changed
from tsbridge.core.drift import drifts
from tsbridge.core.helpdesk import Current, Ours, Wish
from tsbridge.core.moments import WRITTEN, Actor, Change, Moment
from tsbridge.core.story import Told, judge_story

OURS = ("ts_injury", "ts_sev1")
BITTEN = ticket("created", 0, "my dog was bitten", tags=("vip",))


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def written(second: float, *now: str, order: int = 2) -> Moment:
    """A write of ours, as its audit tells: the list it left."""
    return Moment("zendesk", "4711", WRITTEN, at(second), facts=(("tags", now),), actor=Actor("us", "99"), vendor_order=f"{order:020d}.0")


def edited(second: float, before: tuple[str, ...], now: tuple[str, ...], order: int = 3) -> Moment:
    """An agent sets the list of tags."""
    change = Change("tags", before, now)
    facts = (("tags", now),)
    return Moment(
        "zendesk", "4711", "ticket.updated", at(second), facts=facts, changes=(change,), actor=AGENT, vendor_order=f"{order:020d}.1"
    )


WRITE = written(10, "ts_injury", "ts_sev1", "vip")
FULL = ("ts_injury", "ts_sev1", "vip")


def wished(*story: Moment) -> list[str]:
    return tags(judged(*story)[0].wish("4711", GROUPS))


@pytest.mark.parametrize("second", [10, 11, 70])
def test_a_list_that_restates_what_our_write_found_within_a_minute_undoes_nothing(second: float) -> None:
    stale = edited(second, FULL, ("vip",))
    before = dict(judged(BITTEN, WRITE)[0].wish("4711", GROUPS).tags)
    after = dict(judged(BITTEN, WRITE, stale)[0].wish("4711", GROUPS).tags)
    assert set(OURS) <= after.keys()
    assert all(after[tag] > before[tag] for tag in OURS)  # asked for anew: the writer puts them back


@pytest.mark.parametrize(
    ("second", "now"),
    [(71, ("vip",)), (11, ("other", "vip")), (11, ()), (11, ("ts_injury", "vip"))],
    ids=["later", "more", "less", "one of ours"],
)
def test_any_other_removal_is_that_persons(second: float, now: tuple[str, ...]) -> None:
    assert set(wished(BITTEN, WRITE, edited(second, FULL, now))).isdisjoint(set(OURS) - set(now))


def test_a_removal_before_our_write_is_a_persons_also_in_its_second() -> None:
    first = edited(10, ("vip", "x"), ("vip",), order=1)
    seen = ticket("created", 0, "my dog was bitten", tags=("vip", "x"))
    assert set(OURS) <= set(wished(seen, first, WRITE))
    assert set(wished(BITTEN, edited(9, FULL, ("vip",), order=1), WRITE)).isdisjoint(OURS)


def test_after_it_was_written_again_a_later_removal_is_a_persons() -> None:
    again = (edited(30, FULL, ("vip",)), written(40, *FULL, order=4))
    assert set(OURS) <= set(wished(BITTEN, WRITE, *again, edited(95, FULL, ("vip",), order=5)))
    assert set(wished(BITTEN, WRITE, *again, edited(120, FULL, ("vip",), order=5))).isdisjoint(OURS)


def test_what_our_write_found_is_kept_with_the_case() -> None:
    half = judged(BITTEN, WRITE, until=at(20))[0]
    story = [Told(one, 1) for one in (BITTEN, WRITE, edited(30, FULL, ("vip",)))]
    until = T0 + timedelta(minutes=10)
    went_on, _ = judge_story(
        *("case_x", story, until, lambda version: JUDGE, lambda when: {}),
        clock_version=lambda moment: 1,
        joined={},
        after=from_json(to_json(half)),
    )
    assert went_on == judged(BITTEN, WRITE, edited(30, FULL, ("vip",)))[0]


# -- drift -------------------------------------------------------------------------------------------------------------

WISH = Wish(tags=(("ts_a", "1"),), absent=(("calm", "1"),))
SEEN_TO = Ours(tags={"ts_a": "1"}, absent={"calm": "1"}, put=frozenset({"ts_a"}))
WROTE = Changed(at(10), "tags", ("calm", "vip"), ("ts_a", "vip"), "99")


def told(second: float, *now: str) -> dict[str, tuple[str, str]]:
    """By part the cause and the policy of the drift that an agent's list of tags makes."""
    change = Changed(at(second), "tags", ("ts_a", "vip"), now, "7")
    found = drifts(Current("1", "open", frozenset(now)), WISH, SEEN_TO, (change, WROTE), "99")
    return {one.what: (one.cause, one.policy) for one in found}


@pytest.mark.parametrize("second", [10, 70])
def test_drift_by_a_stale_list_is_lost_and_healed(second: float) -> None:
    assert told(second, "calm", "vip") == {"tag:ts_a": ("lost", "heal"), "tag:calm": ("lost", "heal")}


@pytest.mark.parametrize(("second", "now"), [(71, ("calm", "vip")), (11, ("calm", "other", "vip")), (9, ("calm", "vip"))])
def test_drift_by_any_other_list_is_a_persons(second: float, now: tuple[str, ...]) -> None:
    assert told(second, *now) == {"tag:ts_a": ("person", "accept"), "tag:calm": ("person", "accept")}
