"""The judge against the slow reader of the tests, over as many random pairs of rulebook and moment as one has patience for."""

from __future__ import annotations

from tests.core.rules.agreement import disagreements

A_BOOK = 30
SIZES = (3, 8, 20, 70, 130)


def run(pairs: int, seed: int) -> bool:
    """Print how many pairs agreed; False when one did not."""
    done, differing = 0, 0
    while done < pairs:
        found = disagreements(seed, A_BOOK, SIZES[seed % len(SIZES)])
        for said in found[:5]:
            print(f"  {said}")
        differing += bool(found)
        done, seed = done + A_BOOK, seed + 1
    print(f"Agreement with the slow reader: {done:,} pairs of rulebook and moment, {differing} rulebooks judged or explained otherwise\n")
    return not differing
