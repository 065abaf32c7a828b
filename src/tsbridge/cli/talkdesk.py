"""`tsbridge talkdesk`: what to set up over there."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tsbridge.cli.frame import AsJson, group, refuse, say
from tsbridge.vendors.talkdesk.schema import TRIGGERS
from tsbridge.vendors.talkdesk.schema import schema as schema_of

app = group()


@app.callback()
def _several() -> None:
    """What to set up in Talkdesk."""


@app.command()
def schema(
    trigger: Annotated[str | None, typer.Argument(help="One of the triggers; without it all are listed.")] = None, as_json: AsJson = False
) -> None:
    """The flat body that a Talkdesk automation of this trigger should send, to paste into its action."""
    if trigger is None:
        say(as_json, {"triggers": sorted(TRIGGERS)}, sorted(TRIGGERS))
        return
    if trigger not in TRIGGERS:
        refuse(f"TRIGGER: expected one of {', '.join(sorted(TRIGGERS))}")
    body = schema_of(trigger)
    say(as_json, body, [json.dumps(body, ensure_ascii=False, indent=2)])
