"""A digital input: a door or a run contact. How long it was closed and how often it changed, bounces left out.

    contact = Digital(board.bus("pin0"), debounce_ms=20)
    contact.probe()                    # begins to watch
    contact.take(out)                  # out[0]: ms closed, out[1]: ms in all, out[2]: changes, since the last take

A change counts once the contact has stayed so for `debounce_ms`, and then from its beginning. Nothing is polled: an interrupt
notes the time of every edge, and allocates nothing.
"""

from array import array

from babbitt_node.hal.compile import const
from babbitt_node.hal.port import ticks_diff, ticks_ms

KIND = "digital"
BUSES = ("pin",)
SETTINGS = (("debounce_ms", 0, 1000, 20),)

_LEVEL = const(0)  # what counts: 1 closed
_SEEN = const(1)  # what was seen at the last edge
_SINCE = const(2)  # when that was, ticks
_UNTIL = const(3)  # up to when time is accounted for, ticks
_CLOSED = const(4)  # ms
_CHANGES = const(5)
_TOTAL = const(6)  # ms


class Digital:
    """The contact at `bus`, an object with `closed()` and `watch(changed)`."""

    def __init__(self, bus, debounce_ms=20):
        self._bus = bus
        self._debounce = debounce_ms
        self._state = array("i", [0] * 7)
        self._watching = False

    def probe(self):
        """Begin to watch."""
        if self._watching:
            return
        state = self._state
        now = ticks_ms()
        state[_SINCE] = state[_UNTIL] = now
        state[_LEVEL] = state[_SEEN] = 1 if self._bus.closed() else 0
        self._bus.watch(self._edge)
        self._watching = True

    def _edge(self, pin):
        """An edge: note when. Runs as an interrupt."""
        now = ticks_ms()
        self._account(now)
        self._state[_SEEN] = 1 if self._bus.closed() else 0
        self._state[_SINCE] = now

    def _account(self, now):
        state = self._state
        if state[_SEEN] != state[_LEVEL] and ticks_diff(now, state[_SINCE]) >= self._debounce:
            if ticks_diff(state[_SINCE], state[_UNTIL]) > 0:
                self._until(state[_SINCE])
            state[_LEVEL] = state[_SEEN]
            state[_CHANGES] += 1
        self._until(now)

    def _until(self, when):
        state = self._state
        span = ticks_diff(when, state[_UNTIL])
        state[_TOTAL] += span
        if state[_LEVEL]:
            state[_CLOSED] += span
        state[_UNTIL] = when

    def take(self, out):
        """Write ms closed, ms in all and changes since the last time to out[0:3] (array('i') or list)."""
        state = self._state
        self._account(ticks_ms())
        out[0] = state[_CLOSED]
        out[1] = state[_TOTAL]
        out[2] = state[_CHANGES]
        state[_CLOSED] = state[_TOTAL] = state[_CHANGES] = 0


DEVICE = Digital
