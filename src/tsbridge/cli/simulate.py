"""`tsbridge simulate`: a Zendesk, a Talkdesk, and a weekend that is played in them. No real account is touched."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tsbridge.cli.frame import AsJson, done, group, say

app = group()

Stamps = Literal["seconds", "minutes"]
Locale = Literal["en-US", "de", "ja"]
Host = Annotated[str, typer.Option(help="Where to listen.")]


@app.callback()
def _several() -> None:
    """Simulated vendors to try things against."""


@app.command()
def talkdesk(
    webhook_url: Annotated[str, typer.Option(help="Where its automations send what happens.")] = "http://127.0.0.1:8080/webhooks/talkdesk",
    key: Annotated[str, typer.Option(help="The secret they present: one of TSBRIDGE_TALKDESK_WEBHOOK_SECRETS.")] = "simulated-talkdesk-key",
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
def sinks(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where chats and webhooks arrive, and what came is shown.")] = 9030,
    mail_port: Annotated[int, typer.Option(min=0, max=65_535, help="Where mail arrives.")] = 9025,
    as_json: AsJson = False,
) -> None:
    """A mail server and a chat that keep what they get: TSBRIDGE_SMTP_URL=smtp://127.0.0.1:9025, ways to http://127.0.0.1:9030/slack/x."""
    from tsbridge.simulator.sinks import run  # no part of the running service

    lines = [f"Mail at smtp://{host}:{mail_port}, chats at http://{host}:{port}; GET /_sim/received shows what came. Ctrl-C ends it."]
    say(as_json, {"url": f"http://{host}:{port}", "smtp_url": f"smtp://{host}:{mail_port}"}, lines)
    run(host, port, mail_port)


@app.command()
def zendesk(
    webhook_url: Annotated[str, typer.Option(help="Where it sends all ticket events.")] = "http://127.0.0.1:8080/webhooks/zendesk",
    secret: Annotated[str, typer.Option(help="What it signs with: one of TSBRIDGE_ZENDESK_WEBHOOK_SECRETS.")] = "simulated-zendesk-secret",  # noqa: S107  # a simulated account's
    client_id: Annotated[str, typer.Option(help="TSBRIDGE_ZENDESK_CLIENT_ID")] = "tsbridge",
    client_secret: Annotated[str, typer.Option(help="TSBRIDGE_ZENDESK_CLIENT_SECRET")] = "secret",  # noqa: S107  # a simulated account's
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 9010,
    seed: Annotated[int, typer.Option(help="Another number, another account.")] = 1,
    account: Annotated[str, typer.Option(help="The account's name, as its triggers tell it.")] = "Example",
    stamps: Annotated[Stamps, typer.Option(help="How exact the times in its triggers' bodies are.")] = "seconds",
    locale: Annotated[Locale, typer.Option(help="The language of statuses, priorities and channels in its triggers' bodies.")] = "en-US",
    limits: Annotated[bool, typer.Option(help="Enforce Zendesk's rate limits (100 ticket updates a minute and the others).")] = True,
    as_json: AsJson = False,
) -> None:
    """A Zendesk account with memory: tickets, triggers, signed webhooks, limits, faults."""
    from tsbridge.simulator.zendesk import Display, Limits, run  # no part of the running service

    say(as_json, {"url": f"http://{host}:{port}"}, [f"Zendesk at http://{host}:{port}, sending to {webhook_url}. Ctrl-C ends it."])
    rates = Limits() if limits else Limits.off()
    run(
        host,
        port,
        webhook_url,
        secret,
        seed,
        limits=rates,
        client_id=client_id,
        client_secret=client_secret,
        display=Display(account, stamps, locale),
    )


@app.command()
def scenario(
    zendesk_url: Annotated[str, typer.Option(help="A simulated Zendesk that runs already.")] = "http://127.0.0.1:9010",
    talkdesk_url: Annotated[str, typer.Option(help="A simulated Talkdesk that runs already.")] = "http://127.0.0.1:9020",
    seed: Annotated[int, typer.Option(help="Another number, another weekend.")] = 7,
    tickets: Annotated[int, typer.Option(min=10, max=5_000)] = 300,
    calls: Annotated[int, typer.Option(min=0, max=5_000)] = 120,
    seconds: Annotated[float, typer.Option(min=1, help="How long the weekend of 62 hours shall take.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """A weekend of incidents, played in both simulators. Exit code 1 when tickets end otherwise than the stories expect."""
    from tsbridge.simulator.scenario_run import run  # no part of the running service

    played, wrong = run(zendesk_url, talkdesk_url, seed=seed, tickets=tickets, calls=calls, seconds=seconds)
    lines = [*wrong, f"{played.done} of {played.total} acts played; {len(wrong)} tickets are not as their stories expect."]
    say(as_json, {"acts": played.total, "done": played.done, "unmet": list(wrong)}, lines)
    done(not wrong)
