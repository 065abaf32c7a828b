"""Our own changes coming back: exactly what we meant is dropped, the rest is heard."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import START
from tsbridge.core.echo import without_echo, without_own_notes
from tsbridge.core.moments import Actor, Change, Moment, Text, Value

US = Actor("us", "99")
TAGS = st.frozensets(st.sampled_from(["ts_a", "ts_b", "vip", "pet", "x"]))


def meant(add: tuple[str, ...] = (), remove: tuple[str, ...] = (), texts: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    return {"add": list(add), "remove": list(remove), "values": values, "notes": [], "texts": list(texts)}


def moment(*changes: Change, actor: Actor = US, event: str = "ticket.updated", texts: tuple[Text, ...] = (), **facts: Value) -> Moment:
    return Moment("zendesk", "4711", event, START, facts=tuple(sorted(facts.items())), changes=changes, texts=texts, actor=actor)


def tagged(before: frozenset[str] | set[str], now: frozenset[str] | set[str]) -> Change:
    return Change("tags", tuple(sorted(before)), tuple(sorted(now)))


def test_a_change_that_is_all_ours_says_nothing() -> None:
    ours = moment(tagged({"vip"}, {"vip", "ts_a"}), Change("ticket.priority", None, "urgent"))
    assert without_echo(ours, [meant(add=("ts_a",), priority="urgent")]) is None


def test_without_intents_everything_is_heard() -> None:
    ours = moment(tagged({"vip"}, {"vip", "ts_a"}))
    assert without_echo(ours, []) is ours


def test_what_a_trigger_did_inside_our_update_is_heard() -> None:
    heard = without_echo(moment(tagged({"vip"}, {"ts_a", "pet"}), Change("ticket.group_id", None, "62")), [meant(add=("ts_a",))])
    assert heard is not None
    assert heard.changes == (tagged({"ts_a", "vip"}, {"ts_a", "pet"}), Change("ticket.group_id", None, "62"))


def test_a_list_of_tags_as_we_sent_it_is_ours_whatever_it_overwrote() -> None:
    sent = {**meant(add=("ts_a",)), "tags": ["ts_a", "vip"]}
    assert without_echo(moment(tagged({"vip", "theirs"}, {"ts_a", "vip"})), [sent]) is None
    rest = tagged({"ts_a", "vip"}, {"ts_a", "vip", "pet"})
    assert without_echo(moment(tagged({"vip"}, {"ts_a", "vip", "pet"})), [sent]) == moment(rest)


def test_another_value_than_we_meant_is_heard() -> None:
    other = moment(Change("ticket.priority", None, "low"))
    assert without_echo(other, [meant(priority="urgent")]) == other


def test_a_custom_field_with_many_values_is_recognised() -> None:
    assert without_echo(moment(Change("ticket.custom.5", None, ("p", "q"))), [meant(**{"custom:5": ["p", "q"]})]) is None


@pytest.mark.parametrize(("set_to", "told"), [(True, "1"), (False, "0"), (7, "7"), (2.5, "2.5"), (["q", "p"], "p q"), (None, None)])
def test_a_custom_field_that_an_audit_tells_as_a_text_is_recognised(set_to: Any, told: Value) -> None:
    assert without_echo(moment(Change("ticket.custom.5", "x", told)), [meant(**{"custom:5": set_to})]) is None
    assert without_echo(moment(Change("ticket.custom.5", "x", "other")), [meant(**{"custom:5": set_to})]) is not None


def test_our_note_is_no_word_and_a_persons_comment_is() -> None:
    note, word = Text("comment", "Somebody is hurt."), Text("comment", "Thank you!")
    intents = [meant(texts=("Somebody is hurt.",))]
    assert without_echo(moment(event="ticket.commented", texts=(note,)), intents) is None
    heard = without_echo(moment(event="ticket.commented", texts=(note, word)), intents)
    assert heard is not None
    assert heard.texts == (word,)


def test_a_snapshot_by_nobody_known_says_nothing_about_who_made_it() -> None:
    snapshot = moment(actor=Actor("unknown"), tags=("ts_a",))
    assert without_echo(snapshot, [meant(add=("ts_a",))]) is snapshot


def test_a_snapshot_of_ours_that_lacks_what_we_just_wrote_shows_that_something_took_it_back() -> None:
    undone, fine = moment(tags=("vip",)), moment(tags=("ts_a", "vip"))
    assert without_echo(undone, [meant(add=("ts_a",))]) is undone
    assert without_echo(fine, [meant(add=("ts_a",))]) is None


def test_creation_merge_and_deletion_are_never_echoes() -> None:
    for event in ("ticket.created", "ticket.merged", "ticket.deleted"):
        said = moment(tagged(set(), {"ts_a"}), event=event)
        assert without_echo(said, [meant(add=("ts_a",))]) is said


def test_our_notes_in_a_later_delivery_by_anybody_are_left_out() -> None:
    said = moment(actor=Actor("requester", "41"), texts=(Text("comment", " Somebody is hurt.\n"), Text("description", "a dog")))
    assert without_own_notes(said, {"Somebody is hurt."}).texts == (Text("description", "a dog"),)


@given(before=TAGS, now=TAGS, add=TAGS, remove=TAGS)
def test_of_tags_exactly_what_we_meant_is_dropped(
    before: frozenset[str], now: frozenset[str], add: frozenset[str], remove: frozenset[str]
) -> None:
    heard = without_echo(moment(tagged(before, now)), [meant(tuple(add), tuple(remove))])
    added, removed = now - before - add, before - now - remove
    if heard is None:
        assert not added
        assert not removed
        return
    left, right = (frozenset(heard.changes[0].previous or ()), frozenset(heard.changes[0].current or ()))  # type: ignore[arg-type]
    assert right == now
    if before != now:
        assert right - left == added
        assert left - right == removed
