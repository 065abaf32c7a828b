"""Drop-downs: at Zendesk an option's tag and the field's value are one thing, so both are planned together.

Setting the field adds its option's tag and takes the former one's off; the tag of an option means the field. Where a rule asks
for the tag of one option and another for another value, the newest asking counts, of equals the field's. What a person chose and
our update undid goes before either.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from tsbridge.core.helpdesk import Current, Edit, Wish
from tsbridge.core.moments import Value
from tsbridge.core.values import alike

Choices = Mapping[str, Set[str]]
"""The tags of a drop-down's options, by the field's id."""


def joined(edit: Edit, current: Current, wish: Wish, choices: Choices, owed: Edit) -> Edit:
    """The edit with the tags and values of drop-downs in accord. `owed`: what it gives back to people (`helpdesk.Ours`)."""
    add, remove, values = set(edit.add), set(edit.remove), dict(edit.values)
    by_tag, fields = dict(wish.tags), dict(wish.custom_fields)
    for id_, options in sorted(choices.items()):
        name, field = f"custom:{id_}", fields.get(id_)
        wanted, unwanted, now = add & options, remove & options, current.values.get(name)
        if not wanted and not unwanted and name not in values:
            continue
        newest = max(((by_tag.get(tag, ""), tag) for tag in wanted), default=None)
        target: Value
        if options & {*owed.add, *owed.remove}:
            target = min(options & set(owed.add), default=None)
        elif newest is not None and (field is None or newest[0] > field.by):
            target = newest[1]
        elif name in values:
            target = values[name]
        elif now in unwanted and (field is None or field.value != now):
            target = None
        else:
            target = now
        values.pop(name, None)
        if not alike(now, target):
            values[name] = target
            remove |= {tag for tag in options & current.tags if tag == now}
        chosen = {tag for tag in options if tag == target}
        add = (add - options) | (chosen - current.tags)
        remove -= chosen
    return Edit(tuple(sorted(add)), tuple(sorted(remove)), tuple(sorted(values.items())), edit.notes)


def chosen_otherwise(read: Current, now: Current, choices: Choices) -> frozenset[str]:
    """The options of the drop-downs in which somebody chose something else between our reading a ticket and our writing it."""
    moved = (options for id_, options in choices.items() if not alike(read.values.get(f"custom:{id_}"), now.values.get(f"custom:{id_}")))
    return frozenset().union(*moved)


def outdone(wish: Wish, choices: Choices) -> frozenset[str]:
    """The parts of a wish that another part about the same drop-down outdoes, named as in `helpdesk.hold`: they say nothing more."""
    found: set[str] = set()
    fields = dict(wish.custom_fields)
    for id_, options in choices.items():
        field = fields.get(id_)
        tags = sorted((by, tag) for tag, by in wish.tags if tag in options)
        if tags and field is not None and tags[-1][0] > field.by:
            found.add(f"custom:{id_}")
        elif field is None:
            tags = tags[:-1]
        found |= {f"tag:{tag}" for _, tag in tags if f"custom:{id_}" not in found or tag != tags[-1][1]}
        if field is not None:
            found |= {f"absent:{tag}" for tag, by in wish.absent if tag == field.value and by <= field.by}
    return frozenset(found)
