"""The simulated Talkdesk over HTTP: its public API, and `/_sim/...` to drive and disturb it.

Control: `POST /_sim/act` {"act", "args"}; `POST /_sim/clock` {"now"}; `GET|PUT /_sim/faults`; `POST /_sim/pump`;
`GET /_sim/deliveries`. With `pumping`, whatever fires is sent at once by a task of the application.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tsbridge.simulator.talkdesk.acts import SettableClock, perform
from tsbridge.simulator.talkdesk.api import Answer, Api, error, unfit
from tsbridge.simulator.talkdesk.automations import Style
from tsbridge.simulator.talkdesk.delivery import Automations, Faults, Present
from tsbridge.simulator.talkdesk.world import Unfit, World


class Talkdesk:
    """A whole account: world, API, automations, with one clock and one source of randomness."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        real: Callable[[], datetime],
        *,
        webhook_url: str,
        key: str,
        seed: int = 1,
        client_id: str = "tsbridge",
        client_secret: str = "",
        present: Present = "header",
        style: Style = "literal",
        at_once: int = 1,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311  # a simulator's world, reproducible by its seed
        self.clock = SettableClock(real)
        self.faults = Faults()
        self.world = World(self.clock, rng)
        self.api = Api(self.world, real, rng, client_id, client_secret or key, self.faults)
        self.automations = Automations(
            self.world, client, webhook_url, key, rng, present=present, style=style, faults=self.faults, at_once=at_once
        )
        self.fired = asyncio.Event()

    def act(self, act: str, args: Mapping[str, Any]) -> dict[str, Any]:
        done = perform(self.world, act, args)
        self.fired.set()
        return done

    async def pump_forever(self) -> None:
        while True:
            await self.fired.wait()
            self.fired.clear()
            await self.automations.pump()


