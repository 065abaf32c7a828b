"""Cases from interactions: named ids, guesses within the window, doubt, crowds, a supervisor's word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.link import CROWD, MERGE, NAMESAKES, STRANGERS, LinkEdit, Node, case_key, group
from tsbridge.core.moments import Handle, Interaction

T0 = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def ticket(id_: str, minute: float = 0, *people: tuple[str, str], names: tuple[tuple[str, str], ...] = (), lasts: float = 0) -> Node:
    return _node(Interaction("zendesk", id_), minute, people, names, lasts)


def call(id_: str, minute: float = 0, *people: tuple[str, str], names: tuple[tuple[str, str], ...] = (), lasts: float = 0) -> Node:
    return _node(Interaction("talkdesk", id_), minute, people, names, lasts)


def _node(subject: Interaction, minute: float, people: tuple, names: tuple, lasts: float) -> Node:  # type: ignore[type-arg]
    at = T0 + timedelta(minutes=minute)
    return Node(subject, at, at + timedelta(minutes=lasts), frozenset(Handle(*n) for n in names), frozenset(Handle(*p) for p in people))


def cases(*nodes: Node, edits: tuple[LinkEdit, ...] = (), window: timedelta = DAY) -> set[frozenset[str]]:
    return {frozenset(m.subject.id for m in g.members) for g in group(nodes, edits, window)}


ANA, BEN = ("zendesk_user", "41"), ("zendesk_user", "42")
PHONE = ("phone", "+14155550123")


def test_a_call_that_names_its_ticket_is_linked_at_any_distance() -> None:
    far = 60 * 24 * 300
    assert cases(ticket("1", 0, ANA), call("c", far, names=(("ticket", "1"),))) == {frozenset({"1", "c"})}


def test_a_call_is_guessed_into_the_ticket_of_the_same_number_before_and_after_it() -> None:
    assert cases(call("c", 0, PHONE), ticket("1", 30, ANA, PHONE)) == {frozenset({"1", "c"})}
    assert cases(ticket("1", 0, ANA, PHONE), call("c", 30, PHONE)) == {frozenset({"1", "c"})}


def test_outside_the_window_nothing_is_guessed() -> None:
    assert len(cases(ticket("1", 0, ANA), ticket("2", 60 * 24 + 1, ANA))) == 2
    assert len(cases(ticket("1", 0, ANA), ticket("2", 60 * 24, ANA))) == 1


def test_the_window_counts_from_the_end_of_a_life_not_its_start() -> None:
    assert len(cases(ticket("1", 0, ANA, lasts=60 * 24 * 3), call("c", 60 * 24 * 3 + 5, ANA))) == 1


def test_a_number_that_two_known_people_share_links_nobody() -> None:
    shared = (ticket("1", 0, ANA, PHONE), ticket("2", 10, BEN, PHONE), call("c", 20, PHONE))
    assert cases(*shared) == {frozenset({"1"}), frozenset({"2"}), frozenset({"c"})}


def test_a_caller_known_to_talkdesk_is_the_requester_with_the_same_number() -> None:
    assert len(cases(ticket("1", 0, ANA, PHONE), call("c", 5, ("talkdesk_contact", "60aa"), PHONE))) == 1


def test_a_sender_with_a_crowd_of_tickets_is_a_mailbox() -> None:
    crowd = [ticket(str(n), n, ANA) for n in range(CROWD + 1)]
    assert len(cases(*crowd[:CROWD])) == 1
    assert len(cases(*crowd)) == CROWD + 1


def test_names_hold_even_in_a_crowd() -> None:
    crowd = [ticket(str(n), n, ANA) for n in range(CROWD + 5)]
    assert frozenset({"3", "c"}) in cases(*crowd, call("c", 1, names=(("ticket", "3"),)))


def test_every_member_says_why_it_is_there_without_personal_data() -> None:
    nodes = (ticket("1", 0, ANA, PHONE), call("c", 30, PHONE), call("d", 40, names=(("ticket", "1"),)))
    (found,) = group(nodes, (), DAY)
    assert [(m.subject.id, m.rank) for m in found.members] == [("1", "named"), ("c", "guessed"), ("d", "named")]
    assert found.members[1].because == "same person (zendesk_user) within 30 minutes"
    assert not any("4155550123" in m.because for m in found.members)
    assert found.case_id == case_key(Interaction("zendesk", "1"))


def test_a_supervisors_cut_and_join_outrank_the_evidence() -> None:
    a, b, c = ticket("1", 0, ANA), ticket("2", 5, ANA), ticket("3", 5, BEN)
    cut = LinkEdit("cut", a.subject, b.subject)
    join = LinkEdit("join", a.subject, c.subject)
    assert cases(a, b, c, edits=(cut, join)) == {frozenset({"1", "3"}), frozenset({"2"})}
    assert cases(a, b, c, edits=(cut, LinkEdit("join", b.subject, a.subject))) == {frozenset({"1", "2"}), frozenset({"3"})}


people = st.lists(
    st.sampled_from([ANA, BEN, PHONE, ("phone", "+2"), ("email", "a@x"), ("email", "b@x"), ("talkdesk_contact", "c")]), max_size=3
)
names = st.lists(st.sampled_from([("ticket", "0"), ("ticket", "3"), ("call", "k"), ("call", "1")]), max_size=2)
lives = st.tuples(st.integers(0, 5_000), people, names, st.integers(0, 600), st.booleans())


@given(st.lists(lives, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_hearing_leaves_no_trace(given_lives: list, random) -> None:  # type: ignore[no-untyped-def, type-arg]
    nodes = [
        (ticket if is_ticket else call)(str(i), minute, *who, names=tuple(named), lasts=lasts)
        for i, (minute, who, named, lasts, is_ticket) in enumerate(given_lives)
    ]
    first = sorted(group(nodes, (), DAY), key=lambda g: g.case_id)
    random.shuffle(nodes)
    assert sorted(group(nodes, (), DAY), key=lambda g: g.case_id) == first
    placed = [m.subject for g in first for m in g.members]
    assert sorted(placed) == sorted(n.subject for n in nodes)


def people_of(count: int) -> list[tuple[str, str]]:
    return [("zendesk_user", str(50 + n)) for n in range(count)]


def test_an_id_that_three_people_share_joins_them_and_one_of_four_names_nobody() -> None:
    def sharing(count: int) -> list[Node]:
        return [ticket(str(n), n, person, names=(("call", "k"),)) for n, person in enumerate(people_of(count))]

    assert len(cases(*sharing(STRANGERS))) == 1
    assert len(cases(*sharing(STRANGERS + 1))) == STRANGERS + 1
    assert cases(*sharing(2), ticket("9", 0, people_of(1)[0], names=(("call", "k"),))) == {frozenset({"0", "1", "9"})}


def test_a_call_that_names_tickets_of_four_people_names_nobody_and_says_so() -> None:
    named = tuple(("ticket", str(n)) for n in range(STRANGERS + 1))
    tickets = [ticket(str(n), n, person) for n, person in enumerate(people_of(STRANGERS + 1))]
    joined = group([*tickets[:STRANGERS], call("c", 9, names=named[:STRANGERS])], (), DAY)
    assert [len(g.members) for g in joined] == [STRANGERS + 1]
    parted = {m.subject.id: m.because for g in group([*tickets, call("c", 9, names=named)], (), DAY) for m in g.members}
    assert parted["c"] == "opened the case; an id it carries stands for too many people and links nobody"
    assert parted["1"] == "opened the case"


def test_an_id_that_very_many_interactions_carry_names_nobody_whoever_they_are_about() -> None:
    same = [ticket(str(n), n * 60 * 24 * 3, ANA, names=(("call", "k"),)) for n in range(NAMESAKES + 1)]
    assert len(cases(*same[1:])) == 1
    assert len(cases(*same)) == NAMESAKES + 1


def test_agents_may_merge_the_tickets_of_many() -> None:
    sources = [ticket(str(n), n, person, names=((MERGE, "9"),)) for n, person in enumerate(people_of(8))]
    assert cases(*sources, ticket("9", 0, BEN)) == {frozenset([*(str(n) for n in range(8)), "9"])}
