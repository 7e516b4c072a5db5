"""Remaining life of bearings on a rig (FEMTO PRONOSTIA), each judged with what the others taught.

    python bench/predict/pronostia.py --data DIR

Each learning bearing that is there is replayed record by record as a node would have reported it (features_numpy.py), through the host's own
analyser with the failure ratios and the lives of the other bearings (leave one out), and asked at 50, 70 and 90 % of its life. If the folder
has bearings of the challenge's test (Bearing1_3 and so on, cut off before their end), they are asked at their last record, with the ratios
and lives of all six.

The score is the challenge's (Nectoux et al., PHM 2012): Er = 100 (true - said) / true; exp(-ln 0.5 Er/5) if Er <= 0, else
exp(ln 0.5 Er/20); 1 is perfect. The figure is that of the medians the product gives: by the bearing's own trend where it has one, else by
the lives of the others (babbitt/prognosis/others.py). `scores` also has those with a trend alone, the trends with the rule of thumb 0.2 x
elapsed in place of the lives, and beside them that rule alone and the median life of the others. `inside_80` and `inside_90` are the truths
inside the 80 and, where lives gave it, the 90 % interval. Questions at late shares of a life flatter short guesses: `any_age` asks the lives
of the others at 5, 15 .. 95 % of each life. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import features_numpy as node  # noqa: E402
from predict_first import BEARINGS, SHARES, bearing  # noqa: E402

from babbitt.prognosis.degradation import LEARNING_ENDS, threshold_from  # noqa: E402
from babbitt.prognosis.machine import MachineAnalyser  # noqa: E402
from babbitt.prognosis.others import quantiles  # noqa: E402
from babbitt.protocol.assessment import Assessment, Asset, Others  # noqa: E402

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


def life_of(folder: Path, name: str) -> float:
    """Hours from the first to the last snapshot."""
    with np.load(folder / f"Bearing{name}.npz") as z:
        return float(z["snapshot"][-1] - z["snapshot"][0]) / 360


def within(others: Sequence[float], age: float, left: float) -> tuple[bool, bool] | None:
    """Whether what is left lies in the 80 and the 90 % interval by the lives of others."""
    found = quantiles(others, age, (0.05, 0.1, 0.9, 0.95))
    return None if found is None else (bool(found[1] <= left <= found[2]), bool(found[0] <= left <= found[3]))


def cut(folder: Path, name: str, others: tuple[float, ...]) -> tuple[float, Assessment]:
    """Hours run and what is said at the last record of a test bearing."""
    records, elapsed = node.bearing_records(folder / f"Bearing{name}.npz")
    analyser = MachineAnalyser(
        Asset("pronostia", "rig", name, "machine", 30, {}, others=Others(records[0][0] - 1, others)),
        threshold=threshold_from(list(LEARNING_ENDS.values())),
    )
    said = [analyser.update(t, values) for t, values in records][-1]
    return elapsed, said


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    given = parser.parse_args().data
    folder = given / "pronostia" if (given / "pronostia").is_dir() else given
    there = [name for name in BEARINGS if (folder / f"Bearing{name}.npz").exists()]
    known = {name: life_of(folder, name) for name in there}
    asked: list[tuple[str, float, float, Assessment, tuple[float, ...]]] = []
    for name in there:
        others = tuple(life for other, life in known.items() if other != name)
        run = bearing(folder, name, others)
        for share in SHARES:
            true = run.left_h(share)
            asked.append((f"{run.name} at {share:.0%}", run.life_h - true, true, run.said[share], others))
    for name, seconds in TEST_S.items():
        if (folder / f"Bearing{name}.npz").exists():
            everyone = tuple(known.values())
            elapsed, last = cut(folder, name, everyone)
            asked.append((f"{name} (test)", elapsed, seconds / 3600, last, everyone))
    rows = ("trend", "figure", "trend_or_rule", "rule", "median_life")
    scores: dict[str, list[float]] = {row: [] for row in rows}
    errors: dict[str, list[float]] = {row: [] for row in rows}
    inside, wide, outlooks = [], [], Counter[str]()
    for name, elapsed, true, one, others in asked:
        said = one.remaining
        outlooks[one.outlook] += 1
        rule = 0.2 * elapsed
        guesses = {
            "rule": rule,
            "median_life": max(1e-3, statistics.median(others) - elapsed),
            "figure": said.p50 if said else rule,
            "trend_or_rule": said.p50 if said and one.outlook == "trend" else rule,
        }
        if said is not None:
            inside.append(said.p10 <= true <= said.p90)
        if said is not None and one.outlook == "trend":
            guesses["trend"] = said.p50
        elif (found := within(others, elapsed, true)) is not None:
            wide.append(found[1])
        for key, guess in guesses.items():
            scores[key].append(score(true, guess))
            errors[key].append(abs(true - guess))
        print(
            f"{name}: true {true:.2f} h, {one.outlook}"
            + (f" {said.p10:.2f}-{said.p50:.2f}-{said.p90:.2f}" if said else ""),
            file=sys.stderr,
        )
    ages = [
        found
        for name, life in known.items()
        for share in np.arange(0.05, 1.0, 0.1).tolist()
        if (
            found := within(
                [h for other, h in known.items() if other != name], share * life, (1 - share) * life
            )
        )
    ]
    means = {key: round(statistics.fmean(some), 3) if some else None for key, some in scores.items()}
    off = {key: round(statistics.fmean(some), 2) if some else None for key, some in errors.items()}
    figure, beside = means["figure"] or 0.0, means["rule"] or 0.0
    print(
        json.dumps(
            {
                "bench": "pronostia", "figure": figure, "unit": "score of the challenge", "baseline": beside,
                "ratio": round(figure / beside, 2), "goal": GOAL,
                "ok": figure >= GOAL and figure > beside and figure > (means["median_life"] or 0.0), "scores": means,
                "mean_error_h": off, "asked": len(asked), "outlooks": outlooks,
                "inside_80": round(statistics.fmean(inside), 3) if inside else None,
                "inside_90": round(statistics.fmean(wide), 3) if wide else None,
                "any_age": {
                    "inside_80": round(statistics.fmean(a for a, _ in ages), 3),
                    "inside_90": round(statistics.fmean(b for _, b in ages), 3), "asked": len(ages),
                } if ages else None,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
