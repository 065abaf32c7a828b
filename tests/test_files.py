"""Rulebook files: what stands on which line, and files that are made to hurt."""

from __future__ import annotations

import pytest

from tsbridge.files import BadFile, Lines, load_text

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


@pytest.mark.parametrize("text", [b"", b"a: [1", b"\xff", b"- " * 3_000])
def test_of_what_cannot_be_read_there_are_no_lines(text: bytes) -> None:
    assert Lines(text)("/a") is None


def bomb(levels: int, width: int) -> bytes:
    """Anchors that unfold into `width ** levels` values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels + 1)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (bomb(30, 10), "unfolds"),
        (b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a, " * 1_000 + b"]", "unfolds"),
        (b"&a [*a]", "nested"),
        (b"a: &a {b: *a}", "nested"),
        (b"[" * 100 + b"]" * 100, "nested"),
        (b"[" * 1_200, "sound"),
    ],
    ids=["thirty levels", "long text", "itself", "itself in a mapping", "deep", "deeper"],
)
def test_files_made_to_hurt_are_refused_at_once(text: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        load_text(text)


def test_anchors_used_as_people_use_them_are_fine() -> None:
    found = load_text(bomb(3, 5))
    assert (found["a1"], found["a3"]) == ([["x"]] * 5, [[[["x"]] * 5] * 5] * 5)
