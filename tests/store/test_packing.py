"""What is kept with every delivery is packed: nothing is lost by it, what was kept before is still read, and it can be undone."""

from __future__ import annotations

import hashlib
from binascii import a2b_base64, b2a_base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, select

from tests.clocks import SettableClock
from tests.seeds import examples
from tests.work.test_walk_laws import BOOK, STORY
from tests.work.walk import Walk
from tsbridge.aes import Cipher
from tsbridge.core.moments import canonical_text
from tsbridge.store import case_tables, decision_tables, decisions, moment_tables, moments, packing, proof, schema, vault
from tsbridge.store.db import Database
from tsbridge.store.vault import Vault

WHERE = (moment_tables.moments.c.body, decision_tables.decisions.c.seen, decision_tables.chain.c.record)
VALUES = "SELECT {} FROM {}"
KEY = "k" * 32
DEFLATED = "~1Q8qnsNZaPrBhCLRjlKRpCMTW1gIA"
"""As builds before 0058 kept it."""
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
    seen = packing.WORDS[-1_000:].decode()
    assert len(packing.packed(seen)) < 50


def test_the_dictionary_is_the_one_that_everything_was_packed_with() -> None:
    """Another one needs another mark: with this one changed, nothing that was kept could be read."""
    assert hashlib.sha256(packing.WORDS).hexdigest() == "d4789de1658419b1b2789af4392511e061285506e399a40f7b2f325210f83250"
    told = canonical_text({"given": {"tags": ["one"] * 60}})
    assert packing.unpacked("~4YHwAtQAAUFsib25lIixdfX0D/F5Z5JO7mh+OpA==") == told
    assert packing.unpacked(DEFLATED) == told
    sealed = Cipher(KEY).encrypt(b"moments.body", b"\x01" + a2b_base64(DEFLATED[2:]))
    held = Vault()
    held.fill([KEY])
    assert held.read_json("moments.body", f"~2{Cipher(KEY).id}{b2a_base64(sealed, newline=False).decode()}") == told


@pytest.mark.parametrize("cut", [3, 10, -8, -4])
@pytest.mark.parametrize("kept", [packing.packed(canonical_text(list(range(200)))), DEFLATED])
def test_what_does_not_unpack_is_refused(kept: str, cut: int) -> None:
    with pytest.raises(ValueError, match="expected a packed text"):
        packing.unpacked(kept[:cut])


@pytest.mark.parametrize("made", [b"\xc0" + b"\xff" * 8 + b"\x01\x00\x00", packing.compressed("a" * 300) + b"more"])
def test_what_claims_to_be_longer_than_anything_or_goes_on_behind_its_end_is_refused(made: bytes) -> None:
    with pytest.raises(ValueError, match="expected a packed text"):
        packing.decompressed(made)


def test_threads_pack_beside_each_other() -> None:
    told = [canonical_text({"given": {"tags": [f"{n}"] * (100 + n)}}) for n in range(400)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda text: packing.unpacked(packing.packed(text)), told * 4)) == told * 4


@pytest.mark.parametrize("since", ["packed", "compressed"])
def test_stories_of_before_packing_are_read_proven_and_go_on(database: Database, clock: SettableClock, since: str) -> None:
    clock.advance(86_400)
    walk = Walk(database, clock, BOOK)
    walk.tell(STORY)
    walk.work()
    assert all(database.read_now(_packed).values())
    before = database.read_now(_all)
    database.write_now(lambda conn: schema.downgrade(conn, _before(since)))
    assert not any(database.read_now(_packed).values()), "builds before read none of it"
    schema.migrate(database)
    assert database.read_now(_all) == before
    walk.tell(STORY)  # nothing is new
    walk.work()
    assert database.read_now(_all) == before
    assert database.read_now(proof.verify)["ok"]


def _before(since: str) -> str:
    (mine,) = (one for one in ScriptDirectory(str(schema.scripts())).walk_revisions() if one.path.endswith(f"_{since}.py"))
    return str(mine.down_revision)


def _packed(conn: Connection) -> dict[str, int]:
    """How many values are compressed, by where; also in what is encrypted."""
    held = vault.of(conn.dialect)

    def compressed(column: Column[Any], kept: Any) -> bool:
        opened = held._opened(str(column), kept)
        return str(kept).startswith("~4") if opened is None else opened.startswith(b"\x02")

    counted = {}
    for column in (*WHERE, case_tables.cases.c.state):
        kept = conn.exec_driver_sql(VALUES.format(column.name, column.table.name)).scalars()
        counted[str(column)] = sum(compressed(column, one) for one in kept)
    return counted


def _all(conn: Connection) -> list[Any]:
    """What is read of them, and of which of the moments a subject is told."""
    seen = [
        decisions.load(conn, id_)
        for id_ in conn.execute(select(decision_tables.decisions.c.id).order_by(decision_tables.decisions.c.number)).scalars()
    ]
    told = moments.story(conn, [*sorted({one.subject for one in seen if one is not None})])
    rows = [sorted(map(canonical_text, conn.execute(select(column)).scalars())) for column in WHERE]
    return [seen, told, rows]
