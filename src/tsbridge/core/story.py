"""The story of a case, judged: its moments in the vendors' order, its due times between them, one decision each.

`judge_story` is the same pure function for live work, try, replay and shadow: same moments, same rulebook versions, same
result, in whatever order and however often the moments were heard. When the newest moment is the only new one, the
caller hands in the state after the one before it; when one came late, it starts again from nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from tsbridge.core.casestate import CASE_FIELDS, NO_THREAD, CaseState
from tsbridge.core.concluded import conclude
from tsbridge.core.due import next_due
from tsbridge.core.escalation import Books
from tsbridge.core.escalation import next_due as next_step_due
from tsbridge.core.heard import asks_anew, hear
from tsbridge.core.moments import CLOCK, UNJUDGED, Interaction, Moment, Value, instant_text
from tsbridge.core.outcomes import outcome
from tsbridge.core.places import first_at
from tsbridge.core.quiet import Done, is_quiet, may_be_done
from tsbridge.core.rest import planned
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.core.staff import STAFF, About, Staff, unseen
from tsbridge.core.track import EMPTY, key_of
from tsbridge.core.words import Said, Whose, comment_fields

NOTHING: Final[Mapping[str, Judgement]] = MappingProxyType({})

CHECKPOINT: Final = 64
"""So many decisions lie between two states of a story that are kept to go back to, when something comes late."""

CLOCK_LIMIT = 2_000
"""Due times judged between two moments; the rest waits for the next visit, so that no story can hold a worker."""


class Judges(Protocol):
    """Where the judge of a rulebook version comes from (built once each)."""

    def __call__(self, version: int) -> Judge: ...


class History(Protocol):
    """What is known of the person besides this case: `requester.contacts_24h` and its kin at an instant."""

    def __call__(self, at: datetime) -> Mapping[str, Value]: ...


class Told(NamedTuple):
    """A moment in a story, with the rulebook version it is judged by, and up to when it is quiet (`core.quiet`)."""

    moment: Moment
    version: int
    quiet: datetime | None = None


class Seen(NamedTuple):
    """All that a judgement depended on: enough to judge, and explain, again.

    `moments`: of how many moments the texts in `given` came, `digest`: over these in order; `new`: the last of them is the one judged;
    `whose`: by whom words count as somebody else's than their moments say. `heard`: the digests of those moments, where it was read back.
    """

    given: Mapping[str, Value]
    previous: Mapping[str, Value]
    standing: Standing
    at: datetime
    moments: int = 0
    digest: str = ""
    new: bool = False
    whose: Whose | None = None
    heard: tuple[str, ...] = ()


class Judged(NamedTuple):
    """One decision of a story. `moment` is the moment's digest, or `clock:<interaction>:<instant>`."""

    moment: str
    event: str
    at: datetime
    subject: Interaction
    version: int
    seen: Seen
    judgement: Judgement
    outcome: dict[str, Any]


def judge_story(
    case_id: str,
    story: Sequence[Told],
    until: datetime,
    judges: Judges,
    history: History,
    *,
    clock_version: Callable[[str], int],
    joined: Mapping[str, str] = EMPTY,
    after: CaseState | None = None,
    for_good: bool = False,
    held: Mapping[str, Judgement] = NOTHING,
    done: Mapping[str, Done] = EMPTY,
    staff: Staff = unseen,
    said: dict[Interaction, Said] | None = None,
    mark: Callable[[CaseState], None] | None = None,
) -> tuple[CaseState, tuple[Judged, ...]]:
    """Judge `story` (sorted by `Moment.order`) and every due time up to `until`.

    With `after`, the state behind an earlier part of the story, only what comes behind it is judged. `clock_version`
    tells which rulebook version a due time (`clock:…`) is judged by: the one it was first judged by, else the live one.
    `joined`: interactions joined by name (`CaseState.joined`); ignored with `after`, whose threads are what they were.
    `for_good`: nobody goes on from here, so what falls due after `until` is not looked for. `held`: by moment what was judged of
    words that are gone since; it stands and is not judged again. `done`: by interaction what had been done before its moments were made
    quiet. `staff`: what each moment sees of people and queues. `said`: what was said up to `after`, which goes on with what is told
    here; without it the story's earlier moments tell it. `mark` gets the state now and then, to go back to (`CHECKPOINT`). Returns the
    state at the end and the decisions in order.
    """
    state = after or CaseState(joined=joined)
    placed = [(told.moment.place, told) for told in story]
    fresh = [(place, told) for place, told in placed if place > state.judged_to]
    if said is None:
        said = said_before(story, state)
    asked_again = _AskedAgain((told.moment for _, told in fresh), until if for_good else None)
    judging = _Judging(case_id, state, said, asked_again, judges, history, clock_version, held, done, staff, mark)
    for place, told in fresh:
        judging.run_clock(told.moment.at)
        judging.tell(told, place)
    judging.run_clock(until)
    return judging.state, tuple(judging.judged)


