"""What models of accelerometers with a FIFO have in common: samples at their rate, losses, clipping, faults."""

from models.registers import Registers

_CHUNK = 128  # samples fetched from the world at a time


class FifoSensor(Registers):
    """An accelerometer whose FIFO holds `levels` samples and keeps the newest.

    A model calls `restart(rate_mhz)` when its FIFO is emptied or its rate set (0: it does not measure), asks
    `held()`, and takes samples by `axis(n)` and `pop()`. `step_ug`: micro-g a count. `top`: the largest count.
    """

    TURN_ON_US = 1000

    def __init__(self, world, count, name, levels):
        super().__init__(world, count, name)
        self.levels = levels
        self.step_ug = 1000
        self.top = 32767
        self.lost = False
        self._buffer = bytearray(_CHUNK * 12)
        self._view = memoryview(self._buffer)
        self._first = -_CHUNK  # index of the first sample in the buffer
        self._rate = 0
        self._origin = 0
        self._made = 0
        self._tail = 0  # index of the oldest sample not read
        self._last = [0, 0, 0]

    def restart(self, rate_mhz):
        """A new burst: the FIFO is empty, samples count from 0."""
        if self.fault() == "rate_error":
            rate_mhz += int(rate_mhz * self._world.fault_value(self._name))
        self._rate = rate_mhz
        self._origin = self._clock.now
        self._made = self._tail = 0
        self._first = -_CHUNK
        self.lost = False

    def held(self):
        """Let the FIFO fill up to now; how many samples can be read."""
        fault = self.fault()
        if fault == "silent":
            return 0
        if fault == "overrun":
            self.lost = True
        gone = self._clock.now - self._origin - self.TURN_ON_US
        if self._rate and gone > 0:
            self._made = gone * self._rate // 1000000000
            if self._made - self._tail > self.levels:
                self._tail = self._made - self.levels
                self.lost = True
        return self._made - self._tail

    def axis(self, n):
        """The count of axis n of the oldest sample."""
        fault = self.fault()
        if fault == "stuck" or self._made == self._tail:
            return self._last[n]
        if fault == "saturated":
            return self.top
        at = self._tail - self._first
        if not 0 <= at < _CHUNK:
            self._world.samples(self._view, self._origin, self._tail, self._rate)
            self._first = self._tail
            at = 0
        at = at * 12 + n * 4
        data = self._buffer
        ug = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
        if ug & 0x80000000:
            ug -= 1 << 32
        count = (2 * ug + self.step_ug) // (2 * self.step_ug)
        count = min(max(count, -self.top - 1), self.top)
        self._last[n] = count
        return count

    def pop(self):
        """The oldest sample was read."""
        if self._tail < self._made:
            self._tail += 1