def make_app(talkdesk: Talkdesk, *, pumping: bool) -> Starlette:
    api = talkdesk.api

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(talkdesk.pump_forever()) if pumping else None
        yield
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def guarded(route: Callable[[Request], Awaitable[Answer]]) -> Callable[[Request], Awaitable[Response]]:
        async def call(request: Request) -> Response:
            return _respond(api.turned_away(request.headers.get("authorization", "")) or await route(request))

        return call

    async def token(request: Request) -> Response:
        form = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
        return _respond(api.token(form, request.headers.get("authorization", "")))

    async def contacts(request: Request) -> Answer:
        return api.contacts(request.query_params)

    async def contact(request: Request) -> Answer:
        return api.contact(request.path_params["id"])

    async def integrations(request: Request) -> Answer:
        return api.integrations(request.path_params["id"])

    async def users(request: Request) -> Answer:
        return api.users(request.query_params)

    async def calls(request: Request) -> Answer:
        return api.calls(request.query_params)

    async def call(request: Request) -> Answer:
        return api.call(request.path_params["id"])

    async def recordings(request: Request) -> Answer:
        return api.recordings(request.path_params["id"])

    async def recording(request: Request) -> Answer:
        return api.recording(request.path_params["id"])

    async def media(request: Request) -> Answer:
        return api.media(request.path_params["id"])

    async def custom_fields(request: Request) -> Answer:
        content = await _json(request)
        return content if isinstance(content, tuple) else api.write_custom_fields(content)

    async def ask_report(request: Request) -> Answer:
        content = await _json(request)
        return content if isinstance(content, tuple) else api.ask_report(request.path_params["kind"], content)

    async def report_job(request: Request) -> Answer:
        return api.report_job(request.path_params["id"])

    async def report_file(request: Request) -> Answer:
        return api.report_file(request.path_params["id"])

    async def act(request: Request) -> Response:
        content = await _json(request)
        if isinstance(content, tuple):
            return _respond(content)
        try:
            if "at" in content:
                talkdesk.clock.put(datetime.fromisoformat(content["at"]))
            return JSONResponse(talkdesk.act(str(content.get("act")), content.get("args") or {}))
        except Unfit as problem:
            return _respond(unfit(problem))

    async def clock(request: Request) -> Response:
        content = await _json(request)
        if isinstance(content, tuple):
            return _respond(content)
        talkdesk.clock.put(datetime.fromisoformat(content["now"]))
        return JSONResponse({"now": talkdesk.clock().isoformat()})

    async def faults(request: Request) -> Response:
        if request.method == "PUT":
            content = await _json(request)
            if isinstance(content, tuple):
                return _respond(content)
            known = asdict(talkdesk.faults)
            if unknown := sorted(set(content) - set(known)):
                return _respond(error(422, "unfit", f"expected some of {', '.join(known)}, got {len(unknown)} others"))
            for name, value in content.items():
                setattr(talkdesk.faults, name, type(known[name])(value))
        return JSONResponse(asdict(talkdesk.faults))

    async def pump(_: Request) -> Response:
        return JSONResponse({"sent": await talkdesk.automations.pump()})

    async def deliveries(_: Request) -> Response:
        automations = talkdesk.automations
        answers = Counter(str(delivery.status) for delivery in automations.deliveries)
        return JSONResponse(
            {
                "sent": automations.sent,
                "dropped": automations.dropped,
                "duplicated": automations.duplicated,
                "waiting": automations.waiting,
                "answers": dict(answers),
            }
        )

    routes = [
        Route("/oauth/token", token, methods=["POST"]),
        Route("/contacts", guarded(contacts)),
        Route("/contacts/{id}", guarded(contact)),
        Route("/contacts/{id}/integrations", guarded(integrations)),
        Route("/users", guarded(users)),
        Route("/calls", guarded(calls)),
        Route("/calls/{id}", guarded(call)),
        Route("/calls/{id}/recordings", guarded(recordings)),
        Route("/recordings/{id}", guarded(recording)),
        Route("/recordings/{id}/media", guarded(media)),
        Route("/interaction-custom-fields", guarded(custom_fields), methods=["POST"]),
        Route("/data/reports/{kind}/jobs", guarded(ask_report), methods=["POST"]),
        Route("/data/reports/calls/jobs/{id}", guarded(report_job)),
        Route("/data/reports/calls/files/{id}", guarded(report_file)),
        Route("/_sim/act", act, methods=["POST"]),
        Route("/_sim/clock", clock, methods=["POST"]),
        Route("/_sim/faults", faults, methods=["GET", "PUT"]),
        Route("/_sim/pump", pump, methods=["POST"]),
        Route("/_sim/deliveries", deliveries),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def run(
    host: str,
    port: int,
    webhook_url: str,
    key: str,
    seed: int = 1,
    *,
    client_id: str = "tsbridge",
    client_secret: str = "",
    present: Present = "header",
    style: Style = "literal",
) -> None:
    """Serve until stopped; what fires is sent at once. The client secret is the webhook key unless given."""

    async def serve() -> None:
        async with httpx.AsyncClient(timeout=10) as client:
            talkdesk = Talkdesk(
                client,
                lambda: datetime.now(UTC),
                webhook_url=webhook_url,
                key=key,
                seed=seed,
                client_id=client_id,
                client_secret=client_secret,
                present=present,
                style=style,
                at_once=4,
            )
            config = uvicorn.Config(make_app(talkdesk, pumping=True), host=host, port=port, log_level="warning", access_log=False)
            await uvicorn.Server(config).serve()

    asyncio.run(serve())


def _respond(answer: Answer) -> Response:
    status, body, headers = answer
    headers = {**headers, "platform-tid": f"{status}-sim"}
    return Response(status_code=status, headers=headers) if status == 302 else JSONResponse(body, status, headers)


async def _json(request: Request) -> dict[str, Any] | Answer:
    try:
        content = await request.json()
    except ValueError:
        return error(400, "bad_request", "Expected a JSON body")
    return content if isinstance(content, dict) else error(400, "bad_request", "Expected a JSON object")
