"""`tsbridge zendesk`: what has to stand over there, and catching up with what we did not hear."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

import typer

from tsbridge.cli.frame import AsJson, Failed, done, group, house, refuse, say, time_option
from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.roster import LOOPBACK
from tsbridge.document_files import dump
from tsbridge.settings.load import load
from tsbridge.store import stored_values
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors.zendesk import install
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.vendors.zendesk.schedules import as_calendars
from tsbridge.vendors.zendesk.setup import Kind, Step, lacking
from tsbridge.wiring.clients import make_zendesk
from tsbridge.wiring.clock_and_ids import SystemClock
from tsbridge.work.reads import ReadBudget
from tsbridge.work.reconcile import NAME, Reconciler

app = group()

T = TypeVar("T")
MARKS: Final = {"create": "+", "change": "~", "replace": "-/+", "remove": "-", "keep": "="}


@app.command()
def setup(
    url: Annotated[str | None, typer.Option(help="Where Zendesk reaches the bridge: https://bridge.example.com")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what would be done (the default).")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take away what is ours; with --plan only say what.")] = False,
    kind: Annotated[str, typer.Option(help="trigger (called by our two triggers) or events (subscribed to ticket events)")] = "trigger",
    secret_into: Annotated[Path | None, typer.Option(help="Write the webhooks' signing secrets into this new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the webhook and the two triggers that tell us of tickets, or say what is missing. Exit code 1: a plan with something to do."""
    if apply and plan:
        refuse("expected --plan or --apply, not both")
    if kind not in ("trigger", "events"):
        refuse("--kind: expected trigger or events")
    endpoint = "" if remove else _endpoint(url)
    chosen: Kind = "events" if kind == "events" else "trigger"
    doing = apply or (remove and not plan)

    async def work(zendesk: ZendeskClient) -> dict[str, Any]:
        granted = await install.scopes(zendesk)
        steps = await (install.removal(zendesk) if remove else install.planned(zendesk, endpoint, chosen))
        if doing:
            await install.carry_out(zendesk, steps)
        secrets = await install.signing_secrets(zendesk) if secret_into is not None and not remove else ()
        if secrets and secret_into is not None:
            _write_secrets(secret_into, secrets)
        return {"steps": steps, "lacking": lacking(granted or ()), "scopes": granted, "secret_written": bool(secrets)}

    found = with_zendesk(work)
    left = [step for step in found["steps"] if step.act != "keep"]
    shown = {**found, "steps": [step.to_json() for step in found["steps"]], "applied": doing}
    say(as_json, shown, _in_words(found, left, doing))
    done((doing or not left) and not found["lacking"])


@app.command()
def reconcile(as_json: AsJson = False) -> None:
    """Look at once for what webhooks missed, where the running service looks every two minutes."""
    _catch_up(NAME, None, as_json)


