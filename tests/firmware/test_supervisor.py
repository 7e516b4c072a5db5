"""A task that dies is restarted and counted; a task that hangs keeps the watchdog from being fed."""

import asyncio

from babbitt_node import supervisor as module
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.supervisor import Supervisor, trace


class Dog:
    """Counts its meals."""

    fed = 0

    def feed(self):
        self.fed += 1


class FastPort:
    """The port, with a thousandth of every sleep."""

    def __getattr__(self, name):
        return getattr(port, name)

    async def sleep_ms(self, ms):
        await port.sleep_ms(ms // 1000)


def run(supervisor, done):
    """Run until `done()`, or for about 10 s."""

    async def main():
        task = asyncio.create_task(supervisor.run())
        for _ in range(10000):
            await port.sleep_ms(1)
            if done():
                break
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    module.port = FastPort()
    try:
        asyncio.run(main())
    finally:
        module.port = port


def test_tasks_are_restarted_whatever_ended_them():
    dog = Dog()
    kept = []
    supervisor = Supervisor(dog, kept.append)
    starts = {"broken": 0, "hungry": 0, "ending": 0, "good": 0}

    def task(name, error):
        async def body(beat):
            starts[name] += 1
            if error is not None:
                raise error
            if name == "good":
                while True:
                    beat()
                    await port.sleep_ms(1)

        supervisor.add(name, body, 60)

    task("broken", NodeError("crc", "on purpose"))
    task("hungry", MemoryError())
    task("ending", None)
    task("good", None)
    run(supervisor, lambda: min(starts.values()) == 1 and sorted(starts.values())[1] > 2)
    assert starts["good"] == 1 and dog.fed > 0
    for name in ("broken", "hungry", "ending"):
        assert starts[name] >= 2 and supervisor.restarts[name] >= 1, starts
    assert "good" not in supervisor.restarts
    assert supervisor.crash
    assert any("on purpose" in text for text in kept) and any("MemoryError" in text for text in kept)
    assert "task ending ended" in kept


def test_a_task_that_hangs_is_late_and_the_watchdog_hungry():
    dog = Dog()
    supervisor = Supervisor(dog)
    supervisor.add("stuck", None, 0)
    supervisor.check()
    assert dog.fed == 1
    supervisor._tasks[0].last = port.ticks_add(port.ticks_ms(), -10)
    supervisor.check()
    assert dog.fed == 1 and supervisor.late == "stuck"
    supervisor._tasks[0].beat()
    supervisor._tasks[0].patience_ms = 1000
    supervisor.check()
    assert dog.fed == 2 and supervisor.late is None


def test_a_traceback_is_text():
    try:
        raise NodeError("crc", "on purpose")
    except NodeError as error:
        text = trace(error)
    assert "on purpose" in text and "line" in text
