"""The planner: the edit between a ticket as it is and as it is wished, and the laws it keeps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.drift import drifts
from tsbridge.core.helpdesk import Asked, Current, Edit, Ours, Wish, apply, overwritten, plan, settled, yielding
from tsbridge.core.helpdesk_json import edit_json, ours_from, ours_json, wish_from, wish_json
from tsbridge.core.moments import Value

TAGS = st.sampled_from(["ts_a", "ts_b", "ts_c", "vip", "bite", "x"])
PLACES = st.sampled_from(["1", "2", "3", "4"])
VALUES = st.sampled_from([None, "low", "urgent", "7", 5, True, ("p", "q")])
NAMES = st.sampled_from(["priority", "group_id", "assignee_id", "custom:1", "custom:2"])
ASKED = st.builds(Asked, VALUES, PLACES)


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    tags = draw(st.dictionaries(TAGS, PLACES, max_size=4))
    absent = {tag: by for tag, by in draw(st.dictionaries(TAGS, PLACES, max_size=3)).items() if tag not in tags}
    singles = draw(st.dictionaries(NAMES, ASKED, max_size=4))
    return Wish(
        tags=tuple(sorted(tags.items())),
        absent=tuple(sorted(absent.items())),
        priority=singles.get("priority"),
        group_id=singles.get("group_id"),
        assignee_id=singles.get("assignee_id"),
        custom_fields=tuple((n.removeprefix("custom:"), a) for n, a in sorted(singles.items()) if n.startswith("custom:")),
        notes=tuple(sorted(draw(st.dictionaries(st.sampled_from(["n1", "n2"]), st.just("text"))).items())),
    )


CURRENT = st.builds(
    Current, st.just("1"), st.just("open"), st.frozensets(TAGS), st.dictionaries(NAMES, VALUES, max_size=5), st.just("2026-11-22T09:00:00Z")
)


def wish_of(tags: dict[str, str] | None = None, absent: dict[str, str] | None = None, **more: object) -> Wish:
    return replace(Wish(tuple(sorted((tags or {}).items())), tuple(sorted((absent or {}).items()))), **more)  # type: ignore[arg-type]


def on(*tags: str, **values: object) -> Current:
    return Current("1", "open", frozenset(tags), values)  # type: ignore[arg-type]


@st.composite
def histories(draw: st.DrawFn) -> tuple[Current, Ours]:
    """A ticket after some wishes of ours were written to it, with people's edits in between."""
    current, ours = draw(CURRENT), Ours()
    for wish in draw(st.lists(wishes(), max_size=3)):
        edit = plan(current, wish, ours)
        current, ours = apply(current, edit), settled(ours, wish, current, edit)
        current = replace(current, tags=draw(st.frozensets(TAGS)) if draw(st.booleans()) else current.tags)
    return current, ours


@given(histories(), wishes())
def test_after_the_edit_there_is_nothing_left_to_do(history: tuple[Current, Ours], wish: Wish) -> None:
    current, ours = history
    edit = plan(current, wish, ours)
    assert not plan(apply(current, edit), wish, settled(ours, wish, current, edit))


@given(histories(), wishes())
def test_only_tags_that_are_wished_unwanted_or_put_there_by_us_are_touched(history: tuple[Current, Ours], wish: Wish) -> None:
    current, ours = history
    edit = plan(current, wish, ours)
    assert set(edit.add) <= {tag for tag, _ in wish.tags}
    assert set(edit.remove) <= {tag for tag, _ in wish.absent} | ours.put
    assert not set(edit.add) & set(edit.remove)
    foreign = current.tags - ours.put - {tag for tag, _ in (*wish.tags, *wish.absent)}
    assert foreign <= apply(current, edit).tags


