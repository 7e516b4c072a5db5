"""The node's own anomaly detector over the series of the Numenta Anomaly Benchmark, by its published rules.

    python bench/checks.py [--data DIR]        DIR: a NAB corpus (default: nab in the folder of recordings)
                                               QUICK=1 proves bit-identity on fewer series

The check `anomaly` runs with its default settings, the same for every series, value by value, as on a node: a
value is an integer, as a sensor delivers it, scaled by a power of ten that the probation part alone decides
(its largest absolute value takes six digits). An alarm is a change of state to L or H.

Beside it, in the same run, NAB's own windowed Gaussian (window 6400, step 100) with the threshold that is best
for it on these very series, for each profile: the detector on the node has no such advantage.

Windows found at no more than one false alarm a stream and month: both detectors with their one threshold
raised until that holds, both with the same refractory latch.

The settings were chosen on the series CHOSEN_ON; the score of the others is printed by itself. The last line
of the output is one JSON object. Exit status 1 if the goal is missed or the runtimes differ.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from array import array
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "firmware"), str(ROOT / "firmware")]

import checks_node  # noqa: E402
import nab_score as nab  # noqa: E402
from mp_runner import Runner  # noqa: E402

from babbitt_node.checks import make  # noqa: E402

GOAL = 64.0
DIGITS = 6
SPEC = {"id": "nab", "type": "anomaly", "channel": "value"}
CHOSEN_ON = frozenset(
    {
        "artificialNoAnomaly/art_daily_no_noise.csv",
        "artificialNoAnomaly/art_daily_small_noise.csv",
        "artificialNoAnomaly/art_noisy.csv",
        "artificialWithAnomaly/art_daily_jumpsdown.csv",
        "artificialWithAnomaly/art_daily_nojump.csv",
        "artificialWithAnomaly/art_load_balancer_spikes.csv",
        "realAdExchange/exchange-2_cpm_results.csv",
        "realAdExchange/exchange-3_cpm_results.csv",
        "realAdExchange/exchange-4_cpm_results.csv",
        "realTraffic/TravelTime_387.csv",
        "realTraffic/occupancy_6005.csv",
        "realTraffic/speed_6005.csv",
        "realTraffic/speed_t4013.csv",
    }
)
"""Every second series of the 25 that were at hand, by name."""

Scores = list[tuple[int, int]]
"""(score in per cent of the limit, side: 1 high, -1 low, 0 none) of each value."""


def counts(series: nab.Series) -> array[int]:
    """The values as a sensor would deliver them: integers, of a power of ten that probation decides."""
    top = max(abs(v) for v in series.values[: max(1, nab.probation(len(series.values)))])
    factor = 10.0 ** (DIGITS - (math.ceil(math.log10(top)) if top > 0 else 0))
    limit = 2**30 - 1
    return array("i", [round(max(-limit, min(limit, v * factor))) for v in series.values])


def node_scores(values: Sequence[int]) -> tuple[list[int], Scores]:
    """(values at which the check alarmed, the score of each value)."""
    check = make(SPEC, 0)
    alarms, scores = [], []
    for i, value in enumerate(values):
        changed = check.update(value, checks_node.DT_MS)
        if changed and check.severity:
            alarms.append(i)
        judged = not (changed and check.previous == "learning")  # it learns up to this value
        found = check.evidence() if judged else {}
        cause = found.get("cause", 0)
        scores.append((found.get("score", 0), (cause > 0) - (cause < 0)))
    return alarms, scores


def latched(scores: Sequence[tuple[float, int]], threshold: float, hold: int) -> list[int]:
    """The alarms at scores above `threshold`: none for `hold` values after one, and none while it lasts."""
    alarms = []
    before = wait = 0
    for i, (score, side) in enumerate(scores):
        if wait:
            wait -= 1
            continue
        now = side if score > threshold else 0
        if now and now != before:
            alarms.append(i)
            wait = hold
        before = now
    return alarms


def at_one_a_month(corpus: Sequence[nab.Series], scores: Sequence[Sequence[tuple[float, int]]]) -> int:
    """Windows found with the lowest threshold that gives no more than one false alarm a stream and month."""
    hold = make(SPEC, 0).settings["hold"]
    allowed = sum(s.months for s in corpus)
    every = sorted({score for one in scores for score, _ in one if score > 0})
    low, high = (
        0,
        len(every) - 1,
    )  # the alarms do not quite fall with the threshold: the search is a bisection
    best = 0
    while low <= high:
        middle = (low + high) // 2
        alarms = [latched(one, every[middle], hold) for one in scores]
        if total_false(corpus, alarms) <= allowed:
            best = max(best, total_found(corpus, alarms))
            high = middle - 1
        else:
            low = middle + 1
    return best


def total_false(corpus: Sequence[nab.Series], alarms: Sequence[Sequence[int]]) -> int:
    return sum(
        len(nab.false_alarms(len(s.values), rows, s.windows)) for s, rows in zip(corpus, alarms, strict=True)
    )


def total_found(corpus: Sequence[nab.Series], alarms: Sequence[Sequence[int]]) -> int:
    return sum(nab.found(len(s.values), rows, s.windows) for s, rows in zip(corpus, alarms, strict=True))


def profiles(corpus: Sequence[nab.Series], alarms: Sequence[Sequence[int]]) -> list[dict[str, float]]:
    """The three scores of all series, of those the settings were chosen on, and of the others; empty where
    there is no window.
    """
    parts = [
        corpus,
        [s for s in corpus if s.name in CHOSEN_ON],
        [s for s in corpus if s.name not in CHOSEN_ON],
    ]
    out: list[dict[str, float]] = [{}, {}, {}]
    for name, profile in nab.PROFILES.items():
        raw = {
            s.name: nab.raw_score(len(s.values), rows, s.windows, profile)
            for s, rows in zip(corpus, alarms, strict=True)
        }
        for scores, part in zip(out, parts, strict=True):
            if any(s.windows for s in part):
                total = sum(raw[s.name] for s in part)
                scores[name] = round(nab.normalised(total, part, profile), 1)
    return out


def on_both(values: Sequence[array[int]]) -> tuple[int, float, float]:
    """(series whose transitions, evidence or final state differ, us a value on MicroPython and on CPython)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for k, one in enumerate(values):
            path = folder / f"{k}.i32"
            path.write_bytes(one.tobytes())
            paths.append(str(path))
        (folder / "job.json").write_text(json.dumps({"spec": SPEC, "series": paths}), encoding="utf-8")
        script = str(ROOT / "bench" / "checks_node.py")
        done = Runner(folder).execute([script, str(folder / "job.json")], folder)
        if done.returncode != 0 or len(done.stdout.splitlines()) != len(values):
            raise RuntimeError(f"MicroPython ended with {done.returncode}: {done.stderr[-500:]}")
        there = [json.loads(line) for line in done.stdout.splitlines()]
        here = [json.loads(json.dumps(checks_node.play(SPEC, path))) for path in paths]  # type: ignore[no-untyped-call]
    rows = sum(len(one) for one in values)
    us = [sum(one.pop("us") for one in side) / rows for side in (there, here)]
    return sum(a != b for a, b in zip(here, there, strict=True)), us[0], us[1]


