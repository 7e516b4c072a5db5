"""How well a room is cooled, day by day: duty cycle, pull-down, recovery, and the power of the compressor against its own beginning.

While the compressor rests the air warms by load / heat capacity, while it runs it cools by (power - load) / heat capacity. So the sum
of both rates is power / heat capacity, whatever the load: a warm day or a leaking door changes duty and pull-down, a compressor that
weakens, an iced evaporator or lost refrigerant changes the sum. Legs with a door, a defrost or a fault in them do not count.

Each day (UTC) is a median; POWER is the median of the last RECENT days over the median of the first LEARN whole days. It weakens
when it has been below WEAK on each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

LEARN, RECENT, KEPT = 5, 3, 60
LEAST = 6
"""Legs of each direction that make a day count."""
WEAK = 0.8


@dataclass(frozen=True, slots=True)
class CoolingDay:
    """One day: duty 0..1, pull-down and rise in K/h, recovery in minutes, None where nothing was seen."""

    day: int
    duty: float | None
    pull: float | None
    rise: float | None
    recovery: float | None

    @property
    def power(self) -> float | None:
        """Power over heat capacity of the air, K/h."""
        return None if self.pull is None or self.rise is None else self.pull + self.rise


class CoolingTrend:
    """Collects what makes up a day; ``days`` are the last ones."""

    def __init__(self) -> None:
        self.days: list[CoolingDay] = []
        self.first: list[float] = []
        self._day = -1
        self._ran = self._known = 0.0
        self._pulls: list[float] = []
        self._rises: list[float] = []
        self._recoveries: list[float] = []

    def ran(self, t_s: float, seconds: float, share: float) -> None:
        """Of ``seconds`` before ``t_s`` the compressor ran ``share``."""
        self._turn_day(t_s)
        self._known += seconds
        self._ran += share * seconds

    def leg(self, k_h: float) -> None:
        """A plain leg of the thermostat: warming or, negative, cooling by so many kelvin an hour."""
        (self._rises if k_h > 0.0 else self._pulls).append(abs(k_h))

    def recovered(self, minutes: float) -> None:
        """The air was back in its band so long after a defrost or a door."""
        self._recoveries.append(minutes)

    def _recent(self, name: str) -> float | None:
        some = [v for one in self.days[-RECENT:] if (v := getattr(one, name)) is not None]
        return median(some) if some else None

    @property
    def duty(self) -> float | None:
        """Of the last days, as pull, recovery and power."""
        return self._recent("duty")

    @property
    def pull(self) -> float | None:
        """K/h."""
        return self._recent("pull")

    @property
    def recovery(self) -> float | None:
        """Minutes."""
        return self._recent("recovery")

    @property
    def power(self) -> float | None:
        """Against its own beginning; None until LEARN days are known."""
        now = self._recent("power")
        return now / median(self.first) if now is not None and len(self.first) >= LEARN else None

    @property
    def weak(self) -> bool:
        """Whether the compressor has lost power for days."""
        last = [one.power for one in self.days[-RECENT:]]
        if len(self.first) < LEARN or len(last) < RECENT:
            return False
        return all(power is not None and power < WEAK * median(self.first) for power in last)

    def _turn_day(self, t_s: float) -> None:
        day = int(t_s // 86_400)
        if day == self._day:
            return
        if self._day >= 0 and self._known > 0.0:
            enough = min(len(self._pulls), len(self._rises)) >= LEAST
            one = CoolingDay(
                self._day, self._ran / self._known if self._known >= 6 * 3600.0 else None,
                median(self._pulls) if enough else None, median(self._rises) if enough else None,
                median(self._recoveries) if self._recoveries else None,
            )  # fmt: skip
            self.days = [*self.days, one][-KEPT:]
            if one.power is not None and len(self.first) < LEARN:
                self.first.append(one.power)
        self._day, self._ran, self._known = day, 0.0, 0.0
        self._pulls, self._rises, self._recoveries = [], [], []

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "days": [[one.day, one.duty, one.pull, one.rise, one.recovery] for one in self.days], "first": list(self.first),
            "now": [self._day, self._ran, self._known], "legs": [list(some) for some in (self._pulls, self._rises, self._recoveries)],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self.days = [CoolingDay(*one) for one in state["days"]]
        self.first = list(state["first"])
        self._day, self._ran, self._known = state["now"]
        self._pulls, self._rises, self._recoveries = (list(some) for some in state["legs"])
