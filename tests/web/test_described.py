"""Whatever the description of the API allows, and whatever it does not: no answer is a 5xx, none has an undescribed status or shape.

Schemathesis makes the requests out of `/openapi.json`; what stands in a path is, half of the time, something that is there.
`SCHEMATHESIS=100` for as many of each kind and operation (`make soak`).
"""

from __future__ import annotations

import asyncio
import os
import random
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.clocks import CountingIds, SettableClock
from tests.console.conftest import NOW, fill
from tests.seeds import first
from tests.web.conftest import ADMIN, Room, furnished, staff
from tsbridge.store.db import Database

MANY: Final = int(os.environ.get("SCHEMATHESIS", "1"))
HEADERS: Final = ("If-Match", "If-None-Match", "Accept", "Idempotency-Key", "Content-Type")
"""What a made request may say of these is sent; the key is always the admin's, or nothing else would be looked at."""


class Desk:
    """An API over a filled database, asked from code that does not wait."""

    def __init__(self, database: Database) -> None:
        self.loop = asyncio.new_event_loop()
        self._made = furnished(database, SettableClock(NOW), CountingIds(), random.Random(7).randbytes)  # noqa: S311
        self.room: Room = self.loop.run_until_complete(self._made.__aenter__())
        database.write_now(fill)
        self.loop.run_until_complete(staff(self.room))
        self.described: dict[str, Any] = self.ask("GET", "/openapi.json").json()
        self.seen: Counter[int] = Counter()

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self.loop.run_until_complete(self.room.client.request(method, path, **more))

    def close(self) -> None:
        self.loop.run_until_complete(self._made.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module", params=["sqlite_files", pytest.param("postgres", marks=pytest.mark.soak)])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with request.getfixturevalue(request.param).fresh() as url, Database.open(url) as database:
        made = Desk(database)
        yield made
        made.close()


THERE: Final = (
    *("case_000001", "case_000002", "dec_000001", "evt_000001", "wb_004711", "esc_000001", "mom_000001", "1", "2"),
    *("injury", "ana", "ben", "safety", "intake", "zendesk", "talkdesk", "volumes", "created", "call_started", "me"),
)


PARTS: Final = 40


@pytest.mark.parametrize("part", first(1, range(PARTS)))
def test_no_request_makes_an_operation_fail(desk: Desk, part: int) -> None:
    failed: dict[str, AssertionError] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = schemathesis.openapi.from_dict(desk.described)
        for operation in [one.ok() for one in found.get_all_operations()][part::PARTS]:
            for mode in GenerationMode:
                try:
                    bother(desk, operation, mode)
                except Unsatisfiable:
                    continue  # nothing can be wrong about it
                except AssertionError as failure:
                    failed[f"{operation.label}, {mode.value}"] = failure
    assert not failed, "\n".join(f"{where}: {failure}"[:2_000] for where, failure in failed.items())
    assert {200, 404, 422} & desk.seen.keys()


def bother(desk: Desk, operation: Any, mode: GenerationMode) -> None:
    @settings(max_examples=MANY, derandomize=MANY == 1, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), there=st.none() | st.sampled_from(THERE))
    def run(case: Any, there: str | None) -> None:
        made = case.as_transport_kwargs(base_url="http://bridge.test")
        path = made["url"]
        if there is not None and "{" in operation.path:
            parts = [quote(there, safe="") if part.startswith("{") else part for part in operation.path.split("/")]
            path = "http://bridge.test" + "/".join(parts)
        headers = {name: value for name, value in (made.get("headers") or {}).items() if name.title() in HEADERS}
        if operation.path.startswith("/v1/"):
            headers["Authorization"] = f"Bearer {ADMIN}"
        body = {name: made[name] for name in ("json", "data") if made.get(name) is not None}
        if not isinstance(body.get("data", b""), bytes):
            body["data"] = str(body["data"]).encode()
        content = {"content": body["data"]} if "data" in body else {"json": body["json"]} if "json" in body else {}
        answer = desk.ask(made["method"], path, params=made.get("params"), headers=headers, **content)
        desk.seen[answer.status_code] += 1
        assert answer.status_code < 500, (operation.label, urlsplit(path).path, made, answer.text)

    run()
