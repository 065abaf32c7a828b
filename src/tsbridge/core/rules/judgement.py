"""What one judgement decided, and what is carried from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from tsbridge.core.escalation import Armed
from tsbridge.core.moments import Value, instant_text, read_instant, value_from, value_json


class Beside(NamedTuple):
    """What the others of a case have that rules about an interaction see besides its own: the worst severity, and the weight
    (`core.severities`) of what the category comes from; `own`: its own severity before."""

    severity: int | None
    category: int | None
    own: int | None


class Standing(NamedTuple):
    """What the judge carries from one moment of a case to the next.

    `quiet`: the moment is quiet up to then (`core.quiet`). `done`: what may be done all the same, since it was before: `step:<policy>/<n>`,
    `note:<who>`, once for each of them, `notify:<who> <target>`. `beside`: where the moment's interaction is not the only one.
    """

    opened_at: datetime | None = None
    firing: tuple[str, ...] = ()
    armed: tuple[Armed, ...] = ()
    quiet: datetime | None = None
    done: tuple[str, ...] = ()
    beside: Beside | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "opened_at": None if self.opened_at is None else instant_text(self.opened_at),
            "firing": list(self.firing),
            "armed": [one.to_json() for one in self.armed],
            **({} if self.quiet is None else {"quiet": instant_text(self.quiet)}),
            **({"done": list(self.done)} if self.done else {}),
            **({} if self.beside is None else {"beside": list(self.beside)}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Standing:
        opened, quiet = data["opened_at"], data.get("quiet")
        return cls(
            None if opened is None else read_instant(opened),
            tuple(data["firing"]),
            tuple(Armed.from_json(one) for one in data["armed"]),
            None if quiet is None else read_instant(quiet),
            tuple(data.get("done", ())),
            Beside(*data["beside"]) if "beside" in data else None,
        )


class Match(NamedTuple):
    key: str
    kind: str


@dataclass(frozen=True, slots=True)
class StepFired:
    """A step of a policy; `index` counts from 0."""

    policy: str
    index: int


@dataclass(frozen=True, slots=True)
class Note:
    """An internal note to write. `key`: `<who>@<instant>`, one per firing."""

    key: str
    text: str


class Judgement(NamedTuple):
    """What one judgement decided. Single values are what it set itself (None: nobody did); tuples are sorted or in order.

    `for_case`: what of it rules asked of the whole case: `tag:<tag>`, `absent:<tag>`, `custom:<id>`, `queue`, `priority`, `assign`.
    `cut`: the fields of whose text only the newest part was seen. `passed`: steps that came due in quiet times and did not fire;
    `untold`: `note:<who>` and `notify:<who> <target>` that were asked for then. `turns_at`: when other rules match, everything else being
    as it is; `next_due`: then, or when the next step comes due.
    """

    matched: tuple[Match, ...] = ()
    severity: int | None = None
    category: str | None = None
    priority: str | None = None
    queue: str | None = None
    assign: str | None = None
    custom_fields: tuple[tuple[str, Value], ...] = ()
    tags_added: tuple[str, ...] = ()
    tags_removed: tuple[str, ...] = ()
    escalated: tuple[str, ...] = ()
    steps: tuple[StepFired, ...] = ()
    passed: tuple[StepFired, ...] = ()
    untold: tuple[str, ...] = ()
    level: int = 0
    notes: tuple[Note, ...] = ()
    notifications: tuple[tuple[str, str], ...] = ()
    overruled: tuple[Mapping[str, Value], ...] = ()
    stopped_by: str | None = None
    cut: tuple[str, ...] = ()
    for_case: tuple[str, ...] = ()
    firing: tuple[str, ...] = ()
    armed: tuple[Armed, ...] = ()
    next_due: datetime | None = None
    turns_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` gives an equal judgement back."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            **{name: list(getattr(self, name)) for name in _NAMES},
            "matched": [list(match) for match in self.matched],
            "custom_fields": [[name, value_json(value)] for name, value in self.custom_fields],
            "steps": [[step.policy, step.index] for step in self.steps],
            "passed": [[step.policy, step.index] for step in self.passed],
            "notes": [[note.key, note.text] for note in self.notes],
            "notifications": [list(one) for one in self.notifications],
            "overruled": [dict(one) for one in self.overruled],
            "armed": [one.to_json() for one in self.armed],
            "next_due": None if self.next_due is None else instant_text(self.next_due),
            # where no step is armed it is `next_due`
            **({"turns_at": instant_text(self.turns_at)} if self.armed and self.turns_at is not None else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Judgement:
        plain: dict[str, Any] = {name: data[name] for name in _PLAIN}
        names: dict[str, Any] = {name: tuple(data.get(name, ())) for name in _NAMES}
        turns_at = data.get("turns_at") if data["armed"] else data["next_due"]
        return cls(
            **plain,
            **names,
            matched=tuple(Match(*match) for match in data["matched"]),
            custom_fields=tuple((name, value_from(value)) for name, value in data["custom_fields"]),
            steps=tuple(StepFired(*step) for step in data["steps"]),
            passed=tuple(StepFired(*step) for step in data.get("passed", ())),
            notes=tuple(Note(*note) for note in data["notes"]),
            notifications=tuple((who, what) for who, what in data["notifications"]),
            overruled=tuple(data["overruled"]),
            armed=tuple(Armed.from_json(one) for one in data["armed"]),
            next_due=None if data["next_due"] is None else read_instant(data["next_due"]),
            turns_at=None if turns_at is None else read_instant(turns_at),
        )


_PLAIN = ("severity", "category", "priority", "queue", "assign", "level", "stopped_by")
_NAMES = ("tags_added", "tags_removed", "escalated", "for_case", "firing", "cut", "untold")
