"""Rulebooks as the commands take them: files by name or from standard input, published versions, the draft."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tsbridge.acts import documents
from tsbridge.cli.frame import Failed, House, house, owners_alone, refuse
from tsbridge.core.rules.findings import Finding
from tsbridge.document_files import BIGGEST, BadFile, Lines, bounded, dump, load_text, read_file, with_base
from tsbridge.roster.document import read as read_roster
from tsbridge.roster.read_parts import RosterError
from tsbridge.settings.load import load
from tsbridge.store import rulebooks
from tsbridge.wiring.bundled import starter_path

Place = Lines
"""The text, and the line on which the part behind a JSON pointer stands."""

STDIN: Final = Path("-")
File = Annotated[
    Path | None,
    typer.Argument(help="A rulebook in YAML or JSON, or - for standard input. Without it: the bundled one, or TSBRIDGE_RULEBOOK."),
]
WORDS: Final = "A file (- for standard input), a version number, `live` or `draft`."


def read_book(file: Path | None) -> tuple[Any, str, Place]:
    """A document, the file's name, and its lines. Whether it is a rulebook is another question."""
    return read_document(file or starter_path(load()))


def read_document(path: Path, *, dates: bool = False) -> tuple[Any, str, Place]:
    """As `read_book`, of any kind of document; `dates` as of `document_files.load_text`."""
    name = "standard input" if path == STDIN else path.name
    try:
        raw = bounded(sys.stdin.buffer.read(BIGGEST + 1)) if path == STDIN else read_file(path)
        return load_text(raw, dates=dates), name, Lines(raw)
    except BadFile as refused:
        where = name if refused.line is None else f"{name}:{refused.line}"
        raise Failed(f"{where}: {refused.words}", code=2, data={"file": name, "line": refused.line}) from None


def mapping(file: Path | None) -> tuple[dict[str, Any], str]:
    """A document that could be a rulebook, and the file's name."""
    document, name, _ = read_book(file)
    if not isinstance(document, dict):
        refuse(f"{name}: expected a mapping, as every rulebook is one")
    return document, name


def sound(file: Path | None) -> tuple[Any, str, Place]:
    """A document that can be judged by; else everything that is wrong with it, and exit code 1."""
    document, name, place = read_book(file)
    found = with_lines(documents.faults(document), place)
    if found:
        words = "\n".join(finding_words(one, name) for one in found)
        raise Failed(f"{words}\n{name} has faults; nothing was done.", data={"findings": found, "file": name})
    return document, name, place


def sound_roster(file: Path) -> tuple[Any, str, Place]:
    """The document of a roster; else everything that is wrong with it, and exit code 1."""
    document, name, place = read_document(file, dates=True)
    try:
        read_roster(document)
    except RosterError as refused:
        found = with_lines(refused.findings, place)
        words = "\n".join(finding_words(one, name) for one in found)
        raise Failed(f"{words}\n{name} has faults; nothing was done.", data={"findings": found, "file": name}) from None
    return document, name, place


def stored(made: House, version: int | None) -> Any:
    """A published version's document; without a number the live one's. Raises `NoRulebook`."""
    return made.read(lambda conn: rulebooks.get(conn, rulebooks.live_version(conn) if version is None else version).document)


def named(what: str) -> Any:
    """The document behind one of `WORDS`."""
    number = version_named(what)
    if what not in ("live", "draft") and number is None:
        return mapping(Path(what))[0]
    with house() as made:
        return made.read(rulebooks.draft).document if what == "draft" else stored(made, number)


def version_named(what: str) -> int | None:
    """The number of a version, where it is one."""
    return int(what) if what.isascii() and what.isdigit() and len(what) < 10 else None


def noted(note: str) -> str:
    """What `--note` says."""
    if not 0 < len(note.strip()) <= 2000:
        refuse("--note: expected 1 to 2000 characters")
    return note.strip()


def put_out(document: Any, version: int, into: Path | None, as_json: bool) -> None:
    """Print a document, or write it: as YAML, which says on which version it is based, or as JSON, which has no place for that."""
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n" if as_json else with_base(dump(document).encode(), version).decode()
    if into is None:
        typer.echo(text, nl=False)
    else:
        write_text(into, text)


def write_text(into: Path, text: str) -> None:
    """Write a file, its owner's alone where it is new, or say that it cannot be."""
    try:
        with open(into, "w", encoding="utf-8", opener=owners_alone) as file:
            file.write(text)
    except OSError:
        refuse("--into: this file cannot be written")


def with_lines(found: Iterable[Finding], place: Place) -> list[dict[str, Any]]:
    """Findings with the lines on which they are."""
    return [{**one.to_json(), "line": place(one.path)} for one in found]


def mark(file: Path, name: str, text: Place, number: int) -> None:
    """Say in the first line of a YAML file which version it is based on now. Somebody else's newer text is not touched."""
    if file == STDIN or text.raw.lstrip().startswith(b"{"):
        return
    try:
        if file.read_bytes() == text.raw:
            file.write_bytes(with_base(text.raw, number))
    except OSError:
        typer.echo(f"{name} could not be marked: publish it with --base {number} next time.", err=True)


def finding_words(one: dict[str, Any], name: str) -> str:
    """A finding as compilers tell theirs."""
    where = " ".join(str(part) for part in (one["rule"] and f"rule {one['rule']}", one["path"]) if part)
    return f"{name}:{one['line'] or 1}: {one['severity']}: {where}{': ' if where else ''}{one['message']} [{one['code']}]"
