"""Claims that belong together because those who make them share what they are known by: an address, a number, a user.

No rate is needed: the link is the evidence. Names are not looked at, only handles; one that very many claims share is a switchboard or a
test line, and links nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tsbridge.core.moments import Handle, Interaction

WITHIN: Final = timedelta(days=7)
FEWEST: Final = 4
"""Claims of a ring. Of five within a day one is always found; a family that shares a number has two or three."""
IDENTITIES: Final = 2
"""Those who claim are known by so many addresses, numbers or users of one kind at least: one person with many claims is no ring."""
CROWD: Final = 40


class Claim(NamedTuple):
    """A claim with whom it is about. `at`: when it became one."""

    subject: Interaction
    at: datetime
    people: frozenset[Handle]


@dataclass(frozen=True, slots=True)
class Ring:
    """Claims that are linked, by when they came. `identities`: how many different people those who claim would be; `shared`: how many
    handles link them."""

    claims: tuple[Claim, ...]
    identities: int
    shared: int

    @property
    def since(self) -> datetime:
        return self.claims[0].at


def rings(claims: Collection[Claim]) -> tuple[Ring, ...]:
    """The rings among claims, by when they began; whatever their order, the same."""
    uses = Counter(handle for claim in claims for handle in claim.people)
    linking = {handle for handle, count in uses.items() if 2 <= count <= CROWD}
    first: dict[Interaction, Interaction] = {claim.subject: claim.subject for claim in claims}

    def root(subject: Interaction) -> Interaction:
        while first[subject] != subject:
            first[subject] = first[first[subject]]
            subject = first[subject]
        return subject

    holder: dict[Handle, Interaction] = {}
    for claim in sorted(claims, key=lambda one: (one.at, one.subject)):
        for handle in sorted(claim.people & linking):
            first[root(claim.subject)] = root(holder.setdefault(handle, claim.subject))
    together: Mapping[Interaction, list[Claim]] = defaultdict(list)
    for claim in claims:
        together[root(claim.subject)].append(claim)
    found = []
    for group in together.values():
        members = tuple(sorted(group, key=lambda one: (one.at, one.subject)))
        identities = _identities(members)
        if len(members) >= FEWEST and identities >= IDENTITIES:
            found.append(Ring(members, identities, sum(handle in linking for handle in set().union(*(one.people for one in members)))))
    return tuple(sorted(found, key=lambda ring: (ring.since, ring.claims[0].subject)))


def _identities(claims: Collection[Claim]) -> int:
    """As many as there are different handles of the kind of which there are most."""
    kinds = Counter(handle.kind for handle in {handle for claim in claims for handle in claim.people})
    return max(kinds.values(), default=0)
