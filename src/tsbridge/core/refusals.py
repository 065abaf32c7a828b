"""Parts of a write that Zendesk does not accept: which they are, and the search for them where it does not say.

One invalid part never costs the rest: what Zendesk names is left out, where it names nothing the write is halved until it is
found, and each half that is accepted is written. A part is named as in `helpdesk.hold`; a newer asking of it is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from itertools import chain
from typing import Final

from tsbridge.core.helpdesk import Asked, Edit, Ours, Refused, Search, Wish

MOST_CALLS: Final = 16
"""Refusals of one search: enough to find two parts among thirty, and never what Zendesk itself takes for too many updates."""
NOT_ACCEPTED: Final = "not_accepted"
NOT_KEPT: Final = "not_kept"
"""Zendesk took the write and passed over this part."""
LAST: Final = {"priority": 0, "group_id": 1, "assignee_id": 2}
"""A group goes before its assignee, custom fields behind both."""


def parts_of(edit: Edit) -> tuple[str, ...]:
    """The parts of an edit, in the order in which they are tried: what is hardly ever refused first."""
    values = sorted((name for name, _ in edit.values), key=lambda name: (LAST.get(name, len(LAST)), name))
    tags = (*(f"tag:{tag}" for tag in edit.add), *(f"absent:{tag}" for tag in edit.remove))
    return (*tags, *(f"note:{key}" for key, _ in edit.notes), *values)


def asked_of(wish: Wish) -> dict[str, Asked]:
    """What a wish asks for by part; of a tag and a note there is no more to say than by which moment."""
    return {
        **{f"tag:{tag}": Asked(None, by) for tag, by in wish.tags},
        **{f"absent:{tag}": Asked(None, by) for tag, by in wish.absent},
        **wish.singles(),
        **{f"note:{key}": Asked(None, "") for key, _ in wish.notes},
    }


def standing(wish: Wish, ours: Ours) -> frozenset[str]:
    """The parts of a wish that were refused for this very asking."""
    if not ours.refused:
        return frozenset()
    asked = asked_of(wish)
    return frozenset(part for part, one in ours.refused.items() if asked.get(part) == Asked(one.value, one.by))


def written(wish: Wish, ours: Ours) -> frozenset[str]:
    """The parts of a wish that were seen to."""
    done = {f"tag:{tag}" for tag, by in wish.tags if ours.tags.get(tag, "") >= by}
    done |= {f"absent:{tag}" for tag, by in wish.absent if ours.absent.get(tag, "") >= by}
    done |= {name for name, asked in wish.singles().items() if ours.values.get(name) == asked}
    return frozenset(done | {f"note:{key}" for key, _ in wish.notes if key in ours.notes})


def left_out(edit: Edit, ours: Ours) -> frozenset[str]:
    """The parts of an edit that wait while another group of parts is tried; none when nothing is searched for."""
    parts = parts_of(edit)
    for group in ours.search.groups:
        if tried := set(group).intersection(parts):
            return frozenset(parts) - tried
    return frozenset()


def accepted(before: Ours, edit: Edit, after: Ours) -> Ours:
    """What is ours after a write that went through: the search goes on with what it did not hold."""
    done = set(parts_of(edit))
    groups = tuple(group for group in before.search.groups if not done.intersection(group))
    return replace(after, refused=before.refused, search=replace(before.search, groups=groups) if groups else Search())


def refused(ours: Ours, wish: Wish, edit: Edit, named: Iterable[Set[str]]) -> Ours | None:
    """What is ours after Zendesk refused an edit; None when none of its parts can be left out.

    `named`: of each field that Zendesk named, the parts that it may mean.
    """
    asked = asked_of(wish)
    parts = [part for part in parts_of(edit) if part in asked and part not in standing(wish, ours)]
    if not parts:
        return None
    search, known = replace(ours.search, calls=ours.search.calls + 1), set(parts)
    meant = [found for each in named if (found := each & known)]
    at_fault = {part for found in meant if len(found) == 1 for part in found}
    suspects = [part for part in parts if any(part in found for found in meant)] if meant else parts
    if not at_fault and len(suspects) == 1:
        at_fault = set(suspects)
    if search.calls >= MOST_CALLS:
        untried = known.union(chain.from_iterable(search.groups)) - at_fault - standing(wish, ours)
        parked = {**dict.fromkeys(untried, "not_tried"), **dict.fromkeys(at_fault, NOT_ACCEPTED)}
        return _kept(ours, asked, parked, Search())
    if at_fault:
        return _kept(ours, asked, dict.fromkeys(at_fault, NOT_ACCEPTED), search)
    half, rest = len(suspects) // 2, tuple(part for part in parts if part not in suspects)
    others = tuple(group for group in search.groups if not known.intersection(group))
    groups = (tuple(suspects[:half]), tuple(suspects[half:]), *((rest,) if rest else ()), *others)
    return replace(ours, search=replace(search, groups=groups))


def owed_refused(ours: Ours, edit: Edit, wished: Edit, named: Iterable[Set[str]]) -> Ours | None:
    """What is ours after Zendesk refused an edit that gives back what is owed; None when that is not what it refused.

    `wished`: the edit without what is owed. Where it may be either, what is owed is tried alone. What stood there may be no value any
    more: of what is given back the named parts stay away, and where none is named first the values, then the tags.
    """
    owed, meant = ours.owed, frozenset(chain.from_iterable(named))
    rest = tuple(part for part in parts_of(wished) if part not in parts_of(owed))
    mine = tuple(part for part in parts_of(edit) if part not in rest)
    if not owed or not mine or (meant and meant.isdisjoint(mine)):
        return None
    groups = tuple(group for group in ours.search.groups if group != mine)
    if rest and not (meant and meant <= set(mine)) and groups == ours.search.groups:
        others = tuple(group for group in groups if not set(group).intersection(rest))
        return replace(ours, search=replace(ours.search, groups=(mine, rest, *others)))
    add = tuple(tag for tag in owed.add if f"tag:{tag}" not in meant)
    remove = tuple(tag for tag in owed.remove if f"absent:{tag}" not in meant)
    left = Edit(add, remove, tuple((name, value) for name, value in owed.values if name not in meant))
    if left == owed:
        left = replace(owed, values=()) if owed.values else Edit()
    return replace(ours, owed=left, search=replace(ours.search, groups=groups))


def not_kept(ours: Ours, wish: Wish, parts: Set[str]) -> Ours:
    """What is ours after a write that Zendesk took without these parts: they are refused, and nothing of them was seen to."""
    gone = parts & written(wish, ours)
    left = replace(
        ours,
        tags={tag: by for tag, by in ours.tags.items() if f"tag:{tag}" not in gone},
        absent={tag: by for tag, by in ours.absent.items() if f"absent:{tag}" not in gone},
        values={name: asked for name, asked in ours.values.items() if name not in gone},
        put=frozenset(tag for tag in ours.put if f"tag:{tag}" not in gone),
    )
    return _kept(left, asked_of(wish), dict.fromkeys(gone, NOT_KEPT), ours.search)


def _kept(ours: Ours, asked: dict[str, Asked], at_fault: dict[str, str], search: Search) -> Ours:
    """With more parts refused; those that are not asked for so any more are forgotten."""
    still = {part: one for part, one in ours.refused.items() if asked.get(part) == Asked(one.value, one.by)}
    more = {part: Refused(asked[part].value, asked[part].by, reason) for part, reason in at_fault.items() if part in asked}
    return replace(ours, refused={**still, **more}, search=search)