@given(histories(), wishes(), st.frozensets(TAGS), st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_people_change_afterwards_stays_until_it_is_asked_for_anew(
    history: tuple[Current, Ours], wish: Wish, tags: frozenset[str], values: dict[str, object]
) -> None:
    current, ours = history
    edit = plan(current, wish, ours)
    ours = settled(ours, wish, current, edit)
    people = replace(apply(current, edit), tags=tags, values={**current.values, **values})  # type: ignore[arg-type]
    assert not plan(people, wish, ours)


@given(histories(), wishes())
def test_the_order_of_keys_does_not_matter(history: tuple[Current, Ours], wish: Wish) -> None:
    current, ours = history
    turned = replace(current, values=dict(reversed(list(current.values.items()))))
    other = replace(ours, tags=dict(reversed(list(ours.tags.items()))), values=dict(reversed(list(ours.values.items()))))
    assert plan(current, wish, ours) == plan(turned, wish, other)


@given(histories(), wishes())
def test_everything_survives_its_way_through_json(history: tuple[Current, Ours], wish: Wish) -> None:
    current, ours = history
    owed = plan(current, replace(wish, notes=()), ours)
    ours = replace(ours, owed=owed)
    assert wish_from(json.loads(json.dumps(wish_json(wish)))) == wish
    assert ours_from(json.loads(json.dumps(ours_json(ours)))) == ours
    assert ours_from({}) == Ours()


@given(histories(), wishes(), st.frozensets(TAGS), st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_a_write_took_from_a_person_is_given_back(
    history: tuple[Current, Ours], wish: Wish, tags: frozenset[str], values: dict[str, object]
) -> None:
    """Somebody edits in the second of our read; our whole list of tags lands on top of it."""
    current, ours = history
    edit = plan(current, wish, ours)
    before = replace(current, tags=tags, values={**current.values, **values})  # type: ignore[arg-type]
    landed = replace(apply(current, edit), values={**before.values, **dict(edit.values)})
    owed = overwritten(current, edit, before)
    ours = replace(settled(ours, wish, current, edit), owed=owed)
    back = plan(landed, wish, ours)
    healed = apply(landed, back)
    merged = (tags | set(edit.add)) - set(edit.remove)
    assert healed.tags == merged
    for name, value in values.items():
        if current.values.get(name) != value:
            assert healed.values.get(name) == value
    assert not plan(healed, wish, settled(ours, wish, landed, back))


@given(histories(), wishes(), st.frozensets(TAGS), st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_a_person_changes_between_our_reading_and_our_writing_stays(
    history: tuple[Current, Ours], wish: Wish, tags: frozenset[str], values: dict[str, object]
) -> None:
    read, ours = history
    now = replace(read, tags=tags, values={**read.values, **values})  # type: ignore[arg-type]
    edit = plan(now, wish, yielding(ours, wish, read, now, frozenset()))
    assert not set(edit.add) & (read.tags - tags)
    assert not (set(edit.remove) - ours.put) & (tags - read.tags)
    written = apply(now, edit)  # the group may be named beside the agent, as it is
    assert all(written.values.get(name) == values[name] for name in values if values[name] != read.values.get(name))


def test_a_tag_that_a_person_took_off_stays_off_until_a_newer_asking() -> None:
    ours = Ours(tags={"ts_a": "2"}, put=frozenset({"ts_a"}))
    assert not plan(on("vip"), wish_of({"ts_a": "2"}), ours)
    assert plan(on("vip"), wish_of({"ts_a": "3"}), ours) == Edit(add=("ts_a",))


def test_a_tag_of_ours_that_nobody_wishes_any_more_comes_off() -> None:
    assert plan(on("vip", "ts_a"), wish_of(), Ours(tags={"ts_a": "2"}, put=frozenset({"ts_a"}))) == Edit(remove=("ts_a",))


def test_a_persons_own_tag_that_a_rule_also_wished_stays_when_the_rule_no_longer_does() -> None:
    wish = wish_of({"vip": "2"})
    edit = plan(on("vip"), wish, Ours())
    assert not edit
    assert not plan(on("vip"), wish_of(), settled(Ours(), wish, on("vip"), edit))


def test_a_persons_tag_comes_off_only_when_a_rule_names_it_and_only_once_for_each_asking() -> None:
    wish = wish_of(absent={"vip": "2"})
    edit = plan(on("vip"), wish, Ours())
    assert edit == Edit(remove=("vip",))
    ours = settled(Ours(), wish, on("vip"), edit)
    assert not plan(on("vip"), wish, ours)  # a person put it back
    assert plan(on("vip"), wish_of(absent={"vip": "3"}), ours) == Edit(remove=("vip",))


def test_a_priority_that_a_person_changed_after_us_stays_until_a_newer_asking() -> None:
    ours = Ours(values={"priority": Asked("urgent", "2")})
    assert not plan(on(priority="low"), wish_of(priority=Asked("urgent", "2")), ours)
    assert plan(on(priority="low"), wish_of(priority=Asked("urgent", "3")), ours).values == (("priority", "urgent"),)


@pytest.mark.parametrize(
    ("wished", "read"),
    [
        *[("true", True), (True, "true"), (3, "3"), (12.5, "12.50"), ("", None), (7, "7.0")],
        *[(True, "1"), (False, "0"), ("1", True), ("late", ("late",)), ("late wet", ("wet", "late"))],
    ],
)
def test_a_value_that_reads_as_another_kind_of_the_same_is_not_written(wished: Value, read: Value) -> None:
    wish = Wish(custom_fields=(("1", Asked(wished, "2")),))
    current = Current("1", "open", frozenset(), {"custom:1": read})
    assert not plan(current, wish, Ours())
    assert drifts(current, wish, Ours(values={"custom:1": Asked(wished, "2")}), (), None) == []


@pytest.mark.parametrize(
    ("wished", "read"),
    [
        *[("Yes", "yes"), ("007", "7"), (True, 1), (1, True), ("a,b", "a"), (3, None), (0, None), ("no", "")],
        *[(True, "0"), (False, "1"), (False, None), ("late", ("late", "wet"))],
    ],
)
def test_a_value_that_is_another_is_written(wished: Value, read: Value) -> None:
    wish = Wish(custom_fields=(("1", Asked(wished, "2")),))
    current = Current("1", "open", frozenset(), {"custom:1": read})
    assert plan(current, wish, Ours()).values == (("custom:1", wished),)
    assert len(drifts(current, wish, Ours(values={"custom:1": Asked(wished, "2")}), (), None)) == 1


def test_a_value_that_stands_as_we_set_it_follows_the_wish_back_to_an_older_asking() -> None:
    ours = Ours(values={"group_id": Asked("8", "2")})
    wish = wish_of(group_id=Asked("7", "1"))
    assert plan(on(group_id="8"), wish, ours).values == (("group_id", "7"),)
    assert not plan(on(group_id="9"), wish, ours)  # a person moved it


def test_an_agent_is_assigned_together_with_the_group() -> None:
    wish = wish_of(group_id=Asked("61", "1"), assignee_id=Asked("41", "1"))
    assert plan(on(group_id=None, assignee_id=None), wish, Ours()).values == (("assignee_id", "41"), ("group_id", "61"))
    assert plan(on(group_id="61", assignee_id=None), wish, Ours()).values == (("assignee_id", "41"), ("group_id", "61"))


def test_assigning_an_agent_does_not_undo_a_persons_move_to_another_group() -> None:
    ours = Ours(values={"group_id": Asked("61", "1")})
    wish = wish_of(group_id=Asked("61", "1"), assignee_id=Asked("41", "2"))
    assert plan(on(group_id="62", assignee_id=None), wish, ours).values == (("assignee_id", "41"),)


def test_a_note_is_written_once_ever() -> None:
    wish = wish_of(notes=(("n1", "first"), ("n2", "second")))
    assert plan(on(), wish, Ours(notes=frozenset({"n1"}))).notes == (("n2", "second"),)


def test_an_edit_shown_to_people_names_notes_without_their_text() -> None:
    shown = edit_json(Edit(add=("ts_a",), notes=(("n1", "call me on +1 415 555 0123"),)))
    assert shown == {"add": ["ts_a"], "remove": [], "values": {}, "notes": ["n1"]}
