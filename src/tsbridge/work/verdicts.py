"""What is asked of judging, what it goes by and what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from tsbridge.core.casestate import CaseState
from tsbridge.core.link import Acquaintances
from tsbridge.core.moments import Handle, Interaction
from tsbridge.core.places import instant_of
from tsbridge.core.quiet import Done
from tsbridge.core.story import Judged, Told
from tsbridge.core.words import Said
from tsbridge.store.decisions import Recorded


@dataclass(frozen=True, slots=True)
class Concluded:
    """What a transaction concluded: how many decisions were new, how many wishes changed, how many notices there are to look at, and of
    how many cases the work changed that they ask of people."""

    decisions: int
    wishes: int
    notices: int = 0
    work: int = 0

    @property
    def effects(self) -> int:
        """How much of it reaches out: to tickets, to people."""
        return self.wishes + self.notices


@dataclass(frozen=True, slots=True)
class Asked:
    """A case to be judged. `whole`: from its start. `joined`: as `CaseState.joined`, where it is known."""

    case_id: str
    subjects: Sequence[Interaction]
    whole: bool = False
    joined: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What judging a case goes by: its story (or what of it lies behind the state `before`), the decisions in force about that, by moment,
    and that state; None: the story is judged from its start.

    `late`: `before` is an earlier state than the case was in. `done`: where it is not what is kept (`store.quiet`). `said`: what was said
    up to `before`; None: the story tells it. `long`: in which interactions that is more than rules look at. `kept`: with which revision of
    an interaction its text was kept.
    """

    case_id: str
    subjects: Sequence[Interaction]
    story: Sequence[Told]
    recorded: Mapping[str, Recorded]
    before: CaseState | None = None
    done: Mapping[str, Done] | None = None
    joined: Mapping[str, str] | None = None
    said: dict[Interaction, Said] | None = None
    long: Set[Interaction] = frozenset()
    kept: Mapping[Interaction, int] = field(default_factory=dict)
    late: bool = False
    new: bool = False

    @property
    def again(self) -> bool:
        """Whether anything of it was judged before."""
        return not self.new and (self.before is None or self.late)

    @property
    def since(self) -> datetime | None:
        """What was asked for up to then is not judged; None: all of it is."""
        return instant_of(self.before.judged_to) if self.late and self.before is not None else None

    @property
    def is_quiet(self) -> bool:
        """Whether anything of it may be quiet."""
        if any([told.quiet is not None for told in self.story]):
            return True
        threads = () if self.before is None else self.before.threads.values()
        quiet = [until for one in threads for until in (*(own.quiet for own in one.own.values()), *(armed.quiet for armed in one.armed))]
        return any([until is not None for until in quiet])


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged case: its state, what was decided, and the states to go back to."""

    known: Known
    state: CaseState
    judged: Sequence[Judged]
    marks: Sequence[CaseState] = ()


@dataclass(frozen=True, slots=True)
class Fresh:
    """What this transaction is the first to know: moments by digest, the delivery of each, interactions that are new, revisions; and what
    it has read already: the people of interactions, and whom these are known with."""

    told: Mapping[str, Told] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    new: Set[Interaction] = frozenset()
    revisions: Mapping[Interaction, int] = field(default_factory=dict)
    people: Mapping[Interaction, Set[Handle]] = field(default_factory=dict)
    known: Acquaintances = field(default_factory=dict)
