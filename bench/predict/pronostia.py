"""Remaining life of bearings on a rig (FEMTO PRONOSTIA), each judged with what the others taught.

    python bench/predict/pronostia.py --data DIR

Each learning bearing that is there is replayed record by record as a node would have reported it (features_numpy.py), through the host's own
analyser with the failure ratios and the lives of the other bearings (leave one out), and asked at 50, 70 and 90 % of its life. If the folder
has bearings of the challenge's test (Bearing1_3 and so on), they are asked at the challenge's cut points, with the ratios and lives of all
six, whether the files end there or go on to the failure; in the latter case the truth is what the file says. Lives of learning bearings
that are not in the folder are known by number.

The score is the challenge's (Nectoux et al., PHM 2012): Er = 100 (true - said) / true; exp(-ln 0.5 Er/5) if Er <= 0, else
exp(ln 0.5 Er/20); 1 is perfect. The figure is that of the medians the product gives: by the bearing's own trend where it has one, else by
the lives of the others (babbitt/prognosis/others.py). `scores` also has those with a trend alone, the trends with the rule of thumb 0.2 x
elapsed in place of the lives, and beside them that rule alone and the median life of the others. `inside_80` and `inside_90` are the truths
inside the 80 and, where lives gave it, the 90 % interval. Questions at late shares of a life flatter short guesses: `any_age` asks the lives
of the others at 5, 15 .. 95 % of each life, `made_up` of lives that are drawn at random (by the machine: once at any share; by the hour: weighed
by its length), `cut_points` at the cut points of the challenge's test by age alone, without the recordings. The last line is one JSON object.
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
from babbitt.prognosis.others import within  # noqa: E402
from babbitt.protocol.assessment import Assessment, Asset, Others  # noqa: E402

GOAL = {"better_than": ("rule", "median_life"), "inside_90": (0.85, 0.95)}
LIVES = {"1_1": 2803, "1_2": 871, "2_1": 911, "2_2": 797, "3_1": 515, "3_2": 1637}
"""Snapshots of the learning bearings until their end."""
TEST_S = {
    "1_3": 5730, "1_4": 339, "1_5": 1610, "1_6": 1460, "1_7": 7570, "2_3": 7530, "2_4": 1390, "2_5": 3090, "2_6": 1290, "2_7": 580,
    "3_3": 820,
}  # fmt: skip
"""True remaining lives of the challenge's test, seconds."""


TEST_CUT = {
    "1_3": 1802, "1_4": 1139, "1_5": 2302, "1_6": 2302, "1_7": 1502, "2_3": 1202, "2_4": 612, "2_5": 2002, "2_6": 572, "2_7": 172,
    "3_3": 352,
}  # fmt: skip
"""Snapshots (10 s) after which those were cut off."""
DRAWN = {
    **{f"Weibull {slope}": (lambda rng, n, k=slope: 1000 * rng.weibull(k, n)) for slope in (1.0, 1.5, 2.5, 4.0)},
    **{f"log-normal {s}": (lambda rng, n, s=s: 1000 * np.exp(s * rng.normal(size=n))) for s in (0.3, 0.6, 0.9)},
}  # fmt: skip


def score(true: float, said: float) -> float:
    """Of one prediction."""
    error = 100 * (true - said) / true
    return math.exp(-math.log(0.5) * error / 5) if error <= 0 else math.exp(math.log(0.5) * error / 20)


def life_of(folder: Path, name: str) -> float:
    """Hours from the first to the last snapshot of a learning bearing."""
    path = folder / f"Bearing{name}.npz"
    if not path.exists():
        return (LIVES[name] - 1) / 360
    with np.load(path) as z:
        return float(z["snapshot"][-1] - z["snapshot"][0]) / 360


def inside(others: Sequence[float], age: float, left: float) -> tuple[bool, bool] | None:
    """Whether what is left lies in the 80 and the 90 % interval by the lives of others."""
    found = [within(others, age, share) for share in (0.8, 0.9)]
    if found[0] is None or found[1] is None:
        return None
    return found[0][0] <= left <= found[0][2], found[1][0] <= left <= found[1][2]


def made_up(n: int, kind: str, runs: int = 400) -> dict[str, float]:
    """Scores and shares inside for lives that are drawn at random, each known by the lives of ``n`` others."""
    rng = np.random.default_rng([n, *map(ord, kind)])
    rows = []
    for _ in range(runs):
        *known, own = DRAWN[kind](rng, n + 1).tolist()
        age = float(rng.uniform()) * own
        if (held := inside(known, age, own - age)) is not None and (
            said := within(known, age, 0.8)
        ) is not None:
            plain = max(1e-3, statistics.median(known) - age)
            rows.append(
                (*held, score(own - age, said[1]), score(own - age, 0.2 * age), score(own - age, plain), own)
            )
    found = np.array(rows)
    hours = found[:, 5] / found[:, 5].sum()
    names = ("machines_80", "machines_90", "score", "rule", "median_life")
    by_hour = dict(zip(("hours_80", "hours_90"), (hours @ found[:, :2]).round(3).tolist(), strict=True))
    return dict(zip(names, found[:, :5].mean(axis=0).round(3).tolist(), strict=True)) | by_hour


