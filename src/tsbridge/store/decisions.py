"""Decisions, read back with all they saw. `store.decision_writer` records them.

`seen` keeps no ticket text: a decision names the moments its texts came from, and they are read again from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from tsbridge.core.moments import Interaction, Text, Value, value_from
from tsbridge.core.places import first_at
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.core.rules.language import content_hash
from tsbridge.core.story import Judged, Seen
from tsbridge.core.unreadable import NO_SUCH, Unreadable
from tsbridge.core.words import TEXT_FIELDS, Said, Whose, as_words_of, text_fields
from tsbridge.store.decision_tables import decisions
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import Episode, ever_told, place_of
from tsbridge.store.statements import Keyed

_IN_FORCE: Final = Keyed(
    decisions,
    ("source", "interaction"),
    ("source", "interaction", "moment", "id", "at", "rulebook_version", "outcome", "matched", "event_id", "held"),
    "t.superseded_by IS NULL AND t.retracted IS FALSE AND t.mode = 'live'",
)
FIRST: Final = (
    select(decisions.c.seen)
    .where(
        decisions.c.at == bindparam("at"),
        decisions.c.moment == bindparam("of"),
        decisions.c.retracted.is_(False),
        decisions.c.mode == "live",
    )
    .order_by(decisions.c.number)
    .limit(1)
)
_SAW: Final = (
    *(decisions.c.id, decisions.c.rulebook_version, decisions.c.seen, decisions.c.held, decisions.c.at),
    *(decisions.c.source, decisions.c.interaction, decisions.c.moment),
)


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept with a decision that saw words which are gone. `reasons`: `rules` and `near_misses` as they were then, without them."""

    since: str
    judgement: Judgement
    reasons: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"since": self.since, "judgement": self.judgement.to_json(), "reasons": self.reasons}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Held | None:
        """Raises Unreadable."""
        try:
            return None if data is None else cls(data["since"], Judgement.from_json(data["judgement"]), data["reasons"])
        except NO_SUCH:
            raise Unreadable("decisions.held: expected what was judged of words that are gone, came something else") from None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The decision in force about a moment. One that is `held` is neither judged again nor revised."""

    id: str
    at: datetime
    version: int
    outcome: Mapping[str, Any]
    matched: tuple[tuple[str, str], ...]
    event_id: str | None
    held: Judgement | None = None

    def agrees(self, judged: Judged) -> bool:
        same = self.version == judged.version and self.outcome == judged.outcome and self.matched == rules_of(judged)
        return same or self.held is not None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision with what it saw (`seen` is None once its inputs were erased)."""

    row: Mapping[str, Any]
    seen: Seen | None
    subject: Interaction
    held: Held | None = None


def searched_tags(outcome: Mapping[str, Any]) -> list[str]:
    """The tags by which a decision is found, sorted: those it puts on and those it takes off."""
    return sorted({*outcome.get("tags_added", ()), *outcome.get("tags_removed", ())})


def rules_of(judged: Judged) -> tuple[tuple[str, str], ...]:
    return tuple((match.key, match.kind) for match in judged.judgement.matched)


def in_force(conn: Connection, subjects: Iterable[Interaction]) -> dict[str, Recorded]:
    """The decisions in force about these interactions, by moment."""
    return {moment: old for theirs in in_force_by(conn, subjects).values() for moment, old in theirs.items()}


def in_force_by(conn: Connection, subjects: Iterable[Interaction]) -> dict[Interaction, dict[str, Recorded]]:
    """The decisions in force about each of these interactions, by moment."""
    found: dict[Interaction, dict[str, Recorded]] = {}
    for source, interaction, moment, id_, at, version, outcome, matched, event_id, held in _IN_FORCE.rows(conn, sorted(subjects)):
        kept = Held.from_json(held)
        rules, judgement = tuple((key, kind) for key, kind in matched), None if kept is None else kept.judgement
        theirs = found.setdefault(Interaction(source, interaction), {})
        theirs[moment] = Recorded(id_, at, version, outcome, rules, event_id, judgement)
    return found


def first_saw(conn: Connection, moment: str, at: datetime) -> Mapping[str, Any] | None:
    """The facts given to the first judgement of a moment of that time, as JSON; empty once they were erased. None: it was never judged."""
    row = conn.execute(FIRST, {"of": moment, "at": at}).first()
    return None if row is None else given_of(row.seen)


