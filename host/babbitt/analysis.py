"""The analysis in a process of its own: ``python -m babbitt.analysis FOLDER [ROOMS [MACHINES]]``, these two as JSON.

So receiving never waits for it, and a defect in it takes nothing else down. It ends, with everything saved, when its
standard input closes: it never outlives the host that started it. It may be killed at any moment.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from babbitt.errors import StoreError
from babbitt.pipeline import Pipeline
from babbitt.settings import MachinePart, RoomPart
from babbitt.store.child import give_way
from babbitt.store.lock import ANALYSIS, StoreLock
from babbitt.store.writer import StoreWriter

LOOK_S = 0.1
NICE = 10
RETRY_S = 1.0

logger = logging.getLogger("babbitt.analysis")


def main() -> None:
    """Judge what comes into a store until the parent goes."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s analysis: %(message)s")
    give_way(NICE)
    over = threading.Event()
    threading.Thread(target=_listen, args=(over,), daemon=True).start()
    rooms = msgspec.json.decode(sys.argv[2], type=dict[str, RoomPart]) if len(sys.argv) > 2 else None
    machines = msgspec.json.decode(sys.argv[3], type=dict[str, MachinePart]) if len(sys.argv) > 3 else None
    run(Path(sys.argv[1]), over, rooms, machines)


def _listen(over: threading.Event) -> None:
    sys.stdin.buffer.read()
    over.set()


def run(
    folder: Path,
    over: threading.Event,
    rooms: Mapping[str, RoomPart] | None = None,
    machines: Mapping[str, MachinePart] | None = None,
) -> None:
    """Judge until ``over`` is set. That of a host that was killed may not have ended yet: it is waited for."""
    while not over.is_set():
        try:
            lock = StoreLock(folder, ANALYSIS)
            break
        except StoreError as error:
            logger.warning("%s; trying again", error)
            over.wait(RETRY_S)
    else:
        return
    writer = StoreWriter(folder)
    pipeline = Pipeline(writer, threading.Event(), look_s=LOOK_S, rooms=rooms, machines=machines)
    pipeline.start()
    while not over.wait(0.5):
        if not pipeline.alive:
            logger.error("the analysis ended by a defect")
            time.sleep(0.1)
            sys.exit(1)
    pipeline.stop()
    writer.close()
    lock.close()


if __name__ == "__main__":
    main()
