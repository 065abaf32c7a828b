"""What goes with one interaction of a forgotten person besides its moments and decisions: handles, notes, what was typed about its case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from tsbridge.core.moments import BARS, Handle, Interaction
from tsbridge.core.rules.language import content_hash
from tsbridge.core.track import key_of
from tsbridge.store import checkpoints, people
from tsbridge.store.case_tables import cases
from tsbridge.store.decision_tables import changes
from tsbridge.store.link_tables import acquaintances, handles, interactions
from tsbridge.store.links import case_of
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import moments_of
from tsbridge.store.people import FORMER, NAME, PERSON, USER
from tsbridge.store.replay_tables import drift
from tsbridge.store.wanted_tables import recordings_wanted
from tsbridge.store.writing_tables import desired, intents

TYPED: Final = ("desk.note", "note", "reason")
"""Members of what a change says that people typed about a case."""
ABOUT_CASES: Final = (*(f"case.{act}" for act in ("acknowledged", "resolved", "noted", "assigned")), "moment.withdraw")
"""Changes that may say it."""

Row = RowMapping


def hide_people(conn: Connection, subject: Interaction, hide: Callable[[Handle], Handle], roles: Sequence[str] = (PERSON, FORMER)) -> int:
    """Those whom an interaction was told to be about go by other names there; how many did."""
    of_it = (handles.c.source == subject.source, handles.c.interaction == subject.id, handles.c.role.in_(roles))
    rows = conn.execute(select(handles).where(*of_it)).mappings().all()
    changed = [(row, now) for row in rows if (now := hide(was := Handle(row["kind"], row["value"]))) != was]
    if not changed:
        return 0
    for row, now in changed:
        one = (*of_it[:2], handles.c.kind == row["kind"], handles.c.value == row["value"])
        conn.execute(delete(handles).where(*one))
        whose = " ".join(sorted(hide(Handle(USER, id_)).value if id_ != people.NOBODYS else id_ for id_ in row["whose"].split()))
        conn.execute(delete(handles).where(*of_it[:2], handles.c.kind == now.kind, handles.c.value == now.value))
        conn.execute(insert(handles).values(**{**row, "value": now.value, "whose": whose}))
    its = (interactions.c.source == subject.source, interactions.c.id == subject.id)
    requester = conn.execute(select(interactions.c.requester).where(*its)).scalar()
    if requester is not None:
        conn.execute(update(interactions).where(*its).values(requester=hide(Handle(USER, requester)).value))
    return len(changed)


def hide_acquaintances(conn: Connection, known: Iterable[Handle], hide: Callable[[Handle], Handle]) -> int:
    """Whom a person was seen with goes by the same other names."""
    count = 0
    for one in sorted(known):
        now = hide(one)
        for kind, value in (("kind", "value"), ("other_kind", "other_value")):
            those = (acquaintances.c[kind] == one.kind, acquaintances.c[value] == one.value)
            for row in conn.execute(select(acquaintances).where(*those)).mappings().all():
                conn.execute(delete(acquaintances).where(*(acquaintances.c[name] == row[name] for name in row)))
                left = {**row, value: now.value}
                conn.execute(delete(acquaintances).where(*(acquaintances.c[name] == left[name] for name in left)))
                conn.execute(insert(acquaintances).values(**left))
                count += 1
    return count


def bar_notes(conn: Connection, subject: Interaction) -> int:
    """Notes about the interaction say nothing any more: those that were planned and written; none is going to be written."""
    case_id, key = case_of(conn, subject), key_of(subject)
    count = 0
    if case_id is not None:
        checkpoints.forget(conn, {case_id: ""})
        state = conn.execute(select(cases.c.state).where(cases.c.id == case_id)).scalar()
        if state:
            notes = [[name, BARS if place == key else text, place] for name, text, place in state["notes"]]
            if notes != state["notes"]:
                conn.execute(update(cases).where(cases.c.id == case_id).values(state={**state, "notes": notes}))
    if subject.source != "zendesk":
        return count
    for row in conn.execute(select(desired.c.ticket, desired.c.wish, desired.c.plan).where(desired.c.ticket == subject.id)).all():
        wish = {**row.wish, "notes": []}
        plan = _barred(row.plan)
        if (wish, plan) != (row.wish, row.plan):
            count += conn.execute(update(desired).where(desired.c.ticket == row.ticket).values(wish=wish, plan=plan)).rowcount
    for id_, plan in conn.execute(select(intents.c.id, intents.c.plan).where(intents.c.ticket == subject.id)).all():
        if (barred := _barred(plan)) != plan:
            count += conn.execute(update(intents).where(intents.c.id == id_).values(plan=barred)).rowcount
    values = (drift.c.ticket == subject.id, drift.c.what.like("ticket.custom.%"))
    conn.execute(update(drift).where(*values).values(actual=None, wanted=None))
    return count


def _barred(plan: Any) -> Any:
    if not plan:
        return plan
    told: dict[str, Any] = {}
    if "texts" in plan:
        told["texts"] = [BARS for _ in plan["texts"]]
    if "notes" in plan:
        told["notes"] = [[note[0], BARS] if isinstance(note, list) else note for note in plan["notes"]]
    return {**plan, **told}


def drop_recordings(conn: Connection, subject: Interaction) -> int:
    """A message that is looked for is not told any more."""
    if subject.source != "talkdesk":
        return 0
    named = select(handles.c.value).where(
        handles.c.source == "talkdesk", handles.c.interaction == subject.id, handles.c.kind == "call", handles.c.role == NAME
    )
    names = conn.execute(named).scalars().all()
    call = recordings_wanted.c.call
    return conn.execute(delete(recordings_wanted).where(or_(call == subject.id, call.in_(names)))).rowcount


def typed_about(conn: Connection, subject: Interaction, out_of: Callable[[str], str] = lambda _: BARS) -> dict[str, str]:
    """What people typed into changes of its case goes, as far as `out_of` takes it out. Returns the changes, each with the hash of what is
    left of it."""
    its = select(interactions.c.case_id, interactions.c.case_key).where(
        interactions.c.source == subject.source, interactions.c.id == subject.id
    )
    names = {name for row in conn.execute(its) for name in row} | {key_of(subject)}
    those = (changes.c.subject.in_(names), changes.c.action.in_(ABOUT_CASES), changes.c.salt != "")
    return leave_out_of_changes(conn, conn.execute(select(changes).where(*those)).mappings().all(), partial(_untyped, out_of=out_of))


def leave_out_of_changes(conn: Connection, rows: Iterable[Row], out_of: Callable[[Any], Any]) -> dict[str, str]:
    """What is said in changes without what `out_of` takes out. Their salt goes with it: the chain's commitments say nothing any more, and
    what is left is proven by the change that names its hash."""
    told: dict[str, str] = {}
    for row in rows:
        left = {"actor": row["actor"], "before": out_of(row["before"]), "after": out_of(row["after"])}
        if (left["before"], left["after"]) != (row["before"], row["after"]):
            conn.execute(update(changes).where(changes.c.seq == row["seq"]).values(**left, salt=""))
            told[row["id"]] = content_hash(left)
    return told


def _untyped(said: Any, out_of: Callable[[str], str]) -> Any:
    if not isinstance(said, dict):
        return said
    return {name: out_of(value) if name in TYPED and isinstance(value, str) else value for name, value in said.items()}


def bar_withdrawals(conn: Connection, subject: Interaction) -> None:
    """Why moments of it were withdrawn."""
    why = (moments_of(subject), moments.c.withdrawn_because.is_not(None))
    conn.execute(update(moments).where(*why).values(withdrawn_because=BARS))
