"""bench/predict/nab.py on a corpus of its own making: what it prints, and what it refuses."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "predict" / "nab.py"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(BENCH), "--data", str(folder)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)


def write(folder: Path, labelled: bool) -> None:
    """Two series of eight days, a peak in each."""
    (folder / "data" / "made").mkdir(parents=True)
    windows: dict[str, list[list[str]]] = {}
    for k in range(2):
        rng = random.Random(k)
        begin = datetime(2026, 11, 1)
        times = [str(begin + timedelta(minutes=15 * n)) for n in range(768)]
        values = [20 + 4 * math.sin(2 * math.pi * n / 96) + rng.gauss(0, 0.3) for n in range(768)]
        values[500] += 20
        rows = [f"{t},{v:.2f}" for t, v in zip(times, values, strict=True)]
        (folder / "data" / "made" / f"{k}.csv").write_text("\n".join(["timestamp,value", *rows]) + "\n")
        windows[f"made/{k}.csv"] = [[times[480], times[520]]] if labelled else []
    (folder / "combined_windows.json").write_text(json.dumps(windows))


def test_what_it_prints_of_any_corpus(tmp_path: Path) -> None:
    write(tmp_path, labelled=True)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["windows_found"] == 2
    assert found["ours"]["standard"] > 60
    assert set(found["ours"]) == {"standard", "reward_low_FP", "reward_low_FN"}
    assert found["null"] == dict.fromkeys(found["ours"], 0.0)
    assert found["windowed_gaussian"]["standard"] == found["baseline"]
    assert set(found["crossed"]) == {"even_to_odd", "odd_to_even"}
    assert found["found_at_1_per_stream_month"] <= 2


@pytest.mark.parametrize(("labelled", "word"), [(None, "not a NAB corpus"), (False, "a label window")])
def test_what_is_no_corpus_is_said(tmp_path: Path, labelled: bool | None, word: str) -> None:
    if labelled is not None:
        write(tmp_path, labelled)
    done = run(tmp_path)
    assert done.returncode == 2
    assert word in done.stderr
