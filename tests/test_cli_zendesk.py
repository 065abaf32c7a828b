"""Commands that ask Zendesk, beside one that answers over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.far_side import answers, serving
from tests.test_cli import Run, migrated, run

__all__ = ["migrated", "run"]


@pytest.mark.anyio
@pytest.mark.usefixtures("migrated")
async def test_a_look_by_hand_begins_by_zendesks_clock_where_ours_is_ahead(run: Run) -> None:
    behind = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    asked: list[int] = []

    async def zendesk(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = re.split(rb" ", head)[1].decode()
        if "incremental" in path:
            asked.append(int(parse_qs(urlsplit(path).query)["start_time"][0]))
            said: object = {"tickets": [], "after_cursor": "c", "end_of_stream": True}
        else:
            said = {"user": {"id": 99, "email": "bridge@example.com"}}
        date = f"Date: {format_datetime(behind, usegmt=True)}"
        await answers(json.dumps(said).encode(), "Content-Type: application/json", date)(head, reader, writer)

    async with serving(zendesk) as port:
        settings = {"TSBRIDGE_ZENDESK_URL": f"http://127.0.0.1:{port}", "TSBRIDGE_ZENDESK_ACCESS_TOKEN": "token"}
        ran = await asyncio.to_thread(run, "zendesk", "reconcile", "--json", **settings)
    assert (ran.code, ran.json) == (0, {"tickets": 0, "told": 0})
    assert asked == [int((behind - timedelta(minutes=5)).timestamp())]