@app.command()
def backfill(
    since: Annotated[str, typer.Option("--from", help="Tickets changed since this time, such as 2026-11-01T00:00:00Z.")],
    again: Annotated[bool, typer.Option("--again", help="Begin anew, though this time was gone through before.")] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="Tell people, and fire steps that are overdue, as if it had just happened.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring history in: tickets that changed unheard since a time are read. Goes on where it was stopped; safe beside live traffic."""
    begin = time_option("from", since)
    if begin is None or begin > SystemClock().now() - timedelta(minutes=2):
        refuse("--from: expected a time at least two minutes ago")
    name = f"backfill:{begin.isoformat()}"
    if again:
        with house() as made:
            made.write(lambda conn: stored_values.forget(conn, name))
    _catch_up(name, begin, as_json, quiet=not notify)


@app.command()
def schedules(as_json: AsJson = False) -> None:
    """Print Zendesk's schedules with their holidays as calendars for the rulebook. Exit code 1: one could not be carried over whole."""
    carried = as_calendars(with_zendesk(ZendeskClient.schedules))
    shown = {"calendars": dict(carried.calendars), "left": list(carried.left)}
    say(as_json, shown, [dump({"calendars": shown["calendars"]}).rstrip(), *(f"# {words}" for words in carried.left)])
    done(not carried.left)


def _catch_up(name: str, begin: datetime | None, as_json: bool, *, quiet: bool = False) -> None:
    """Read the export to its end, a page at a time; waits as Zendesk asks."""

    async def work(zendesk: ZendeskClient) -> dict[str, int]:
        user = await zendesk.me()
        own = OwnUser(str(user["id"]), str(user.get("email") or "").lower() or None)
        live = LiveRulebook(made.settings.zone)
        reads = ReadBudget(made.database, made.clock, made.settings.zendesk_reads_per_minute)
        wakes = (_nobody, _nobody)
        worker = Reconciler(
            *(made.database, made.clock, made.ids, zendesk, lambda: own, "cli", _alarm, live, reads, *wakes), tells=True, quiet=quiet
        )
        tickets = told = 0
        while True:
            try:
                found = await worker.page(name, begin)
            except TryLater as wait:
                await asyncio.sleep((wait.after or timedelta(seconds=10)).total_seconds())
                continue
            tickets, told = tickets + found.tickets, told + found.told
            if sys.stderr.isatty():
                typer.echo(f"\r{tickets} tickets looked at, {told} of them to be read", nl=False, err=True)
            if found.end:
                return {"tickets": tickets, "told": told}
            if not found.whole:
                await asyncio.sleep(5)

    with house() as made:
        done_now = with_zendesk(work)
    if sys.stderr.isatty():
        typer.echo(err=True)
    say(
        as_json,
        done_now,
        [f"{done_now['tickets']} tickets looked at, {done_now['told']} had changed unheard: the running service reads them."],
    )


def _alarm(what: str, **named: object) -> None:
    typer.echo(f"{what}: {named}", err=True)


def _nobody() -> None:
    """The running service looks by itself."""


def with_zendesk(work: Callable[[ZendeskClient], Awaitable[T]]) -> T:
    """Run with a client of the settings' Zendesk; its troubles become plain words."""

    async def run() -> T:
        zendesk = make_zendesk(load(), SystemClock())
        if zendesk is None:
            refuse("TSBRIDGE_ZENDESK_URL and credentials are needed; see .env.example")
        try:
            return await work(zendesk)
        finally:
            await zendesk.close()

    try:
        return asyncio.run(run())
    except VendorError as trouble:
        raise Failed(f"Zendesk could not be asked: {trouble.reason}. `tsbridge doctor` says more.") from None


def _endpoint(url: str | None) -> str:
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname or (parts.scheme == "http" and parts.hostname not in LOOPBACK):
        refuse("--url: expected where Zendesk reaches the bridge, like https://bridge.example.com")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}" + ("" if path.endswith("/webhooks/zendesk") else "/webhooks/zendesk")


def _write_secrets(into: Path, secrets: Sequence[str]) -> None:
    """As TSBRIDGE_ZENDESK_WEBHOOK_SECRETS_FILE is read: with commas between them, one inside a secret behind a backslash."""
    try:
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        refuse("--secret-into: expected the name of a file that can be made and is not there yet")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(",".join(secret.replace(",", "\\,") for secret in secrets) + "\n")


def _in_words(found: dict[str, Any], left: list[Step], doing: bool) -> list[str]:
    lines = []
    for step in found["steps"]:
        why = f" ({', '.join(step.differences)})" if step.differences else ""
        lines.append(f"  {MARKS[step.act]:>3} {step.what} {step.name!r}{why}")
    if not lines:
        lines.append("Nothing of ours stands there.")
    if found["scopes"] is None:
        lines.append("Zendesk does not say what our credentials may do; an API token may do what its agent may.")
    if found["lacking"]:
        lines.append(f"The OAuth client lacks scopes: {' '.join(found['lacking'])}")
    counts = ", ".join(f"{sum(step.act == act for step in left)} to {act}" for act in ("create", "change", "replace", "remove"))
    if doing:
        lines.append(f"Done: {len(left)} steps." if left else "Nothing had to be done.")
    else:
        lines.append(f"Plan: {counts}. Nothing was done; --apply does it." if left else "Everything stands as it should.")
    if found["secret_written"]:
        lines.append("The signing secret is in the file; set TSBRIDGE_ZENDESK_WEBHOOK_SECRETS_FILE to it.")
    elif doing and any(step.what == "webhook" and step.act in ("create", "replace") for step in left):
        lines.append(
            "The webhook signs with a secret of its own: --secret-into FILE writes it; TSBRIDGE_ZENDESK_WEBHOOK_SECRETS_FILE takes it."
        )
    return lines
