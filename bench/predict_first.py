"""How good the first prediction is: bearings run to failure, cold rooms with real excursions, and machines
that stay healthy.

    python bench/predict_first.py [--data DIR]        QUICK=1 takes three of the ten cold rooms

Every recording is replayed record by record through the analysers the host runs, as the node would have
reported it (features_numpy.py); nothing sees the future. A table goes to stderr, one JSON object is the last
line of stdout.

The figure is the share of true remaining lives inside the 80 % interval, at 50, 70 and 90 % of the life of
each bearing, where a number was given: most of these bearings fail within the last few per cent of their
life, and 'no trend, no number' is the right answer there. Bearing 1_1 is judged with the failure ratios of
the other five, and each of the five with those of the other four (leave one out). Beside it: '0.2 x elapsed',
which sees no vibration (its interval: a factor of two), and the median life of the other bearings.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "host"), str(ROOT / "tests")]

import features_numpy as node  # noqa: E402

import synthetic  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
from babbitt.prognosis.coldroom import ColdRoomAnalyser  # noqa: E402
from babbitt.prognosis.degradation import LEARNING_ENDS, threshold_from  # noqa: E402
from babbitt.prognosis.machine import MachineAnalyser, indicator  # noqa: E402
from babbitt.protocol.assessment import Analyser, Assessment, Asset, Others  # noqa: E402

BEARINGS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2")
SHARES = (0.5, 0.7, 0.9)
LIMITS = {
    "deepfreezer_1": -20.0,
    "freezer_1": -18.0,
    "cooling_1": 5.0,
    "deepfreezer_2": -20.0,
    "freezer_2": -18.0,
    "freezer_3": -18.0,
    "freezer_4": -18.0,
    "cooling_2": 5.0,
    "platform_1": 6.0,
    "platform_2": 6.0,
}
"""Limits asked of the rooms of the warehouse, degrees C (frozen food -18, chilled 5; the site's own drowned
it in alarms)."""
MONTH_H = 30.4 * 24.0
HAPPENS_H = 12.0
"""A warning is true when the limit is passed within so many hours after it starts, or is passed already."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def replay(analyser: Analyser, records: list[node.Record]) -> list[Assessment]:
    return [analyser.update(t, values) for t, values in records]


def warned(one: Assessment) -> bool:
    return one.level in ("warning", "alarm")


@dataclass(frozen=True, slots=True)
class Bearing:
    """One bearing replayed: `life_h`, share of life at the first warning (None: never), what was said at
    `SHARES`."""

    name: str
    life_h: float
    first_warning: float | None
    end: float
    said: dict[float, Assessment]

    def left_h(self, share: float) -> float:
        return self.life_h - self.said[share].t_ms / 3.6e6


def bearing(folder: Path, name: str, others: tuple[float, ...] = ()) -> Bearing:
    """``others``: their lives in hours, if it is to know them."""
    records, life = node.bearing_records(folder / f"Bearing{name}.npz")
    prior = threshold_from([v for k, v in LEARNING_ENDS.items() if k != name])
    lives = Others(records[0][0] - 1, others) if others else None
    analyser = MachineAnalyser(
        Asset("pronostia", "rig", name, "machine", 30, {}, others=lives), threshold=prior
    )
    out = replay(analyser, records)
    first = next((a.t_ms / 3.6e6 / life for a in out if warned(a)), None)
    end = indicator(analyser.baseline.verdict)
    said = {
        share: max((a for a in out if a.t_ms / 3.6e6 <= share * life), key=lambda a: a.t_ms)
        for share in SHARES
    }
    return Bearing(name, life, first, end, said)


