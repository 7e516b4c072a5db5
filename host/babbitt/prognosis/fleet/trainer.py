"""The host's trainer: begins lessons that wait, one at a time, each in a process of its own (``__main__.py``)."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.jobs import Job, Jobs

log = logging.getLogger(__name__)

LOOK_S = 2.0
NICE = 15
"""Of the process that learns: behind the analysis. On a PC that is always busy a training takes long; nothing else does."""
TRIES = 3
"""So often a lesson is begun whose process ended by something else than its own word: a power cut, too little memory."""


class Trainer:
    """Works in a thread of its own; of a host that starts, what an earlier one was at begins again. ``pid`` is the process that
    learns now, or None."""

    def __init__(self, folder: Path, look_s: float = LOOK_S, nice: int = NICE) -> None:
        self._folder, self._look_s, self._nice = folder, look_s, nice
        self._jobs = Jobs(folder)
        self.pid: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="babbitt-trainer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End; a lesson that is not over begins again with the next host."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._look_s):
            try:
                waiting = [one for one in self._jobs.all() if one.state in ("waiting", "running")]
                if waiting:
                    self._teach(waiting[-1])
            except (ModelError, OSError) as error:
                log.error("a training cannot be begun: %s", error)

    def _began(self, pid: int) -> None:
        self.pid = pid

    def _teach(self, job: Job) -> None:
        if job.tries >= TRIES:
            text = f"its process ended {TRIES} times without a word: see the host's log, and whether memory is enough"
            self._jobs.change(job, state="failed", ended=int(time.time() * 1000), text=text)
            return
        try:
            code = in_a_child((str(self._folder), str(job.id), str(self._nice)), self._stop, self._began)
        finally:
            self.pid = None
        after = self._jobs.find(job.id)
        if after is not None and after.state == "running" and self._stop.is_set():
            self._jobs.change(after, state="waiting", tries=job.tries, what="", done=0, of=0)
        elif after is not None and after.state not in ("done", "failed"):
            log.error("training %d ended with code %d and is begun again", job.id, code)


def in_a_child(
    words: Sequence[str], stop: threading.Event, began: Callable[[int], None] = lambda pid: None
) -> int:
    """Have ``__main__.py`` work in a process of its own until it ends or ``stop`` is set; gives its code. Raises OSError."""
    line = [sys.executable, "-m", "babbitt.prognosis.fleet", *words]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    began(process.pid)
    try:
        while process.poll() is None and not stop.wait(0.2):
            pass
    finally:
        if process.stdin is not None:
            process.stdin.close()
        code = process.wait()
    return code
