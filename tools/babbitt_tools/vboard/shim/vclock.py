"""Virtual time: it moves only when the node waits or a bus works, and never runs ahead of `speed` x real
time.

All times are integers in microseconds; virtual time counts from the start of the world.

- A bus transfer charges what it takes on the wire (`charge`), a look at the clock costs 1 us, so that a busy
  wait ends.
- A wait first looks whether something is ready, then jumps to its end if `speed` x real time allows it;
  otherwise it goes as far as allowed and sleeps really, in slices, so that a socket wakes it at once.
- While the network owes an answer (`owe`) the limit runs at 1 x: time-outs keep their real length. What
  `speed` would have allowed meanwhile is given back afterwards, like any time the PC was too slow, but at
  most `CREDIT_US` of real time.
- From the end of the world on, time runs at 1 x: a finished replay idles.
"""

CREDIT_US = 2000000
SLICE_US = 50000
NEVER = 1 << 60


class Clock:
    """Virtual time over a real one.

    Args:
        real_us: returns the real monotonic time in microseconds.
        sleep_us: sleeps really, that many microseconds.

    Attributes: `now` (read it freely; `tick` is what costs time), `news` (called every 50 ms of real time
    while waiting, or None), `deadline` and `expired` (called when `now` has passed `deadline`: the watchdog),
    `alarm` and `ring` (called when `now` has reached `alarm`, with `now` set back to it meanwhile: an interrupt; it
    may set another alarm).
    """

    def __init__(self, real_us, sleep_us):
        self._real_us = real_us
        self._sleep_us = sleep_us
        self.news = None
        self.expired = None
        self.deadline = NEVER
        self.alarm = NEVER
        self.ring = None
        self.now = 0
        self._owed = 0
        self.setup(1000, 0, NEVER)

    def setup(self, speed_milli, start_us, end_us):
        """`speed_milli`: thousandths of real speed, 10 .. 10^9; time starts at `start_us`; from `end_us` on
        it runs at 1 x.
        """
        self.now = start_us
        self._speed = speed_milli
        self._end = end_us
        self._real = self._asked = self._real_us()
        self._fast = self._slow = start_us

    def change_speed(self, speed_milli):
        """Run at another speed from now on; what the old one had left to catch up with is forgotten."""
        self._limit()
        self._speed = speed_milli
        self._fast = self.now

    def tick(self):
        """Now, 1 us later than before."""
        self.now += 1
        if self.now >= self.alarm:
            self._interrupt()
        if self.now > self.deadline:
            self._expire()
        return self.now

    def charge(self, us):
        """A bus was busy for `us`."""
        self.now += us
        if self.now >= self.alarm:
            self._interrupt()

    def owe(self, delta):
        """The network owes `delta` more answers (negative: gave them)."""
        if delta > 0 and self._owed == 0:
            self._limit()
            self._slow = self.now
        self._owed += delta

    @property
    def owed(self):
        """Answers the network owes."""
        return self._owed

    def sleep(self, us):
        """Wait `us` without looking at any socket."""
        if self.now + us <= self._limit():
            self.now += us
            if self.now >= self.alarm:
                self._interrupt()
            if self.now > self.deadline:
                self._expire()
        else:
            self.wait(us, self._no_socket)

    def wait(self, us, poll):
        """Wait `us` (negative: for ever) or until `poll` finds something.

        `poll(ms)` really waits up to `ms` and returns what is ready, or something false. Returns what `poll`
        returned.
        """
        self.now += 1
        ready = poll(0)
        if ready:
            self._limit()  # a socket that is always ready must not keep the news away
            return ready
        target = self.now + us if us >= 0 else NEVER
        while True:
            limit = self._limit()
            if limit >= target:
                if target > self.now:
                    self.now = target
                if self.now >= self.alarm:
                    self._interrupt()
                if self.now > self.deadline:
                    self._expire()
                return ready
            if limit > self.now:
                self.now = limit
                if limit >= self.alarm:
                    self._interrupt()
                if limit > self.deadline:
                    self._expire()
            speed = self._speed if self._owed == 0 else min(self._speed, 1000)
            missing = min((target - limit) * 1000 // speed + 1, SLICE_US)
            if missing < 1000:
                self._sleep_us(missing)
                ready = poll(0)
            else:
                ready = poll(missing // 1000)
            if ready:
                limit = self._limit()
                if limit > self.now:
                    self.now = min(limit, target)
                return ready

    def _limit(self):
        """How far virtual time may go now."""
        real = self._real_us()
        gone = real - self._real
        self._real = real
        if self.now >= self._end:
            self._end = NEVER
            self._speed = min(self._speed, 1000)
            self._fast = self.now
        self._fast = min(self._fast + gone * self._speed // 1000, self.now + CREDIT_US * self._speed // 1000)
        limit = self._fast
        if self._owed:
            self._slow = min(self._slow + gone, self.now + CREDIT_US)
            limit = min(limit, self._slow)
        if self.now < self._end < limit:
            limit = self._end
        if self.news is not None and real - self._asked > SLICE_US:
            self._asked = real
            self.news()
        return limit

    def _no_socket(self, ms):
        if ms:
            self._sleep_us(ms * 1000)
        return ()

    def _interrupt(self):
        now = self.now
        while self.alarm <= now:
            self.now = self.alarm
            self.alarm = NEVER
            self.ring()
        self.now = max(now, self.now)

    def _expire(self):
        self.deadline = NEVER
        self.expired()
