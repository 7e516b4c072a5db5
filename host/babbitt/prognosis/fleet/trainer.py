"""The host's trainer: begins lessons that wait, one at a time, each in a process of its own (``__main__.py``)."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.jobs import Job, Jobs
from babbitt.store.worker import Worker, in_a_child

log = logging.getLogger(__name__)

MODULE = "babbitt.prognosis.fleet"
"""Whose ``__main__.py`` does the work."""
LOOK_S = 2.0
NICE = 15
"""Of the process that learns: behind the analysis. On a PC that is always busy a training takes long; nothing else does."""
TRIES = 3
"""So often a lesson is begun whose process ended by something else than its own word: a power cut, too little memory."""


class Trainer(Worker):
    """Works in a thread of its own; of a host that starts, what an earlier one was at begins again. ``pid`` is the process that
    learns now, or None."""

    def __init__(self, folder: Path, look_s: float = LOOK_S, nice: int = NICE) -> None:
        super().__init__("trainer")
        self._folder, self._look_s, self._nice = folder, look_s, nice
        self._jobs = Jobs(folder)
        self.pid: int | None = None

    def _run(self) -> None:
        while not self._stop.wait(self._look_s):
            try:
                waiting = [one for one in self._jobs.all() if one.state in ("waiting", "running")]
                if waiting:
                    self._teach(waiting[-1])
            except (ModelError, OSError) as error:
                log.error("a training cannot be begun: %s", error)

    def _began(self, pid: int | None) -> None:
        self.pid = pid

    def _teach(self, job: Job) -> None:
        if job.tries >= TRIES:
            text = f"its process ended {TRIES} times without a word: see the host's log, and whether memory is enough"
            self._jobs.change(job, state="failed", ended=int(time.time() * 1000), text=text)
            return
        code = in_a_child(MODULE, (str(self._folder), str(job.id), str(self._nice)), self._stop, self._began)
        after = self._jobs.find(job.id)
        if after is not None and after.state == "running" and self._stop.is_set():
            self._jobs.change(after, state="waiting", tries=job.tries, what="", done=0, of=0)
        elif after is not None and after.state not in ("done", "failed"):
            log.error("training %d ended with code %d and is begun again", job.id, code)
