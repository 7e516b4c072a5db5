"""How many records does a power cut cost?

    python bench/power_cut.py                          QUICK=1 plays a shorter life

Plays the life of a node's flash on the real MicroPython: LittleFS on a chip in RAM, boots that fill the spool, commit, discard rows
and events, end well and badly. The power is cut before every single change of the chip (an erased block, a programmed piece), in three
ways: nothing done, half done, half done with a byte in between. After every cut the file system is mounted and the node's storage
started on it, with the power cut again at every change of some of these starts. The same with `boot.json`, the configuration, `node.json` and
what is on trial. Lost is what append() had returned for, what the
host does not have, and what is neither there nor counted as discarded.

The figure is the share of cuts after which something was lost, doubled, unreadable, miscounted or did not start; the baseline is the share of
cuts after which a log file that is kept open and appended to has lost records (`log_file.worst`: how many one cut costs).
`failures` says what went wrong.

The last line of the output is one JSON object. Exit status 1 if anything was lost.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "firmware"), str(ROOT / "firmware"), str(ROOT / "tools")]

from mp_runner import Runner  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
BLOCKS = 32
LIMIT = 2048
PIECES = ((8, 151),) if QUICK else ((8, 7), (16, 41), (24, 0))
"""Lives: how long a boot is, and after every how many cuts the start is cut as well (0: never)."""


def main() -> int:
    """Run the bench; returns the exit status."""
    started = time.monotonic()
    total = {
        "changes": 0,
        "cuts": 0,
        "cuts_in_recovery": 0,
        "records": 0,
        "discarded": 0,
        "got_through": 0,
        "failed": 0,
    }
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        for rounds, deep_every in PIECES:
            found = runner.call("powercut", "run", BLOCKS, LIMIT, rounds, deep_every, timeout=900)
            failures += found["failures"]
            for name in total:
                total[name] += found[name]
            print(json.dumps({"rounds": rounds, **found}), file=sys.stderr)
        found = runner.call("powercut", "run_settings", BLOCKS, 0 if QUICK else 3, timeout=900)
        failures += found["failures"]
        for name in ("cuts", "cuts_in_recovery", "failed"):
            total[name] += found[name]
        print(json.dumps({"settings": found}), file=sys.stderr)
        log = runner.call("powercut", "naive", BLOCKS, 16, 0)
        rewritten = runner.call("powercut", "naive", BLOCKS, 16, 1)
    bad = 100 * total["failed"] / (total["cuts"] + total["cuts_in_recovery"])
    baseline = 100 * log["cuts_that_lose"] / log["cuts"]
    result = {
        "bench": "power_cut",
        "figure": bad,
        "unit": "% of cuts that cost a record",
        "baseline": round(baseline, 1),
        "ratio": bad / baseline,
        "goal": 0,
        "ok": not total["failed"] and log["worst"] > 0,
        "baseline_is": "a log file kept open and appended to, on the same file system, cut in the same ways",
        **total,
        "failures": failures[:20],
        "log_file": log,
        "list_rewritten_for_every_record": rewritten,
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
