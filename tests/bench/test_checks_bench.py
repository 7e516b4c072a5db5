"""The parts of bench/checks.py that are no scoring: scaling, the latch, the baseline detector."""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import checks
import checks_node
import nab_score as nab


def series(values: list[float]) -> nab.Series:
    return nab.Series("a", [60.0 * i for i in range(len(values))], values, [])


def test_values_are_scaled_by_what_probation_shows() -> None:
    # 100 values, probation 15: its largest is 7.25, so six digits are micro-units x 10^5.
    values = [1.0] * 10 + [-7.25] * 5 + [2.0] * 84 + [1e9]
    counts = checks.counts(series(values))
    assert list(counts[:11]) == [100_000] * 10 + [-725_000]
    assert counts[99] == 2**30 - 1  # saturates, as a channel does
    assert list(checks.counts(series([0.0] * 15 + [3.0] * 85)))[-1] == 3_000_000


def test_the_latch() -> None:
    scores = [(50, 1), (150, 1), (150, 1), (150, -1), (150, -1), (90, 1), (101, 1), (100, 1), (120, -1)]
    assert checks.latched(scores, 100, 0) == [1, 3, 6, 8]
    assert checks.latched(scores, 100, 2) == [1, 4, 8]
    assert checks.latched(scores, 150, 0) == []


def test_the_latch_of_the_bench_is_that_of_the_check() -> None:
    rng = random.Random(4)
    values = [round(rng.gauss(0, 100)) for _ in range(3000)]
    for k, i in enumerate(range(300, 3000, 150)):  # spikes that grow, some of them in a row
        values[i : i + 3] = [round((-1) ** k * 600 * 1.2**k)] * 3
    alarms, scores = checks.node_scores(values)
    assert len(alarms) >= 5
    assert checks.latched(scores, 100, 32) == alarms


def test_windowed_gaussian_against_its_definition() -> None:
    rng = random.Random(5)
    values = [7.0] * 5 + [rng.gauss(100, 3) for _ in range(120)]
    window, step = 40, 10
    expected, seen, late = [], [], []
    mean, sigma = 0.0, 1.0
    for x in values:
        z = abs(x - mean) / sigma
        expected.append(1 - 0.5 * math.erfc(z / math.sqrt(2)) if seen else 0.0)
        if len(seen) < window:
            seen.append(x)
        else:
            late.append(x)
            if len(late) < step:
                continue
            seen, late = seen[step:] + late, []
        mean, sigma = statistics.fmean(seen), statistics.pstdev(seen) or 1e-6
    assert nab.windowed_gaussian(values, window, step) == pytest.approx(expected, abs=1e-9)


def test_one_false_alarm_a_month() -> None:
    # Two months of hourly values without probation's rows; one window, three false scores above its own.
    n = 1720
    one = nab.Series("a", [3600.0 * i for i in range(n)], [0.0] * n, [(800, 820)])
    scores = [[(0.0, 0)] * n]
    assert 1.9 < one.months < 2.1
    for row, score in ((400, 9.0), (600, 8.0), (1000, 7.0), (810, 6.5), (1500, 6.0)):
        scores[0][row] = (score, 1)
    assert checks.at_one_a_month([one], scores) == 0
    scores[0][810] = (7.5, 1)
    assert checks.at_one_a_month([one], scores) == 1


@pytest.mark.part("micropython")
def test_both_runtimes_play_the_same(tmp_path: Path) -> None:
    rng = random.Random(6)
    values = array("i", [rng.randint(-1000, 1000) * (30 if rng.random() < 0.01 else 1) for _ in range(700)])
    different, there, here = checks.on_both([values, values[:300]])
    assert different == 0
    assert min(there, here) > 0
    path = tmp_path / "a.i32"
    path.write_bytes(values.tobytes())
    told = checks_node.play(checks.SPEC, str(path))["told"]
    assert [row[0] for row in told if row[2] in ("L", "H")] == checks.node_scores(values)[0]


@pytest.mark.part("micropython")
def test_the_bench_prints_its_figure(tmp_path: Path) -> None:
    rng = random.Random(7)
    labels = {}
    (tmp_path / "data").mkdir()
    for k in range(2):
        values = [rng.gauss(20, 1) + (50 if 700 <= i < 720 else 0) for i in range(1000)]
        rows = [f"2014-04-{1 + i // 1440:02} {i // 60 % 24:02}:{i % 60:02}:00" for i in range(1000)]
        text = "timestamp,value\n" + "".join(f"{t},{v}\n" for t, v in zip(rows, values, strict=True))
        (tmp_path / "data" / f"{k}.csv").write_text(text, encoding="utf-8")
        labels[f"{k}.csv"] = [[rows[690], rows[790]]] if k else []
    (tmp_path / "combined_windows.json").write_text(json.dumps(labels), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, checks.__file__, "--data", str(tmp_path)],
        env=os.environ | {"QUICK": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert {"bench", "figure", "unit", "baseline", "ratio", "goal", "ok"} <= said.keys(), done.stderr
    assert (said["bench"], said["series"], said["windows"], said["windows_found"]) == ("checks", 2, 1, 1)
    assert (said["bit_different_series"], said["scores_agree_with_states"]) == (0, True)
    assert done.returncode == (0 if said["ok"] else 1)


def test_the_bench_without_data_says_so(tmp_path: Path) -> None:
    command = [sys.executable, checks.__file__, "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "not a NAB corpus" in done.stderr