def at_cut_points(lives: Sequence[float]) -> dict[str, float]:
    """What age alone says at the cut points of the challenge's test."""
    rows = []
    for name, seconds in TEST_S.items():
        age, left = TEST_CUT[name] / 360, seconds / 3600
        if (held := inside(lives, age, left)) is not None and (said := within(lives, age, 0.8)) is not None:
            plain = max(1e-3, statistics.median(lives) - age)
            rows.append((*held, score(left, said[1]), score(left, 0.2 * age), score(left, plain)))
    names = ("inside_80", "inside_90", "score", "rule", "median_life")
    return dict(zip(names, np.mean(rows, axis=0).round(3).tolist(), strict=True))


def cut(folder: Path, name: str, others: tuple[float, ...]) -> tuple[float, float, Assessment]:
    """Hours run, hours left, and what is said at the cut point of a test bearing."""
    whole, end = node.bearing_records(folder / f"Bearing{name}.npz")
    records = [one for one in whole if one[0] < TEST_CUT[name] * 10_000]
    elapsed = records[-1][0] / 3.6e6
    left = TEST_S[name] / 3600 if len(records) == len(whole) else end - elapsed
    analyser = MachineAnalyser(
        Asset("pronostia", "rig", name, "machine", 30, {}, others=Others(records[0][0] - 1, others)),
        threshold=threshold_from(list(LEARNING_ENDS.values())),
    )
    said = [analyser.update(t, values) for t, values in records][-1]
    return elapsed, left, said


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    given = parser.parse_args().data
    folder = given / "pronostia" if (given / "pronostia").is_dir() else given
    there = [name for name in BEARINGS if (folder / f"Bearing{name}.npz").exists()]
    known = {name: life_of(folder, name) for name in BEARINGS}
    asked: list[tuple[str, float, float, Assessment, tuple[float, ...]]] = []
    for name in there:
        others = tuple(life for other, life in known.items() if other != name)
        run = bearing(folder, name, others)
        for share in SHARES:
            true = run.left_h(share)
            asked.append((f"{run.name} at {share:.0%}", run.life_h - true, true, run.said[share], others))
    for name in TEST_S:
        if (folder / f"Bearing{name}.npz").exists():
            everyone = tuple(known.values())
            elapsed, left, last = cut(folder, name, everyone)
            asked.append((f"{name} (test)", elapsed, left, last, everyone))
    if not asked:
        parser.error(f"{folder} has no bearing of PRONOSTIA (Bearing1_1.npz and so on)")
    rows = ("trend", "figure", "trend_or_rule", "rule", "median_life")
    scores: dict[str, list[float]] = {row: [] for row in rows}
    errors: dict[str, list[float]] = {row: [] for row in rows}
    narrow, wide, outlooks = [], [], Counter[str]()
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
            narrow.append(said.p10 <= true <= said.p90)
        if said is not None and one.outlook == "trend":
            guesses["trend"] = said.p50
        elif (found := inside(others, elapsed, true)) is not None:
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
            found := inside(
                [h for other, h in known.items() if other != name], share * life, (1 - share) * life
            )
        )
    ]
    means = {key: round(statistics.fmean(some), 3) if some else None for key, some in scores.items()}
    off = {key: round(statistics.fmean(some), 2) if some else None for key, some in errors.items()}
    figure, beside = means["figure"] or 0.0, means["rule"] or 0.0
    held = statistics.fmean(wide) if wide else None
    ok = figure > beside and figure > (means["median_life"] or 0.0) and (held is None or 0.85 <= held <= 0.95)
    print(
        json.dumps(
            {
                "bench": "pronostia", "figure": figure, "unit": "score of the challenge", "baseline": beside,
                "ratio": round(figure / beside, 2), "goal": GOAL,
                "ok": ok, "scores": means,
                "mean_error_h": off, "asked": len(asked), "outlooks": outlooks,
                "inside_80": round(statistics.fmean(narrow), 3) if narrow else None,
                "inside_90": None if held is None else round(held, 3),
                "any_age": {
                    "inside_80": round(statistics.fmean(a for a, _ in ages), 3),
                    "inside_90": round(statistics.fmean(b for _, b in ages), 3), "asked": len(ages),
                } if ages else None,
                "made_up": {f"{kind}, {n} others": made_up(n, kind) for kind in DRAWN for n in (3, 5, 10)},
                "cut_points": at_cut_points(tuple(known.values())),
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
