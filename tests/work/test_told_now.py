"""What one transaction was told stands in memory as it does in the database: what is around it need not be read twice."""

from __future__ import annotations

import json
from typing import Any

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK, MORE, STORY
from tests.work.walk import OWN, Walk
from tsbridge.store import neighbourhood, redaction
from tsbridge.store.db import Database
from tsbridge.store.neighbourhood import Neighbourhood
from tsbridge.vendors.talkdesk import normalize as talkdesk
from tsbridge.vendors.zendesk import normalize as zendesk
from tsbridge.work.batch_moments import ToldNow


def test_what_was_told_stands_around_as_it_is_read(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    walk.tell(STORY[:3])
    walk.tell(MORE[:2])
    walk.work()

    def hear(conn: Any) -> list[tuple[Neighbourhood, Neighbourhood]]:
        live, told = walk.rulebooks.live(conn), ToldNow()
        for source, body in (*STORY, *MORE):
            read = (
                zendesk.read(json.dumps(body).encode(), received_at=clock.now(), own=OWN)
                if source == "zendesk"
                else talkdesk.normalize(body, received_at=clock.now(), mappings=())
            )
            for moment in read.moments:
                told.hear(conn, moment, "evt_1", live.version)
        told.write(conn)
        found = [around(conn, told)]
        gone = next(subject for subject in sorted(told.subjects) if subject.source == "zendesk")
        redaction.forget_contacts(conn, gone.id)
        told.known.forget(gone)
        return [*found, around(conn, told)]

    def around(conn: Any, told: ToldNow) -> tuple[Neighbourhood, Neighbourhood]:
        known, window = told.known.nodes(), walk.rulebooks.live(conn).book.link_window
        assert known
        read, found = neighbourhood.around(conn, told.subjects, window), neighbourhood.around(conn, told.subjects, window, known)
        return ordered(read), ordered(found)

    def ordered(near: Neighbourhood) -> Neighbourhood:
        return near._replace(nodes=sorted(near.nodes, key=lambda node: node.subject))

    for read, known in database.write_now(hear):
        assert len(read.nodes) > 4
        assert known == read
