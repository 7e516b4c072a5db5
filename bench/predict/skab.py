"""Is a fault of a pump loop found from its eight channels together? SKAB.

    python bench/predict/skab.py --data DIR

Valves that close, and what else is in SKAB's folders, runs at 1 Hz; the first 400 rows of each are normal and are learnt from
(babbitt/detection/mewma.py), the rest is judged row by row, causally, with one set of settings: a row is an alarm when the score is at
least 1. F1, false-alarm rate (share of
normal rows) and missed rate are over all rows of all runs together, as SKAB's own table does; no window around an anomaly is counted as
found for one hit in it. The delay is from the changepoint to the first alarm after it.

SHARE, SHRINK and LIMIT were chosen with all runs in view, in the middle of a grid on which F1 changes little; `even` and `odd` runs are
shown apart, for they differ more than settings do: other valves and pumps will differ as much. Beside it
'always alarm', and Hotelling's T2 on the values as they are with the limit at its largest while learning (the baseline).
The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt.detection.mewma import LEARN, Mewma

GOALS = {"f1": 0.80, "false": 0.15}
Bools = NDArray[np.bool_]


def runs(folder: Path) -> list[tuple[str, list[str], NDArray[np.float64], Bools]]:
    """Name, channels, values, truth."""
    found = []
    paths = sorted(
        (folder / "skab").glob("*/[0-9]*.csv*"),
        key=lambda path: (path.parent.name, int(path.name.split(".")[0])),
    )
    for path in paths:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            rows = list(csv.reader(file, delimiter=";"))
        names = [name for name in rows[0] if name not in ("datetime", "anomaly", "changepoint")]
        columns = [rows[0].index(name) for name in names]
        values = np.array([[float(row[n]) for n in columns] for row in rows[1:]])
        truth = np.array([float(row[rows[0].index("anomaly")]) > 0 for row in rows[1:]])
        found.append((f"{path.parent.name}/{path.name.split('.')[0]}", names, values, truth))
    return found


def ours(names: list[str], values: NDArray[np.float64]) -> tuple[Bools, tuple[str, ...]]:
    """Alarms of the rows after those learnt, and the channels named at the first."""
    detector, said = Mewma(), np.zeros(len(values), bool)
    first: tuple[str, ...] = ()
    for n, row in enumerate(values.tolist()):
        record = dict(zip(names, row, strict=True))
        score = detector.score_one(record)
        detector.learn_one(record)
        said[n] = score is not None and score >= 1
        if said[n] and not first:
            first = detector.drivers()
    return said[LEARN:], first


def hotelling(values: NDArray[np.float64]) -> Bools:
    """T2 of the values as they are."""
    part = values[:LEARN]
    inverse = np.linalg.pinv(np.cov(part, rowvar=False))
    d = values - part.mean(axis=0)
    square = np.einsum("ij,jk,ik->i", d, inverse, d)
    above: Bools = square[LEARN:] > square[:LEARN].max()
    return above


def rates(pairs: list[tuple[Bools, Bools]]) -> dict[str, float]:
    """Of alarms and truths."""
    said, truth = (np.concatenate([pair[n] for pair in pairs]) for n in (0, 1))
    hit, false, missed = (said & truth).sum(), (said & ~truth).sum(), (~said & truth).sum()
    return {
        "f1": round(float(2 * hit / (2 * hit + false + missed)), 3), "false": round(float(false / (~truth).sum()), 3),
        "missed": round(float(missed / truth.sum()), 3),
    }  # fmt: skip


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    folder = parser.parse_args().data
    by: dict[str, dict[bool, list[tuple[Bools, Bools]]]] = {
        name: {True: [], False: []} for name in ("ours", "t2", "always")
    }
    delays: list[int] = []
    named: dict[str, Any] = {}
    for name, channels, values, truth in runs(folder):
        odd, rest = int(name.rpartition("/")[2]) % 2 == 1, truth[LEARN:]
        said, first = ours(channels, values)
        for key, alarms in (("ours", said), ("t2", hotelling(values)), ("always", np.ones(len(rest), bool))):
            by[key][odd].append((alarms, rest))
        onset = int(np.argmax(rest)) if rest.any() else len(rest)
        after = np.flatnonzero(said[onset:])
        if len(after):
            delays.append(int(after[0]))
        named[name] = first[:2]
        print(
            f"{name}: onset {onset}, alarm {after[0] if len(after) else None} s later, {first[:2]}",
            file=sys.stderr,
        )
    if not named:
        parser.error(f"{folder} has no run of SKAB (skab/valve1/0.csv and so on)")
    figure, beside = (rates(by[name][True] + by[name][False]) for name in ("ours", "t2"))
    print(
        json.dumps(
            {
                "bench": "skab", "figure": figure["f1"], "unit": f"F1 over all rows of {len(named)} runs", "baseline": beside["f1"],
                "ratio": round(figure["f1"] / beside["f1"], 2), "goal": GOALS,
                "ok": figure["f1"] >= GOALS["f1"] and figure["false"] <= GOALS["false"], "ours": figure, "t2": beside,
                "odd": rates(by["ours"][True]), "even": rates(by["ours"][False]),
                "always": rates(by["always"][True] + by["always"][False]), "found": len(delays),
                "median_delay_s": statistics.median(delays) if delays else None, "named_first": named,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