def given_of(seen: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The facts in a decision's `seen`."""
    return {} if seen is None else seen["given"]


def load(conn: Connection, id: str) -> Decision | None:
    """One decision with what it saw, ready to be judged or explained again."""
    row = conn.execute(select(decisions).where(decisions.c.id == id)).first()
    if row is None:
        return None
    values = dict(row._mapping)
    seen = None if values["seen"] is None else _seen(conn, row)
    return Decision(values, seen, Interaction(row.source, row.interaction), Held.from_json(values["held"]))


def of(conn: Connection, subject: Interaction) -> list[tuple[str, int, Seen | None, Held | None]]:
    """The decisions about an interaction of which it is known what they saw, or what is kept in its place: id, version, both."""
    mine = (decisions.c.source == subject.source, decisions.c.interaction == subject.id, decisions.c.retracted.is_(False))
    told = ever_told(conn, subject)
    rows = conn.execute(select(*_SAW).where(*mine).order_by(decisions.c.number)).all()
    return [
        (row.id, row.rulebook_version, None if row.seen is None else _seen(conn, row, told), Held.from_json(row.held))
        for row in rows
        if row.seen is not None or row.held is not None
    ]


def to_hold(conn: Connection, subject: Interaction, most: int) -> list[tuple[str, int, Seen]]:
    """The oldest decisions about an interaction with which nothing is kept in place of what they saw: id, version, what they saw."""
    mine = (decisions.c.source == subject.source, decisions.c.interaction == subject.id, decisions.c.retracted.is_(False))
    unheld = (*mine, decisions.c.seen.is_not(None), decisions.c.held.is_(None))
    rows = conn.execute(select(*_SAW).where(*unheld).order_by(decisions.c.number).limit(most)).all()
    told = ever_told(conn, subject) if rows else []
    return [(row.id, row.rulebook_version, _seen(conn, row, told)) for row in rows]


def to_forget(conn: Connection, subject: Interaction, most: int | None = None) -> list[tuple[str, int, Seen, Held | None]]:
    """The oldest decisions about an interaction of which it is known what they saw: id, version, that, and what is kept in its place."""
    mine = (decisions.c.source == subject.source, decisions.c.interaction == subject.id, decisions.c.seen.is_not(None))
    rows = conn.execute(select(*_SAW).where(*mine, decisions.c.retracted.is_(False)).order_by(decisions.c.number).limit(most)).all()
    told = ever_told(conn, subject) if rows else []
    return [(row.id, row.rulebook_version, _seen(conn, row, told), Held.from_json(row.held)) for row in rows]


def hold(conn: Connection, id: str, held: Held, *, forget: bool) -> str:
    """Keep with a decision what it judged and why, before words that it saw go; returns the hash of it, for the record.

    `forget`: all that it saw goes, and the salt by which the chain's commitment to it could be tried out.
    """
    values: dict[str, Any] = {"held": held.to_json()}
    if forget:
        values |= {"seen": None, "salt": ""}
    conn.execute(update(decisions).where(decisions.c.id == id).values(**values))
    return content_hash(values["held"])


def _without_texts(facts: Mapping[str, Value]) -> Mapping[str, Value]:
    rest = dict(facts)
    for name in TEXT_FIELDS:
        rest.pop(name, None)
    return rest


def seen_json(judged: Judged, upto: int | None) -> dict[str, Any]:
    """`upto`: the revision of the interaction with which it was judged: what had come into its story by then, it had heard."""
    seen = judged.seen
    whose = {} if seen.whose is None else {"whose": [seen.whose.requester, list(seen.whose.others)]}
    return {
        "given": _without_texts(seen.given),
        "previous": _without_texts(seen.previous),
        "standing": seen.standing.to_json(),
        "texts": {"count": seen.moments, "digest": seen.digest, "new": seen.new, "upto": upto, **whose},
    }


def _seen(conn: Connection, row: Any, told: Sequence[Episode] | None = None) -> Seen:
    """What a decision saw. `told`: the moments that were ever part of its interaction's story, where they were read already. Raises
    Unreadable."""
    try:
        return _seen_as_kept(conn, row, told)
    except Unreadable:
        raise
    except NO_SUCH:
        raise Unreadable("decisions.seen: expected what a decision saw, came something else") from None


def _seen_as_kept(conn: Connection, row: Any, told: Sequence[Episode] | None) -> Seen:
    data = row.seen
    texts = data["texts"]
    if "heard" in texts:
        words, about = _listed(conn, texts), (0, "", texts["new"], None, tuple(texts["heard"]))
    else:
        words, about = _remembered(conn, row, texts, told)
    given = {name: value_from(value) for name, value in data["given"].items()}
    previous = {name: value_from(value) for name, value in data["previous"].items()}
    return Seen({**given, **words}, previous, Standing.from_json(data["standing"]), row.at, *about)


def _remembered(conn: Connection, row: Any, texts: Mapping[str, Any], told: Sequence[Episode] | None) -> tuple[Mapping[str, Value], Any]:
    """The text fields of a decision that kept how many moments it had heard, and with which revision; and what `Seen` has of that."""
    subject = Interaction(row.source, row.interaction)
    told = ever_told(conn, subject) if told is None else told
    place = first_at(row.at)
    if not row.moment.startswith("clock:"):
        place = next((one.place for one in told if one.digest == row.moment), None) or place_of(conn, row.moment) or place
    said, heard, upto = Said(), list[str](), texts["upto"]
    for one in told:
        if one.place <= place and one.was_told(upto) and one.moment.texts:
            said.hear(one.moment, one.place)
            heard.append(one.digest)
    whose = None if "whose" not in texts else Whose(texts["whose"][0], tuple(texts["whose"][1]))
    return said.fields(whose, new=texts["new"]), (said.count, said.digest, texts["new"], whose, tuple(heard))


def _listed(conn: Connection, texts: Mapping[str, Any]) -> Mapping[str, Value]:
    """The text fields of a decision of a time when each listed all the moments that it had heard."""
    rows = conn.execute(select(moments.c.digest, moments.c.body).where(moments.c.digest.in_(texts["heard"])))
    bodies = {row.digest: [Text(*text) for text in row.body["texts"]] for row in rows}
    whose = texts.get("whose", {})
    for digest in bodies.keys() & whose.keys():
        bodies[digest] = list(as_words_of(bodies[digest], whose[digest]))
    return text_fields([bodies[digest] for digest in texts["heard"] if digest in bodies], new=texts["new"])


def severe(conn: Connection, tickets: Sequence[str]) -> list[str]:
    """Those of these tickets that a decision in force takes for a severity 1."""
    in_force = (decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False), decisions.c.severity == 1)
    of_them = (decisions.c.source == "zendesk", decisions.c.interaction.in_(tickets))
    return list(
        conn.execute(select(decisions.c.interaction).where(*of_them, *in_force).distinct().order_by(decisions.c.interaction)).scalars()
    )
