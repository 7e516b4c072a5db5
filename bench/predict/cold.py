"""How well are the temperatures of cold rooms foretold, and are their operators left in peace?

    python bench/predict/cold.py --data DIR               QUICK=1 takes three of the ten rooms

A refrigerated warehouse, ten sensors, 2021, every 15 min. Two parts, both causal, one set of settings for all rooms:

- the forecast (babbitt/prognosis/temperature.py) at 15, 60 and 120 min from the fourth week on: mean absolute error against
  persistence, and how often the truth is inside the 90 % interval;
- the analyser of a cold room (babbitt/prognosis/coldroom.py) with limits that a person would set: onsets (the limit passed for an
  hour) that were warned of before, warnings that nothing followed, all warnings against the 2,114 alarms of the site's own
  thresholds, and whether the large events were told; and of the hours to the limit that were said, how many the next passage was in.

- the same with thresholds that follow marks: twelve hours after each warning someone who knows says whether it was right.

Beside them, events of the detector of what is new (babbitt/detection/surprise.py), which judges no room by itself: how many a sensor and
month, and which of the large events it told.

The features of the forecast and its constants were chosen with all ten rooms in view: other rooms will differ. The figure is the
mean gain over persistence at 60 min, in per cent; the baseline is the error of persistence in kelvin. The last line of the output
is one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import features_numpy as node  # noqa: E402
from predict_first import HAPPENS_H, LIMITS, cold_room, onsets  # noqa: E402

from babbitt.detection.refractory import Refractory  # noqa: E402
from babbitt.detection.surprise import Surprise  # noqa: E402
from babbitt.detection.tolerance import DAY_MS, tolerance  # noqa: E402
from babbitt.prognosis.coldroom import ColdRoomAnalyser  # noqa: E402
from babbitt.prognosis.temperature import DAY, STEP_MS, TemperatureForecast  # noqa: E402
from babbitt.protocol.assessment import Asset  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
GOALS = {"gain_60": 7.0, "gain_120": 11.0, "cover": (0.88, 0.92), "onsets": 30, "false": 2.0, "alarms": 211}
SITE_ALARMS = 2114
WARM = 21 * DAY
EVENTS = (
    ("deepfreezer_1", "2021-10-17 20:30", 10.0), ("deepfreezer_2", "2021-10-17 20:30", 10.0),
    ("deepfreezer_1", "2021-10-18 07:00", 8.5), ("deepfreezer_2", "2021-08-13 00:00", 24.0),
    ("freezer_1", "2021-09-10 00:00", 24.0), ("cooling_1", "2021-06-25 00:00", 24.0), ("cooling_2", "2021-06-25 00:00", 24.0),
)  # fmt: skip
"""Sensor, start (UTC), hours in which it must be told."""


def forecast(records: list[node.Record]) -> tuple[dict[int, list[tuple[float, float, bool, float]]], float]:
    """By minutes ahead: error, that of persistence, whether inside, width; and microseconds a step."""
    values = {t // STEP_MS: v["temp.mean"] for t, v in records if v["temp.mean"] is not None}
    first, last = min(values), max(values)
    follower = TemperatureForecast()
    began = time.process_time()
    made = [
        (step - 1, follower.forecasts())
        for step in range(first, last + 1)
        if follower.update(step * STEP_MS, values.get(step))
    ]
    took = (time.process_time() - began) / (last - first + 1) * 1e6
    found: dict[int, list[tuple[float, float, bool, float]]] = {}
    for step, some in made:
        for one in some:
            truth, now = values.get(step + one.minutes * 60_000 // STEP_MS), values.get(step)
            if step - first >= WARM and truth is not None and now is not None:
                inside = one.low <= truth <= one.high
                row = abs(truth - one.middle), abs(truth - now), inside, one.high - one.low
                found.setdefault(one.minutes, []).append(row)
    return found, took


def followed(records: list[node.Record], limit: float) -> tuple[int, int]:
    """Onsets warned of and false warnings where each warning is marked HAPPENS_H later."""
    asset = Asset("warehouse", "room", "room", "cold_room", 900, {"temp.mean": {"h": limit}})
    ahead = int(HAPPENS_H * 4)
    above = [(v := values["temp.mean"]) is not None and v > limit for _, values in records]
    true = [sum(above[n : n + ahead]) >= 2 for n in range(len(records))]
    analyser, on, said, starts, day = ColdRoomAnalyser(asset), [False], [], [], (-1, 0)
    for n, (t, values) in enumerate(records):
        said += [(records[m][0], "right" if true[m] else "wrong") for m in starts if m + ahead == n]
        if (t // DAY_MS, len(said)) != day:
            day = t // DAY_MS, len(said)
            analyser.asset = dataclasses.replace(asset, tolerance=tolerance(said, t).factor)
        on.append(analyser.update(t, values).level in ("warning", "alarm"))
        if on[-1] and not on[-2]:
            starts.append(n)
    return sum(on[n] for n in onsets(records, limit)), sum(not true[n] for n in starts)


def told(records: list[node.Record], limit: float, start: str, hours: float) -> bool:
    """Whether there was a warning or an alarm within an event."""
    asset = Asset("warehouse", "room", "room", "cold_room", 900, {"temp.mean": {"h": limit}})
    begin = int(datetime.fromisoformat(start + "+00:00").timestamp() * 1000)
    analyser = ColdRoomAnalyser(asset)
    return any(
        analyser.update(t, values).level in ("warning", "alarm") and t >= begin
        for t, values in records
        if t <= begin + hours * 3_600_000
    )


def new(records: list[node.Record]) -> list[int]:
    """When something new began (Unix ms)."""
    detector, latch, found = Surprise(), Refractory(), []
    for t, values in records:
        air = {"temp.mean": values["temp.mean"]}
        if latch.update(detector.new_one(air)):
            found.append(t)
        detector.learn_one(air)
    return found


def within(times: list[int], start: str, hours: float) -> bool:
    """Whether one of the times is in an event."""
    begin = int(datetime.fromisoformat(start + "+00:00").timestamp() * 1000)
    return any(begin <= t <= begin + hours * 3_600_000 for t in times)


def main() -> int:
    """Run the bench; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    source = parser.parse_args().data / "cold_storage" / "subzero_values.csv.gz"
    rooms = dict(list(LIMITS.items())[: 3 if QUICK else None])
    by_horizon: dict[int, list[tuple[float, float, float, float]]] = {}
    total = {
        "onsets": 0,
        "warned_before": 0,
        "false": 0,
        "warnings": 0,
        "months": 0.0,
        "hours_said": 0,
        "hours_inside": 0,
    }
    costs, events, news, new_events = [], [], 0, []
    follow = [0, 0]
    for name, limit in rooms.items():
        records = node.temperature_csv(source, name)
        found, took = forecast(records)
        costs.append(took)
        for minutes, some in found.items():
            columns = [statistics.fmean(column) for column in zip(*some, strict=True)]
            by_horizon.setdefault(minutes, []).append((columns[0], columns[1], columns[2], columns[3]))
        one = cold_room(records, limit)
        for key in total:
            total[key] += one[key]
        follow = [a + b for a, b in zip(follow, followed(records, limit), strict=True)]
        events += [
            (name, start, told(records, limit, start, hours)) for room, start, hours in EVENTS if room == name
        ]
        times = new(records)
        news += len(times)
        new_events += [
            (name, start, within(times, start, hours)) for room, start, hours in EVENTS if room == name
        ]
        print(
            f"{name}: {one['warned_before']} of {one['onsets']} onsets, {one['warnings']} warnings",
            file=sys.stderr,
        )
    ahead: dict[str, Any] = {}
    for minutes, some in sorted(by_horizon.items()):
        error, still, cover, width = (statistics.fmean(column) for column in zip(*some, strict=True))
        ahead[str(minutes)] = {
            "mae": round(error, 3), "persistence": round(still, 3), "gain": round(100 * (1 - error / still), 1),
            "cover": round(cover, 3), "width": round(width, 2),
        }  # fmt: skip
    false = total["false"] / total["months"]
    covers = [one["cover"] for one in ahead.values()]
    ok = (
        ahead["60"]["gain"] >= GOALS["gain_60"] and ahead["120"]["gain"] >= GOALS["gain_120"]
        and all(0.88 <= cover <= 0.92 for cover in covers) and total["warned_before"] >= 30 and false <= 2.0
        and total["warnings"] <= GOALS["alarms"] and all(event[2] for event in events)
    )  # fmt: skip
    print(
        json.dumps(
            {
                "bench": "cold", "figure": ahead["60"]["gain"], "unit": "% less error than persistence at 60 min",
                "baseline": ahead["60"]["persistence"], "ratio": round(ahead["60"]["mae"] / ahead["60"]["persistence"], 3),
                "goal": GOALS, "ok": ok, "forecast": ahead, "us_a_step": round(statistics.fmean(costs)),
                "onsets": total["onsets"], "warned_before": total["warned_before"],
                "false_per_sensor_month": round(false, 2), "warnings": total["warnings"], "alarms_of_the_site": SITE_ALARMS,
                "with_marks": {"warned_before": follow[0], "false_per_sensor_month": round(follow[1] / total["months"], 2)},
                "hours_to_limit_said": total["hours_said"], "hours_inside_80": round(total["hours_inside"] / max(1, total["hours_said"]), 3),
                "events": events, "new_per_sensor_month": round(news / total["months"], 2), "new_events": new_events,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
