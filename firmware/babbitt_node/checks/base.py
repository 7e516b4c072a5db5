"""The contract of every check, and the delays they share.

A check watches one channel. `update(value, dt_ms)` takes the next value (an int in the channel's unit, or
None for 'not measured') and the milliseconds since the last call, and returns True if the state changed; then
`state`, `previous`, `severity`, `value`, `limit`, `held_s` and `evidence()` describe the change. The rules:

- Deterministic, and causal: what it says after n values depends on these n values alone. It never looks at a
  clock.
- Integers only, every intermediate within 30 bits; `update` allocates nothing. Values beyond +-(2^30-1) are
  limited to it.
- None is no verdict: the state is kept and the delays pause (a sensor that is gone is no reason for an alarm
  and no reason to end one). Only the type `missing` (GAPS) judges it; `rate` counts the time that passed.
- The whole state is one array('i') of SIZE items. `dump` copies it out, `load` takes it back and the future
  is the same.
- Wrong settings: `make` raises NodeError `config_invalid`, its detail begins with the setting (`h: ...`).
- `update` raises NodeError `internal` for anything that is not an int or None: such a value is a defect of
  the caller.

A type that learns (FIRST is LEARNING) starts with 'learning'; what it learnt is a baseline that can be taken out,
put back or forgotten: `baseline`, `resume`, `forget`.

With the setting `latch` a warning or alarm stays, or gets worse, whatever the values do, until `release` finds that it
is over.

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
_SEVERITY = b"\x02\x01\x01\x02\x00\x00"  # of the states in this order
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
_KNOWN = const(4)  # bit 0: there was a value; above it 1 + the latched state, or 0
HELD = const(5)  # ms the reported condition had held
ACTIVE = const(6)  # bit k: limit k (LL L H HH) is violated, delays included
_TIMER = const(7)  # 4 timers, ms: how long the condition to switch bit k has held; -1: it does not hold
COMMON = const(11)

DELAYS = (("on_delay_s", 0, 86400, 0), ("off_delay_s", 0, 86400, 0))
LEVEL = ("level", ("warning", "alarm"), None, "warning")  # for types that have one limit a side
WHEN = ("always", "running")


class Check:
    """Base of all checks. A subclass has TYPE, LAYOUT (a number of its own), SIZE, SETTINGS and `_judge`.

    SETTINGS: rows of its own settings (`rows.py`); `latch` and `when` are added to them (`table`). CHANNEL: False for a check that
    watches no channel. GAPS: True if None is something to judge, not the absence of it.
    """

    TYPE = ""
    LAYOUT = 0
    SIZE = COMMON
    SETTINGS = ()
    FIRST = NORMAL
    CHANNEL = True
    GAPS = False

    def __init__(self, spec, channel_index):
        from babbitt_node.checks.rows import read_settings  # here, so that a node can forget it

        keys = ("id", "type", "channel") if self.CHANNEL else ("id", "type")
        settings = read_settings(spec, table(self), keys)
        self.id = spec["id"]
        self.channel = spec.get("channel")
        self.channel_index = channel_index
        # A validated entry has them all: then there is no need of a second dict.
        self.settings = spec if all(name in spec for name in settings) else settings
        self._on_ms = settings["on_delay_s"] * 1000
        self._off_ms = settings.get("off_delay_s", 0) * 1000
        room = self._room(settings)
        if room:
            self.SIZE += room
        self._s = array("i", [0] * self.SIZE)
        self._clear()

    def _room(self, settings):
        """Items of the state beyond SIZE of the class, for a type whose settings decide it."""
        return 0

    @property
    def _high(self):
        """H, or HH with level alarm."""
        return HH if self.settings["level"] == "alarm" else H

    @property
    def _low(self):
        """L, or LL with level alarm."""
        return LL if self.settings["level"] == "alarm" else L

    def _clear(self):
        """The state of a new check."""
        s = self._s
        for i in range(self.SIZE):
            s[i] = 0
        s[_LAYOUT] = self.LAYOUT
        s[STATE] = s[PREVIOUS] = self.FIRST
        for k in range(4):
            s[_TIMER + k] = -1

    def update(self, value, dt_ms):
        """Take the next value; returns True if the state changed. See the module for the contract."""
        if type(dt_ms) is not int or (value is not None and type(value) is not int):
            detail = "check %s: value %r after %r ms: not integers"
            raise NodeError("internal", detail % (self.id, value, dt_ms))
        s = self._s
        before = self._reported()
        dt_ms = max(0, min(MAX_DT_MS, dt_ms))
        if value is None:
            state = self._absent(dt_ms)
        else:
            value = max(-MAX, min(MAX, value))
            s[_VALUE] = value
            s[_KNOWN] |= 1
            state = self._judge(value, dt_ms)
        s[STATE] = state
        # A latched state gives way to a worse one only.
        if self.settings["latch"] and _SEVERITY[state] > (_SEVERITY[before] if s[_KNOWN] > 1 else 0):
            s[_KNOWN] = s[_KNOWN] & 1 | (state + 1) << 1
        return self._changed(before)

    def reading(self, values):
        """What `update` is to be given of a record: its list of values."""
        return values[self.channel_index]

    def know(self, low, high):
        """Told once, before the first value: what the sensor can deliver (values of the channel)."""

    def _changed(self, before):
        """Whether the state is another one than the number `before`, which is then the previous one."""
        if self._reported() == before:
            return False
        self._s[PREVIOUS] = before
        return True

    def _reported(self):
        """The number of the state as it is told: the latched one, or that of now."""
        latched = self._s[_KNOWN] >> 1
        return latched - 1 if latched else self._s[STATE]

    def _known(self):
        """Whether there was a value."""
        return self._s[_KNOWN] & 1

    def _absent(self, dt_ms):
        """The new state where there is no value."""
        return self._s[STATE]

    def _judge(self, value, dt_ms):
        """The new state (a number of STATES) after a value; sets HELD when it changes."""
        raise NotImplementedError

    def calm(self):
        """Whether no limit is passed, delays left out."""
        s = self._s
        return s[ACTIVE] == 0 and max(s[_TIMER], s[_TIMER + 1], s[_TIMER + 2], s[_TIMER + 3]) < 0

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
        return STATES[self._reported()]

    @property
    def previous(self):
        """State before the last change."""
        return STATES[self._s[PREVIOUS]]

    @property
    def severity(self):
        """0 normal or learning, 1 warning, 2 alarm."""
        return _SEVERITY[self._reported()]

    @property
    def value(self):
        """The last measured value, or None if there was none yet."""
        return self._s[_VALUE] if self._known() else None

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

    # ---- latches and baselines

    def release(self):
        """End a latched state: it is that of the values now, latched again if that is a warning or an alarm. True if it
        changed.
        """
        s = self._s
        before = self._reported()
        if s[_KNOWN] > 1:
            s[_KNOWN] = s[_KNOWN] & 1 | (s[STATE] + 1 << 1 if s[STATE] <= HH else 0)
        if not self._changed(before):
            return False
        s[HELD] = 0
        return True

    @property
    def learns(self):
        """Whether this type has a baseline."""
        return self.FIRST == LEARNING

    @property
    def learning(self):
        """Whether it learns and has no baseline yet, also behind a latched state."""
        return self._s[STATE] == LEARNING

    def baseline(self, into):
        """Copy what was learnt to into[0:SIZE] (array('i')): a state without a verdict. False: not learnt yet,
        nothing is copied. Raises NodeError as `dump`.
        """
        if not self.learns or self._s[STATE] == LEARNING:
            return False
        self.dump(into)
        into[STATE] = into[PREVIOUS] = NORMAL
        into[_VALUE] = into[_KNOWN] = into[HELD] = into[ACTIVE] = 0
        for k in range(4):
            into[_TIMER + k] = -1
        self._calm(into)
        return True

    def _calm(self, state):
        """Take out of a copied state what belongs to the last values and not to what was learnt."""

    def resume(self, source):
        """Go on with a baseline instead of the present one; a latched state stays. True if the state changed. Raises
        NodeError as `load`.
        """
        before = self._reported()
        latched = self._s[_KNOWN] & ~1
        self.load(source)
        self._s[_KNOWN] |= latched
        return self._changed(before)

    def forget(self):
        """Learn again from the next value on; a latched state stays. True if the state changed."""
        before = self._reported()
        latched = self._s[_KNOWN] & ~1
        self._clear()
        self._s[_KNOWN] = latched
        return self._changed(before)

    def _fits(self, other):
        if len(other) < self.SIZE:
            detail = "check %s: a state has %d items, not %d"
            raise NodeError("range", detail % (self.id, self.SIZE, len(other)))

    def _plausible(self, source):
        if not (0 <= source[STATE] <= LEARNING and 0 <= source[PREVIOUS] <= LEARNING):
            return False
        if not (0 <= source[ACTIVE] <= 15 and 0 <= source[HELD] <= MAX and -MAX <= source[_VALUE] <= MAX):
            return False
        if not 0 <= source[_KNOWN] <= (HH + 1 << 1 | 1 if self.settings["latch"] else 1):
            return False
        return all(-1 <= source[_TIMER + k] <= MAX for k in range(4))


def lengthened(held_ms, dt_ms):
    """held_ms + dt_ms, at most MAX (12 days)."""
    return MAX if held_ms > MAX - dt_ms else held_ms + dt_ms


def table(kind):
    """The rows of all settings of a class of checks: its own and those that every type has. What learns is
    judged only while the machine runs, unless it says otherwise.
    """
    when = "running" if kind.FIRST == LEARNING else "always"
    return kind.SETTINGS + (("latch", False, True, False), ("when", WHEN, None, when))
