"""`time` in virtual time. Shadows the built-in module for the firmware and for asyncio alike.

Ticks start far ahead of the real ones: the C half of asyncio files a new task under the *real* ticks, which
must count as due at any virtual time.
"""

import utime
import vtime
import vworld
from utime import *

_BASE_MS = 1000000000 + utime.ticks_ms()
_BASE_US = _BASE_MS * 1000


def ticks_us():
    """Microseconds from some origin."""
    return _BASE_US + vworld.clock.tick()


def ticks_ms():
    """Milliseconds from the same origin."""
    return _BASE_MS + vworld.clock.tick() // 1000


ticks_cpu = ticks_us


def sleep_us(us):
    """Let `us` microseconds pass."""
    if us > 0:
        vworld.clock.sleep(us)


def sleep_ms(ms):
    """Let `ms` milliseconds pass."""
    if ms > 0:
        vworld.clock.sleep(ms * 1000)


def sleep(s):
    """Let `s` seconds pass."""
    if s > 0:
        vworld.clock.sleep(int(s * 1000000))


def time():
    """Unix time, a float like that of the Unix port."""
    return vtime.utc_us() / 1000000


def time_ns():
    """Unix time in nanoseconds."""
    return vtime.utc_us() * 1000


def gmtime(secs=None):
    """As the built-in, in virtual time."""
    return utime.gmtime(vtime.utc_us() // 1000000 if secs is None else secs)


localtime = gmtime  # a board knows no time zone
