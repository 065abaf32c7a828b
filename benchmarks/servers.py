"""The two servers the driver meets: the bridge's door in its whole application, and the barest thing that keeps a delivery.

`python -m benchmarks.servers door|bare DATABASE_URL PORT`. Both run on the same uvicorn, and the database is migrated before.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import uvicorn

from benchmarks.driver import SECRET
from tsbridge import server
from tsbridge.__main__ import spare_the_collector
from tsbridge.store import sqlite
from tsbridge.store.db import Database
from tsbridge.store.inbox_tables import BODY

COLUMNS = "id, source, dedupe_key, polled, received_at, headers, body, status, duplicates, attempts, due_at"
BODY_AT = COLUMNS.split(", ").index("body")


class Bare:
    """Verifies, inserts with the driver itself, commits what arrived meanwhile at once, answers. No reading, no dedupe answer.

    Bodies are encrypted where the database has a data key, as SQLite's always has: what people wrote is kept in no other way.
    """

    def __init__(self, url: str) -> None:
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1)
        self._count = 0
        self._secret = SECRET.encode()
        with Database.open(url) as database:  # its data keys are at hand once something was written
            database.write_now(lambda conn: None)
        self._vault = database.data_keys.vault
        self._connection: Any
        if url.startswith("sqlite"):
            self._connection = sqlite.library().connect(url.removeprefix("sqlite:///"), check_same_thread=False, isolation_level=None)
            for pragma in (*sqlite.PRAGMAS, "wal_autocheckpoint=4000"):
                self._connection.execute("PRAGMA " + pragma)
            self._mark, self._begin = "?", "BEGIN IMMEDIATE"
        else:
            self._connection = psycopg.connect(url, autocommit=True)
            self._mark, self._begin = "%s", "BEGIN"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = dict(scope["headers"])
        given = base64.b64decode(headers[b"x-zendesk-webhook-signature"])
        stamp = headers[b"x-zendesk-webhook-signature-timestamp"]
        if not hmac.compare_digest(given, hmac.digest(self._secret, stamp + body, hashlib.sha256)):
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        self._count += 1
        id_ = f"evt_{self._count}"
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(((id_, "zendesk", id_, False, 0, "{}", body, "pending", 0, 0, 0), future))
        if self._task is None:
            self._task = asyncio.create_task(self._commit())
        await future
        answer = b'{"event_id": "%s", "status": "accepted"}' % id_.encode()
        await send(
            {
                "type": "http.response.start",
                "status": 202,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await loop.run_in_executor(self._thread, self._insert, [row for row, _ in batch])
            for _, future in batch:
                future.set_result(None)
        self._task = None

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        rows = [(*row[:BODY_AT], self._vault.keep_bytes(BODY.place, row[BODY_AT]), *row[BODY_AT + 1 :]) for row in rows]
        marks = ", ".join(["(" + ", ".join([self._mark] * len(rows[0])) + ")"] * len(rows))
        self._connection.execute(self._begin)
        self._connection.execute(f"INSERT INTO inbox ({COLUMNS}) VALUES {marks}", [value for row in rows for value in row])  # noqa: S608
        self._connection.execute("COMMIT")


def bridge(url: str) -> Any:
    """The whole application, as `tsbridge serve --no-workers` makes it."""
    from pydantic import SecretStr

    from tsbridge.settings.model import Settings
    from tsbridge.wiring.bridge import bridge as assemble
    from tsbridge.wiring.clock_and_ids import SystemClock

    settings = Settings(database_url=SecretStr(url), zendesk_webhook_secrets=SECRET)  # type: ignore[arg-type]
    return assemble(settings, Database.open(url), SystemClock(), workers_inside=False)


if __name__ == "__main__":
    kind, url, port = sys.argv[1:]
    spare_the_collector()  # as the service does, here for both
    if kind == "bare":
        made = uvicorn.Config(
            Bare(url), host="127.0.0.1", port=int(port), log_config=None, access_log=False, proxy_headers=False, server_header=False
        )
    else:
        whole = bridge(url)
        made = server.config(whole.app, "127.0.0.1", int(port), whole.doors)
    uvicorn.Server(made).run()
