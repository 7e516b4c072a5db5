"""A thread of the host's own that looks again and again, and may have a process work for it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence


class Worker:
    """Calls ``_run`` in a thread named ``babbitt-NAME``; that looks at ``_stop`` and ends soon after it is set."""

    def __init__(self, name: str) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"babbitt-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after the piece in hand; what a process is at is left to the next host."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        raise NotImplementedError


def in_a_child(
    module: str,
    words: Sequence[str],
    stop: threading.Event,
    began: Callable[[int | None], None] = lambda pid: None,
) -> int:
    """Have ``python -m MODULE WORDS`` work until it ends or ``stop`` is set, which closes its standard input; gives its code. ``began`` is
    told its pid, and None when it is over. Raises OSError."""
    line = [sys.executable, "-m", module, *words]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    began(process.pid)
    try:
        while process.poll() is None and not stop.wait(0.1):
            pass
    finally:
        if process.stdin is not None:
            process.stdin.close()
        code = process.wait()
        began(None)
    return code