class _AskedAgain:
    """When an interaction is judged next because something happens on it: what time alone changes behind that need not be known."""

    def __init__(self, story: Iterable[Moment], last: datetime | None) -> None:
        self._times: dict[Interaction, list[datetime]] = {}
        self._last = last
        for moment in story:
            if moment.event not in UNJUDGED:
                self._times.setdefault(moment.subject, []).append(moment.at)

    def after(self, at: datetime, subject: Interaction) -> datetime | None:
        times = self._times.get(subject, [])
        place = bisect_right(times, at)
        return times[place] if place < len(times) else self._last


def said_before(story: Iterable[Told], state: CaseState) -> dict[Interaction, Said]:
    """What was said in a story up to where a state of it is."""
    said: dict[Interaction, Said] = {}
    for told in story:
        if told.moment.texts and (place := told.moment.place) <= state.judged_to:
            said.setdefault(told.moment.subject, Said()).hear(told.moment, place)
    return said


class _Judging:
    """A story being judged: what that goes by, the state so far, and the decisions."""

    def __init__(
        self,
        case_id: str,
        state: CaseState,
        said: dict[Interaction, Said],
        asked_again: _AskedAgain,
        judges: Judges,
        history: History,
        clock_version: Callable[[str], int],
        held: Mapping[str, Judgement],
        done: Mapping[str, Done],
        staff: Staff,
        mark: Callable[[CaseState], None] | None,
    ) -> None:
        self._case_id = case_id
        self.state = state
        self.judged: list[Judged] = []
        self._said = said
        self._asked_again = asked_again
        self._judges = judges
        self._history = history
        self._clock_version = clock_version
        self._held = held
        self._done = done
        self._staff = staff
        self._mark = mark

    def tell(self, told: Told, place: str) -> None:
        """One moment: what it tells goes into the state, then the judge decides (background facts only inform)."""
        moment, subject, books = told.moment, told.moment.subject, books_of(self._judges, told.version)
        anew = asks_anew(moment)
        self.state, previous, changed = hear(self.state, moment, subject, place, anew)
        said = self._said.setdefault(subject, Said())
        said.hear(moment, place)
        if moment.event in UNJUDGED:
            return
        given, whose = self._facts(subject, said, moment.at, moment.event, changed, new=bool(moment.texts))
        given |= comment_fields(moment, whose)
        given |= update_fields(moment)
        standing = _standing(self.state, subject, moment.at, told.quiet, self._done)
        of_staff = _seen_of_staff(self.state, subject, self._case_id, moment.digest, moment.at, standing, books, self._staff)
        given |= of_staff
        previous |= {name: given[name] for name in CASE_FIELDS if name in given}
        previous |= of_staff
        seen = Seen(given, previous, standing, moment.at, said.count, said.digest, bool(moment.texts), whose)
        self._decide(moment.digest, moment.event, subject, place, seen, books, anew, told.quiet)

    def run_clock(self, until: datetime) -> None:
        """The due times up to and including `until`, each judged as a moment of its own."""
        bound = len(self.judged) + CLOCK_LIMIT
        while (next_one := next_due(self.state)) is not None and next_one[0] <= until and len(self.judged) < bound:
            due, subject, quiet = next_one
            moment = f"clock:{key_of(subject)}:{instant_text(due)}"
            books = books_of(self._judges, self._clock_version(moment))
            place = first_at(due)
            said = self._said.setdefault(subject, Said())
            given, whose = self._facts(subject, said, due, CLOCK, (), new=False)
            standing = _standing(self.state, subject, due, quiet, self._done)
            given |= _seen_of_staff(self.state, subject, self._case_id, moment, due, standing, books, self._staff)
            previous = {name: value for name, value in given.items() if name != "changed"}
            seen = Seen(given, previous, standing, due, said.count, said.digest, False, whose)
            self._decide(moment, CLOCK, subject, place, seen, books, True, quiet)

    def _facts(
        self, subject: Interaction, said: Said, at: datetime, event: str, changed: tuple[str, ...], *, new: bool
    ) -> tuple[dict[str, Value], Whose | None]:
        """What a moment and a due time alike see of an interaction; and by whom words are somebody else's (`Seen.whose`)."""
        given = self.state.view(subject, self._case_id)
        whose = Whose.of(self.state.tracks.get(key_of(subject)))
        given |= said.fields(whose, new=new)
        given |= self._history(at)
        given |= {"source": subject.source, "event": event, "changed": changed}
        return given, whose

    def _decide(
        self, moment: str, event: str, subject: Interaction, place: str, seen: Seen, books: Books, anew: bool, quiet: datetime | None
    ) -> None:
        judge, at = self._judges(books.version), seen.at
        again = self._asked_again.after(at, subject)
        held = self._held.get(moment)
        if held is not None and {one.policy for one in seen.standing.armed} <= _says_of(held):
            judgement = held
        else:
            judgement = judge.decide(seen.given, seen.previous, seen.standing, at, subject, until=again, books=books)
            judgement = judgement if held is None else _gone_on(held, judgement, seen.standing, books)
        after = conclude(self.state, judgement, subject, place, at, anew, books, quiet)
        after = planned(after, at, judge.book.calls_rest_after)
        if event == CLOCK and after.rests_at == at:
            after = after.at_rest()
        said = outcome(self.state, after, judgement, subject)
        self.state = after
        self.judged.append(Judged(moment, event, at, subject, books.version, seen, judgement, said))
        if self._mark is not None and self.state.steps % CHECKPOINT == 0:
            self._mark(self.state)


