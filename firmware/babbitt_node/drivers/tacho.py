"""A tachometer: pulses of a turning part, counted by the hardware where it can (an ESP32's PCNT).

    shaft = Tacho(board.bus("counter0"), pulses=1, max_rpm=30000)
    shaft.probe()
    pulses = shaft.total()             # modulo 2^30
    shaft.speed(250, 10000)            # 250 pulses in 10000 ms: 1500000 thousandths of r/min; NodeError range

The speed is that of the measured time. Counting is exact to one pulse: with one a revolution and 10 s that is 6 r/min, so take
more pulses a revolution for slow shafts. No pulse is 0, a shaft that stands, and no fault: a broken wire looks the same.
"""

from babbitt_node.dsp.intmath import muldiv
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "tacho"
BUSES = ("counter",)
SETTINGS = (("pulses", 1, 1024, 1), ("max_rpm", 1, 1000000, 30000))

_SAFE = const(0x1FFFFFFF)


class Tacho:
    """The pulses at `bus`, an object with `total()`.

    pulses: of a revolution. max_rpm: more cannot be: it is noise on the wire.
    """

    def __init__(self, bus, pulses=1, max_rpm=30000):
        self._bus = bus
        self._pulses = pulses
        self._max = max_rpm * 1000

    def probe(self):
        """Nothing to ask: a pulse has no identity."""

    def total(self):
        """Pulses since the start, modulo 2^30."""
        return self._bus.total()

    def speed(self, pulses, ms):
        """Thousandths of r/min of so many pulses in so many ms, 0 < ms < 2^29. Raises NodeError range."""
        while ms > _SAFE // self._pulses:
            ms >>= 1
            pulses >>= 1
        found = muldiv(pulses, 60000000, self._pulses * ms)
        if found > self._max:
            raise NodeError(
                "range",
                "tacho: %d r/min is more than max_rpm: noise on the wire, a missing pull-up, or other pulses"
                % (found // 1000),
            )
        return found


DEVICE = Tacho
