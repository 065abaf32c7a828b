"""`tsbridge`: the command line. Every command takes `--json`; exit codes: 0 fine, 1 found problems, 2 misuse."""

from __future__ import annotations

import gc
import json
import sys
from typing import Annotated, Any

import typer

from tsbridge.cli import (
    audit,
    checkup,
    duty,
    keys,
    queues,
    rejudge,
    replay,
    retained,
    roster,
    rules,
    run,
    shadow,
    simulate,
    talkdesk,
    versions,
    zendesk,
)
from tsbridge.cli.frame import Failed, wants_json
from tsbridge.core.rules.findings import RulebookError
from tsbridge.files import BadFile
from tsbridge.roster.read_parts import RosterError
from tsbridge.settings import BadSettings
from tsbridge.store.db import AlreadyServed, BadDatabase
from tsbridge.store.rulebooks import NoRulebook
from tsbridge.store.schema import SchemaTooNew
from tsbridge.store.sealkey import UnusableKey
from tsbridge.store.sqlite import UnsafeSqlite
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.wiring import NotMigrated

app = typer.Typer(
    name="tsbridge",
    help="The incident desk behind Zendesk and Talkdesk: hears, links, judges, routes, escalates, writes back, proves.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # a pretty traceback shows the values of variables
)
app.command()(run.serve)
app.command()(run.worker)
app.command()(run.migrate)
app.command()(checkup.doctor)
app.command("retention")(retained.retained)
rules.app.command("replay")(replay.replay)
rules.app.command("shadow")(shadow.shadow)
rules.app.command("diff")(versions.diff)
rules.app.command("import")(versions.import_)
rules.app.command("export")(versions.export)
rules.app.command("publish")(versions.publish)
rules.app.command("restore")(versions.restore)
roster.app.command("oncall")(duty.oncall)
roster.app.command("coverage")(duty.coverage)
roster.app.command("override")(duty.override)
roster.app.command("feed")(duty.feed)
app.add_typer(rules.app, name="rules")
app.add_typer(rejudge.app, name="cases")
app.add_typer(roster.app, name="roster")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(queues.events, name="events")
app.add_typer(queues.writebacks, name="writebacks")
app.add_typer(queues.escalations, name="escalations")
app.add_typer(zendesk.app, name="zendesk")
app.add_typer(talkdesk.app, name="talkdesk")
app.add_typer(simulate.app, name="simulate")


@app.command()
def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Leave everything running afterwards.")] = False,
    seed: Annotated[int, typer.Option(help="Another number, another weekend.")] = 7,
    tickets: Annotated[int, typer.Option(min=20, max=5_000)] = 300,
    calls: Annotated[int, typer.Option(min=10, max=5_000)] = 120,
) -> None:
    """A weekend of incidents against simulated vendors, on this machine alone."""
    from tsbridge import demo as show  # the simulators are no part of the running service

    raise typer.Exit(show.run(stay=stay, seed=seed, tickets=tickets, calls=calls))


def main() -> None:
    """Run the command of this process's arguments and exit."""
    spare_the_collector()
    try:
        app(prog_name="tsbridge")
    except Failed as failed:
        _end(failed.code, str(failed), failed.data)
    except BadSettings as refused:
        _end(2, "These settings cannot be used:\n" + "\n".join(f"  {line}" for line in refused.problems), {"problems": refused.problems})
    except RulebookError as refused:
        _end(1, f"The rulebook has faults: {refused}", {"findings": [finding.to_json() for finding in refused.findings]})
    except BadDatabase as refused:
        _end(2, f"TSBRIDGE_DATABASE_URL: {refused}", {})
    except UnusableKey as refused:
        _end(2, f"{refused}.", {})
    except RosterError as refused:
        _end(1, f"TSBRIDGE_ROSTER: the roster has faults: {refused}", {"findings": [finding.to_json() for finding in refused.findings]})
    except BadFile as refused:
        _end(2, f"TSBRIDGE_RULEBOOK or TSBRIDGE_ROSTER: the file {refused}", {})
    except NoRulebook:
        _end(1, "No such rulebook version; an empty database gets its first with `tsbridge serve`.", {})
    except (AlreadyServed, NotMigrated, SchemaTooNew, UnsafeSqlite) as refused:
        _end(1, f"{refused}.", {})
    except DATABASE_FAILURES as failure:
        _end(1, f"The database cannot be used just now ({type(failure).__name__}); `tsbridge doctor` says more.", {})


def spare_the_collector() -> None:
    """Let the garbage collector look less often, and never again at what has been imported.

    A page of history is some ten thousand values, none of them in a circle: at Python's own pace it is looked through a dozen times.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _end(code: int, words: str, data: dict[str, Any]) -> None:
    if wants_json():
        typer.echo(json.dumps({"error": words, **data}, ensure_ascii=False, indent=2, default=str))
    else:
        typer.echo(words, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
