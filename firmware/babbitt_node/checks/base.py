"""The contract of every check, and the delays they share.

A check watches one channel. `update(value, dt_ms)` takes the next value (an int in the channel's unit, or
None for 'not measured') and the milliseconds since the last call, and returns True if the state changed; then
`state`, `previous`, `severity`, `value`, `limit`, `held_s` and `evidence()` describe the change. The rules:

- Deterministic, and causal: what it says after n values depends on these n values alone. It never looks at a
  clock.
- Integers only, every intermediate within 30 bits; `update` allocates nothing. Values beyond +-(2^30-1) are
  limited to it.
- None changes nothing: the state is kept and the delays pause (a sensor that is gone is no reason for an
  alarm and no reason to end one).
- The whole state is one array('i') of SIZE items. `dump` copies it out, `load` takes it back and the future
  is the same.
- Wrong settings: `make` raises NodeError `config_invalid`, its detail begins with the setting (`h: ...`).
- `update` raises NodeError `internal` for anything that is not an int or None: such a value is a defect of
  the caller.

States: N normal; L, H beyond a warning limit; LL, HH beyond an alarm limit; learning (not judged yet).
On-delay: a condition must hold so long before the state rises; off-delay: the value must be back inside so
long before it falls. A condition holds from the first value that meets it, so a delay of 0 acts on that
value.
"""

from array import array

from babbitt_node.dsp.intmath import MAX
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

STATES = ("LL", "L", "H", "HH", "N", "learning")
SEVERITY = {"N": 0, "learning": 0, "L": 1, "H": 1, "LL": 2, "HH": 2}
MAX_DT_MS = const(86400000)  # the longest interval a configuration allows; a longer pause counts as one

LL = const(0)
L = const(1)
H = const(2)
HH = const(3)
NORMAL = const(4)
LEARNING = const(5)

# The common part of the state array.
_LAYOUT = const(0)  # says which type and layout wrote it
STATE = const(1)
PREVIOUS = const(2)
_VALUE = const(3)
_KNOWN = const(4)  # 1 once there was a value
HELD = const(5)  # ms the reported condition had held
ACTIVE = const(6)  # bit k: limit k (LL L H HH) is violated, delays included
_TIMER = const(7)  # 4 timers, ms: how long the condition to switch bit k has held; -1: it does not hold
COMMON = const(11)

DELAYS = (("on_delay_s", 0, 86400, 0), ("off_delay_s", 0, 86400, 0))


