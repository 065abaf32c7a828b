"""Where words of a ticket are kept, and how they go: moments, deliveries, notes that quote them, the state of the case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, or_, select, tuple_, update

from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import wish_json
from tsbridge.core.moments import Interaction, Moment, from_json, to_json
from tsbridge.core.redaction import facts_without
from tsbridge.core.track import key_of
from tsbridge.store import checkpoints, latest_texts, people
from tsbridge.store.case_tables import cases
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.link_tables import acquaintances, handles
from tsbridge.store.links import case_of, members
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import moments_of, tells_subject
from tsbridge.store.statements import Keyed, parts
from tsbridge.store.writing_tables import desired, intents

_OF_TICKET: Final = moments.c.source == "zendesk"
_LESS: Final = Keyed(moments, ("source", "interaction"), ("interaction",), "t.redacted_at IS NOT NULL")


def stood(conn: Connection, ticket: str, told: Sequence[Moment]) -> dict[str, Moment]:
    """Which of these moments are on record as the same audit in other words: by their digest, what is on record."""
    places = {moment.at: moment for moment in told if moment.vendor_order}
    found: dict[str, Moment] = {}
    if not places:
        return found
    rows = conn.execute(
        select(moments.c.digest, moments.c.body).where(_OF_TICKET, moments.c.interaction == ticket, moments.c.at.in_(sorted(places)))
    )
    on_record = {moment.vendor_order: moment for digest, body in rows if (moment := from_json(body, digest)).vendor_order}
    for moment in told:
        if moment.vendor_order in on_record:
            found[moment.digest] = on_record[moment.vendor_order]
    return found


def of(conn: Connection, subject: Interaction) -> list[Moment]:
    """Every moment on record of an interaction, those that left its story included."""
    mine = (moments.c.source == subject.source, moments.c.interaction == subject.id)
    rows = conn.execute(select(moments.c.digest, moments.c.body).where(*mine).order_by(moments.c.at, moments.c.digest))
    return [from_json(body, digest) for digest, body in rows]


def all_of(conn: Connection, subject: Interaction) -> list[Moment]:
    """`of`, and what was said at the desk about it."""
    rows = conn.execute(select(moments.c.digest, moments.c.body).where(moments_of(subject)).order_by(moments.c.at, moments.c.digest))
    return [from_json(body, digest) for digest, body in rows]


def count(conn: Connection, subject: Interaction) -> int:
    """How many moments of an interaction are on record."""
    mine = select(func.count()).where(moments.c.source == subject.source, moments.c.interaction == subject.id)
    return int(conn.execute(mine).scalar_one())


def rewrite(conn: Connection, moment: Moment, now: datetime) -> None:
    """Keep a moment without words that it had. Its digest stays."""
    left = {"body": to_json(moment), "tells_subject": tells_subject(moment), "redacted_at": now}
    conn.execute(update(moments).where(moments.c.digest == moment.digest).values(**left))
    latest_texts.forget(conn, moment.subject)


def less_than_told(conn: Connection, tickets: Sequence[str]) -> list[str]:
    """Those of these tickets that ever lost words."""
    return sorted({ticket for (ticket,) in _LESS.rows(conn, [("zendesk", ticket) for ticket in tickets])})


def empty_deliveries(conn: Connection, subject: Interaction, now: datetime) -> int:
    """The bytes of the deliveries about it go, once these are done with; that they came, when, and what became of them stays. Returns how
    many did."""
    told = select(moments.c.event_id).where(moments.c.source == subject.source, moments.c.interaction == subject.id)
    about = or_(inbox.c.rang_for == subject.id, inbox.c.id.in_(told)) if subject.source == "zendesk" else inbox.c.id.in_(told)
    held = (inbox.c.source == subject.source, inbox.c.status.in_(("applied", "ignored")), inbox.c.redacted_at.is_(None))
    return conn.execute(update(inbox).where(*held, about).values(body=b"", redacted_at=now)).rowcount


def empty(conn: Connection, deliveries: Sequence[str], now: datetime) -> None:
    """`empty_deliveries` of these, by their ids."""
    for part in parts(deliveries):
        held = (inbox.c.id.in_(part), inbox.c.status.in_(("applied", "ignored")), inbox.c.redacted_at.is_(None))
        conn.execute(update(inbox).where(*held).values(body=b"", redacted_at=now))


def quote_no_more(conn: Connection, subject: Interaction, out_of: Callable[[str], str]) -> None:
    """Notes that quote its words: those its case means to write, those that were planned and sent to the tickets of the case."""
    case_id = case_of(conn, subject)
    state = conn.execute(select(cases.c.state).where(cases.c.id == case_id)).scalar()
    if case_id is not None:
        checkpoints.forget(conn, {case_id: ""})
    if state:  # empty: not judged since it was kept in another form
        notes = [[key, out_of(text), place] for key, text, place in state["notes"]]
        if notes != state["notes"]:
            conn.execute(update(cases).where(cases.c.id == case_id).values(state={**state, "notes": notes}))
    tickets = {subject.id} if subject.source == "zendesk" else set[str]()
    if case_id is not None:
        tickets |= {one.id for one in members(conn, case_id) if one.source == "zendesk"}
    for row in conn.execute(select(desired.c.ticket, desired.c.wish, desired.c.plan).where(desired.c.ticket.in_(tickets))).all():
        wish = {**row.wish, "notes": [[key, out_of(text)] for key, text in row.wish.get("notes", ())]}
        plan = _plan(row.plan, out_of)
        if (wish, plan) != (row.wish, row.plan):
            conn.execute(update(desired).where(desired.c.ticket == row.ticket).values(wish=wish, plan=plan))
    for id_, planned in conn.execute(select(intents.c.id, intents.c.plan).where(intents.c.ticket.in_(tickets))).all():
        if (plan := _plan(planned, out_of)) != planned:
            conn.execute(update(intents).where(intents.c.id == id_).values(plan=plan))


def state_without(conn: Connection, subject: Interaction, gone: Callable[[str, Any], bool]) -> None:
    """What the case holds in these fields of the interaction."""
    case_id, key = case_of(conn, subject), key_of(subject)
    state = conn.execute(select(cases.c.state).where(cases.c.id == case_id)).scalar()
    if not state or key not in state["tracks"]:
        return
    track = state["tracks"][key]
    others = {id_: facts_without(known, gone) for id_, known in track.get("others", {}).items()}
    bare = {**track, "facts": facts_without(track["facts"], gone), **({"others": others} if others else {})}
    tracks = {**state["tracks"], key: bare}
    conn.execute(update(cases).where(cases.c.id == case_id).values(state={**state, "tracks": tracks}))


def forget_contacts(conn: Connection, ticket: str) -> None:
    """How the person of a ticket is reached, but for the Zendesk user's id. What others tell as well stays, and links stand by it."""
    of_it = (handles.c.source == "zendesk", handles.c.interaction == ticket, handles.c.role != people.NAME, handles.c.kind != people.USER)
    gone = [(kind, value) for kind, value in conn.execute(select(handles.c.kind, handles.c.value).where(*of_it))]
    if not gone:
        return
    conn.execute(delete(handles).where(*of_it))
    told = tuple_(handles.c.kind, handles.c.value).in_(gone)
    left = {(kind, value) for kind, value in conn.execute(select(handles.c.kind, handles.c.value).where(told).distinct())}
    if nowhere := sorted(set(gone) - left):
        here = (tuple_(acquaintances.c.kind, acquaintances.c.value), tuple_(acquaintances.c.other_kind, acquaintances.c.other_value))
        conn.execute(delete(acquaintances).where(or_(*(side.in_(nowhere) for side in here))))


def nothing_wished(conn: Connection, ticket: str) -> None:
    """A ticket that is gone for good is not written to any more."""
    conn.execute(update(desired).where(desired.c.ticket == ticket).values(wish=wish_json(Wish()), plan=None))


def _plan(plan: Any, out_of: Callable[[str], str]) -> Any:
    """A planned edit, its notes without the words."""
    if not plan:
        return plan
    told: dict[str, Any] = {}
    if "texts" in plan:
        told["texts"] = [out_of(text) for text in plan["texts"]]
    if "notes" in plan:
        told["notes"] = [[note[0], out_of(note[1])] if isinstance(note, list) else note for note in plan["notes"]]
    return {**plan, **told}


def digests(told: Iterable[Moment]) -> list[str]:
    return sorted(moment.digest for moment in told)