def bearings(folder: Path) -> tuple[dict[str, Any], float | None, float | None]:
    """Details, coverage of the 80 % interval and of '0.2 x elapsed' to a factor of two."""
    runs = [bearing(folder, name) for name in BEARINGS]
    inside, rival = [], []
    errors: dict[str, list[float]] = {"model": [], "0.2 x elapsed": [], "median life": []}
    rows = []
    say(
        "bearing  life h  warning at   "
        + "".join(f"{share:.0%}: true, 10-50-90 % h".ljust(34) for share in SHARES)
    )
    for run in runs:
        median_life = statistics.median(r.life_h for r in runs if r.name != run.name)
        cells = []
        for share in SHARES:
            truth, remaining = run.left_h(share), run.said[share].remaining
            if remaining is None:
                cells.append(f"{truth:.2f}, {run.said[share].outlook}")
                continue
            elapsed = run.life_h - truth
            inside.append(remaining.p10 <= truth <= remaining.p90)
            rival.append(0.1 * elapsed <= truth <= 0.4 * elapsed)
            guesses: tuple[float, ...] = (remaining.p50, 0.2 * elapsed, max(0.0, median_life - elapsed))
            for key, guess in zip(errors, guesses, strict=True):
                errors[key].append(abs(guess - truth) / truth)
            cells.append(f"{truth:.2f}, {remaining.p10:.2f}-{remaining.p50:.2f}-{remaining.p90:.2f}")
        at = "never" if run.first_warning is None else f"{run.first_warning:.1%}"
        say(f"{run.name:8} {run.life_h:6.2f}  {at:12} " + "".join(c.ljust(34) for c in cells))
        rows.append(
            {
                "bearing": run.name,
                "life_h": round(run.life_h, 3),
                "first_warning": run.first_warning,
                "ratio_at_end_ln": round(run.end, 2),
                "said": cells,
            }
        )
    details = {
        "bearings": rows,
        "numbers_given": len(inside),
        "numbers_possible": len(runs) * len(SHARES),
        "mean_relative_error": {k: round(statistics.fmean(v), 3) for k, v in errors.items() if v},
        "warned_in_first_half": [
            r.name for r in runs if r.first_warning is not None and r.first_warning < 0.5
        ],
    }
    coverage = statistics.fmean(inside) if inside else None
    return details, coverage, statistics.fmean(rival) if rival else None


def onsets(records: list[node.Record], limit: float) -> list[int]:
    """Where the limit starts to be passed for an hour (15-minute records), at least six hours after the last
    time."""
    above = [(v := values["temp.mean"]) is not None and v > limit for _, values in records]
    found, last, n = [], -(10**15), 0
    while n + 4 <= len(above):
        if all(above[n : n + 4]):
            if records[n][0] - last > 6 * 3_600_000:
                found.append(n)
            while n < len(above) and above[n]:
                n += 1
            last = records[n - 1][0]
        n += 1
    return found


def hours_to_limit(out: list[Assessment]) -> tuple[int, int]:
    """How often hours to the limit of the air were said, and how often they were to be 'beyond limit' next between 10 and 90 % of them."""
    said = inside = 0
    passes: int | None = None
    for one in reversed(out):
        if one.outlook == "beyond limit":
            passes = one.t_ms
        elif one.remaining is not None:
            said += 1
            inside += (
                passes is not None and one.remaining.p10 <= (passes - one.t_ms) / 3.6e6 <= one.remaining.p90
            )
    return said, inside


def cold_room(records: list[node.Record], limit: float) -> dict[str, Any]:
    asset = Asset("warehouse", "room", "room", "cold_room", 900, {"temp.mean": {"h": limit}})
    out = replay(ColdRoomAnalyser(asset), records)
    on = [warned(a) for a in out]
    starts = [n for n in range(1, len(on)) if on[n] and not on[n - 1]]
    ahead = int(HAPPENS_H * 4)
    above = [(v := values["temp.mean"]) is not None and v > limit for _, values in records]
    false = sum(sum(above[n : n + ahead]) < 2 for n in starts)
    leads = []
    for onset in onsets(records, limit):
        begin = onset
        while begin > 0 and on[begin - 1]:
            begin -= 1
        leads.append((records[onset][0] - records[begin][0]) / 3.6e6)
    months = (records[-1][0] - records[0][0]) / 3.6e6 / MONTH_H
    said, inside = hours_to_limit(out)
    return {
        "hours_said": said,
        "hours_inside": inside,
        "onsets": len(leads),
        "warned_before": sum(h > 0 for h in leads),
        "leads_h": leads,
        "false": false,
        "warnings": len(starts),
        "months": months,
    }


