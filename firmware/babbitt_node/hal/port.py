"""What differs between MicroPython and CPython, under one set of names. (TCP connections: `hal.tcp`.)

    from babbitt_node.hal import port

    await port.sleep_ms(20)                # await it at once: MicroPython has a single sleeper object
    late = port.ticks_diff(port.ticks_ms(), due) > 0

Compile-time helpers come from `hal.compile`, which kernels must import by name; `const`, `micropython`,
`ptr16` and `ptr32` are here as well.

Ticks wrap at 2^30 on an ESP32 and, on purpose, on CPython as well: compare them only by `ticks_diff`.

The clock on CPython is the object `port.clock`, looked up at every call. A runner that plays a node in
virtual time puts its own object there by `set_clock(clock)`: it has `ticks_us() -> int` (any origin, not
wrapped), coroutine `sleep_ms(ms)`, `utc_ms() -> int` and `set_utc_ms(ms)`. On MicroPython the virtual board
replaces the modules `time`, `select` and `socket` instead, which the node uses plainly.
"""

import asyncio
import gc
import os
import sys
import time

from ..errors import NodeError
from .compile import const, micropython, ptr16, ptr32  # noqa: F401

MICROPYTHON = sys.implementation.name == "micropython"

_LARGEST_PROBE = const(32768)


def once(module, function, *args):
    """Call `function` of a module of the node that is needed seldom, and forget the module afterwards:
    `once("messages", "state", out, node)`. Returns what the function returns and raises what it raises.

    On MicroPython the code of such a module takes its place on the heap only as long as the call lasts, if
    nothing is returned that belongs to it. A module names in BORROWS what is forgotten together with it.
    """
    borrowed = __import__("babbitt_node." + module, None, None, (function,))
    try:
        return getattr(borrowed, function)(*args)
    finally:
        forget(module, *getattr(borrowed, "BORROWS", ()))


def fetch(*modules):
    """Import modules of the node for the time until they are forgotten."""
    for module in modules:
        __import__("babbitt_node." + module)


def forget(*modules):
    """Give back what modules of the node take on the heap of MicroPython; the next import reads them again."""
    if MICROPYTHON:
        for module in modules:
            package, _, leaf = ("babbitt_node." + module).rpartition(".")
            if sys.modules.pop("babbitt_node." + module, None) is not None:
                delattr(sys.modules[package], leaf)


def unique_bytes(n):
    """`n` bytes from the system's random generator, for identities."""
    return os.urandom(n)


if MICROPYTHON:
    from asyncio import sleep_ms
    from time import ticks_add, ticks_diff, ticks_ms, ticks_us

    try:
        from machine import RTC as _RTC
    except ImportError:
        _RTC = None  # the Unix runtime without a virtual board

    _EPOCH_MS = 946684800000 if time.gmtime(0)[0] == 2000 else 0
    _utc_shift_ms = 0

    def utc_ms():
        """Unix time in ms of the system clock, whatever its epoch; 2000-01-01 or 1970-01-01 if never set."""
        return time.time_ns() // 1000000 + _EPOCH_MS + _utc_shift_ms

    def set_utc_ms(ms):
        """Set the system clock. On a PC (no RTC) only this process sees it."""
        global _utc_shift_ms
        if _RTC is None:
            _utc_shift_ms += ms - utc_ms()
            return
        t = time.gmtime((ms - _EPOCH_MS) // 1000)
        _RTC().datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], ms % 1000 * 1000))

    async def happens(event, ms):
        """Whether an asyncio.Event is set within `ms`; returns as soon as it is."""
        try:
            await asyncio.wait_for_ms(event.wait(), ms)
        except asyncio.TimeoutError:
            return False
        return True

    async def wait_for_ms(aw, ms):
        """Await `aw` for at most `ms`; it is cancelled and NodeError `timeout` raised when that was not
        enough.
        """
        try:
            return await asyncio.wait_for_ms(aw, ms)
        except asyncio.TimeoutError:
            raise NodeError("timeout", "no answer within %d ms" % ms)

    def mem_free():
        """Free bytes of the heap after a collection."""
        gc.collect()
        return gc.mem_free()

    def mem_largest():
        """Bytes of a buffer that can be had in one piece now: a power of two up to 32 KiB, 0 below 1 KiB.

        Probed from below, because a failing allocation makes an ESP32 grow its heap at the expense of Wi-Fi:
        nothing is asked for that the node itself would not ask for.
        """
        size = 1024
        try:
            while size <= _LARGEST_PROBE:
                bytearray(size)
                size *= 2
        except MemoryError:
            return size // 2 if size > 1024 else 0
        return _LARGEST_PROBE

else:

    class _SystemClock:
        """The PC's clock. Its UTC can be set for this process only."""

        def __init__(self):
            self._shift_ms = 0

        def ticks_us(self):
            return time.monotonic_ns() // 1000

        async def sleep_ms(self, ms):
            await asyncio.sleep(ms / 1000)

        def utc_ms(self):
            return time.time_ns() // 1000000 + self._shift_ms

        def set_utc_ms(self, ms):
            self._shift_ms += ms - self.utc_ms()

    clock = _SystemClock()
    _PERIOD = 1 << 30

    def set_clock(new):
        """Replace the clock of this process (see the module's docstring)."""
        global clock
        clock = new

    def ticks_ms():
        """Milliseconds from an arbitrary origin, modulo 2^30."""
        return clock.ticks_us() // 1000 % _PERIOD

    def ticks_us():
        """Microseconds from an arbitrary origin, modulo 2^30."""
        return clock.ticks_us() % _PERIOD

    def ticks_add(ticks, delta):
        """`ticks` moved by `delta`, which may be negative."""
        return (ticks + delta) % _PERIOD

    def ticks_diff(end, start):
        """Signed distance from `start` to `end`, right as long as they are less than 2^29 apart."""
        return (end - start + _PERIOD // 2) % _PERIOD - _PERIOD // 2

    async def sleep_ms(ms):
        """Let the other tasks run for `ms`."""
        await clock.sleep_ms(ms)

    def utc_ms():
        """Unix time in ms of the system clock."""
        return clock.utc_ms()

    def set_utc_ms(ms):
        """Set the clock of this process; the PC's own stays."""
        clock.set_utc_ms(ms)

    async def wait_for_ms(aw, ms):
        """Await `aw` for at most `ms`; it is cancelled and NodeError `timeout` raised when that was not
        enough.
        """
        task = asyncio.ensure_future(aw)
        timer = asyncio.ensure_future(clock.sleep_ms(ms))
        try:
            await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise NodeError("timeout", "no answer within %d ms" % ms)
            return task.result()
        finally:
            timer.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    async def happens(event, ms):
        """Whether an asyncio.Event is set within `ms`; returns as soon as it is."""
        try:
            await wait_for_ms(event.wait(), ms)
        except NodeError:
            return False
        return True

    def mem_free():
        """0: CPython's memory has no limit to measure against."""
        gc.collect()
        return 0

    def mem_largest():
        """0: see mem_free."""
        return 0
