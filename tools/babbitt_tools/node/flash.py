"""A node of a bare board: MicroPython, partition table and file system in one call of esptool, checked before and after.

Nothing is erased before chip, size of the flash and identity are those that were asked for. Everything is read back.
Then the node is started and has to say that it runs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import babbitt_node
from babbitt_tools.errors import BoardError, FlashError
from babbitt_tools.node import esp, known, ports, upstream
from babbitt_tools.node.bundle import Bundle
from babbitt_tools.node.link import Link

BAUD = 460800
WAKE_S, START_S = 10.0, 30.0
STAGES = ("connect", "write", "verify", "start", "done")


@dataclass(frozen=True, slots=True)
class Job:
    """One board: `name` SITE/NODE, `micropython` its image, `mac` (None: any board that is no other node), `replace`: even
    one that is."""

    port: str
    name: str
    bundle: Bundle
    micropython: bytes
    mac: str | None = None
    replace: bool = False
    baud: int = BAUD


@dataclass(slots=True)
class Outcome:
    """What came of a job. `started` is what the node said; `error` None: it runs. `replaced` are boards that were this node before."""

    port: str
    name: str
    mac: str | None = None
    seconds: float = 0.0
    bytes: int = 0
    started: str | None = None
    replaced: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the node runs."""
        return self.error is None


Told = Callable[[Job, str, int, int], None]
"""Called with the job, the stage of STAGES, and how much of how much of it is done."""


def flash(job: Job, told: Told | None = None) -> Outcome:
    """Make a node of a board. Raises nothing: what went wrong is in the outcome."""
    began = time.monotonic()
    outcome = Outcome(job.port, job.name)
    try:
        _write(job, outcome, told)
        ports.wait_for(job.port)
        if told is not None:
            told(job, "start", 0, 1)
        with Link(job.port) as link:
            if link.answers(WAKE_S):  # it may have started, and said so, before anybody listened
                link.stop()
                link.restart()
            outcome.started = link.started(START_S)
        assert outcome.mac is not None
        outcome.replaced = known.remember(
            outcome.mac, job.name, job.bundle.board.name, babbitt_node.__version__
        )
        if told is not None:
            told(job, "done", 1, 1)
    except BoardError as error:
        outcome.error = str(error)
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


def flash_all(jobs: Sequence[Job], told: Told | None = None) -> list[Outcome]:
    """All boards at once; one that fails holds up no other."""
    with ThreadPoolExecutor(max(1, len(jobs))) as pool:
        return list(pool.map(lambda job: flash(job, told), jobs))


def parts(bundle: Bundle, micropython: bytes) -> list[tuple[int, bytes]]:
    """(Offset, content) of what is written: the image with the board's partition table, the file system, and what runs in place.
    Raises BoardError."""
    board = bundle.board
    found = [
        (board.image_offset, upstream.with_table(board, micropython)),
        (board.vfs.offset, bundle.image()),
    ]
    rom, place = bundle.rom_image(), board.partition("romfs")
    if rom is not None and place is not None:
        found.append((place.offset, rom))
    return found


def _write(job: Job, outcome: Outcome, told: Told | None) -> None:
    board = job.bundle.board
    images = parts(job.bundle, job.micropython)
    with tempfile.TemporaryDirectory(prefix="babbitt-flash-") as folder:  # only its owner may read it
        writes = []
        for number, (offset, data) in enumerate(images):
            path = Path(folder, f"{number}.bin")
            path.write_bytes(data)
            writes.append([offset, str(path)])
        plan = {
            "port": job.port,
            "baud": job.baud,
            "chip": board.chip,
            "flash_bytes": board.flash_bytes,
            "mac": job.mac,
            "others": {} if job.replace else known.others(job.name),
            "writes": writes,
        }
        written = 0
        last = 0

        def event(what: dict[str, Any]) -> None:
            nonlocal written, last
            if what["event"] == "found":
                outcome.mac = what["mac"]
            elif what["event"] == "written":
                outcome.bytes = what["bytes"]
            if told is None:
                return
            if what["event"] == "progress":
                if what["done"] < last:
                    written += 1
                last = what["done"]
                told(
                    job,
                    "write",
                    round(1000 * (written + what["done"] / max(1, what["of"]))),
                    1000 * len(images),
                )
            elif what["event"] == "written":
                told(job, "verify", 0, 1)

        if told is not None:
            told(job, "connect", 0, 1)
        found = esp.run(plan, event)
        if found["mac"] != outcome.mac:
            raise FlashError(f"{job.port}: the board changed while it was flashed")
