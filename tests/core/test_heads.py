"""Signed heads: what is wrong about one is found, whatever of it was altered."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tsbridge import ed25519
from tsbridge.core.heads import Head, faults, places

SEED, OTHER = b"s" * 32, b"o" * 32
HASHES = {1: "a" * 64, 2: "b" * 64}
OWN = frozenset((ed25519.public_key_of(SEED).hex(),))


def line(head: Head, seed: bytes = SEED, **altered: Any) -> str:
    return json.dumps({**head.signed(ed25519.public_key_of(seed).hex(), ed25519.sign(seed, head.message()).hex()), **altered})


HEAD = Head(2, "b" * 64, "2026-11-22T09:00:00.000000Z")
GOOD = line(HEAD)


def whys(*lines: str, keys: frozenset[str] = OWN) -> list[str]:
    return [fault["why"] for fault in faults(lines, HASHES, keys, ed25519.proves)]


def test_heads_that_are_in_the_chain_and_signed_are_fine_by_a_trusted_key_or_by_that_of_the_first() -> None:
    first = line(Head(1, "a" * 64, "2026-11-22T08:00:00.000000Z"))
    assert whys(first, GOOD) == []
    assert whys(first, GOOD, keys=frozenset()) == []
    assert places([first, GOOD, "nothing"]) == {1, 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (line(HEAD, hash="a" * 64), "is not signed by the key that it names"),
        (line(HEAD, seq=1), "is not signed by the key that it names"),
        (line(HEAD, at="2026-11-22T10:00:00.000000Z"), "is not signed by the key that it names"),
        (line(HEAD, signature="00" * 64), "is not signed by the key that it names"),
        (line(HEAD, public_key=ed25519.public_key_of(OTHER).hex()), "is not signed by the key that it names"),
        (line(HEAD, OTHER), "is signed by another key"),
        (line(Head(2, "c" * 64, HEAD.at)), "another entry stands in its place"),
        (line(Head(3, "c" * 64, HEAD.at)), "the chain ends before it"),
        (line(HEAD, signature="no hex"), "is no signed head"),
        (line(HEAD, seq=True), "is no signed head"),
        ("[]", "is no signed head"),
        ("{", "is no signed head"),
    ],
)
def test_what_is_wrong_about_a_head_is_said(text: str, why: str) -> None:
    (said,) = whys(GOOD, text)
    assert said.endswith(why)
    assert "line 2" in said


def test_a_process_of_its_own_signs_the_same() -> None:
    asked = f"{SEED.hex()}\n{HEAD.message().hex()}\n"
    done = subprocess.run([sys.executable, "-m", "tsbridge.ed25519"], input=asked, capture_output=True, text=True, check=True)
    key, _, signature = done.stdout.strip().partition(" ")
    assert json.dumps(HEAD.signed(key, signature)) == GOOD
