"""Reference values for `core.tails`, worked out by scipy: `python tests/core/tails_by_scipy.py > tests/core/tails_by_scipy.json`.

Needs scipy, which the project itself does not (docs/adr/0021): any environment that has it will do.
"""

from __future__ import annotations

import json
import random


def main() -> None:
    import scipy
    from scipy.stats import false_discovery_control, nbinom, poisson

    counts = []
    for mean in (0.0625, 0.4, 1, 4, 12.3, 28, 100, 700.5):
        for spread in (1, 1.04, 1.3, 2, 6):
            for away in (-0.9, -0.3, 0, 0.4, 1, 2, 5):
                count = round(mean + away * (mean * spread) ** 0.5 * 2)
                if count < 0:
                    continue
                law = poisson(mean) if spread == 1 else nbinom(mean / (spread - 1), 1 / spread)
                values = [float(one) for one in (law.sf(count - 1), law.cdf(count), law.pmf(count))]
                counts.append([count, mean, spread, *values])
    chance = random.Random(1995)  # noqa: S311  # values to compare, no secrets
    discoveries = []
    for tested in (1, 3, 20, 200):
        for _ in range(5):
            chances = [chance.random() ** chance.choice((1, 1, 4, 9)) for _ in range(tested)]
            adjusted = false_discovery_control(chances)
            discoveries.append([chances, 0.05, [bool(one <= 0.05) for one in adjusted]])
    told = {"by": f"scipy {scipy.__version__}", "counts": counts, "discoveries": discoveries}
    print(json.dumps(told, separators=(",", ":")))  # noqa: T201  # what it is for


if __name__ == "__main__":
    main()
