"""Rulebook files: what stands on which line, and files that are made to hurt."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.seeds import examples
from tsbridge.document_files import BadFile, Lines, dump, load_text, with_base

TEXT = """\
# a comment
schema: 1
lists:
  words: &words
    - bite
    # about phrases
    - "emergency vet"

defaults: &defaults {kind: escalation, then: [{notify: x}]}
rules:
  - <<: *defaults
    key: first
    when: {field: text, operator: contains_any, value: *words}
  - {key: "a/b", kind: routing, when: {}, then: [
      {route: one}]}
"""

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("", 2),
        ("/schema", 2),
        ("/lists", 3),
        ("/lists/words/1", 7),
        ("/rules/0", 11),
        ("/rules/0/key", 12),
        ("/rules/0/when/operator", 13),
        ("/rules/0/when/value/1", 7),
        ("/rules/0/kind", 9),
        ("/rules/0/then/0/notify", 9),
        ("/rules/1/then/0/route", 15),
        ("/rules/1/when/any/3", 14),
        ("/rules/9", 10),
        ("/nowhere", 2),
    ],
)
def test_a_pointer_leads_to_its_line_through_comments_anchors_and_merged_keys(pointer: str, line: int) -> None:
    assert Lines(TEXT.encode())(pointer) == line


def test_a_name_with_a_slash_is_found_by_its_escaped_form() -> None:
    assert Lines(b"a: 1\n\nx/y~z: {b: 2}\n")("/x~1y~0z/b") == 3


def test_lines_of_json_count_as_well() -> None:
    assert Lines(b'{"a":\n  {"b":\n    [1,\n     2]}}')("/a/b/1") == 4


@examples(100, 1_000)
@given(st.dictionaries(st.text(LETTERS), st.text(LETTERS) | st.lists(st.none() | st.booleans() | st.text(LETTERS), max_size=3), max_size=3))
def test_json_is_read_as_it_was_meant_however_it_was_written(document: Any) -> None:
    for written in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent="\t")):
        assert load_text(written.encode()) == document


def test_json_that_says_what_it_is_based_on_is_json_still() -> None:
    assert load_text(with_base(codecs.BOM_UTF8 + json.dumps({"title": "\U0001f6a8"}).encode(), 3)) == {"title": "\U0001f6a8"}


@pytest.mark.parametrize("text", [b"", b"a: [1", b"\xff", b"- " * 3_000])
def test_of_what_cannot_be_read_there_are_no_lines(text: bytes) -> None:
    assert Lines(text)("/a") is None


def bomb(levels: int, width: int) -> bytes:
    """Anchors that unfold into `width ** levels` values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels + 1)]
    return "\n".join(lines).encode()


def merged_bomb(levels: int, width: int) -> bytes:
    """The same by merged keys, which unfold into few values but take for ever to get there."""
    lines = ["a0: &a0 {k0: 1}"]
    lines += [f"a{n}: &a{n} {{k{n}: 1, <<: [{', '.join([f'*a{n - 1}'] * width)}]}}" for n in range(1, levels + 1)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (bomb(30, 10), "unfolds"),
        (b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a, " * 1_000 + b"]", "unfolds"),
        (b"&a [*a]", "nested"),
        (b"a: &a {b: *a}", "nested"),
        (b"[" * 100 + b"]" * 100, "nested"),
        (b"[" * 1_200, "nested"),
        (b"a: &a {<<: *a}", "merges deeper"),
        (merged_bomb(9, 10), "unfolds"),
        (b"a: &a {" + b", ".join(b"k%d: 1" % n for n in range(1_000)) + b"}\n" + b"b: {<<: [" + b"*a, " * 2_000 + b"]}", "unfolds"),
    ],
    ids=["thirty levels", "long text", "itself", "itself in a mapping", "deep", "deeper", "merged with itself", "merged", "merged wide"],
)
def test_files_made_to_hurt_are_refused_at_once(text: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        load_text(text)


def test_an_alias_means_the_nearest_anchor_of_its_name_above_it() -> None:
    assert load_text(b"a: &one 1\nb: *one\nc: &one 2\nd: *one\n") == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_anchors_used_as_people_use_them_are_fine() -> None:
    found = load_text(bomb(3, 5))
    assert (found["a1"], found["a3"]) == ([["x"]] * 5, [[[["x"]] * 5] * 5] * 5)


def test_merged_keys_give_way_to_a_mappings_own_and_to_those_merged_before() -> None:
    found = load_text(b"a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b], <<: {w: 4}}\n")
    assert found["c"] == {"x": 1, "y": 1, "z": 3, "w": 4}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, "a key that stands there twice"),
        (b"a:\n\tb: 1\n", 2, "a tab"),
        (b"a: 1\nb: *nope\n", 2, "no anchor"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"a: 1\n\nb: \xff\n", 3, "UTF-8"),
        (b"a: 1\nb: 2026-01-01\n", 2, "a date"),
        (b"a: 1\n2: x\n", 2, "a key that is not text"),
        (b"a: 1\n? {b: 1}\n: 2\n", 2, "a key that is not text"),
        (b"a: 1\nb: [.nan]\n", 2, "not finite"),
        (b"a: 1\nb: !!bool perhaps\n", 2, "no bool"),
        (b"a: 1\nb: !!int x\n", 2, "no int"),
        (b"a: 1\nb: 0x" + b"f" * 5_000, 2, "64 bits"),
        (b"a: 1\nb: " + b"9" * 5_000, 2, "no int"),
        (b'a: 1\nb: "\\ud800"\n', 2, "no text can hold"),
        (b'a: 1\nb: "\\0"\n', 2, "no text can hold"),
        (b"a: 1\nb: !!python/name:os.system\n", 2, "a tag"),
        (b"a: 1\nb: !!set {x, y}\n", 2, "a tag"),
        (b"a: 1\n<<: [1]\n", 2, "no mapping"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_with_a_text_is_said_with_its_line_and_without_quoting_it(text: bytes, line: int, words: str) -> None:
    with pytest.raises(BadFile, match=words) as refused:
        load_text(text)
    assert refused.value.line == line
    assert "nope" not in str(refused.value)


@pytest.mark.parametrize("version", [None, (1, 1)], ids=["our reader", "YAML 1.1"])
def test_what_is_written_reads_the_same_by_yaml_1_1(version: tuple[int, int] | None) -> None:
    words = [
        "on",
        "no",
        "y",
        "Off",
        "true",
        "12:30:00",
        "22:00",
        "010",
        "0x1f",
        "1_000",
        "~",
        "=",
        "<<",
        "2026-12-24",
        "1.5",
        "",
        "é",
        "a\nb",
    ]
    document = {"rules": [{"on": ["ticket"], "when": {"value": words}, "no": 1, "yes": True, "n": None}]}
    if version is None:
        assert load_text(dump(document).encode()) == document
    else:
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        assert yaml.load(dump(document)) == document
