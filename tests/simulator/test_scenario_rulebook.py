"""The weekend's words and the starter rulebook agree: each theme asks for its tags, harmless words for none of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tsbridge.core.moments import Interaction
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Standing
from tsbridge.simulator import scenario_words as words
from tsbridge.simulator.scenario_words import Theme

NOON = datetime(2026, 11, 18, 20, 0, tzinfo=UTC)  # a Wednesday, noon in Los Angeles
BOOK = read(YAML(typ="safe", pure=True).load(Path(__file__).parents[2] / "rulebooks" / "incident-desk.yaml"))
JUDGE = Judge(BOOK, UTC)


def tags(source: str, event: str, text: str, **facts: str) -> set[str]:
    given = {"source": source, "event": event, "text": text, "text.requester": text, **facts}
    judgement = JUDGE.decide(given, {}, Standing(NOON, (), ()), NOON, Interaction("zendesk", "1"))
    return set(judgement.tags_added)


@pytest.mark.parametrize("theme", words.THEMES, ids=lambda theme: theme.name)
def test_mails_voicemail_and_disposition_of_a_theme_ask_for_its_tags(theme: Theme) -> None:
    wanted = set(theme.tags)
    for subject, body in theme.mails:
        assert wanted <= tags("zendesk", "ticket.created", f"{subject}\n{body}")
        assert wanted <= tags("zendesk", "ticket.commented", body)
    assert wanted | set(words.VOICEMAIL_TAGS) <= tags("talkdesk", "call.voicemail", theme.voicemail)
    assert wanted <= tags("talkdesk", "call.disposition", theme.disposition, **{"call.disposition": theme.disposition})


def test_what_is_harmless_asks_for_nothing() -> None:
    for subject, body in (*words.HARMLESS, words.BURST, *words.REPEAT, words.AFTER_CALL, words.AFTER_CHAT):
        assert tags("zendesk", "ticket.created", f"{subject}\n{body}") == set(), subject
    for body in (*words.FOLLOW_UPS, *words.REPLIES):
        assert tags("zendesk", "ticket.commented", body) == set()
    for body in words.DISPOSITIONS:
        assert tags("talkdesk", "call.disposition", body) == set()
    for body in words.VOICEMAILS:
        assert tags("talkdesk", "call.voicemail", body) == set(words.VOICEMAIL_TAGS)


def test_severe_is_what_the_rulebook_calls_severity_one_or_two() -> None:
    for theme in words.THEMES:
        given = {"source": "zendesk", "event": "ticket.created", "text": theme.mails[0][1], "text.requester": theme.mails[0][1]}
        severity = JUDGE.decide(given, {}, Standing(NOON, (), ()), NOON, Interaction("zendesk", "1")).severity
        assert severity is not None
        assert theme.severe == (severity <= 2), theme.name
