"""At which times of day a room warms every day: its defrosts, which a clock starts, while people open doors when they like.

For each quarter of an hour of the day (UTC) the share of days on which an excursion began there is followed with a memory of
DAYS days; excursions move by some minutes, so a quarter counts together with the next. Expected is what came on LIKELY of the days.
"""

from __future__ import annotations

from typing import Any

QUARTER_S = 900
QUARTERS = 96
DAYS, LEAST_DAYS = 10, 4
LIKELY = 0.85
BEFORE_S, AFTER_S = 1200, 300
"""An excursion is expected from so long before the quarter it is usually seen in to so long after it."""


class Schedule:
    """Excursions by time of day; ``known`` once there is any that recurs."""

    def __init__(self) -> None:
        self._shares = [0.0] * QUARTERS
        self._today: set[int] = set()
        self._day = -1
        self._days = 0
        self.known = False

    def saw(self, t_s: float) -> None:
        """An excursion began at ``t_s`` (Unix seconds)."""
        self._turn_day(t_s)
        self._today.add(int(t_s % 86_400) // QUARTER_S)

    def expected(self, t_s: float) -> bool:
        """Whether one is to be expected at about this time."""
        self._turn_day(t_s)
        if not self.known:
            return False
        first, last = int((t_s - AFTER_S) // QUARTER_S), int((t_s + BEFORE_S) // QUARTER_S)
        return any(self._share(q) >= LIKELY for q in range(first, last + 1))

    def _share(self, quarter: int) -> float:
        return self._shares[quarter % QUARTERS] + self._shares[(quarter + 1) % QUARTERS]

    def _turn_day(self, t_s: float) -> None:
        day = int(t_s // 86_400)
        if day == self._day:
            return
        if self._day >= 0 and day == self._day + 1:
            rate = 1.0 / min(self._days + 1, DAYS)
            for q in range(QUARTERS):
                self._shares[q] += rate * ((q in self._today) - self._shares[q])
            self._days += 1
            self.known = self._days >= LEAST_DAYS and any(self._share(q) >= LIKELY for q in range(QUARTERS))
        self._day, self._today = day, set()

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "shares": list(self._shares),
            "today": sorted(self._today),
            "day": self._day,
            "days": self._days,
            "known": self.known,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self._shares, self._today = list(state["shares"]), set(state["today"])
        self._day, self._days, self.known = state["day"], state["days"], state["known"]
