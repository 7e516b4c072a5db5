"""Remaining life of bearings on a rig (FEMTO PRONOSTIA), each judged with what the others taught.

    python bench/predict/pronostia.py --data DIR

Each learning bearing that is there is replayed record by record as a node would have reported it (features_numpy.py), through the host's own
analyser with the failure ratios of the other bearings (leave one out), and asked at 50, 70 and 90 % of its life. If the folder has bearings of
the challenge's test (Bearing1_3 and so on, cut off before their end), they are asked at their last record, with all six ratios.

The score is the challenge's (Nectoux et al., PHM 2012): Er = 100 (true - said) / true; exp(-ln 0.5 Er/5) if Er <= 0, else
exp(ln 0.5 Er/20); 1 is perfect. 'No trend, no number': where the model says nothing it is counted apart (`given` says how often it
spoke); in the figure its place is taken by the rule of thumb 0.2 x elapsed, which sees no vibration at all. Beside it that rule alone
and the median life of the others. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import features_numpy as node  # noqa: E402
from predict_first import BEARINGS, SHARES, bearing  # noqa: E402

from babbitt.prognosis.degradation import LEARNING_ENDS, threshold_from  # noqa: E402
from babbitt.prognosis.machine import MachineAnalyser  # noqa: E402
from babbitt.protocol.assessment import Asset, Interval  # noqa: E402

GOAL = 0.25
TEST_S = {
    "1_3": 5730, "1_4": 339, "1_5": 1610, "1_6": 1460, "1_7": 7570, "2_3": 7530, "2_4": 1390, "2_5": 3090, "2_6": 1290, "2_7": 580,
    "3_3": 820,
}  # fmt: skip
"""True remaining lives of the challenge's test, seconds."""


def score(true: float, said: float) -> float:
    """Of one prediction."""
    error = 100 * (true - said) / true
    return math.exp(-math.log(0.5) * error / 5) if error <= 0 else math.exp(math.log(0.5) * error / 20)


def cut(folder: Path, name: str) -> tuple[float, Interval | None]:
    """Hours run and what is said at the last record of a test bearing."""
    records, elapsed = node.bearing_records(folder / f"Bearing{name}.npz")
    analyser = MachineAnalyser(
        Asset("pronostia", "rig", name, "machine", 30, {}),
        threshold=threshold_from(list(LEARNING_ENDS.values())),
    )
    said = [analyser.update(t, values) for t, values in records][-1]
    return elapsed, said.remaining


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    given = parser.parse_args().data
    folder = given / "pronostia" if (given / "pronostia").is_dir() else given
    there = [name for name in BEARINGS if (folder / f"Bearing{name}.npz").exists()]
    runs = [bearing(folder, name) for name in there]
    asked = []
    for run in runs:
        median = statistics.median(r.life_h for r in runs if r.name != run.name)
        for share in SHARES:
            true = run.left_h(share)
            asked.append(
                (f"{run.name} at {share:.0%}", run.life_h - true, true, run.said[share].remaining, median)
            )
    lives = statistics.median(run.life_h for run in runs)
    for name, seconds in TEST_S.items():
        if (folder / f"Bearing{name}.npz").exists():
            elapsed, said = cut(folder, name)
            asked.append((f"{name} (test)", elapsed, seconds / 3600, said, lives))
    scores: dict[str, list[float]] = {"model": [], "figure": [], "rule": [], "median_life": []}
    errors: dict[str, list[float]] = {"model": [], "figure": [], "rule": [], "median_life": []}
    inside = []
    for name, elapsed, true, said, median in asked:
        rule = 0.2 * elapsed
        guesses = {
            "rule": rule,
            "median_life": max(1e-3, median - elapsed),
            "figure": said.p50 if said else rule,
        }
        if said is not None:
            guesses["model"] = said.p50
            inside.append(said.p10 <= true <= said.p90)
        for key, guess in guesses.items():
            scores[key].append(score(true, guess))
            errors[key].append(abs(true - guess))
        print(
            f"{name}: true {true:.2f} h, {f'{said.p10:.2f}-{said.p50:.2f}-{said.p90:.2f}' if said else 'no trend'}",
            file=sys.stderr,
        )
    means = {key: round(statistics.fmean(some), 3) if some else None for key, some in scores.items()}
    off = {key: round(statistics.fmean(some), 2) if some else None for key, some in errors.items()}
    figure, beside = means["figure"] or 0.0, means["rule"] or 0.0
    print(
        json.dumps(
            {
                "bench": "pronostia", "figure": figure, "unit": "score of the challenge", "baseline": beside,
                "ratio": round(figure / beside, 2), "goal": GOAL,
                "ok": figure >= GOAL and figure > beside and figure > (means["median_life"] or 0.0), "scores": means,
                "mean_error_h": off, "given": len(inside), "asked": len(asked),
                "inside_80": round(statistics.fmean(inside), 3) if inside else None,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