def cold_rooms(data: Path, quick: bool) -> dict[str, Any]:
    source = data / "cold_storage" / "subzero_values.csv.gz"
    total = {"onsets": 0.0, "warned_before": 0.0, "false": 0.0, "months": 0.0}
    leads: list[float] = []
    for name, asked in list(LIMITS.items())[: 3 if quick else None]:
        one = cold_room(node.temperature_csv(source, name), asked)
        leads += one["leads_h"]
        for key in total:
            total[key] += one[key]
        say(
            f"{name:14} limit {asked:6.1f} C: {one['warned_before']} of {one['onsets']} onsets foreseen,"
            f" {one['false'] / one['months']:.2f} false warnings a month"
        )
    event = event_of_october(node.temperature_csv(source, "deepfreezer_1"))
    say(f"deepfreezer_1 2021-10-17 20:30 after one week of learning: warned {event} h before")
    ambient = replay(
        ColdRoomAnalyser(Asset("nab", "room", "room", "cold_room", 3600, {})),
        node.temperature_csv(
            data / "nab/data/realKnownCause/ambient_temperature_system_failure.csv.gz",
            "value",
            fahrenheit=True,
        ),
    )
    starts = [
        datetime.fromtimestamp(b.t_ms / 1000, UTC).isoformat(timespec="minutes")
        for a, b in pairwise(ambient)
        if warned(b) and not warned(a)
    ]
    say(f"NAB ambient temperature, no limit: warnings start at {', '.join(starts) or 'no time'}")
    return {
        "rooms": {key: round(value, 1) for key, value in total.items()},
        "false_per_sensor_month": round(total["false"] / total["months"], 2),
        "median_lead_h": statistics.median(leads) if leads else None,
        "event_2021_10_17_lead_h": event,
        "nab_ambient_warnings": starts,
    }


def event_of_october(records: list[node.Record]) -> float | None:
    """Hours between the start of the warning and 2021-10-17 20:30 UTC, replayed from 10-10; None where it
    came later."""
    first, event, last = (
        int(datetime.fromisoformat(at + "+00:00").timestamp() * 1000)
        for at in ("2021-10-10 00:00", "2021-10-17 20:30", "2021-10-25 00:00")
    )
    part = [r for r in records if first <= r[0] <= last]
    asset = Asset("warehouse", "room", "room", "cold_room", 900, {"temp.mean": {"h": -20.0}})
    out = [a for a in replay(ColdRoomAnalyser(asset), part) if a.t_ms <= event]
    begin = len(out)
    while begin and warned(out[begin - 1]):
        begin -= 1
    return (event - out[begin].t_ms) / 3.6e6 if begin < len(out) else None


def made_up(runs: int) -> dict[str, Any]:
    """Made-up motors of the tests: false warnings of healthy ones, and coverage over the second half of
    failing ones."""
    asset = Asset("made", "up", "motor", "machine", 30, {})
    false = sum(
        any(map(warned, replay(MachineAnalyser(asset), synthetic.machine(2000, s, False))))
        for s in range(runs)
    )
    inside, firsts = [], []
    for seed in range(runs):
        records = synthetic.machine(500, 1000 + seed, True)
        out = replay(MachineAnalyser(asset), records)
        firsts.append(next((n / len(out) for n, a in enumerate(out) if warned(a)), 1.0))
        for share in (0.7, 0.8, 0.9):
            at = out[int(share * len(out))]
            if at.remaining is not None:
                truth = (records[-1][0] - at.t_ms) / 3.6e6
                inside.append(at.remaining.p10 <= truth <= at.remaining.p90)
    say(
        f"made-up motors: {false} of {runs} healthy ones warned in 2,000 records; failing ones warned at"
        f" {statistics.median(firsts):.0%} of life, {sum(inside)} of {len(inside)} truths inside"
    )
    return {
        "healthy": runs,
        "healthy_warned": false,
        "failing_first_warning": round(statistics.median(firsts), 3),
        "failing_inside": round(statistics.fmean(inside), 3) if inside else None,
        "failing_numbers": len(inside),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Quality of the first prediction, see the top of the file.")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", ROOT.parent / "shared" / "data"))
    )
    data = parser.parse_args().data
    missing = [p for p in ("pronostia", "cold_storage", "nab") if not (data / p).is_dir()]
    if missing:
        say(f"predict_first: no {', '.join(missing)} in {data}; give the folder by --data or BABBITT_DATA")
        return 2
    quick = os.environ.get("QUICK") == "1"
    details, inside, rival = bearings(data / "pronostia")
    details |= {"cold_rooms": cold_rooms(data, quick), "made_up": made_up(5 if quick else 20)}
    goal = 0.8
    print(
        json.dumps(
            {
                "bench": "predict_first",
                "figure": inside,
                "unit": "share of true lives inside the 80 % interval",
                "baseline": rival,
                "ratio": round(inside / rival, 3) if inside and rival else None,
                "goal": goal,
                "ok": bool(
                    inside is not None and inside >= goal and details["made_up"]["healthy_warned"] == 0
                ),
                "details": details,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
