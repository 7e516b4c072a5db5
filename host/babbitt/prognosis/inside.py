"""Behind one temperature of a cold room: what the room does, its goods, its compressor, and what of that is a warning.

A fault (health/roomstate.py) warns once it has lasted FAULT_H hours, a compressor that lost power (health/cooling.py) at once. Doors,
deliveries and defrosts never do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from babbitt.health.index import WARNING
from babbitt.health.room import RoomFollower
from babbitt.prognosis.goods import GoodsOutlook
from babbitt.prognosis.passage import Passage
from babbitt.protocol.assessment import LEVELS, Interval
from babbitt.protocol.room import Goods, Room
from babbitt.settings import RoomPart

FAULT_H = 0.5
STEP_MS = 150_000
"""The outlook of the goods is looked at so often at most."""
GAP_MS = 6 * 3_600_000


class Air(Protocol):
    """What is known of the temperature itself."""

    level: str
    severity: float
    judged: bool

    @property
    def trends(self) -> Passage:
        """The trends of the air."""
        ...


class Inside:
    """One temperature's room. ``limits`` of the air in degrees C: without any of the goods they are held to the tighter ones."""

    def __init__(self, part: RoomPart | None, limits: Mapping[str, float]) -> None:
        part = part or RoomPart()
        self.follower = RoomFollower(part)
        self._high = part.goods_high if part.goods_high is not None else limits.get("h", limits.get("hh"))
        self._low = part.goods_low if part.goods_low is not None else limits.get("l", limits.get("ll"))
        self._outlooks = GoodsOutlook(1.0), GoodsOutlook(-1.0)
        self._last = self._t = self._begin = 0

    def update(self, t_ms: int, value: float | None, values: Mapping[str, float | None], air: Air) -> None:
        """Take a record: the temperature, all values, and what is known of the air with this record."""
        self.follower.update(t_ms, value, values)
        self._t = t_ms
        if not air.judged or 0 <= t_ms - self._last < STEP_MS:
            return
        if not self._begin or not 0 <= t_ms - self._last < GAP_MS:
            self._begin = t_ms
            for outlook in self._outlooks:
                outlook.forget_path()
        self._last = t_ms
        for outlook in self._outlooks:
            outlook.update(
                (t_ms - self._begin) / 3.6e6, self.follower.goods, air.trends, self.follower.states.failing
            )

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

    def verdict(self, air: Air) -> tuple[str, float]:
        """Level and severity of the air and what is behind it."""
        states = self.follower.states
        broken = states.state == "fault" and self._t - states.since >= FAULT_H * 3.6e6
        if not broken and not self.follower.cooling.weak:
            return air.level, air.severity
        return max(air.level, "warning", key=LEVELS.index), max(air.severity, WARNING)

    def room(self, channel: str) -> Room:
        """As an assessment shows it."""
        states, cooling = self.follower.states, self.follower.cooling
        today = {state: round(minutes, 1) for state, minutes in self.follower.days[-1].minutes.items()}
        return Room(
            channel, states.state, states.since, today, self._goods(), cooling.duty, cooling.pull, cooling.recovery, cooling.power
        )  # fmt: skip

    def _goods(self) -> Goods | None:
        goods = self.follower.goods
        if goods.middle is None or goods.low is None or goods.high is None:
            return None
        found: list[Interval] = []
        for outlook, limit in zip(self._outlooks, (self._high, self._low), strict=True):
            if limit is not None and self._begin and (left := outlook.to_limit(limit)) is not None:
                found.append(left)
        return Goods(goods.low, goods.middle, goods.high, min(found, key=lambda left: left.p50, default=None))

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "follower": self.follower.dump(), "outlooks": [one.dump() for one in self._outlooks],
            "times": [self._last, self._t, self._begin],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self.follower.restore(state["follower"])
        for one, saved in zip(self._outlooks, state["outlooks"], strict=True):
            one.restore(saved)
        self._last, self._t, self._begin = state["times"]
