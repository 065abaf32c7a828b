"""How news of their duty get to people: by their first way, by the next one where that fails. Callers hold `store.notifications.lock`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tsbridge.core.paging import next_to_tell
from tsbridge.core.whom import Answer, To, reach_of
from tsbridge.store import duties, notifications
from tsbridge.work.paging import LOOKED_AT, Planner, Round

NOT_TOLD: Final = "duty_not_told"


def look(planner: Planner, this: Round) -> None:
    """Plan all news that are due."""
    tell(planner, this, duties.due(this.conn, this.now, LOOKED_AT))


def tell(planner: Planner, this: Round, rows: Sequence[Any]) -> None:
    """Begin what comes next for each of these, none of them over."""
    tried = notifications.tries(this.conn, [row.id for row in rows])
    for row in rows:
        agent = None if this.rota is None else this.rota.agents.get(row.agent)
        ways = () if this.rota is None or agent is None else reach_of(this.rota.roster, agent)
        answer = Answer(this.now, row.agent, None, None, False, (To(row.agent, ways),))
        following = next_to_tell(answer, tried[row.id])
        for _, way in following.tell:
            planner.put_news(this, row, way)
        if following.exhausted and not any(one.status == "waiting" for one in tried[row.id]):
            if not tried[row.id]:
                planner.say_no_way(this, row)
            this.alarms.append((NOT_TOLD, {"agent": row.agent}))
    duties.looked(this.conn, [row.id for row in rows])
    planner.flush(this)