def main() -> int:
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    recordings = Path(os.environ.get("BABBITT_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=recordings)
    folder = parser.parse_args().data
    if not any((folder / part / "combined_windows.json").is_file() for part in ("", "labels")):
        folder /= "nab"
    try:
        corpus = nab.load(folder)
    except nab.CorpusError as error:
        print(error, file=sys.stderr)
        return 2

    values = [counts(s) for s in corpus]
    results = [node_scores(v) for v in values]
    alarms, scores = [r[0] for r in results], [r[1] for r in results]
    hold = make(SPEC, 0).settings["hold"]
    honest = all(latched(one, 100, hold) == rows for one, rows in zip(scores, alarms, strict=True))

    rival = [nab.windowed_gaussian(s.values) for s in corpus]
    best = {name: nab.best_threshold(corpus, rival, p)[0] for name, p in nab.PROFILES.items()}
    rival_latched = [[(v, 1) for v in one] for one in rival]

    step = 6 if os.environ.get("QUICK") == "1" else 1
    different, us_there, us_here = on_both(values[::step])

    scored, chosen, others = profiles(corpus, alarms)
    windows, months = sum(len(s.windows) for s in corpus), sum(s.months for s in corpus)
    figure, baseline = scored["standard"], round(best["standard"], 1)
    ok = figure >= GOAL and different == 0 and honest
    result = {
        "bench": "checks",
        "figure": figure,
        "unit": "NAB standard score (0: says nothing, 100: perfect), one fixed setting",
        "baseline": baseline,
        "ratio": round(figure / baseline, 3) if baseline else None,
        "goal": GOAL,
        "ok": ok,
        "baseline_is": "NAB's windowed Gaussian, with the threshold best for it on these series",
        "anomaly": scored,
        "anomaly_settings_chosen_on": chosen,
        "anomaly_other_series": others,
        "windowed_gaussian": {name: round(value, 1) for name, value in best.items()},
        "series": len(corpus),
        "windows": windows,
        "windows_found": total_found(corpus, alarms),
        "false_alarms_per_stream_month": round(total_false(corpus, alarms) / months, 2),
        "windows_found_at_1_per_stream_month": at_one_a_month(corpus, scores),
        "windowed_gaussian_found_at_1_per_stream_month": at_one_a_month(corpus, rival_latched),
        "us_per_point_micropython": round(us_there, 1),
        "us_per_point_cpython": round(us_here, 1),
        "state_bytes": 4 * make(SPEC, 0).SIZE,
        "bit_identical_series": len(values[::step]) - different,
        "bit_different_series": different,
        "scores_agree_with_states": honest,
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(result))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
