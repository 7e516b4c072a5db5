"""A process of the host's own that is started again when it ends, and ends with the host."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

log = logging.getLogger(__name__)

BACKOFF_S = (0.5, 30.0)
STEADY_S = 60.0


def give_way(nice: int) -> None:
    """For a child: receiving comes first. What is not done now is done later, the record log has it."""
    if hasattr(os, "nice"):
        os.nice(nice)
    with contextlib.suppress(OSError):  # on Linux a session of its own shares the processor as a whole
        Path("/proc/self/autogroup").write_text(str(nice))


class Child:
    """``python -m MODULE ARGUMENTS`` with a pipe as its standard input, which closes when the host ends.

    ``restarts`` counts how often it had to be started again, ``pid`` is that of the process now or None.
    """

    def __init__(self, name: str, module: str, *arguments: str) -> None:
        self.name = name
        self.restarts = 0
        self._line = [sys.executable, "-m", module, *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"babbitt-{name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process, None while it is not running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it and watch it."""
        self._launch()
        self._thread.start()

    def stop(self) -> None:
        """End it. Safe to call twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end()

    def _launch(self) -> None:
        # A session of its own: Ctrl-C is meant for the host, which then ends it in order.
        self._process = subprocess.Popen(
            self._line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def _watch(self) -> None:
        pause, longest = BACKOFF_S
        began = time.monotonic()
        while not self._stop.wait(0.2):
            if self.pid is not None:
                continue
            code = self._process.returncode if self._process is not None else None
            if time.monotonic() - began > STEADY_S:
                pause = BACKOFF_S[0]
            log.error("the %s ended with code %s; starting it again in %.1f s", self.name, code, pause)
            if self._stop.wait(pause):
                return
            pause, began = min(longest, pause * 2), time.monotonic()
            self._end()
            self.restarts += 1
            try:
                self._launch()
            except OSError as error:
                log.error("the %s does not start: %s", self.name, error)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
