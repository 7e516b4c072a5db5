"""How many years does a node's flash last?

    python bench/spool_wear.py                         QUICK=1 plays shorter days

Plays days of records through the real spool on the real MicroPython: LittleFS on a chip in RAM that counts erased blocks and programmed
bytes. A row has ROW bytes (three axes and a thermometer), the host commits every record, or is away. Part of the partition is
taken by what `babbitt node flash` writes, in whole blocks (most modules are smaller than one), and never moves. LittleFS chooses a
block for every write in turn, so wear is spread over the blocks that are free; it does not move what lies still.

The figure is the years until the blocks of a 2 MB partition have been erased 100,000 times each (what the makers of NOR flash guarantee),
with a record every 10 s and the host there, as the node comes out of the box. The baseline is the same for a spool that writes
a record every second at once, which is what the hold (`spool_hold_s`) is for. `evenness` says how far the levelling got in the
longest time that was played: mean by most erases of the blocks that are free; it comes nearer to 1 the longer one plays, for LittleFS
moves a directory after 100 erases.

The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "firmware"), str(ROOT / "firmware"), str(ROOT / "tools")]

from mp_runner import Runner  # noqa: E402

from babbitt_tools.node import boards, bundle, filesystem  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
CYCLES = 100_000
DAY_S = 86_400
ROW = 150
BOARD = "ESP32_GENERIC"
SIZES = (("1 MB", 256, 300_000), ("2 MB", 512, 1_000_000))
"""Partition, its blocks, `spool_bytes`."""
CASES = (
    # name, seconds between records, hold, host there
    ("10 s", 10, 9, True),
    ("10 s, host away", 10, 9, False),
    ("10 s, hold 60 s", 10, 60, True),
    ("1 s", 1, 9, True),
    ("1 s, at once", 1, 0, True),
    ("1 s, hold 60 s", 1, 60, True),
    ("60 s", 60, 9, True),
)


def firmware_bytes() -> int:
    """What the files of a node take of its file system, in whole blocks."""
    return filesystem.used(bundle.make(boards.load(BOARD), node={}, config={}).image())


def years(erases_a_day: float, blocks: int, taken: int) -> float:
    """Until the free blocks are worn out. taken: bytes of the firmware and of records that wait for the host."""
    free = blocks - taken // filesystem.BLOCK
    return CYCLES * free / erases_a_day / 365.25


def main() -> int:
    """Run the bench; returns the exit status."""
    started = time.monotonic()
    share, longest = (0.05, 0.5) if QUICK else (0.25, 5.0)
    firmware = firmware_bytes()
    table: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        for size, blocks, limit in SIZES:
            for name, every_s, hold_s, there in CASES:
                records = int(DAY_S / every_s * share)
                found = runner.call(
                    "flashwear", "day", blocks, limit, records, ROW, every_s, hold_s, int(there), firmware
                )
                table[f"{size}, {name}"] = {
                    "years": round(
                        years(found["erases"] / share, blocks, firmware + (0 if there else limit)), 1
                    ),
                    "bytes_a_day": round(found["bytes"] / share),
                    "erases_a_day": round(found["erases"] / share),
                    "programs_a_day": round(found["programs"] / share),
                    "most_held": found["most_held"],
                }
                print(f"{size}, {name}", table[f"{size}, {name}"], file=sys.stderr)
        levelled = runner.call("flashwear", "day", 256, 300_000, int(8640 * longest), ROW, 10, 9, 1, firmware)
    figure, baseline = table["2 MB, 10 s"]["years"], table["2 MB, 1 s, at once"]["years"]
    result = {
        "bench": "spool_wear",
        "figure": figure,
        "unit": "years",
        "baseline": baseline,
        "ratio": round(figure / baseline, 2),
        "goal": 10,
        "ok": figure >= 10,
        "baseline_is": "a record a second, each written at once",
        "row_bytes": ROW,
        "cycles": CYCLES,
        "firmware_bytes": firmware,
        "days_played": share,
        "evenness": levelled["evenness"],
        "evenness_after_days": longest,
        "cases": table,
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
