"""Zendesk's triggers, imported, against the interpreter of their semantics in the tests: what is called exact decides alike."""

from __future__ import annotations

from collections import Counter

from tests.rulebook.import_truth import run as held

TRIGGERS = 500


def run(tickets: int, seed: int) -> bool:
    """Hold 500 triggers of one condition against so many tickets and their updates. False when one rule called exact decides otherwise."""
    found = held(seed, TRIGGERS, tickets)
    fates = ", ".join(f"{count} {fate}" for fate, count in sorted(found.fates.items()))
    print(f"Imported triggers: {TRIGGERS} of one condition ({fates}), {tickets:,} tickets with {found.updates:,} updates:")
    print(f"{found.asked:,} answers of exact rules, {found.fired:,} of them yes; {len(found.wrong):,} not what Zendesk says\n")
    for said, count in Counter(f"{c['field']} {c['operator']} {c['value']}" for c, _, _ in found.wrong).most_common(10):
        print(f"  {said}: {count}")
    return not (found.wrong or found.faults)
