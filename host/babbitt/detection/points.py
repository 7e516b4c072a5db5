"""Working points of one machine: what is usual is learnt for each recipe and each speed, and comes back at once.

A point is a recipe and, where a tachometer tells the speed of the shaft, a speed: the force of an unbalanced mass grows with the square of
the speed, so within BAND of it what is usual moves by less than what a baseline lets pass anyway. While the machine
changes over nothing is judged and nothing learnt: for SETTLE_MS after another recipe, and until the speed has been steady for STEADY
records within SAME. A point that was never met is learnt; it is not judged meanwhile, so a new product is no alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babbitt.detection.baseline import Baseline, Verdict
from babbitt.manipulation.features import number
from babbitt.protocol.assessment import Point, Sisters

BAND = 1.12
"""A point holds for speeds up to so many times higher or lower than its own."""
SAME, STEADY = 1.06, 3
"""A speed is steady if so many records lie within this factor of each other."""
ROAMS = 60
"""After so many more records without a steady speed than with one the machine has none: all speeds are one point, until so many
were steady."""
SETTLE_MS = 60_000
"""So long after a change of recipe nothing is judged or learnt, and never the record it came with."""
MOST = 16
"""Points that are kept; the one that was left longest ago goes first."""


def shaft_speed(values: Mapping[str, float | None]) -> float | None:
    """Speed of the shaft by the first tachometer, r/min; None without one, if it failed or while nothing turns."""
    name = next((c for c in sorted(values) if c.endswith(".rpm")), None)
    speed = number(values[name]) if name is not None else None
    return speed if speed is not None and speed >= 1.0 else None


class Points:
    """The baselines of one machine. ``now`` is the one in use; ``at`` where the machine works, None before the first record or
    while it changes over; ``own``: what was said last goes by what was learnt. ``learn`` is the number of records of a
    baseline; ``tolerance`` and ``sisters``, to be set, are those of :class:`Baseline`."""

    def __init__(self, learn: int) -> None:
        self.learn = learn
        self.now = Baseline(learn)
        self.at: Point | None = None
        self.own = False
        self.tolerance = 1.0
        self.sisters: Sisters | None = None
        self._kept: dict[Point, Baseline] = {}
        self._recipe: int | None = None
        self._until = 0
        self._speeds: list[float] = []
        self._roamed, self._roams = 0, False

    @property
    def learnt(self) -> bool:
        """Whether any point is learnt."""
        return any(one.learnt for one in self._kept.values())

    def baselines(self) -> Mapping[Point, Baseline]:
        """All points, the one that was left longest ago first."""
        return self._kept

    def update(
        self,
        t_ms: int,
        values: Mapping[str, float | None],
        recipe: int = 0,
        acceptable: bool = True,
        open_new: bool = True,
    ) -> Verdict | None:
        """Take one record; None while its point is learnt. ``acceptable`` as of :meth:`Baseline.update`; ``open_new`` False: judge by
        what is known, learn no new point."""
        speed, steady = self._speed(values)
        if recipe != self._recipe:
            first = self._recipe is None
            self._recipe, self.at = recipe, None
            self._until = 0 if first else t_ms + SETTLE_MS
            if not first:
                return self._between()
        if not self._settled(t_ms, speed, steady) or not self._arrive(speed, open_new):
            return self._between()
        self.now.tolerance, self.now.sisters = self.tolerance, self.sisters
        before = self.now.learnt
        verdict = self.now.update(values, acceptable)
        self.own = before and self.now.learnt
        return verdict

    def _speed(self, values: Mapping[str, float | None]) -> tuple[float | None, bool]:
        """The speed that decides on the point, and whether it is steady. A machine that roams has none."""
        speed = shaft_speed(values)
        if speed is None:
            self._speeds = []
            return None, True
        self._speeds = [*self._speeds, speed][-STEADY:]
        steady = len(self._speeds) == STEADY and max(self._speeds) <= SAME * min(self._speeds)
        here = not self._roams and self.at is not None and alike(self.at.speed, speed)
        self._roamed = max(0, self._roamed - 1) if steady or here else min(ROAMS, self._roamed + 1)
        self._roams = self._roamed == ROAMS or (self._roams and self._roamed > 0)
        return (None, True) if self._roams else (speed, steady)

    def _settled(self, t_ms: int, speed: float | None, steady: bool) -> bool:
        """Whether no change-over goes on."""
        if self._until:
            if 0 < self._until - t_ms <= SETTLE_MS:
                return False
            self._until = 0
        if self.at is not None and (alike(self.at.speed, speed) or (speed is None and not self._roams)):
            return True
        if steady:
            self.at = None
        return steady

    def _arrive(self, speed: float | None, open_new: bool) -> bool:
        """Be at a point; False if there is none and none may be opened."""
        if self.at is not None:
            return True
        at = self._nearest(speed)
        if at is None:
            if not open_new:
                return False
            middle = None if speed is None else sorted(self._speeds)[STEADY // 2]
            at = Point(self._recipe or 0, middle)
            self._kept[at] = Baseline(self.learn)
        else:
            self._kept[at] = self._kept.pop(at)
            self._kept[at].resume()
        self.at, self.now = at, self._kept[at]
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return True

    def _nearest(self, speed: float | None) -> Point | None:
        """The known point of this recipe that is nearest to a speed."""
        mine = [p for p in self._kept if p.recipe == self._recipe]
        near = [p for p in mine if alike(p.speed, speed)]
        return min(near, key=lambda p: abs((p.speed or 0.0) - (speed or 0.0)), default=None)

    def _between(self) -> Verdict | None:
        """While the machine changes over, what was said last of where it comes from."""
        self.own = self.now.learnt
        return self.now.idle() if self.now.learnt else None

    def pause(self) -> None:
        """Forget where time was: the records to come are others."""
        self.at, self._recipe, self._until, self._speeds = None, None, 0, []
        for one in self._kept.values():
            one.resume()

    def dump(self) -> dict[str, Any]:
        """Whole state in plain JSON types: MOST baselines at most."""
        return {
            "points": [
                {"recipe": at.recipe, "speed": at.speed, "baseline": one.dump()}
                for at, one in self._kept.items()
            ],
            "at": None if self.at is None else [self.at.recipe, self.at.speed],
            "recipe": self._recipe,
            "until": self._until,
            "own": self.own,
            "speeds": list(self._speeds),
            "roams": [self._roamed, self._roams],
        }

    @classmethod
    def load(cls, learn: int, state: dict[str, Any]) -> Points:
        """Build from what ``dump`` gave. Raises KeyError, TypeError for anything else."""
        self = cls(learn)
        for one in state["points"]:
            self._kept[Point(one["recipe"], one["speed"])] = Baseline.load(one["baseline"])
        self._recipe, self._until, self._speeds = state["recipe"], state["until"], list(state["speeds"])
        self.own = state["own"]
        self._roamed, self._roams = state["roams"]
        if state["at"] is not None:
            self.at = Point(*state["at"])
            self.now = self._kept[self.at]
        elif self._kept:
            self.now = list(self._kept.values())[-1]
        return self


def alike(one: float | None, other: float | None) -> bool:
    """Whether two speeds are of one point; a speed that is not known is like no other."""
    if one is None or other is None:
        return one is other
    return max(one, other) <= BAND * min(one, other)
