"""What a ticket should look like (`Wish`), what it looks like (`Current`), and the edit between the two (`plan`).

Desired state, not commands: repeats are harmless, a burst is one edit, an outage of any length only delays, and a loop
ends because an edit without a difference is empty. People win: what we once put on a ticket and a person took off again
is put back only for a newer asking.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """A wished value and the moment that asked for it last (`by`: its order key as text, grows with time)."""

    value: str | int | float | bool | None
    by: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What the rules want of one ticket. Every tuple is sorted; absent (None) means: nobody asked, leave it alone.

    `tags`: tag -> order key of the newest moment that asked for it. `absent`: tags a rule wants off, likewise.
    `notes`: (key, text); a key is written at most once, ever.
    """

    tags: tuple[tuple[str, str], ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    priority: Asked | None = None
    group_id: Asked | None = None
    assignee_id: Asked | None = None
    custom_fields: tuple[tuple[str, Asked], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
