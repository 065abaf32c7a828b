"""What the service is made of, out of the locks: as CycloneDX JSON, and which of it is known to be vulnerable.

Vulnerabilities come from OSV: its API, or records of its schema in a file (a ZIP of them, as OSV publishes for an ecosystem, or one
record) or a directory. Where they cannot be had the answer is not "none": exit code 0 is none, 1 found, 2 not known.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tsbridge import __version__

API: Final = "https://api.osv.dev"
ECOSYSTEM: Final = "PyPI"
AT_ONCE: Final = 500
WITHIN_S: Final = 30.0
_LINE: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class NotKnown(Exception):
    """What is vulnerable cannot be found out; the text says why."""


@dataclass(frozen=True, slots=True)
class Component:
    """One line of a lock. `hashes`: SHA-256 of the files that may be installed for it."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def components(lock: str) -> tuple[Component, ...]:
    """What a lock names. Raises ValueError for a line that pins nothing, or has no hash."""
    found = []
    for line in lock.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pinned, hashes = _LINE.match(line), tuple(sorted(_HASH.findall(line)))
        if pinned is None or not hashes:
            raise ValueError(f"expected name==version with hashes, in the line that begins with {line[:40]!r}")
        found.append(Component(canonicalize_name(pinned[1]), pinned[2], hashes))
    return tuple(found)


def bill(runs: Iterable[Component], builds: Iterable[Component]) -> dict[str, Any]:
    """The bill of materials: what `runs`, and what is there to build and to test alone. The same bytes for the same locks."""
    required = {one.purl: one for one in runs}
    excluded = {one.purl: one for one in builds if one.purl not in required}
    root = f"pkg:generic/tsbridge@{__version__}"
    parts = [(one, "required") for one in required.values()] + [(one, "excluded") for one in excluded.values()]
    listed = [
        {
            "type": "library",
            "bom-ref": one.purl,
            "name": one.name,
            "version": one.version,
            "purl": one.purl,
            "scope": scope,
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.hashes],
        }
        for one, scope in sorted(parts, key=lambda part: part[0].purl)
    ]
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "tsbridge",
                "version": __version__,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": listed,
        "dependencies": [{"ref": root, "dependsOn": sorted(required)}],
    }
    return made | {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made, sort_keys=True))}"}


Found = Mapping[Component, Sequence[str]]
"""Ids of vulnerabilities by what has them."""


def in_records(parts: Iterable[Component], records: Iterable[Mapping[str, Any]]) -> Found:
    """Held against records of the OSV schema."""
    by_name: dict[str, list[Component]] = {}
    for part in parts:
        by_name.setdefault(part.name, []).append(part)
    found: dict[Component, list[str]] = {}
    for record in records:
        if record.get("withdrawn"):
            continue
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            if package.get("ecosystem") == ECOSYSTEM:
                for part in by_name.get(canonicalize_name(str(package.get("name", ""))), ()):
                    if is_affected(part.version, affected) and record["id"] not in found.setdefault(part, []):
                        found[part].append(record["id"])
    return {part: sorted(ids) for part, ids in found.items() if ids}


def is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    """Whether a version is among those that are listed, or within a range. One that cannot be read is: rather looked at than missed."""
    if version in affected.get("versions", ()):
        return True
    try:
        return any(_within(Version(version), span["events"]) for span in affected.get("ranges", ()) if span.get("type") == "ECOSYSTEM")
    except InvalidVersion:
        return True


def _within(version: Version, events: Sequence[Mapping[str, str]]) -> bool:
    within = False
    for kind, at in sorted(((kind, at) for event in events for kind, at in event.items()), key=_place):
        bound = Version(at) if at != "0" else None
        if kind == "introduced" and (bound is None or version >= bound):
            within = True
        elif bound is not None and ((kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound)):
            within = False
    return within


def _place(event: tuple[str, str]) -> tuple[bool, Version, bool]:
    kind, at = event
    return at != "0", Version(at), kind != "introduced"


def records_of(path: Path) -> Iterator[Mapping[str, Any]]:
    """Records in a ZIP, a file or a directory. Raises NotKnown where there are none or they cannot be read."""
    count = 0
    try:
        for text in _texts(path):
            record = json.loads(text)
            record["id"].strip()
            count += 1
            yield record
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as failure:
        raise NotKnown(f"{path}: expected records of the OSV schema, as JSON ({type(failure).__name__})") from None
    if not count:
        raise NotKnown(f"{path}: there is no record in it")


def _texts(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        yield from (one.read_bytes() for one in sorted(path.rglob("*.json")))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            yield from (packed.read(name) for name in sorted(packed.namelist()) if name.endswith(".json"))
    else:
        yield path.read_bytes()


def asked(parts: Sequence[Component], api: str = API) -> Found:
    """What OSV says. Raises NotKnown when it cannot be asked, or does not answer about each."""
    found: dict[Component, list[str]] = {}
    todo = [(part, {"package": {"name": part.name, "ecosystem": ECOSYSTEM}, "version": part.version}) for part in parts]
    while todo:
        now, todo = todo[:AT_ONCE], todo[AT_ONCE:]
        results = _post(f"{api}/v1/querybatch", {"queries": [query for _, query in now]}).get("results")
        if not isinstance(results, list) or len(results) != len(now):
            raise NotKnown("OSV did not answer about each component")
        for (part, query), result in zip(now, results, strict=True):
            if ids := [one["id"] for one in result.get("vulns", ())]:
                found.setdefault(part, []).extend(ids)
            if token := result.get("next_page_token"):
                todo.append((part, {**query, "page_token": token}))
    return {part: sorted(set(ids)) for part, ids in found.items()}


def _post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310  # OSV's, or a test's
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310
            return json.loads(answer.read())
    except (OSError, ValueError, urllib.error.URLError) as failure:
        raise NotKnown(f"OSV cannot be asked ({type(failure).__name__}); give its records with --database") from None


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools.audit", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("requirements.lock"), help="the lock of what runs")
    parser.add_argument("--builds", type=Path, default=Path("requirements-dev.lock"), help="the lock of what builds and tests")
    parser.add_argument("--sbom", type=Path, default=Path("build/sbom.json"), help="where the bill of materials goes")
    parser.add_argument("--database", type=Path, help="records of OSV, instead of asking it")
    parser.add_argument("--api", default=API, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    try:
        runs, builds = (components(path.read_text()) for path in (args.runs, args.builds))
    except (OSError, ValueError) as failure:
        print(f"the locks cannot be read: {failure}", file=sys.stderr)
        return 2
    made = bill(runs, builds)
    args.sbom.parent.mkdir(parents=True, exist_ok=True)
    args.sbom.write_text(json.dumps(made, indent=1) + "\n")
    print(f"{args.sbom}: {len(made['components'])} components, {len(runs)} of them run")
    parts = sorted({*runs, *builds}, key=lambda one: one.purl)
    try:
        found = asked(parts, args.api) if args.database is None else in_records(parts, records_of(args.database))
    except NotKnown as why:
        print(f"not known what of it is vulnerable: {why}", file=sys.stderr)
        return 2
    for part in sorted(found, key=lambda one: one.purl):
        where = "runs" if part in set(runs) else "builds and tests"
        print(f"{part.name} {part.version} ({where}): {', '.join(found[part])}")
    print(f"known to be vulnerable: {len(found)} of {len(parts)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
