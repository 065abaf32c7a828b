"""`tsbridge simulate`: a Zendesk, a Talkdesk, and a weekend that is played in them. No real account is touched."""

from __future__ import annotations

from typing import Annotated

import typer

from tsbridge.cli.frame import AsJson, group, say

app = group("Simulated vendors to try things against.")

Host = Annotated[str, typer.Option(help="Where to listen.")]


@app.callback()
def _several() -> None:
    """Simulated vendors to try things against."""


@app.command()
def talkdesk(
    webhook_url: Annotated[str, typer.Option(help="Where its automations send what happens.")] = "http://127.0.0.1:8080/webhooks/talkdesk",
    key: Annotated[str, typer.Option(help="The secret they present: one of TSBRIDGE_TALKDESK_WEBHOOK_SECRETS.")] = "talkdesk-key",
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 9020,
    seed: Annotated[int, typer.Option(help="Another number, another account.")] = 1,
    as_json: AsJson = False,
) -> None:
    """A Talkdesk account with memory, its automations and its API. Drive it with POST /_sim/act."""
    from tsbridge.simulator.talkdesk import run  # no part of the running service

    say(as_json, {"url": f"http://{host}:{port}"}, [f"Talkdesk at http://{host}:{port}, sending to {webhook_url}. Ctrl-C ends it."])
    run(host, port, webhook_url, key, seed)


@app.command()
def zendesk(
    webhook_url: Annotated[str, typer.Option(help="Where it sends all ticket events.")] = "http://127.0.0.1:8080/webhooks/zendesk",
    secret: Annotated[str, typer.Option(help="What it signs with: one of TSBRIDGE_ZENDESK_WEBHOOK_SECRETS.")] = "zendesk-secret",  # noqa: S107  # a simulated account's
    client_id: Annotated[str, typer.Option(help="TSBRIDGE_ZENDESK_CLIENT_ID")] = "tsbridge",
    client_secret: Annotated[str, typer.Option(help="TSBRIDGE_ZENDESK_CLIENT_SECRET")] = "secret",  # noqa: S107  # a simulated account's
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 9010,
    seed: Annotated[int, typer.Option(help="Another number, another account.")] = 1,
    as_json: AsJson = False,
) -> None:
    """A Zendesk account with memory: tickets, triggers, signed webhooks, limits, faults."""
    from tsbridge.simulator.zendesk import run  # no part of the running service

    say(as_json, {"url": f"http://{host}:{port}"}, [f"Zendesk at http://{host}:{port}, sending to {webhook_url}. Ctrl-C ends it."])
    run(host, port, webhook_url, secret, seed, client_id=client_id, client_secret=client_secret)
