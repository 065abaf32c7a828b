"""The bridge as the demo sees it: a process of its own, started with settings, asked over HTTP, ended by its id."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tsbridge.demo.summary import Figures, read_metrics

READY_WITHIN_S = 60.0


class NotRunning(Exception):
    """The bridge did not start, or is gone. The message ends with its last words."""


class Bridge:
    """`tsbridge zendesk setup`, then `tsbridge serve`, on a free loopback port, its files in `folder`. An async context manager."""

    def __init__(self, folder: Path, settings: Mapping[str, str], key: str) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {**settings, "TSBRIDGE_PUBLIC_URL": self.url}
        self._log = folder / "bridge.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=10)

    async def __aenter__(self) -> Bridge:
        # Whatever the user's own environment says about tsbridge is not meant for the demo, least of all a database.
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("TSBRIDGE_")}
        secret = self._folder / "zendesk-secret"
        await self._set_up({**inherited, **self._settings}, secret)
        settings = {**inherited, **self._settings, "TSBRIDGE_ZENDESK_WEBHOOK_SECRETS_FILE": str(secret)}
        command = [sys.executable, "-m", "tsbridge", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220  # our own interpreter and module; returns at once
                command, cwd=self._folder, env=settings, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            await self._ready()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 15)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def get(self, path: str, **params: str) -> Any:
        self.check()
        answer = await self._client.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    async def ask(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        self.check()
        answer = await self._client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def figures(self) -> Figures:
        self.check()
        answer = await self._client.get("/metrics")
        answer.raise_for_status()
        return read_metrics(answer.text)

    def check(self) -> None:
        """Raises `NotRunning` when the process is gone."""
        if self._process is None or self._process.poll() is not None:
            raise NotRunning(f"the bridge has ended; its last words:\n{self.last_words()}")

    def last_words(self, lines: int = 25) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(f"    {line[:400]}" for line in text.splitlines()[-lines:])

    async def _set_up(self, settings: Mapping[str, str], secret: Path) -> None:
        """What an admin does first: the webhook and the two triggers in Zendesk, and the secret it signs with."""
        command = ["zendesk", "setup", "--url", self.url, "--apply", "--secret-into", str(secret)]
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tsbridge", *command),
            cwd=self._folder,
            env=settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await made.communicate()
        if made.returncode != 0:
            raise NotRunning(f"tsbridge zendesk setup did not go through; it said:\n{said.decode(errors='replace')}")

    async def _ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            self.check()
            try:
                if (await self._client.get("/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
        raise NotRunning(f"the bridge was not ready within {READY_WITHIN_S:.0f} s; its last words:\n{self.last_words()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
