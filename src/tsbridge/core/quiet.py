"""Quiet moments: what is judged anew as a whole, or brought in long after it happened, tells nobody and fires no step (ADR 14).

A moment is quiet up to an instant: what it asks for stands, but a note, a message or a step of a policy that was due up to then is
passed over, unless it had been done before the moment was made quiet. What comes due later is done at its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple


class Done(NamedTuple):
    """What had been done about an interaction before its moments were made quiet.

    `steps`: those that had fired of policies that it armed, `<policy>/<step>`. `notes`: who left how many, sorted. `messages`: who told
    whom, `<who> <target>`.
    """

    steps: tuple[str, ...] = ()
    notes: tuple[tuple[str, int], ...] = ()
    messages: tuple[str, ...] = ()

    def and_also(self, other: Done) -> Done:
        """Both together: of notes by the same the greater count, they are numbered."""
        notes = dict(self.notes)
        for who, many in other.notes:
            notes[who] = max(many, notes.get(who, 0))
        return Done(
            tuple(sorted({*self.steps, *other.steps})),
            tuple(sorted(notes.items())),
            tuple(sorted({*self.messages, *other.messages})),
        )

    def to_json(self) -> dict[str, Any]:
        return {"steps": list(self.steps), "notes": dict(self.notes), "messages": list(self.messages)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Done:
        return cls(tuple(data["steps"]), tuple(sorted(data["notes"].items())), tuple(data["messages"]))


NOTHING_DONE: Final = Done()


def may_be_done(
    subject: str,
    within: Iterable[str],
    done: Mapping[str, Done],
    notes: Sequence[tuple[str, str, str]],
) -> tuple[str, ...]:
    """What may be done although it is quiet, as `Standing.done` names it. `within`: the interactions of the thread; `notes`: those that
    were left so far, as `CaseState.notes`."""
    theirs = [done.get(key, NOTHING_DONE) for key in within]
    steps = {f"step:{step}" for one in theirs for step in one.steps}
    messages = {f"notify:{message}" for one in theirs for message in one.messages}
    own = done.get(subject, NOTHING_DONE)
    left = Counter(name.rpartition("#")[0] for name, _, of in notes if of == subject)
    again = [f"note:{who}" for who, many in own.notes for _ in range(many - left[who])]
    return (*sorted(steps), *again, *sorted(messages))


def is_quiet(quiet: datetime | None, at: datetime) -> bool:
    return quiet is not None and at <= quiet
