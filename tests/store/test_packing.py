"""What is kept with every delivery is packed: nothing is lost by it, what was kept before is still read, and it can be undone."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from tests.clocks import SettableClock
from tests.seeds import examples
from tests.work.test_walk_laws import BOOK, STORY
from tests.work.walk import Walk
from tsbridge.core.moments import canonical_text
from tsbridge.store import decision_tables, decisions, moment_tables, moments, packing, proof, schema
from tsbridge.store.db import Database

WHERE = (moment_tables.moments.c.body, decision_tables.decisions.c.seen, decision_tables.chain.c.record)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=40,
)


@given(JSON)
@examples(20, 60)
def test_what_is_packed_comes_back_to_the_byte(value: Any) -> None:
    told = canonical_text({"given": [value] * 20})
    assert packing.unpacked(packing.packed(told)) == told


def test_what_is_short_or_was_kept_before_stays_as_it_is() -> None:
    assert packing.packed('{"a":1}') == '{"a":1}'
    assert packing.unpacked('{"a":"~1"}') == '{"a":"~1"}'


def test_what_nearly_all_say_takes_next_to_nothing() -> None:
    seen = packing.WORDS.decode()[-1_000:]
    assert len(packing.packed(seen)) < 50


def test_the_dictionary_is_the_one_that_everything_was_packed_with() -> None:
    """Another one needs another mark: with this one changed, nothing that was kept could be read."""
    assert hashlib.sha256(packing.WORDS).hexdigest() == "0995eaf8867437106f804b8576925f04f0b4d84bbde2d72dc65d48f44ce59640"
    assert packing.unpacked("~1Q8qnsNZaPrBhCLRjlKRpCMTW1gIA") == canonical_text({"given": {"tags": ["one"] * 60}})


@pytest.mark.parametrize("cut", [3, 10, -8, -4])
def test_what_does_not_unpack_is_refused(cut: int) -> None:
    kept = packing.packed(canonical_text(list(range(200))))
    with pytest.raises(ValueError, match="expected a packed text"):
        packing.unpacked(kept[:cut])


def test_stories_of_before_packing_are_read_proven_and_go_on(database: Database, clock: SettableClock) -> None:
    clock.advance(86_400)
    walk = Walk(database, clock, BOOK)
    walk.tell(STORY)
    walk.work()
    assert any(database.read_now(_packed).values())
    before = database.read_now(_all)
    database.write_now(lambda conn: schema.downgrade(conn, _before()))
    assert not any(database.read_now(_packed).values()), "builds before read none of it"
    schema.migrate(database)
    assert database.read_now(_all) == before
    walk.tell(STORY)  # nothing is new
    walk.work()
    assert database.read_now(_all) == before
    assert database.read_now(proof.verify)["ok"]


def _before() -> str:
    (mine,) = (one for one in ScriptDirectory(str(schema.scripts())).walk_revisions() if one.path.endswith("_packed.py"))
    return str(mine.down_revision)


def _packed(conn: Connection) -> dict[str, int]:
    """How many rows are packed, by where."""
    counted = "SELECT count(*) FROM {} WHERE {} LIKE '~1%'"
    return {str(c): conn.execute(text(counted.format(c.table.name, c.name))).scalar_one() for c in WHERE}


def _all(conn: Connection) -> list[Any]:
    """What is read of them, and of which of the moments a subject is told."""
    seen = [
        decisions.load(conn, id_)
        for id_ in conn.execute(select(decision_tables.decisions.c.id).order_by(decision_tables.decisions.c.number)).scalars()
    ]
    told = moments.story(conn, [*sorted({one.subject for one in seen if one is not None})])
    rows = [sorted(map(canonical_text, conn.execute(select(column)).scalars())) for column in WHERE]
    return [seen, told, rows]