def _says_of(held: Judgement) -> set[str]:
    """The policies of which a held judgement says what becomes of them."""
    return {one.policy for one in held.armed} | {step.policy for step in (*held.steps, *held.passed)}


def _gone_on(held: Judgement, now: Judgement, standing: Standing, books: Books) -> Judgement:
    """A held judgement with what was armed before it and goes on. It was heard of late, or the judgement had ended it: then it ends by what
    is judged `now`, too, without the words."""
    before = {(one.policy, one.armed_at) for one in standing.armed}
    late = tuple([one for one in now.armed if (one.policy, one.armed_at) in before and one.policy not in _says_of(held)])
    if not late:
        return held
    armed = (*held.armed, *late)
    due = min((at for at in (held.next_due, next_step_due(books, armed)) if at is not None), default=None)
    return held._replace(armed=armed, next_due=due)


def _standing(state: CaseState, subject: Interaction, at: datetime, quiet: datetime | None, done: Mapping[str, Done]) -> Standing:
    """What the judge of a moment goes by besides facts. What was done before matters only while it is quiet."""
    key = key_of(subject)
    name = state.thread_of(key)
    thread = state.threads.get(name, NO_THREAD)
    stands = Standing(state.opened_at, state.firing(key, thread), thread.armed, beside=state.beside(key, thread))
    if not is_quiet(quiet, at) and not any([is_quiet(armed.quiet, at) for armed in thread.armed]):
        return stands
    again = may_be_done(key, [other for other in state.tracks if state.thread_of(other) == name], done, state.notes)
    return stands._replace(quiet=quiet if is_quiet(quiet, at) else None, done=again)


def _seen_of_staff(
    state: CaseState, subject: Interaction, case_id: str, moment: str, at: datetime, standing: Standing, books: Books, staff: Staff
) -> Mapping[str, Value]:
    """What a moment sees of people and queues, as far as its rulebook, or one whose policy goes on, looks at them. It changes none."""
    fields = STAFF & books.book.reads
    for armed in standing.armed:
        fields |= STAFF & books.of(armed).reads
    if not fields:
        return EMPTY
    stands, ticket = state.stands_for(subject), subject.source == "zendesk"
    holder = state.holder(key_of(subject)) if ticket else state.shown_holder()
    return staff(moment, About(case_id, at, stands.queue, stands.severity, holder), fields)


def books_of(judges: Judges, version: int) -> Books:
    """The rulebook of a version with those before it, by whose policies earlier moments armed what goes on."""
    return Books(judges(version).book, version, lambda earlier: judges(earlier).book)


def update_fields(moment: Moment) -> dict[str, Value]:
    """`update.by`, `update.author_id` and `update.channel` of a ticket's update, where the vendor tells them."""
    told: dict[str, Value] = {}
    if moment.source != "zendesk":
        return told
    by, id_, _ = moment.actor
    if by in ("requester", "agent", "system"):
        told["update.by"] = by
        if id_ is not None:
            told["update.author_id"] = id_
    if moment.via:
        told["update.channel"] = moment.via
    return told
