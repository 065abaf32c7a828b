"""How long an editor waits: saving one rule of many with its findings, the findings of the whole draft, publishing."""

from __future__ import annotations

import statistics
import time
from typing import Any

import httpx

from benchmarks.rulebooks import World
from benchmarks.service import KEY, running

RULES, ROUTING, SAVES, PUBLICATIONS = 400, 99, 15, 3
AIMS_MS = {"save one rule": 300, "publish": 2_000}


def run(seed: int = 1) -> bool:
    """Print the table; whether the aims are met."""
    document = World(seed, RULES + ROUTING).document(RULES, routing=ROUTING)
    took: dict[str, list[float]] = {"replace the draft": [], "save one rule": [], "publish": []}
    with running() as service, httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as client:
        for turn in range(PUBLICATIONS):
            document["title"] = f"turn {turn}"
            whole = _timed(took["replace the draft"], client, "PUT", "/v1/rulebook/draft", {"document": document}, _tag(client, ""))
            for place in range(turn, RULES, RULES // SAVES * PUBLICATIONS):
                rule = {**document["rules"][place], "title": f"saved in turn {turn}"}
                path = f"/rules/{rule['key']}"
                _timed(took["save one rule"], client, "PUT", f"/v1/rulebook/draft{path}", rule, _tag(client, path))
            _timed(took["publish"], client, "POST", "/v1/rulebook/publish", {"note": f"turn {turn}"}, _tag(client, ""))
    print(f"Editing: {len(document['rules'])} rules, {len(whole['findings'])} findings, over HTTP, check included\n")
    print(f"{'':<22}{'median ms':>11}{'worst ms':>10}{'times':>7}")
    for what, times in took.items():
        print(f"{what:<22}{statistics.median(times):>11.0f}{max(times):>10.0f}{len(times):>7}")
    print("\naims: " + ", ".join(f"{what} under {aim:,} ms" for what, aim in AIMS_MS.items()) + " (median)\n")
    return all(statistics.median(took[what]) < aim for what, aim in AIMS_MS.items())


def _tag(client: httpx.Client, path: str) -> dict[str, str]:
    return {"If-Match": client.get(f"/v1/rulebook/draft{path}").raise_for_status().headers["ETag"]}


def _timed(into: list[float], client: httpx.Client, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
    begun = time.perf_counter()
    answer = client.request(method, path, json=body, headers=headers)
    into.append((time.perf_counter() - begun) * 1_000)
    return answer.raise_for_status().json()
