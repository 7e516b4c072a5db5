"""How a node's clock goes, against this host's: skew, drift of its oscillator, steps.

A message comes some delay after it was sent, never before: of (time received - time of the node) only the least says
something about the clocks. So the *skew* is the least of some minutes, as in the clock filter of NTP (RFC 5905, section
10), and the *drift* is the slope of the line that lies below all (time received - u) and closest to them (Moon, Skelly,
Towsley, INFOCOM 1999): its hull has an edge above the mean of the times, and that is the line. ``u`` is the node's
oscillator alone, nobody sets it. What comes more than LIVE_MS later than the least allows was waiting in the node's
spool and says nothing.

A jump of t - u is a step of the node's clock. A jump of this host's clock is seen beside a clock that never jumps
(``HostClock``), once for the host, and taken out of what is known of every node.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

EVERY_MS = 1000
LIVE_MS = 1000
POINTS = 8
WINDOW = 5
MINUTE_MS = 60_000
SKEW_MAX = 2000
STEP_MS = 500
TOLD_AFTER_MS = 300_000
DRIFT_MAX = 200.0
DELAY_MS = 100
"""So long, it is assumed, the fastest message of a window takes at most."""
SIMULATED = 4

Note = tuple[str, str, int, str]
"""States before and after, severity, text: the rest of a host event ``clock``."""


@dataclass(slots=True)
class HostClock:
    """Tells steps of this host's clock; ``last`` is wall - steady of the newest look (ms), None before the first."""

    last: int | None = None

    def step(self, wall_ms: int, steady_ms: int) -> int:
        """How far the wall clock has stepped (ms) since the last look, 0 if it runs as the steady one does."""
        now = wall_ms - steady_ms
        before, self.last = self.last, now
        return 0 if before is None or abs(now - before) < STEP_MS else now - before


