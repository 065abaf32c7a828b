"""`tsbridge`: the command line. Every command takes `--json`; exit codes: 0 fine, 1 found problems, 2 misuse.

What a command needs is imported when the command is asked for: the house is large, and `--help` needs nothing of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import typer

from tsbridge.cli import run
from tsbridge.cli.frame import Failed, spare_the_collector, wants_json


@cache
def _rules() -> typer.Typer:
    from tsbridge.cli import replay, rules, shadow, versions

    rules.app.command("replay")(replay.replay)
    rules.app.command("shadow")(shadow.shadow)
    rules.app.command("diff")(versions.diff)
    rules.app.command("import")(versions.import_)
    rules.app.command("export")(versions.export)
    rules.app.command("publish")(versions.publish)
    rules.app.command("restore")(versions.restore)
    return rules.app


def _cases() -> typer.Typer:
    from tsbridge.cli import rejudge

    return rejudge.app


@cache
def _roster() -> typer.Typer:
    from tsbridge.cli import duty, roster

    roster.app.command("oncall")(duty.oncall)
    roster.app.command("coverage")(duty.coverage)
    roster.app.command("override")(duty.override)
    roster.app.command("feed")(duty.feed)
    return roster.app


def _keys() -> typer.Typer:
    from tsbridge.cli import keys

    return keys.app


def _encryption() -> typer.Typer:
    from tsbridge.cli import encryption

    return encryption.app


def _audit() -> typer.Typer:
    from tsbridge.cli import audit

    return audit.app


def _events() -> typer.Typer:
    from tsbridge.cli import queues

    return queues.events


def _writebacks() -> typer.Typer:
    from tsbridge.cli import queues

    return queues.writebacks


def _escalations() -> typer.Typer:
    from tsbridge.cli import queues

    return queues.escalations


def _zendesk() -> typer.Typer:
    from tsbridge.cli import zendesk

    return zendesk.app


def _talkdesk() -> typer.Typer:
    from tsbridge.cli import talkdesk

    return talkdesk.app


def _simulate() -> typer.Typer:
    from tsbridge.cli import simulate

    return simulate.app


def _erase() -> Callable[..., None]:
    from tsbridge.cli import erase

    return erase.erase


def _named_only() -> None:
    """A command of which nothing but its name and its words are wanted."""


COMMANDS: Final[dict[str, tuple[str, Callable[[], Callable[..., None]]]]] = {
    "erase": ("Forget a person: a plan first, then all that was said by them and about them goes, with a certificate.", _erase),
}
GROUPS: Final[dict[str, tuple[str, Callable[[], typer.Typer]]]] = {
    "rules": ("The rulebook: check it, test it, try it, compare it, publish it.", _rules),
    "cases": ("Open cases.", _cases),
    "roster": ("The roster: who works when, who is on call and why, and the holes.", _roster),
    "keys": ("API keys: made here, shown once, revoked here.", _keys),
    "encryption": ("What names and words of people are encrypted under: make a key, change it, see how far it is.", _encryption),
    "audit": ("The audit: verify it, take it away.", _audit),
    "events": ("The inbox: every delivery and what became of it.", _events),
    "writebacks": ("Wishes for tickets and how far they got.", _writebacks),
    "escalations": ("Steps of escalations: what comes next, what is overdue, what nobody has in hand.", _escalations),
    "zendesk": ("What has to stand in Zendesk, and catching up with what was not heard.", _zendesk),
    "talkdesk": ("What to set up in Talkdesk.", _talkdesk),
    "simulate": ("Simulated vendors to try things against.", _simulate),
}


def commands(*groups: str) -> typer.Typer:
    """All commands; of the groups, and of the larger commands, those that are named are whole, the others have only their words."""
    app = typer.Typer(
        name="tsbridge",
        help="The incident desk behind Zendesk and Talkdesk: hears, links, judges, routes, escalates, writes back, proves.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,  # a pretty traceback shows the values of variables
    )
    for command in (run.serve, run.worker, run.migrate, run.doctor, run.retention, run.demo):
        app.command()(command)
    for name, (words, made_one) in COMMANDS.items():
        app.command(name, help=words)(made_one() if name in groups else _named_only)
    for name, (words, made) in GROUPS.items():
        app.add_typer(made() if name in groups else typer.Typer(), name=name, help=words)
    return app


def main() -> None:
    """Run the command of this process's arguments and exit."""
    spare_the_collector()
    try:
        commands(*sys.argv[1:2])(prog_name="tsbridge")
    except Failed as failed:
        _end(failed.code, str(failed), failed.data)
    except Exception as failure:
        from tsbridge.cli.failures import told  # knows what every room may refuse

        _end(*told(failure))


def _end(code: int, words: str, data: dict[str, Any]) -> None:
    if wants_json():
        typer.echo(json.dumps({"error": words, **data}, ensure_ascii=False, indent=2, default=str))
    else:
        typer.echo(words, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