class Check:
    """Base of all checks. A subclass has TYPE, LAYOUT (a number of its own), SIZE, SETTINGS and `_judge`.

    SETTINGS: tuples (name, low, high, default); default None means the setting may be absent.
    """

    TYPE = ""
    LAYOUT = 0
    SIZE = COMMON
    SETTINGS = ()
    FIRST = NORMAL

    def __init__(self, spec, channel_index):
        settings = read_settings(spec, self.SETTINGS)
        self.id = spec["id"]
        self.channel = spec["channel"]
        self.channel_index = channel_index
        self.settings = settings
        self._on_ms = settings["on_delay_s"] * 1000
        self._off_ms = settings["off_delay_s"] * 1000
        self._s = array("i", [0] * self.SIZE)
        self._s[_LAYOUT] = self.LAYOUT
        self._s[STATE] = self._s[PREVIOUS] = self.FIRST
        for k in range(4):
            self._s[_TIMER + k] = -1

    def update(self, value, dt_ms):
        """Take the next value; returns True if the state changed. See the module for the contract."""
        if value is None:
            return False
        if type(value) is not int or type(dt_ms) is not int:
            detail = "check %s: value %r after %r ms: not integers"
            raise NodeError("internal", detail % (self.id, value, dt_ms))
        s = self._s
        value = max(-MAX, min(MAX, value))
        s[_VALUE] = value
        s[_KNOWN] = 1
        state = self._judge(value, max(0, min(MAX_DT_MS, dt_ms)))
        if state == s[STATE]:
            return False
        s[PREVIOUS] = s[STATE]
        s[STATE] = state
        return True

    def _judge(self, value, dt_ms):
        """The new state (a number of STATES) after a value; sets HELD when it changes."""
        raise NotImplementedError

    def _switch(self, bit, outer, beyond, inside, dt_ms):
        """Run the delays of limit `bit`; `outer` is the alarm limit on its side, to be run before it.

        beyond, inside: whether the value is beyond the limit, and whether it is back inside (hysteresis
        included).
        """
        s = self._s
        active = s[ACTIVE] >> bit & 1
        at = _TIMER + bit
        if not (inside if active else beyond):
            s[at] = -1
            return
        held = s[at]
        held = 0 if held < 0 else lengthened(held, dt_ms)
        if held < (self._off_ms if active else self._on_ms):
            s[at] = held
            return
        s[at] = -1
        if active:
            s[ACTIVE] -= 1 << bit
            s[HELD] = held
            return
        if bit == outer or not s[ACTIVE] >> outer & 1:
            s[HELD] = held
        # One value cannot be too high and too low: the new side ends the other one.
        if bit >= H:
            s[ACTIVE] &= 0b1100
            s[_TIMER + LL] = s[_TIMER + L] = -1
        else:
            s[ACTIVE] &= 0b0011
            s[_TIMER + H] = s[_TIMER + HH] = -1
        s[ACTIVE] |= 1 << bit

    def _worst(self):
        """The state that the active limits add up to."""
        active = self._s[ACTIVE]
        if not active:
            return NORMAL
        if active & 1:
            return LL
        if active & 8:
            return HH
        return L if active & 2 else H

    @property
    def state(self):
        """State now: one of STATES."""
        return STATES[self._s[STATE]]

    @property
    def previous(self):
        """State before the last change."""
        return STATES[self._s[PREVIOUS]]

    @property
    def severity(self):
        """0 normal or learning, 1 warning, 2 alarm."""
        return SEVERITY[self.state]

    @property
    def value(self):
        """The last measured value, or None if there was none yet."""
        return self._s[_VALUE] if self._s[_KNOWN] else None

    @property
    def limit(self):
        """The limit the state is about, after a return to normal the one that was violated; None where there
        is none.
        """
        return None

    @property
    def held_s(self):
        """Whole seconds that the condition of the last change had held when it was reported."""
        return self._s[HELD] // 1000

    def evidence(self):
        """What supports the verdict: integers by name. Allocates; for events only."""
        return {}

    def dump(self, into):
        """Copy the state to into[0:SIZE] (array('i')). Raises NodeError `range` if it is shorter."""
        self._fits(into)
        s = self._s
        for i in range(self.SIZE):
            into[i] = s[i]

    def load(self, source):
        """Take back a state that `dump` wrote. Raises NodeError `range` if it is none of this type; then
        nothing changes.
        """
        self._fits(source)
        if source[_LAYOUT] != self.LAYOUT or not self._plausible(source):
            raise NodeError("range", "check %s: not a state of type %s" % (self.id, self.TYPE))
        s = self._s
        for i in range(self.SIZE):
            s[i] = source[i]

    def _fits(self, other):
        if len(other) < self.SIZE:
            detail = "check %s: a state has %d items, not %d"
            raise NodeError("range", detail % (self.id, self.SIZE, len(other)))

    def _plausible(self, source):
        if not (0 <= source[STATE] <= LEARNING and 0 <= source[PREVIOUS] <= LEARNING):
            return False
        if not (0 <= source[ACTIVE] <= 15 and 0 <= source[HELD] <= MAX and -MAX <= source[_VALUE] <= MAX):
            return False
        if not 0 <= source[_KNOWN] <= 1:
            return False
        return all(-1 <= source[_TIMER + k] <= MAX for k in range(4))


def lengthened(held_ms, dt_ms):
    """held_ms + dt_ms, at most MAX (12 days)."""
    return MAX if held_ms > MAX - dt_ms else held_ms + dt_ms


def read_settings(spec, table):
    """The settings of `table` out of `spec`, defaults filled in. Raises NodeError `config_invalid`: 'name:
    reason'.
    """
    names = [row[0] for row in table]
    for name in spec:
        if name not in names and name not in ("id", "type", "channel"):
            detail = "%s: unknown setting; a %s has %s" % (name, spec["type"], ", ".join(names))
            raise NodeError("config_invalid", detail)
    settings = {}
    for name, low, high, default in table:
        value = spec.get(name, default)
        if value is None and default is None:
            settings[name] = None
            continue
        if type(value) is not int:
            raise NodeError("config_invalid", "%s: must be an integer, not %r" % (name, value))
        if not low <= value <= high:
            raise NodeError("config_invalid", "%s: %d is not in %d..%d" % (name, value, low, high))
        settings[name] = value
    return settings
