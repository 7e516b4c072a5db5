"""The host's forecaster: has the models in use applied to all machines, hourly and when something they rest on has changed.

That is done by a process of its own (``__main__.py``), so that nothing waits for it; this thread only looks whether it is due.
"""

from __future__ import annotations

import logging
import time

import msgspec

from babbitt.errors import ModelError, StoreError
from babbitt.prognosis.fleet.__main__ import FORETELL
from babbitt.prognosis.fleet.foretell import in_use
from babbitt.prognosis.fleet.foretold import Costs, Foretellings, keep, kept
from babbitt.prognosis.fleet.trainer import MODULE, NICE
from babbitt.store.reader import StoreReader
from babbitt.store.worker import Worker, in_a_child

log = logging.getLogger(__name__)

LOOK_S, EVERY_S = 2.0, 3600.0


class Forecaster(Worker):
    """Works in a thread of its own. ``runs`` counts how often all machines were looked at."""

    def __init__(
        self,
        reader: StoreReader,
        costs: Costs,
        look_s: float = LOOK_S,
        every_s: float = EVERY_S,
        nice: int | None = None,
    ) -> None:
        super().__init__("forecaster")
        self._reader, self._costs = reader, costs
        self._look_s, self._every_s = look_s, every_s
        self._nice = NICE if nice is None else nice
        self.runs = 0

    def _run(self) -> None:
        done: tuple[dict[str, int], int] | None = None
        at = 0.0
        while not self._stop.wait(self._look_s):
            try:
                models = in_use(self._reader.path)
                now = models, self._reader.newest_turn()
                if not models and kept(
                    self._reader.path
                ):  # what was told is of a model that is no longer in use
                    keep(self._reader.path, Foretellings(int(time.time() * 1000)))
                if not models or (now == done and time.monotonic() - at < self._every_s):
                    continue
                words = (
                    str(self._reader.path),
                    FORETELL,
                    str(self._nice),
                    msgspec.json.encode(dict(self._costs)).decode(),
                )
                if in_a_child(MODULE, words, self._stop) != 0 and not self._stop.is_set():
                    log.error("the remaining life by fleets was not told anew; it is tried again in an hour")
                done, at = now, time.monotonic()
                self.runs += 1
            except (ModelError, StoreError, OSError) as error:
                log.error("the remaining life by fleets is not told: %s", error)
                self._stop.wait(60.0)
