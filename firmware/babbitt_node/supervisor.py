"""Every task is watched, restarted when it dies, and counted; the hardware watchdog is fed only while all
make progress.

    supervisor = Supervisor(board.watchdog(60000))
    supervisor.add("sampler", sampler, patience_s=60)      # sampler: function beat -> coroutine; it calls
    await supervisor.run()                                 # beat() as it goes
"""

import asyncio
import gc
import io
import sys

from babbitt_node.hal import port
from babbitt_node.hal.compile import const

_FEED_MS = const(15000)  # a quarter of the watchdog's time
_HEALTHY_MS = const(600000)  # after so long without a crash the next back-off is short again
_LONGEST_S = const(60)


def trace(error):
    """The traceback of an exception as text, on both runtimes."""
    out = io.StringIO()
    if hasattr(sys, "print_exception"):
        sys.print_exception(error, out)
    else:
        import traceback

        traceback.print_exception(error, file=out)
    return out.getvalue()


class _Watched:
    def __init__(self, name, make, patience_s):
        self.name = name
        self.make = make
        self.patience_ms = patience_s * 1000
        self.last = port.ticks_ms()
        self.restarts = 0

    def beat(self):
        self.last = port.ticks_ms()


class Supervisor:
    """Runs tasks for ever. watchdog: an object with feed(), or None. on_crash: function(text) that keeps a traceback,
    or what is known of a hang, before anything else is done; it raises nothing.

    `restarts` {task: times} of those that were; `crash` the newest traceback or None; `late` name of the task
    that kept the watchdog from being fed, or None.
    """

    def __init__(self, watchdog=None, on_crash=None):
        self._watchdog = watchdog
        self._on_crash = on_crash
        self._tasks = []
        self.crash = None
        self.late = None

    @property
    def restarts(self):
        """{task name: times it was restarted}, only those above 0."""
        return {task.name: task.restarts for task in self._tasks if task.restarts}

    def add(self, name, make, patience_s):
        """Add a task. make: function(beat) -> coroutine. patience_s: it beats at least so often, or it
        hangs.
        """
        self._tasks.append(_Watched(name, make, patience_s))

    async def run(self):
        """Run all tasks until cancelled."""
        running = [asyncio.create_task(self._keep(task)) for task in self._tasks]
        try:
            while True:
                self.check()
                await port.sleep_ms(_FEED_MS)
        finally:
            for task in running:
                task.cancel()

    def check(self):
        """Feed the watchdog if every task has beaten in time; otherwise say who is late, once."""
        now = port.ticks_ms()
        for task in self._tasks:
            if port.ticks_diff(now, task.last) > task.patience_ms:
                if self.late != task.name:
                    self.late = task.name
                    text = "task %s makes no progress, the watchdog will reset the board" % task.name
                    print("supervisor:", text)
                    self._keep_text(text)
                return
        self.late = None
        if self._watchdog is not None:
            self._watchdog.feed()

    def _keep_text(self, text):
        if self._on_crash is not None:
            self._on_crash(text)

    async def _keep(self, task):
        pause_s = 1
        while True:
            task.beat()
            begun = port.ticks_ms()
            try:
                await task.make(task.beat)
                self.crash = "task %s ended" % task.name
            except Exception as error:
                if isinstance(error, MemoryError):
                    gc.collect()
                self.crash = trace(error)
            self._keep_text(self.crash)
            task.restarts += 1
            print("supervisor: restarting %s: %s" % (task.name, self.crash))
            if port.ticks_diff(port.ticks_ms(), begun) > _HEALTHY_MS:
                pause_s = 1
            for _ in range(pause_s):
                task.beat()
                await port.sleep_ms(1000)
            pause_s = min(_LONGEST_S, pause_s * 2)
