"""What does prediction save against running to failure, a fixed interval, and perfect foresight?

    python bench/predict/cost.py --data DIR [--set FD001]

A failure costs five planned stops. Sixty engines of C-MAPSS are learnt from (babbitt/prognosis/fleet/), the other forty are run cycle by
cycle: at each the model says the chance of a failure within a twentieth of the mean life, and the rule of babbitt/prognosis/advice.py
stops or goes on. The rule has no threshold that was chosen: costs, the mean life of the sixty, and theory.

Cost a cycle over the forty lives, by policy: run to failure; the fixed interval that is best for the forty themselves (more than
anybody could know) and that which is best for the sixty; the prediction; perfect foresight (a cycle before the end). The figure is the
share of the achievable saving, (failure - policy) / (failure - foresight); the baseline is that of the best fixed interval. The last line
of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from cmapss import CAP, fleet, load  # noqa: E402

from babbitt.prognosis.advice import HORIZON, advise  # noqa: E402
from babbitt.prognosis.fleet.history import Fleet  # noqa: E402
from babbitt.prognosis.fleet.model import train  # noqa: E402

PLANNED, FAILURE = 1.0, 5.0
LEARN = 60
GOAL = 0.95


def rate(stops: Sequence[float], lives: Sequence[float]) -> float:
    """Cost a cycle when each life is stopped at a time; a stop at its end or later is a failure."""
    cost = sum(FAILURE if stop >= life else PLANNED for stop, life in zip(stops, lives, strict=True))
    return cost / sum(min(stop, life) for stop, life in zip(stops, lives, strict=True))


def best_interval(lives: Sequence[float]) -> float:
    """The fixed interval that costs least for these lives."""
    tries = np.arange(10.0, max(lives) + 1)
    return float(min(tries.tolist(), key=lambda at: rate([at] * len(lives), lives)))


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    parser.add_argument("--set", default="FD001")
    given = parser.parse_args()
    whole = fleet(load(given.data / "cmapss" / f"train_{given.set}.txt"), failed=True)
    order = np.random.default_rng(7).permutation(len(whole.histories)).tolist()
    learning = Fleet(tuple(whole.histories[n] for n in order[:LEARN]), whole.channels, whole.settings)
    tested = [whole.histories[n] for n in order[LEARN : LEARN + 40]]
    model = train(
        learning, CAP, lambda what, n, of: print(f"{what}, {n} of {of}", file=sys.stderr, flush=True)
    )
    mean_life = float(model.trained["mean_life"])
    horizon = HORIZON * mean_life
    stops, lives, failed = [], [], 0
    for history in tested:
        life = float(history.time[-1])
        middles = model.middles(history).tolist()
        stop = next(
            (
                float(at)
                for at, middle in zip(history.time.tolist(), middles, strict=True)
                if advise(model.chance(middle, horizon), PLANNED, FAILURE, mean_life, horizon).now
            ),
            life,
        )
        failed += stop >= life
        stops.append(stop)
        lives.append(life)
    known = [float(h.time[-1]) for h in learning.histories]
    costs = {
        "run_to_failure": rate(lives, lives),
        "best_interval": rate([best_interval(lives)] * len(lives), lives),
        "interval_of_the_sixty": rate([best_interval(known)] * len(lives), lives),
        "prediction": rate(stops, lives),
        "foresight": rate([life - 1 for life in lives], lives),
    }
    most = costs["run_to_failure"] - costs["foresight"]
    shares = {name: round((costs["run_to_failure"] - cost) / most, 3) for name, cost in costs.items()}
    wasted = float(np.mean([life - stop for stop, life in zip(stops, lives, strict=True)]))
    figure, beside = shares["prediction"], shares["best_interval"]
    print(
        json.dumps(
            {
                "bench": "cost", "figure": figure, "unit": "of the achievable saving", "baseline": beside,
                "ratio": round(figure / beside, 2), "goal": GOAL, "ok": figure >= GOAL, "shares": shares,
                "of_run_to_failure": {name: round(cost / costs["run_to_failure"], 3) for name, cost in costs.items()},
                "failed": failed, "engines": len(lives), "wasted_cycles": round(wasted, 1), "mean_life": round(mean_life, 1),
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
