"""What is it worth that thresholds follow what people say of alarms, and what does it cost?

    python bench/predict/marks.py                        QUICK=1 takes a tenth of the motors

Forty made-up motors of 150 days, a record in half an hour (tests/synthetic.py); each is troubled by something harmless NUISANCES times
for some hours, by a factor of 1.25 to 1.6 that differs from motor to motor and hardly from time to time (a door, a neighbour, a
product), and wears out from 80 % of its life on. A person who knows marks each alarm at once: wrong before the wear begins, right
afterwards. The same records are judged with the marks followed and without.

The figure is false alarms a machine and month in the time between a third of the life and the wear; the baseline is the same without
marks. Beside it how many of the wearing motors are told, and how many hours of the wear later. Nothing was chosen with these motors in
view but the shape of the nuisance, which is what marks are for. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import statistics
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from babbitt.detection.tolerance import tolerance  # noqa: E402
from babbitt.prognosis.machine import MachineAnalyser  # noqa: E402
from babbitt.protocol.assessment import Asset  # noqa: E402
from synthetic import Record, machine  # noqa: E402

DAYS, INTERVAL_S = 150, 1800
NUISANCES, HOURS = 25, 6
WEAR, ENDS_AT = 0.8, 4.0
GOAL = 0.6
DAY_MS = 86_400_000


def life(seed: int) -> tuple[list[Record], int]:
    """The records of a motor, and the number of the first one of the wear."""
    rng = np.random.default_rng(seed)
    records = machine(DAYS * 86_400 // INTERVAL_S, seed, failing=False, interval_s=INTERVAL_S)
    factor = np.ones(len(records))
    usual = rng.uniform(1.25, 1.6)
    for start in rng.integers(200, len(records), NUISANCES).tolist():
        factor[start : start + HOURS * 3600 // INTERVAL_S] = usual * math.exp(rng.normal(0, 0.03))
    worn = int(WEAR * len(records))
    factor[worn:] *= np.exp(np.linspace(0, math.log(ENDS_AT), len(records) - worn))
    energy = (".rms", ".peak")
    return [
        (t, {c: v * f if c.endswith(energy) and v else v for c, v in values.items()})
        for (t, values), f in zip(records, factor.tolist(), strict=True)
    ], worn


def alarms(records: list[Record], worn: int, follow: bool) -> list[int]:
    """The numbers of the records with which an alarm began."""
    asset = Asset("bench", "motor", "motor", "machine", INTERVAL_S, {})
    analyser, found, on = MachineAnalyser(asset), [], False
    said: list[tuple[int, str]] = []
    day = -1
    for n, (t, values) in enumerate(records):
        if follow and (t // DAY_MS, len(said)) != day:
            day = t // DAY_MS, len(said)  # type: ignore[assignment]
            analyser.asset = dataclasses.replace(asset, tolerance=tolerance(said, t).factor)
        bad = analyser.update(t, values).level in ("warning", "alarm")
        if bad and not on:
            found.append(n)
            said.append((t, "right" if n >= worn else "wrong"))
        on = bad
    return found


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, help="not needed: these motors are made up")
    parser.parse_args()
    count = 4 if os.environ.get("QUICK") else 40
    false: dict[bool, int] = {True: 0, False: 0}
    first: dict[bool, list[int | None]] = {True: [], False: []}
    months = 0.0
    for seed in range(count):
        records, worn = life(5000 + seed)
        third = len(records) // 3
        months += (worn - third) * INTERVAL_S / (30.4375 * 86_400)
        for follow in (True, False):
            told = alarms(records, worn, follow)
            false[follow] += sum(third <= n < worn for n in told)
            first[follow].append(next((n - worn for n in told if n >= worn), None))
    rate = {follow: some / months for follow, some in false.items()}
    both = [(a, b) for a, b in zip(first[True], first[False], strict=True) if a is not None and b is not None]
    later = statistics.fmean((a - b) * INTERVAL_S / 3600 for a, b in both)
    told = {follow: sum(n is not None for n in some) / count for follow, some in first.items()}
    ratio = rate[True] / rate[False]
    print(
        json.dumps(
            {
                "bench": "marks", "figure": round(rate[True], 2), "unit": "false alarms a machine and month",
                "baseline": round(rate[False], 2),
                "ratio": round(ratio, 2), "goal": f"{GOAL} of the baseline, and no motor fewer told",
                "ok": ratio <= GOAL and told[True] >= told[False],
                "told": round(told[True], 3), "told_without": round(told[False], 3), "later_h": round(later, 1),
                "wear_h": round((1 - WEAR) * DAYS * 24),
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
