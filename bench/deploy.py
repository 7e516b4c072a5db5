"""One file was changed: how long until the node runs with it?

    python bench/deploy.py                        QUICK=1: two rounds instead of five

A node runs on a virtual board whose serial line is as slow as 115,200 baud. In each round one module of the firmware differs; the code of
`babbitt node deploy` finds it, sends it, reads it back, has it put in place and waits until the node says that it runs. The figure is the
median of the seconds that takes, without compiling; the baseline is `mpremote cp -r` of the whole firmware and a reset, until the node says the
same.

The last line of the output is one JSON object. Exit status 1 if the figure is above the goal.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "tools"), str(ROOT / "bench")]

from benchboard import BenchBoard, job  # noqa: E402
from flash import run  # noqa: E402

from babbitt_tools.node import boards, bundle, deploy, flash  # noqa: E402
from babbitt_tools.node.bundle import Bundle  # noqa: E402
from babbitt_tools.node.link import Link  # noqa: E402

ROUNDS = 2 if os.environ.get("QUICK") else 5
GOAL_S = 3.0
MODULE = "babbitt_node/light.mpy"


def once(port: str, files: Bundle) -> tuple[float, int]:
    """Deploy; (seconds, bytes sent)."""
    began = time.monotonic()
    with Link(port) as link:
        difference = deploy.look(link, files)
        deploy.send(link, difference)
        link.restart()
        link.started()
    return time.monotonic() - began, difference.bytes


def everything(port: str, folder: Path, files: Bundle) -> float:
    """Copy all of it with mpremote and reset; seconds."""
    for name, data in files.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    began = time.monotonic()
    run("mpremote", "connect", port, "cp", "-r", *(str(p) for p in sorted(folder.iterdir())), ":")
    with Link(port) as link:
        link.stop()
        link.restart()
        link.started()
    return time.monotonic() - began


def main() -> int:
    """Run the bench; returns the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["BABBITT_BOARDS"] = str(folder / "boards.json")
        board = BenchBoard(folder)
        try:
            made = flash.flash(job(board.port, config=False))
            if not made.ok:
                raise SystemExit(str(made.error))
            board.replug("--pace")
            files = bundle.make(boards.load("virtual"))
            files.files["board.json"] = job(board.port).bundle.files["board.json"]
            took, sent = [], 0
            for number in range(ROUNDS):
                other = files.files[MODULE] if number % 2 else files.files["babbitt_node/errors.mpy"]
                changed = dataclasses.replace(files, files=files.files | {"babbitt_node/changed.mpy": other})
                seconds, sent = once(board.port, changed)
                took.append(seconds)
                print(f"round {number + 1}: {sent} bytes, {seconds:.2f} s", flush=True)
            all_s = everything(board.port, folder / "all", files)
            print(f"everything: {all_s:.1f} s", flush=True)
        finally:
            board.unplug()
    figure = round(statistics.median(took), 2)
    total = sum(map(len, files.files.values()))
    print(
        json.dumps(
            {
                "bench": "deploy", "figure": figure, "unit": "s", "baseline": round(all_s, 1), "ratio": round(all_s / figure, 1),
                "goal": GOAL_S, "ok": figure <= GOAL_S, "bytes": sent, "baseline_bytes": total,
            }
        )
    )  # fmt: skip
    return 0 if figure <= GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())
