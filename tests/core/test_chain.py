"""Law 8: any edit, deletion, insertion, swap or cut tail of the chain is found and located."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.chain import GENESIS, broken_links, commitment, commitment_of, link_hash, link_hash_of
from tsbridge.core.moments import canonical, canonical_text

Entry = tuple[int, str, str, str]


def chain_of(count: int) -> list[Entry]:
    entries: list[Entry] = []
    before = GENESIS
    for seq in range(1, count + 1):
        record = {"id": f"dec_{seq}", "outcome": {"severity": seq % 4}}
        hashed = link_hash(seq, before, record)
        entries.append((seq, before, hashed, canonical_text(record)))
        before = hashed
    return entries


def test_a_whole_chain_verifies_and_names_its_head() -> None:
    entries = chain_of(5)
    assert broken_links(entries) == ([], 5, {"seq": 5, "hash": entries[-1][2]})
    assert broken_links([]) == ([], 0, {"seq": 0, "hash": GENESIS})


@given(st.integers(0, 9), st.sampled_from(["edit", "delete", "insert", "swap", "rehash"]))
def test_tampering_is_found_at_its_place(place: int, how: str) -> None:
    entries = chain_of(10)
    head = {"seq": 10, "hash": entries[-1][2]}
    seq, previous, hashed, record = entries[place]
    if how == "edit":
        entries[place] = (seq, previous, hashed, record.replace('"severity":', '"severity": '))
    elif how == "delete":
        del entries[place]
    elif how == "insert":
        entries.insert(place, (seq, previous, hashed, '{"id":"new"}'))
    elif how == "swap":
        other = (place + 1) % 10
        entries[place] = (seq, previous, hashed, entries[other][3])
    else:  # one entry written anew with a hash that fits it
        changed = canonical_text({"id": f"dec_{seq}", "outcome": {"severity": 9}})
        entries[place] = (seq, previous, link_hash_of(seq, previous, changed), changed)
    broken, _, _ = broken_links(entries, head)
    assert broken
    assert min(b["seq"] for b in broken) in (place + 1, place + 2)


def test_a_cut_tail_and_a_chain_written_anew_show_against_a_head_kept_outside() -> None:
    entries = chain_of(6)
    head = {"seq": 6, "hash": entries[-1][2]}
    assert broken_links(entries[:4])[0] == []
    assert [b["seq"] for b in broken_links(entries[:4], head)[0]] == [6]
    rewritten = chain_of(6)
    rewritten[5] = (6, rewritten[5][1], link_hash(6, rewritten[5][1], {"id": "x"}), '{"id":"x"}')
    assert [b["seq"] for b in broken_links(rewritten, head)[0]] == [6]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.integers(1, 10**12),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), JSON, max_size=6),
)
def test_a_hash_put_together_from_texts_is_that_of_the_whole_entry(seq: int, previous: str, record: dict[str, Any]) -> None:
    whole = canonical({"record": record, "seq": seq, "previous_hash": previous})
    assert link_hash_of(seq, previous, canonical(record).decode()) == hashlib.sha256(b"\x00" + whole).hexdigest()
    assert link_hash(seq, previous, record) == link_hash_of(seq, previous, canonical(record).decode())


@given(st.text(st.characters(codec="utf-8")), JSON)
def test_a_commitment_by_text_is_that_to_the_value(salt: str, value: Any) -> None:
    assert commitment_of(salt, canonical(value).decode()) == commitment(salt, value)


def test_a_commitment_binds_its_value_and_needs_its_salt() -> None:
    assert commitment("s", {"name": "Ana"}) == commitment("s", {"name": "Ana"})
    assert commitment("s", {"name": "Ana"}) != commitment("s", {"name": "Bea"})
    assert commitment("s", {"name": "Ana"}) != commitment("t", {"name": "Ana"})
