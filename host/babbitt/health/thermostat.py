"""What a thermostat does to a temperature: it rises while the compressor rests and falls while it runs.

Turning points are found as soon as the temperature has come back from its extreme by REVERSAL_K or some spreads of its noise
(the zigzag of rainflow counting, ASTM E1049). Medians over the last legs say what is usual: where the thermostat turns, how long
a leg takes, how fast it is. A median does not mind a door or a defrost among ten legs.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any

REVERSAL_K, NOISES, OF_SWING = 0.03, 1.5, 0.015
"""A turn is a way back by so many kelvin, spreads of the noise, and of the usual swing: the greatest of them."""
RIPPLE = 0.3
"""A leg of less than this of the usual swing is not learnt."""
LEGS, READY = 40, 8
"""Legs of each direction that are remembered, and needed."""
RATE_S = 60.0
"""The rate of now is that over so many seconds, two records at least."""


class Thermostat:
    """Follows one temperature, degrees C. ``rising`` says where it goes, ``rate`` how fast (K/min), ``since`` when the leg began
    (s) and ``start`` where. ``top``, ``bottom``, ``up_min``, ``down_min``, ``up_rate``, ``down_rate`` are usual; ``ready`` when
    they mean something."""

    def __init__(self) -> None:
        self.rising = True
        self.rate = 0.0
        self.since = self.start = 0.0
        self.top = self.bottom = self.up_min = self.down_min = self.up_rate = self.down_rate = 0.0
        self.ready = False
        self.last_swing = self.last_minutes = 0.0
        self._noise = 0.02
        self._extreme: tuple[float, float] | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=16)
        self._ups: deque[tuple[float, float, float]] = deque(maxlen=LEGS)
        self._downs: deque[tuple[float, float, float]] = deque(maxlen=LEGS)

    @property
    def swing(self) -> float:
        """Usual distance of the turning points, K."""
        return max(0.0, self.top - self.bottom)

    def update(self, t: float, value: float, plain: bool = True) -> bool:
        """Take a value at ``t`` seconds; True if it has just turned. ``plain`` False: what happens is not the thermostat's doing,
        and the leg is not learnt."""
        recent = self._recent
        if len(recent) >= 2:
            bend = abs(value - 2.0 * recent[-1][1] + recent[-2][1]) / 2.45
            self._noise += 0.02 * (min(1.25 * bend, 3.0 * self._noise + 0.005) - self._noise)
        recent.append((t, value))
        before = next((one for one in reversed(list(recent)[:-1]) if t - one[0] >= RATE_S - 1.0), recent[0])
        self.rate = (value - before[1]) / (t - before[0]) * 60.0 if t > before[0] else 0.0
        if self._extreme is None:
            self._extreme, self.since, self.start = (t, value), t, value
            return False
        back = (self._extreme[1] - value) if self.rising else (value - self._extreme[1])
        if back <= 0.0:
            self._extreme = t, value
            return False
        if back < max(REVERSAL_K, NOISES * self._noise, OF_SWING * self.swing):
            return False
        self._turn(plain)
        self._extreme = t, value
        return True

    def forget_path(self) -> None:
        """After a gap: what is usual stays."""
        self._extreme = None
        self._recent.clear()

    def forget(self) -> None:
        """Learn anew what is usual."""
        self._ups.clear()
        self._downs.clear()
        self.ready = False

    def _turn(self, plain: bool) -> None:
        assert self._extreme is not None
        at, value = self._extreme
        minutes = (at - self.since) / 60.0
        self.last_swing, self.last_minutes = value - self.start, minutes
        ripple = self.ready and abs(self.last_swing) < RIPPLE * self.swing
        if plain and minutes > 0.0 and not ripple:
            (self._ups if self.rising else self._downs).append(
                (value, minutes, abs(value - self.start) / minutes)
            )
            self._learn()
        self.rising = not self.rising
        self.since, self.start = at, value

    def _learn(self) -> None:
        self.ready = min(len(self._ups), len(self._downs)) >= READY
        if self._ups:
            self.top, self.up_min, self.up_rate = (median(column) for column in zip(*self._ups, strict=True))
        if self._downs:
            self.bottom, self.down_min, self.down_rate = (
                median(column) for column in zip(*self._downs, strict=True)
            )

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "now": [
                self.rising,
                self.rate,
                self.since,
                self.start,
                self._noise,
                self.last_swing,
                self.last_minutes,
            ],
            "extreme": None if self._extreme is None else list(self._extreme),
            "recent": [list(one) for one in self._recent],
            "ups": [list(one) for one in self._ups],
            "downs": [list(one) for one in self._downs],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self.rising, self.rate, self.since, self.start, self._noise, self.last_swing, self.last_minutes = (
            state["now"]
        )
        self._extreme = None if state["extreme"] is None else (state["extreme"][0], state["extreme"][1])
        self._recent = deque(((t, v) for t, v in state["recent"]), maxlen=16)
        self._ups = deque(((a, b, c) for a, b, c in state["ups"]), maxlen=LEGS)
        self._downs = deque(((a, b, c) for a, b, c in state["downs"]), maxlen=LEGS)
        self._learn()
