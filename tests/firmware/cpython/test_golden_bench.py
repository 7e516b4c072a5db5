"""bench/golden.py runs, and its last line is one JSON object that says 'all the same'."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from mp_runner import Runner

ROOT = Path(__file__).resolve().parents[3]


def test_both_runtimes_decide_the_same(mp: Runner) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "golden.py")],
        env={**os.environ, "QUICK": "1"}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["ok"] is True and result["figure"] == 100
    assert result["random_series"] >= 200 and result["transitions"] > 1000 and result["windows"] >= 50
    assert result["golden_as_expected"] == result["golden_vectors"] >= 20
    assert result["float_transitions_different"] > 0, "the baseline is not what it claims to be"
