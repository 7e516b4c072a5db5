"""Honest time: milliseconds since boot always, Unix time only from a source that is trusted, and its quality
with it.

    clock = Clock(board)
    clock.u()                       # ms since boot, through every wrap of the ticks
    clock.t()                       # Unix ms, or None while q is 0
    clock.offer(1789000000000, HOST)

A source replaces another only if it is as good or better; a lower one is ignored. A difference below half a
second is taken over by an eighth at a time, so that the delay of single messages does not make the time jump
(NTP, which measures its delay, as a whole); a larger one is a jump and is logged.

A time that nobody confirms drifts with the crystal: an ESP32 within 0.9 s a day (10 ppm, its data sheet), any board
within 4.4 s (50 ppm). So when NTP was silent for a day its time counts as one of quality HOST: the host may correct it.
"""

from babbitt_node.hal import port
from babbitt_node.hal.compile import const

NONE = const(0)
RTC = const(1)
HOST = const(2)
NTP = const(3)
SIMULATED = const(4)

FIRST_MS = 1577836800000  # 2020-01-01 UTC
LAST_MS = 4102444800000  # 2100-01-01 UTC
_SMALL_MS = const(500)
_DAY_MS = const(86400000)


def plausible(ms):
    """Whether a Unix time in ms is an int within 2020..2100."""
    return type(ms) is int and FIRST_MS <= ms < LAST_MS


class Clock:
    """The node's clock. board: `clock_kind` says what the system's clock is worth at the start,
    `reset_cause()` whether it went on.

    `q` is the quality 0..4 of docs/protocol.md; `refused` counts offers that were no plausible time.
    """

    def __init__(self, board):
        self._ticks = port.ticks_ms()
        self._u = 0
        self._offset = 0
        self._confirmed = 0
        self.q = NONE
        self.refused = 0
        now = port.utc_ms()
        if board.clock_kind == "simulated":
            self._offset = now
            self.q = SIMULATED
        elif board.clock_kind == "rtc" and board.reset_cause() != "power_on" and plausible(now):
            self._offset = now
            self.q = RTC

    def go_on(self, u, q):
        """The boot went on through deep sleep: it is `u` ms since its start, and the clock had quality `q`. The system's
        clock ran through the sleep; whatever set it, it is now worth an RTC.
        """
        self._u = u
        self._ticks = port.ticks_ms()
        now = port.utc_ms()
        self.q = NONE
        if q != NONE and plausible(now):
            self._offset = now - u
            self.q = q if q == SIMULATED else RTC

    def u(self):
        """Milliseconds since boot. To be called at least every 6 days, half the period of an ESP32's ticks
        (2^30 ms).
        """
        now = port.ticks_ms()
        self._u += port.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._u

    def t(self):
        """Unix time in ms, or None while no source is trusted."""
        return None if self.q == NONE else self._offset + self.u()

    def offer(self, ms, quality):
        """A source says it is `ms` (Unix). Returns whether it was taken; an implausible time is counted in
        `refused`.
        """
        if not plausible(ms):
            self.refused += 1
            return False
        if quality < self.q:
            return False
        offset = ms - self.u()
        change = offset - self._offset
        self._confirmed = self._u
        if self.q == quality and -_SMALL_MS < change < _SMALL_MS:
            if quality != NTP:
                self._offset += change // 8
                return True
        elif self.q != NONE:
            print("clock: jumps by %d ms, quality %d -> %d" % (change, self.q, quality))
        self._offset = offset
        self.q = quality
        if quality != SIMULATED:
            port.set_utc_ms(ms)  # so that it is still there after a reset that keeps the power
        return True

    def age_ms(self):
        """Milliseconds since a source set or confirmed the time; since boot when none did."""
        return self.u() - self._confirmed

    def expire(self):
        """NTP did not answer: after a day without it its time is worth no more than the host's."""
        if self.q == NTP and self.age_ms() > _DAY_MS:
            self.q = HOST
