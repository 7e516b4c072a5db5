"""All benchmarks of prediction, one after the other, as one table.

    python bench/predict_all.py [--data DIR] [NAME ...]           QUICK=1 is handed on

Each runs in a process of its own and says on stderr how far it is. The table follows there, when all have ended; the last line of
the output is one JSON object with what each has printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent / "predict"
ROW = "{:<12}{:>12}  {:<58}{:>12}{:>8}  {:<8}{:>5}"


def main() -> int:
    """Run them; exit status 1 if one did not end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BABBITT_DATA", "../shared/data")))
    there = sorted(path.stem for path in HERE.glob("*.py"))
    parser.add_argument("names", nargs="*", default=there, metavar="NAME", help=", ".join(there))
    given = parser.parse_args()
    rows = [("bench", "figure", "unit", "baseline", "ratio", "goal", "s")]
    found: dict[str, Any] = {}
    for name in given.names:
        began = time.monotonic()
        line = [sys.executable, str(HERE / f"{name}.py"), "--data", str(given.data)]
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False)
        try:
            found[name] = said = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, json.JSONDecodeError):
            rows.append((name, "", f"it ended with {done.returncode} and said nothing", "", "", "failed", ""))
            found[name] = None
            continue
        reached = "reached" if said["ok"] else "missed"
        took = f"{time.monotonic() - began:.0f}"
        cells = (said["figure"], said["unit"][:57], said["baseline"], said["ratio"], reached, took)
        rows.append((name, *(str(cell) for cell in cells)))
        print(ROW.format(*rows[-1]), file=sys.stderr, flush=True)
    print("", *(ROW.format(*row) for row in rows), sep="\n", file=sys.stderr)
    print(json.dumps(found))
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
