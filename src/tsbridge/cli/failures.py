"""What the rooms of the house may refuse, in words: exit code, what to say, and data for `--json`."""

from __future__ import annotations

from typing import Any

from tsbridge.acts.errors import Refused
from tsbridge.core.rules.findings import RulebookError
from tsbridge.core.unreadable import Unreadable
from tsbridge.document_files import BadFile
from tsbridge.log import failure_told
from tsbridge.roster.read_parts import RosterError
from tsbridge.settings.model import BadSettings
from tsbridge.store.availability import BadDatabase
from tsbridge.store.keyfile import UnusableKey
from tsbridge.store.rulebooks import NoRulebook
from tsbridge.store.schema import SchemaTooNew
from tsbridge.store.served_alone import AlreadyServed
from tsbridge.store.sqlite import UnsafeSqlite
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.wiring.prepare import NotMigrated


def told(failure: Exception) -> tuple[int, str, dict[str, Any]]:
    """Of a failure that nobody foresaw what it is and where: its own words may quote what people wrote."""
    match failure:
        case Refused():
            return 1, str(failure), getattr(failure, "more", {})
        case BadSettings():
            lines = "\n".join(f"  {line}" for line in failure.problems)
            return 2, f"These settings cannot be used:\n{lines}", {"problems": failure.problems}
        case RulebookError():
            return 1, f"The rulebook has faults: {failure}", {"findings": [finding.to_json() for finding in failure.findings]}
        case Refused():
            return 1, str(failure), getattr(failure, "more", {})
        case BadDatabase():
            return 2, f"TSBRIDGE_DATABASE_URL: {failure}", {}
        case UnusableKey():
            return 2, f"{failure}.", {}
        case RosterError():
            found = [finding.to_json() for finding in failure.findings]
            return 1, f"TSBRIDGE_ROSTER: the roster has faults: {failure}", {"findings": found}
        case BadFile():
            return 2, f"TSBRIDGE_RULEBOOK or TSBRIDGE_ROSTER: the file {failure}", {}
        case Unreadable():
            return 1, f"Something that is kept cannot be read: {failure}. `tsbridge audit verify` says what else.", {}
        case NoRulebook():
            return 1, "No such rulebook version; an empty database gets its first with `tsbridge serve`.", {}
        case AlreadyServed() | NotMigrated() | SchemaTooNew() | UnsafeSqlite():
            return 1, f"{failure}.", {}
    if isinstance(failure, DATABASE_FAILURES):
        return 1, f"The database cannot be used just now ({type(failure).__name__}); `tsbridge doctor` says more.", {}
    return 1, f"Nobody foresaw this; please report it: {failure_told(failure)}", {}