@dataclass(slots=True)
class NodeClock:
    """The clock of one boot of a node, fed with messages as they come.

    ``boot`` is (installation key, boot). ``points`` are the least (received - u) of stretches of ``stretch`` ms, by the
    ``u`` they came at; ``least`` those of (received - t) of the last minutes; ``floor`` that of the minute before and this one,
    ``lowest`` that of this one, which is number ``at``. Everything but the alarms begins anew with
    another boot. Times are in ms.
    """

    boot: tuple[int, int] = (0, 0)
    stretch: int = MINUTE_MS
    points: list[tuple[int, int]] = field(default_factory=list)
    least: list[int] = field(default_factory=list)
    minute: int = 0
    own: int | None = None
    quality: int = 0
    seen: int = 0
    lost: int = 0
    floor: int = 0
    lowest: int = 0
    at: int = 0
    since: int | None = None
    told: bool = False
    drifts: bool = False

    def sample(self, boot: tuple[int, int], now: int, u: int, t: int | None, q: int) -> list[Note]:
        """A message was received at ``now``, sent ``u`` after the start of ``boot`` at the node's time ``t`` of quality
        ``q``. Gives what is to be told. Looked at once a second at most; simulated time is passed over."""
        if q == SIMULATED or boot < self.boot:
            return []
        if boot != self.boot:
            self._begin(boot)
        elif 0 <= now - self.seen < EVERY_MS:
            return []
        self.seen = now
        if not self._live(u, now - u):
            return []
        notes = self._stepped(u, t, q)
        if t is not None and q > 0:
            self._skewed(now, now - t)
        return notes + self._alarms(now)

    def host_stepped(self, step: int) -> None:
        """The host's own clock has jumped by ``step``: no node has."""
        self.points = [(u, offset + step) for u, offset in self.points]
        self.floor += step
        self.lowest += step
        self.least = [one + step for one in self.least]
        self.seen += step
        self.since = None

    @property
    def skew_ms(self) -> int | None:
        """How far the node's clock is ahead of the host's (ms; negative: behind), None while it is not known."""
        return -min(self.least) if self.least else None

    @property
    def skew_err_ms(self) -> int | None:
        """Error bound of ``skew_ms`` (ms): the delay of the fastest message, and how far the minutes differ."""
        return DELAY_MS + sorted(self.least)[len(self.least) // 2] - min(self.least) if self.least else None

    @property
    def drift_ppm(self) -> float | None:
        """How much faster than the host's clock the node's oscillator runs (ppm); None before ten minutes or while it
        cannot be told within 100 ppm."""
        found = self._line()
        return None if found is None else found[0]

    @property
    def drift_err_ppm(self) -> float | None:
        """Uncertainty of ``drift_ppm``."""
        found = self._line()
        return None if found is None else found[1]

    def view(self) -> dict[str, float | None]:
        """What people are shown."""
        drift = self.drift_ppm
        return {
            "skew_ms": self.skew_ms,
            "skew_err_ms": self.skew_err_ms,
            "drift_ppm": None if drift is None else round(drift, 1),
        }

    def dump(self) -> dict[str, Any]:
        """Plain JSON types, some 200 bytes."""
        return asdict(self)

    @classmethod
    def load(cls, state: dict[str, Any]) -> NodeClock:
        """Raises TypeError, KeyError or ValueError for what is no dump."""
        one = cls(**state)
        one.boot = one.boot[0], one.boot[1]
        one.points = [(u, offset) for u, offset in one.points]
        return one

    # ---- the envelope

    def _begin(self, boot: tuple[int, int]) -> None:
        self.boot, self.stretch = boot, MINUTE_MS
        self.points, self.least = [], []
        self.own, self.lost, self.minute = None, 0, 0

    def _live(self, u: int, offset: int) -> bool:
        """Take received - u into the envelope; False for what was waiting somewhere."""
        if self.points:
            if offset > self.floor + LIVE_MS:
                self.lost += 1
                if self.lost < 60:
                    return False
                self.points.clear()  # a minute and more of nothing else: this is how it goes now
                self.least.clear()
            elif offset < self.floor - LIVE_MS:
                self.points.clear()  # what was believed had waited, too
                self.least.clear()
        self.lost = 0
        minute = u // MINUTE_MS
        if minute != self.at or not self.points:
            self.floor = min(self.lowest, offset) if self.points else offset
            self.lowest, self.at = offset, minute
        self.lowest, self.floor = min(self.lowest, offset), min(self.floor, offset)
        if self.points and u // self.stretch == self.points[-1][0] // self.stretch:
            if offset < self.points[-1][1]:
                self.points[-1] = u, offset
            return True
        self.points.append((u, offset))
        while len(self.points) > POINTS:
            self.stretch *= 2
            kept: dict[int, tuple[int, int]] = {}
            for point in self.points:
                at = point[0] // self.stretch
                kept[at] = min(kept.get(at, point), point, key=lambda one: one[1])
            self.points = list(kept.values())
        return True

    def _line(self) -> tuple[float, float] | None:
        if len(self.points) < 4 or (span := self.points[-1][0] - self.points[0][0]) < 10 * MINUTE_MS:
            return None
        hull: list[tuple[int, int]] = []
        for point in self.points:
            while len(hull) > 1 and _turns_down(hull[-2], hull[-1], point):
                hull.pop()
            hull.append(point)
        middle = sum(u for u, _ in self.points) / len(self.points)
        at = next(n for n in range(1, len(hull)) if hull[n][0] >= middle)
        (u0, o0), (u1, o1) = hull[at - 1], hull[at]
        slope = (o1 - o0) / (u1 - u0)
        above = sorted(o - o0 - slope * (u - u0) for u, o in self.points)
        err = 1e6 * (2 + 2 * above[len(above) // 2]) / span
        return (-1e6 * slope, err) if err <= 100 else None

    # ---- the node's own clock

    def _stepped(self, u: int, t: int | None, q: int) -> list[Note]:
        if t is None or q == 0:
            return []
        own, before = t - u, self.own
        same, self.own, self.quality = q == self.quality, own, q
        if before is None or abs(own - before) < STEP_MS:
            return []
        self.least.clear()
        self.since = None
        if not same:
            return []  # set by something better, as it should be
        way = "ahead" if own > before else "back"
        return [("ok", "stepped", 0, f"The node's clock was set {abs(own - before) / 1000:.1f} s {way}")]

    def _skewed(self, now: int, late: int) -> None:
        if self.least and now // MINUTE_MS == self.minute:
            self.least[-1] = min(self.least[-1], late)
        else:
            self.least = [*self.least[1 - WINDOW :], late]
            self.minute = now // MINUTE_MS

    def _alarms(self, now: int) -> list[Note]:
        said: list[Note] = []
        skew, err = self.skew_ms, self.skew_err_ms
        if skew is not None and err is not None:
            beyond = abs(skew) - err > SKEW_MAX
            if beyond == self.told:
                self.since = None
            elif self.since is None:
                self.since = now
            elif now - self.since >= TOLD_AFTER_MS:
                self.told, self.since = beyond, None
                way = "ahead of" if skew > 0 else "behind"
                text = f"The node's clock is {abs(skew) / 1000:.1f} s {way} the host's, within {err / 1000:.1f} s"
                said.append(("ok", "skew", 1, text) if beyond else ("skew", "ok", 0, text))
        if not self.drifts and (found := self._line()) and abs(found[0]) - found[1] > DRIFT_MAX:
            self.drifts = True
            way = "fast" if found[0] > 0 else "slow"
            text = f"The node's oscillator runs {abs(found[0]):.0f} ppm {way} (within {found[1]:.0f} ppm)"
            said.append(("ok", "drift", 1, text))
        return said


def _turns_down(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Whether b lies on or above the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])
