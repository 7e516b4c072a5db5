"""Behind one temperature of a cold room: what the room does, its goods, its compressor, and what of that is a warning.

A fault (health/roomstate.py) warns once it has lasted FAULT_H hours, a compressor that lost power (health/cooling.py) at once. Doors,
deliveries and defrosts never do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from babbitt.health.index import WARNING
from babbitt.health.room import RoomFollower
from babbitt.prognosis.goods import to_limit
from babbitt.protocol.assessment import LEVELS, Interval
from babbitt.protocol.room import Goods, Room
from babbitt.settings import RoomPart

FAULT_H = 0.5


class Air(Protocol):
    """What is known of the temperature itself."""

    level: str
    severity: float


class Inside:
    """One temperature's room. ``limits`` of the air in degrees C: without any of the goods they are held to the tighter ones."""

    def __init__(self, part: RoomPart | None, limits: Mapping[str, float]) -> None:
        part = part or RoomPart()
        self.follower = RoomFollower(part)
        self._high = part.goods_high if part.goods_high is not None else limits.get("h", limits.get("hh"))
        self._low = part.goods_low if part.goods_low is not None else limits.get("l", limits.get("ll"))
        self._t = 0

    def update(self, t_ms: int, value: float | None, values: Mapping[str, float | None]) -> None:
        """Take a record: the temperature and all values."""
        self.follower.update(t_ms, value, values)
        self._t = t_ms

    def apart(self, limits: Mapping[str, float]) -> Inside:
        """One of the same room that knows its thermostat, at no time yet."""
        other = Inside(self.follower.part, limits)
        inner = other.follower.states.thermostat
        inner.restore(self.follower.states.thermostat.dump())
        inner.forget_path()
        return other

    @property
    def excused(self) -> bool:
        """Whether the air is not to be judged now."""
        return self.follower.states.excused

    @property
    def failing(self) -> bool:
        """Whether the room is in a fault now."""
        return self.follower.states.state == "fault"

    def verdict(self, air: Air) -> tuple[str, float]:
        """Level and severity of the air and what is behind it."""
        states = self.follower.states
        broken = states.state == "fault" and self._t - states.since >= FAULT_H * 3.6e6
        if not broken and not self.follower.cooling.weak:
            return air.level, air.severity
        return max(air.level, "warning", key=LEVELS.index), max(air.severity, WARNING)

    def room(self, channel: str) -> Room:
        """As an assessment shows it."""
        states, cooling, day = self.follower.states, self.follower.cooling, self.follower.days[-1]
        today = {state: round(minutes, 1) for state, minutes in day.minutes.items()}
        door, defrost = day.shows("door"), day.shows("defrost")
        return Room(
            channel, states.state, states.since, today, self._goods(), cooling.duty, cooling.pull, cooling.recovery, cooling.power,
            day.openings if door else None, round(day.open_min, 1) if door else None, day.defrosts if defrost else None,
            day.by_contact,
        )  # fmt: skip

    def _goods(self) -> Goods | None:
        goods = self.follower.goods
        if goods.middle is None or goods.low is None or goods.high is None:
            return None
        left: Interval | None = None
        if self._high is not None:
            left = to_limit(goods.middle, self.follower.states.failing, goods.hours, self._high)
        if self._low is not None and goods.middle < self._low:
            left = Interval(0.0, 0.0, 0.0)
        return Goods(goods.low, goods.middle, goods.high, left)

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {"follower": self.follower.dump(), "t": self._t}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self.follower.restore(state["follower"])
        self._t = state["t"] if "t" in state else state["times"][1]  # a state of before has more than is used
