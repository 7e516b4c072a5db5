"""A new machine by its sisters: is one told that was bad from its first record, and is a good one left alone?

    python bench/predict/sisters.py --data DIR                QUICK=1 takes a tenth of the motors

Real: IMS set 2, four bearings on one shaft with one kind of sensor (see ims.py). Each in turn is the new machine, the three others
are its sisters, learnt from their first 60 snapshots. It is new at snapshot 0, where all are good, and at 700, 283 snapshots before
bearing 1 fails: bearing 1 is to be told within 60 records and not to be learnt as normal, the others are not.

Made up: motors (tests/synthetic.py) whose level differs from motor to motor by a log-normal factor of spread 0.3 (as that of the four
bearings of IMS set 2). COUNT new ones, each with sisters of its own drawing, good, and with all energies 2, 3 and 5 times as large from
the first record. For each number of sisters the share that is told within 60 records.

What is assumed of the spread between machines was taken from the four bearings of IMS set 2, and the confidence of the limits was chosen on
made-up motors of another seed: neither part is blind.

The figure is the share of good made-up motors that are told, of all numbers of sisters. The baseline is the rule of thumb: the median rms above
1.5 times that of the sisters (or below 1/1.5). The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests")]

import ims  # noqa: E402

from babbitt.detection.baseline import LEARN, Baseline  # noqa: E402
from babbitt.detection.sisters import Learnt, pooled  # noqa: E402
from babbitt.prognosis.machine import MachineAnalyser  # noqa: E402
from babbitt.protocol.assessment import Asset, Sisters  # noqa: E402
from synthetic import machine  # noqa: E402

COUNT = 200
BETWEEN = 0.3
NEW = 700
NUMBERS, WORN = (3, 5, 8, 16), (1.0, 2.0, 3.0, 5.0)
GOAL = 0.02
Values = dict[str, float | None]


def learnt(rows: list[Values]) -> Learnt:
    """The normal state that is learnt from these records."""
    baseline = Baseline()
    for values in rows:
        baseline.update(values)
    state = baseline.dump()
    return Learnt(state["centre"], state["limit"], state["level_g"])


def told(rows: list[Values], sisters: Sisters | None) -> tuple[bool, bool]:
    """Whether a new machine is told within LEARN records, and whether it is learnt as normal in three times as many."""
    analyser = MachineAnalyser(Asset("bench", "new", "new", "machine", 60, {}, sisters=sisters))
    levels = [analyser.update(n * 60_000, values).level for n, values in enumerate(rows)]
    return bool({"warning", "alarm"} & set(levels[:LEARN])), analyser.baseline.learnt


def times(rows: list[Values], by: float) -> list[Values]:
    """All energies so many times as large."""
    return [{c: v * by if v and c.endswith((".rms", ".peak")) else v for c, v in row.items()} for row in rows]


def motors(rng: np.random.Generator, count: int) -> dict[int, dict[str, tuple[float, float]]]:
    """By number of sisters and wear: the share told by sisters and by the rule of thumb."""
    pool = [[v for _, v in machine(3 * LEARN, 1000 + n, failing=False)] for n in range(40)]
    states = [learnt(rows) for rows in pool]
    assert all(one.centre for one in states)
    energy = [c for c in pool[0][0] if c.endswith((".rms", ".peak"))]
    found: dict[int, dict[str, tuple[float, float]]] = {}
    for number in NUMBERS:
        found[number] = {}
        for worn in WORN:
            ours = thumb = 0
            for _ in range(count):
                some = rng.choice(len(pool), number + 1, replace=False)
                factors = np.exp(rng.normal(0, BETWEEN, number + 1))
                sisters = [
                    Learnt(
                        {c: v + (math.log(f) if c in energy else 0) for c, v in states[n].centre.items()},
                        states[n].limit,
                        states[n].level_g * f,
                    )
                    for n, f in zip(some[1:].tolist(), factors[1:].tolist(), strict=True)
                ]
                rows = times(pool[int(some[0])][:LEARN], float(factors[0]) * worn)
                ours += told(rows, pooled(sisters))[0]
                level = statistics.median(row["vib.x.rms"] or 0.0 for row in rows)
                usual = math.exp(statistics.median(one.centre["vib.x.rms"] for one in sisters))
                thumb += not 1 / 1.5 < level / usual < 1.5
            found[number][f"{worn:g}x"] = round(ours / count, 3), round(thumb / count, 3)
    return found


def bearings(folder: Path) -> dict[str, dict[int, tuple[bool, bool]]]:
    """By when it is new and bearing: whether it is told, and whether it is learnt as normal."""
    rows = {b: [values for _, _, values in ims.records(folder, b)] for b in (1, 2, 3, 4)}
    states = {b: learnt(some[:LEARN]) for b, some in rows.items()}
    return {
        name: {
            b: told(rows[b][at : at + 3 * LEARN], pooled([states[o] for o in states if o != b])) for b in rows
        }
        for name, at in (("good", 0), ("worn", NEW))
    }


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    given = parser.parse_args()
    real = bearings(given.data)
    made = motors(np.random.default_rng(11), COUNT // 10 if os.environ.get("QUICK") else COUNT)
    ours, thumb = (statistics.fmean(made[number]["1x"][which] for number in NUMBERS) for which in (0, 1))
    print(
        json.dumps(
            {
                "bench": "sisters", "figure": round(ours, 4), "unit": "share of good new motors that are told", "baseline": round(thumb, 4),
                "ratio": round(ours / thumb, 3) if thumb else None, "goal": GOAL,
                "ok": ours <= GOAL and real["worn"][1][0] and not real["worn"][1][1]
                and not any(one for one, _ in real["good"].values()),
                "motors": {n: {w: {"sisters": a, "rms_1_5": b} for w, (a, b) in some.items()} for n, some in made.items()},
                "ims": {name: {b: {"told": a, "learnt": c} for b, (a, c) in some.items()} for name, some in real.items()},
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
