"""The roster's document: read into values, and every fault told with its place and a way out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.roster.rosters import TEXT, document
from tsbridge.core.roster import Cover, Feed, Limit, Rotation
from tsbridge.document_files import Lines, load_text
from tsbridge.roster.document import read
from tsbridge.roster.read_parts import RosterError

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def faults(changed: dict[str, Any]) -> dict[str, str]:
    """By place, what is wrong with a document."""
    with pytest.raises(RosterError) as refused:
        read(changed)
    return {one.path: one.code for one in refused.value.findings}


def with_(path: str, value: Any) -> dict[str, Any]:
    """The roster with another value at a place."""
    changed: Any = document()
    *way, last = path.split("/")[1:]
    here = changed
    for step in way:
        here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
    here[int(last) if isinstance(here, list) else last] = value
    return changed  # type: ignore[no-any-return]


def test_a_roster_is_read_into_values() -> None:
    roster = read(document())
    ana, ben = roster.agents
    assert (ana.key, ana.name, ana.zendesk_user_id, ana.zone) == ("ana", "Ana Silva", 41000000007, LOS_ANGELES)
    assert (ana.skills, ana.capacity) == ((("safety", 3),), (("chat", 3), ("email", 8), ("voice", 1)))
    assert (ana.since, ana.until, ana.reach) == (date(2026, 5, 1), date(2026, 10, 31), ("mail", "chat"))
    assert ben.quiet == ((22 * 60, 31 * 60),)
    day, night = roster.shifts
    assert (day.days, day.hours, day.agents) == ((0, 1, 2, 3, 4), ((540, 1020),), ("ana", "ben"))
    assert night.hours == ((22 * 60, 30 * 60),)
    assert roster.rotations == (Rotation("lead", ("ana", "ben"), date(2026, 11, 2), 540, LOS_ANGELES, 7, None),)
    assert roster.cover == (Cover("safety", (1, 2), "lead", ("ben", "page")), Cover(None, None, "lead"))
    assert roster.feeds == (Feed("off-ana", "ana", "off", None, "/run/secrets/ana-calendar"),)
    assert roster.limits == (Limit("distressing", ("safety_incident", "personal_safety"), 3),)
    assert roster.lists == (("leads", ("ana", "lead", "mail")),)
    assert [way.key for way in roster.ways] == ["chat", "mail", "page"]
    assert roster.hash.startswith("sha256:")


def test_the_order_of_keys_does_not_count_as_a_database_keeps_none() -> None:
    turned = document()
    turned["agents"] = dict(reversed(list(turned["agents"].items())))  # type: ignore[attr-defined]
    assert read(turned) == read(document())


def test_a_small_roster_needs_little() -> None:
    roster = read({"schema": 1, "agents": {"ana": {"queues": ["safety"]}}})
    assert (roster.agents[0].name, roster.agents[0].zone) == ("ana", ZoneInfo("UTC"))
    assert read({"schema": 1}).agents == ()


@pytest.mark.parametrize(
    ("every", "days", "elapsed"),
    [("1w", 7, None), ("2d", 2, None), ("12h", None, timedelta(hours=12)), ("30m", None, timedelta(minutes=30))],
)
def test_turns_of_days_are_on_the_wall_clock_and_others_elapse(every: str, days: int | None, elapsed: timedelta | None) -> None:
    rotation = read(with_("/rotations/lead/every", every)).rotations[0]
    assert (rotation.days, rotation.elapsed) == (days, elapsed)


@pytest.mark.parametrize("name", ["Pacific Time (US & Canada)", "Pacific Standard Time", "(GMT-08:00) Pacific Time (US & Canada)"])
def test_zones_may_be_written_as_zendesk_and_windows_do(name: str) -> None:
    assert read(with_("/timezone", name)).zone == LOS_ANGELES


FAULTS = [
    ("/agent", {}, "/agent", "unknown_key"),
    ("/agents/ana/zendesk_id", 7, "/agents/ana/zendesk_id", "unknown_key"),
    ("/agents/ana/queues", [], "/agents/ana/queues", "no_queue"),
    ("/agents/cleo", {"name": "Cleo"}, "/agents/cleo", "no_queue"),
    ("/agents/ana/timezone", "Amerika/Los_Angeles", "/agents/ana/timezone", "timezone"),
    ("/timezone", "../../etc/passwd", "/timezone", "timezone"),
    ("/timezone", 7, "/timezone", "timezone"),
    ("/agents/ana/until", "2026-04-30", "/agents/ana/until", "dates"),
    ("/agents/ana/from", "2026-02-30", "/agents/ana/from", "date"),
    ("/agents/ana/reach", ["mial"], "/agents/ana/reach/0", "unknown_way"),
    ("/agents/ana/capacity", {"emails": 2}, "/agents/ana/capacity/emails", "unknown_channel"),
    ("/agents/ana/capacity", {"email": -1}, "/agents/ana/capacity/email", "range"),
    ("/agents/ana/skills", {"safety": True}, "/agents/ana/skills/safety", "range"),
    ("/agents/ana/email", "not an address", "/agents/ana/email", "email"),
    ("/agents/ana/quiet", "07:00-07:00", "/agents/ana/quiet", "hours"),
    ("/agents/ben/zendesk_user_id", "41000000007", "/agents/ben/zendesk_user_id", "duplicate_id"),
    ("/agents/oncall", {"queues": ["safety"]}, "/agents/oncall", "reserved"),
    ("/shifts/day/hours", "09:00-09:00", "/shifts/day/hours", "hours"),
    ("/shifts/day/hours", "9-17", "/shifts/day/hours", "hours"),
    ("/shifts/day/hours", "closed", "/shifts/day/hours", "hours"),
    ("/shifts/day/days", "weekdays", "/shifts/day/days", "days"),
    ("/shifts/day/agents", [], "/shifts/day/agents", "nobody"),
    ("/shifts/day/agents", ["anna"], "/shifts/day/agents/0", "unknown_agent"),
    ("/rotations/lead/members", [], "/rotations/lead/members", "nobody"),
    ("/rotations/lead/members", ["carla"], "/rotations/lead/members/0", "unknown_agent"),
    ("/rotations/lead/every", "0d", "/rotations/lead/every", "duration"),
    ("/rotations/lead/every", "fortnight", "/rotations/lead/every", "duration"),
    ("/rotations/lead/starts", "2026-11-02T09:00Z", "/rotations/lead/starts", "time"),
    ("/rotations/lead/starts", "2026-13-02", "/rotations/lead/starts", "time"),
    ("/cover/1/oncall", "leed", "/cover/1/oncall", "unknown_oncall"),
    ("/cover/0/then", ["lead"], "/cover/0/then/0", "circular_backup"),
    ("/cover/0/then", ["ben", "ben"], "/cover/0/then/1", "circular_backup"),
    ("/cover/0/then", ["nobody"], "/cover/0/then/0", "unknown_backup"),
    ("/cover/0/severity", [0], "/cover/0/severity", "value"),
    ("/cover/0/severity", True, "/cover/0/severity", "value"),
    ("/ways/mail/kind", "smpt", "/ways/mail/kind", "kind"),
    ("/ways/page/url", "http://pager.example/hook", "/ways/page/url", "url"),
    ("/ways/page/url", "https://[::1", "/ways/page/url", "url"),
    ("/ways/page/url_file", "/run/x", "/ways/page", "address"),
    ("/ways/page/url_env", "TSBRIDGE_WAY_PAGE", "/ways/page", "address"),
    ("/ways/page/secret_env", "TSBRIDGE_WAY_PAGE", "/ways/page", "secret"),
    ("/ways/chat", {"kind": "slack", "url_env": "TSBRIDGE_ADMIN_KEY"}, "/ways/chat/url_env", "variable"),
    ("/ways/chat", {"kind": "slack", "url_env": "CHAT_URL"}, "/ways/chat/url_env", "variable"),
    ("/ways/chat", {"kind": "slack", "url_env": "TSBRIDGE_WAY_CHAT_FILE"}, "/ways/chat/url_env", "variable"),
    ("/ways/mail/url_env", "TSBRIDGE_WAY_MAIL", "/ways/mail/url_env", "unknown_key"),
    ("/ways/chat/url_file", "chat.txt", "/ways/chat/url_file", "path"),
    ("/calendars/0/means", "away", "/calendars/0/means", "value"),
    ("/calendars/0/agent", "anna", "/calendars/0/agent", "unknown_agent"),
    ("/limits/distressing/per_shift", "3", "/limits/distressing/per_shift", "range"),
    ("/limits/distressing/categories", [], "/limits/distressing/categories", "missing"),
    ("/lists/leads", ["anna"], "/lists/leads/0", "unknown_member"),
    ("/schema", 2, "/schema", "schema"),
]


@pytest.mark.parametrize(("place", "value", "path", "code"), FAULTS)
def test_a_fault_is_told_at_its_place(place: str, value: Any, path: str, code: str) -> None:
    assert faults(with_(place, value)) == {path: code}


def test_a_name_that_is_nearly_right_is_proposed() -> None:
    with pytest.raises(RosterError, match="did you mean ana"):
        read(with_("/shifts/day/agents", ["anna"]))
    with pytest.raises(RosterError, match="did you mean rotations"):
        read(with_("/rotation", {}))
    with pytest.raises(RosterError, match="did you mean America/Los_Angeles"):
        read(with_("/timezone", "Amerika/Los_Angeles"))


SECRETS = [
    ("/ways/chat", {"kind": "slack", "url": "https://hooks.example/services/T0/B0/hushhush"}, "/ways/chat/url"),
    ("/ways/chat", {"kind": "teams", "url": "https://hooks.example/hushhush"}, "/ways/chat/url"),
    ("/ways/page/url", "https://user:hushhush@pager.example/hook", "/ways/page/url"),
    ("/ways/page/url", "https://pager.example/hook?token=hushhush", "/ways/page/url"),
    ("/ways/page/secret", "hushhush", "/ways/page/secret"),
    (
        "/calendars/0",
        {"agent": "ana", "means": "off", "url": "https://calendar.example/ical/a/private-hushhush/basic.ics"},
        "/calendars/0/url",
    ),
]


@pytest.mark.parametrize(("place", "value", "path"), SECRETS)
def test_a_secret_in_the_document_is_refused_and_not_repeated(place: str, value: Any, path: str) -> None:
    with pytest.raises(RosterError) as refused:
        read(with_(place, value))
    assert [(one.path, one.code) for one in refused.value.findings] == [(path, "secret_in_document")]
    assert "hushhush" not in str(refused.value)


def test_two_lines_whose_people_back_each_other_are_no_circle() -> None:
    lines = [{"queue": "safety", "oncall": "ana", "then": ["ben"]}, {"oncall": "ben", "then": ["ana", "lead", "page"]}]
    assert [line.then for line in read(with_("/cover", lines)).cover] == [("ben",), ("ana", "lead", "page")]


def test_secrets_may_stand_in_variables_that_are_named() -> None:
    page = {"kind": "webhook", "url_env": "TSBRIDGE_WAY_PAGE", "secret_env": "TSBRIDGE_WAY_PAGE_KEY"}
    way = next(way for way in read(with_("/ways/page", page)).ways if way.key == "page")
    assert (way.url, way.url_env, way.secret_env) == (None, "TSBRIDGE_WAY_PAGE", "TSBRIDGE_WAY_PAGE_KEY")


def test_a_way_to_this_machine_itself_may_be_plain() -> None:
    roster = read(with_("/ways/chat", {"kind": "slack", "url": "http://127.0.0.1:8099/chat"}))
    assert roster.ways[0].url == "http://127.0.0.1:8099/chat"


def test_faults_have_their_line_in_a_file() -> None:
    text = TEXT.replace("members: [ana, ben]", "members: []").encode()
    with pytest.raises(RosterError) as refused:
        read(load_text(text, dates=True))
    (one,) = refused.value.findings
    assert Lines(text)(one.path) == 16


@pytest.mark.parametrize(
    "anything", [None, [], 7, {"schema": 1, "agents": []}, {"schema": 1, "cover": {}}, {"schema": 1, "agents": {"a": 1}}]
)
def test_whatever_is_no_roster_is_refused(anything: Any) -> None:
    assert faults(anything)


def test_a_roster_has_bounds() -> None:
    many = {f"a{n}": {"queues": ["q"]} for n in range(501)}
    assert faults({"schema": 1, "agents": many}) == {"/agents": "too_large"}
    assert faults({"schema": 1, "cover": [{}] * 501}) == {"/cover": "too_large"}
    some = {f"a{n}": {"queues": [f"q{n}", f"p{n}"]} for n in range(101)}
    assert faults({"schema": 1, "agents": some}) == {"/agents": "too_large"}
    assert len(faults({"schema": 1, "agents": {f"a{n}": {} for n in range(500)}})) == 500
