"""What was judged of words that are gone, and what is heard late before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.core.test_joined import BOOK, HURT, TOGETHER, UTC_ZONE, armed_by
from tests.core.test_story import FAR, T0, desk, ticket
from tsbridge.core.casestate import CaseState
from tsbridge.core.moments import Moment
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.story import Told, judge_story

JUDGE = Judge(read(BOOK), UTC_ZONE)
SAID = ticket("created", 3, "my card is 4111", id_="4800")
SAID_HURT = ticket("created", 3, "he was bitten, too", id_="4800")
SOON = T0 + timedelta(minutes=9)


def barred(moment: Moment) -> Moment:
    return replace(moment, texts=tuple(text._replace(body="▇▇▇") for text in moment.texts))


def lived(*story: Moment, held: dict[str, Judgement], until: datetime = SOON) -> tuple[CaseState, dict[str, Judgement]]:
    told = [Told(moment, 1) for moment in sorted(story, key=lambda one: one.order)]
    state, decided = judge_story(
        "case_x", told, until, lambda _: JUDGE, lambda _: {}, clock_version=lambda _: 1, joined=TOGETHER, held=held
    )
    return state, {one.moment: one.judgement for one in decided}


def holding(*story: Moment, of: Moment) -> dict[str, Judgement]:
    """What was judged of a moment, kept under the digest of what is left of it."""
    _, judged = lived(*story, held={})
    return {barred(of).digest: judged[of.digest]}


@pytest.mark.parametrize("said", [SAID, SAID_HURT])
def test_what_is_armed_late_before_it_goes_on(said: Moment) -> None:
    held = holding(said, of=said)
    state, _ = lived(HURT, barred(said), held=held)
    assert armed_by(state)[0][:2] == ("sev1", "4711" if said is SAID else "4800")
    state, _ = lived(HURT, barred(said), held=held, until=FAR)
    assert {(one.step, one.status) for one in state.ended} >= {(1, "fired"), (2, "fired")}


def test_what_it_stopped_or_brought_to_its_end_stays_so() -> None:
    for story in ([HURT, desk("case.acknowledged", 2), SAID], [HURT, desk("case.resolved", 2), SAID]):
        held = holding(*story, of=SAID)
        state, judged = lived(*[barred(one) if one is SAID else one for one in story], held=held, until=FAR)
        assert armed_by(state) == []
        assert judged[barred(SAID).digest] == held[barred(SAID).digest]


def test_nothing_heard_late_changes_nothing_of_it() -> None:
    held = holding(HURT, SAID, of=SAID)
    plain, _ = lived(HURT, SAID, held={}, until=FAR)
    state, judged = lived(HURT, barred(SAID), held=held, until=FAR)
    assert judged[barred(SAID).digest] == held[barred(SAID).digest]
    assert state.ended == plain.ended
