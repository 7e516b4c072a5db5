"""What the firmware takes of the heap by being imported, measured on MicroPython's Unix runtime."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from babbitt_tools.node import boards
from babbitt_tools.sim.rest import Rest
from babbitt_tools.vboard import runtime
from babbitt_tools.vboard.board import VirtualBoard

LIMIT_S = 20.0
_MAIN = """
import gc
gc.collect()
before = gc.mem_alloc()
from babbitt_node.app import Node
from babbitt_node.hal.board import Board
gc.collect()
print("import takes", gc.mem_alloc() - before, "bytes")
"""


@dataclass(frozen=True, slots=True)
class Heap:
    """Bytes that importing the node takes on 64 bits: with its code `copied` to the heap, and run `in_place` out of ROMFS."""

    copied: int
    in_place: int

    def estimate(self, in_place: bool) -> int:
        """For the 32 bits of an ESP32, where code takes as much and everything else half (docs/hardware.md)."""
        code = 0 if in_place else self.copied - self.in_place
        return code + self.in_place // 2


def at_import() -> Heap | None:
    """Import the node both ways and see what that takes. None where there is no MicroPython."""
    if runtime.choose("auto")[0] != "micropython":
        return None
    copied, in_place = _measure(False), _measure(True)
    return None if copied is None or in_place is None else Heap(copied, in_place)


def _measure(in_place: bool) -> int | None:
    board = boards.load("virtual")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        image = Path(folder, "image")
        image.mkdir()
        (image / "main.py").write_text(_MAIN)
        made = VirtualBoard(
            "heap",
            Path(folder, "flash"),
            Rest(board.document),
            node={},
            config=None,
            image=image,
            rom=in_place,
            heap="4M",
        )
        made.start()
        try:
            end = time.monotonic() + LIMIT_S
            while "bytes" not in made.log_tail() and made.alive and time.monotonic() < end:
                time.sleep(0.02)
            said = made.log_tail()
        finally:
            made.stop()
    line = next(
        (line for line in said.splitlines() if line.startswith("import takes") and line.endswith("bytes")),
        None,
    )
    return None if line is None else int(line.split()[2])
