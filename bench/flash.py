"""From a bare board to a node that runs: how long does it take, one board and eight at once?

    python bench/flash.py                         QUICK=1: two at once instead of eight

Boards are bare virtual boards (`babbitt_tools.vboard.bare`): the real esptool writes them, MicroPython then runs what was written. A byte takes
its time on their serial lines, at the speed that was asked for (460,800 baud in the loader, 115,200 at the console), so that most of what
a person waits for is there; erasing real flash is not (45 ms a sector of 4 kB by the data sheets: some 20 s more for both ways).

The figure is the time of one board from empty flash to a node that has said it runs, its files read back and compared. The baseline, on
another bare board in the same run, is what one does without these tools: esptool writes MicroPython's image, then `mpremote cp -r`
copies the same files (compiled for the board as well) and resets it. `ratio` is baseline by figure; `bytes` is what was written.

The last line of the output is one JSON object. Exit status 1 if the node does not run or the ratio is below the goal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "tools")]

from benchboard import BenchBoard, job  # noqa: E402

from babbitt_tools.node import boards, flash, upstream  # noqa: E402
from babbitt_tools.node.bundle import Bundle  # noqa: E402
from babbitt_tools.node.link import Link  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
AT_ONCE = 2 if QUICK else 8
GOAL = 2.0
MICROPYTHON = upstream.take(boards.load("virtual"), None)


def ours(board: BenchBoard, name: str) -> flash.Outcome:
    """Flash one board with everything."""
    import dataclasses

    return flash.flash(dataclasses.replace(job(board.port, name), micropython=MICROPYTHON))


def by_hand(board: BenchBoard, folder: Path, files: Bundle) -> float:
    """esptool for MicroPython, mpremote for the files; seconds until the node has started."""
    image = folder / "micropython.bin"
    image.write_bytes(upstream.with_table(files.board, MICROPYTHON))
    tree = folder / "files"
    for name, data in files.files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    began = time.monotonic()
    run(
        "esptool",
        "--port",
        board.port,
        "--baud",
        "460800",
        "write-flash",
        hex(files.board.image_offset),
        str(image),
    )
    run("mpremote", "connect", board.port, "cp", "-r", *(str(p) for p in sorted(tree.iterdir())), ":")
    with Link(board.port) as link:
        link.stop()
        link.restart()
        link.started()
    return time.monotonic() - began


def run(*words: str) -> None:
    """A program of this environment. Raises SystemExit with what it said when it fails."""
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:4])}: {done.stdout[-300:]}{done.stderr[-300:]}")


def main() -> int:
    """Run the bench; returns the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["BABBITT_BOARDS"] = str(folder / "boards.json")
        plugged = [BenchBoard(folder, f"board{n}", "--pace") for n in range(AT_ONCE + 2)]
        try:
            files = job("", "n").bundle  # compiled once for all
            one = ours(plugged[0], "one")
            print(f"one board: {one.seconds} s ({one.error or one.started})", flush=True)
            hand_s = by_hand(plugged[1], folder, files)
            print(f"by hand: {hand_s:.1f} s", flush=True)
            import dataclasses

            jobs = [
                dataclasses.replace(job(board.port, f"n{n}"), micropython=MICROPYTHON)
                for n, board in enumerate(plugged[2:])
            ]
            began = time.monotonic()
            many = flash.flash_all(jobs)
            many_s = time.monotonic() - began
            print(f"{len(many)} at once: {many_s:.1f} s, {sum(o.ok for o in many)} run", flush=True)
        finally:
            for board in plugged:
                board.unplug()
    ratio = hand_s / one.seconds
    ok = one.ok and all(o.ok for o in many) and ratio >= GOAL
    result: dict[str, Any] = {
        "bench": "flash", "figure": one.seconds, "unit": "s", "baseline": round(hand_s, 1), "ratio": round(ratio, 2), "goal": GOAL, "ok": ok,
        "bytes": one.bytes, "files": len(files.files), "at_once": len(many), "at_once_s": round(many_s, 1),
        "errors": [o.error for o in [one, *many] if o.error],
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
