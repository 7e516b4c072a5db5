"""One temperature of a cold room with the contacts beside it: state, goods, cooling, and the account of each day.

It takes records as they come, in the host's analysis and for the daily record alike, so both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from babbitt.health.cooling import CoolingTrend
from babbitt.health.goods import GoodsModel
from babbitt.health.roomstate import BUCKET_S, OVER, Contacts, RoomStates
from babbitt.settings import RoomPart

DAY_MS = 86_400_000
GAP_S = 3600.0
"""A record stands for the time since the one before, for so long at most."""
THAW_S, APART_S = 300.0, 2700.0
ROLES = (("door", "door"), ("compressor", "comp"), ("defrost", "defrost"))


@dataclass(slots=True)
class RoomDay:
    """A day (UTC, ms at its begin): minutes by state, openings of the doors and minutes they were open, defrosts, the warmest the
    goods were by the model. ``by_contact``: which of door, compressor, defrost a contact told; the others are inferred."""

    day: int
    minutes: dict[str, float] = field(default_factory=dict)
    openings: float = 0.0
    open_min: float = 0.0
    defrosts: int = 0
    goods_high: float | None = None
    by_contact: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        """Whether the temperature showed doors and defrosts at all: slow records do not."""
        return any(state in self.minutes for state in ("cooling", "idle", "fault"))

    def shows(self, role: str) -> bool:
        """Whether a contact or the temperature showed what is counted of ``role``."""
        return self.told or role in self.by_contact


class RoomFollower:
    """Follows one temperature. ``days`` holds the day of now and, before it, at most ``keep`` days that are over."""

    def __init__(self, part: RoomPart | None = None, keep: int = 1) -> None:
        self.part = part or RoomPart()
        self.states = RoomStates()
        self.goods = GoodsModel(self.part.goods_hours)
        self.cooling = CoolingTrend()
        self.days: list[RoomDay] = []
        self._keep = keep
        self._last = 0.0
        self._sums: dict[str, list[float]] = {}
        self._over_since = 0.0
        self._thaw = [-APART_S, 0.0, 0.0]  # last seen (s), lasted (s), counted

    def update(self, t_ms: int, value: float | None, values: Mapping[str, float | None]) -> bool:
        """Take the temperature (degrees C) and all values of a record; True if the state was judged anew (faster records are
        averaged to BUCKET_S). What is not newer is left out."""
        t = t_ms / 1000.0
        if self._last and t <= self._last:
            if self._last - t < GAP_S:
                return False
            self._last = t - 1.0  # a clock that was set back: time goes on from there
        self._add("air", value)
        for role, prefix in ROLES:
            name, other = self._contact(role, prefix, values)
            share = values.get(name) if name else None
            if share is not None:
                share = 1.0 - share if other else share
                self._add(role, 1.0 - share if role == "door" else share)
        changes = self._changes(values)
        if changes is not None:
            self._add("changes", changes)
        dt = t - self._last if self._last else 0.0
        if self._last and dt < BUCKET_S:
            return False
        self._last = t
        means = {name: total / count for name, (total, count) in self._sums.items() if count}
        opened = self._sums["changes"][0] / 2.0 if "changes" in self._sums else None
        self._sums = {}
        self._judge(t_ms, min(dt, GAP_S), means, opened)
        return True

    def _judge(self, t_ms: int, dt: float, means: Mapping[str, float], opened: float | None) -> None:
        air = means.get("air")
        contacts = Contacts(means.get("door"), means.get("compressor"), means.get("defrost"))
        before = self.states.state
        inner = self.states.thermostat
        was_rising, was_ready = inner.rising, inner.ready
        plain = self.states.plain
        state = self.states.update(t_ms, air, contacts)
        t = t_ms / 1000.0
        if air is not None:
            self.goods.update(t, air)
        if state == "restocking":
            self.goods.delivered()
        ran = (
            contacts.compressor
            if contacts.compressor is not None
            else {"cooling": 1.0, "idle": 0.0, "defrost": 0.0}.get(state)
        )
        if ran is not None:
            self.cooling.ran(t, dt, ran)
        turned = was_ready and inner.rising != was_rising and inner.last_minutes > 0.0
        if turned and plain and not self.states.slow:
            self.cooling.leg(60.0 * inner.last_swing / inner.last_minutes)
        self._recover(t, air, state)
        self._account(t_ms, dt, before, state, contacts, opened)

    def _recover(self, t: float, air: float | None, state: str) -> None:
        """From the end of a defrost or a door that warmed the air beyond its band until it is back in it."""
        inner = self.states.thermostat
        if air is None or not inner.ready or state in ("defrost", "door open", "restocking", "fault"):
            self._over_since = t if state in ("defrost", "door open", "restocking") else 0.0
            return
        if self._over_since and air <= inner.top:
            minutes = (t - self._over_since) / 60.0
            if minutes > OVER:
                self.cooling.recovered(minutes)
            self._over_since = 0.0

    def _account(
        self, t_ms: int, dt: float, before: str, state: str, contacts: Contacts, opened: float | None
    ) -> None:
        start = t_ms // DAY_MS * DAY_MS
        if not self.days or self.days[-1].day != start:
            self.days = [*self.days, RoomDay(start)][-1 - self._keep :]
        day = self.days[-1]
        day.minutes[state] = day.minutes.get(state, 0.0) + dt / 60.0
        if contacts.door is not None:
            day.open_min += contacts.door * dt / 60.0
            day.openings += opened or 0.0
        elif state in ("door open", "restocking"):
            day.open_min += dt / 60.0
            day.openings += before not in ("door open", "restocking")
        if state == "defrost":
            day.defrosts += self._thawed(t_ms / 1000.0, dt, contacts.defrost is not None)
        if (warm := self.goods.middle) is not None:
            day.goods_high = warm if day.goods_high is None else max(day.goods_high, warm)
        seen = (contacts.door, contacts.compressor, contacts.defrost)
        told = {role for (role, _), share in zip(ROLES, seen, strict=True) if share is not None}
        day.by_contact = tuple(role for role, _ in ROLES if role in told or role in day.by_contact)

    def _thawed(self, t: float, dt: float, told: bool) -> bool:
        """True once for each defrost: without a contact once it has lasted THAW_S, and what comes within APART_S is the same one."""
        last, ran, counted = self._thaw
        if t - last > (dt + 1.0 if told else APART_S):
            ran, counted = 0.0, 0.0
        ran += dt
        new = not counted and (told or ran >= THAW_S)
        self._thaw = [t, ran, 1.0 if new else counted]
        return new

    def _add(self, name: str, value: float | None) -> None:
        if value is not None:
            total, count = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = [total + value, count + 1.0]

    def _contact(self, role: str, prefix: str, values: Mapping[str, float | None]) -> tuple[str | None, bool]:
        """The channel of a contact, and whether it is the other way round."""
        named: str = getattr(self.part, role)
        if named:
            return named.lstrip("!") + ".closed", named.startswith("!")
        return next(
            (n for n in sorted(values) if n.startswith(prefix) and n.endswith(".closed")), None
        ), False

    def _changes(self, values: Mapping[str, float | None]) -> float | None:
        name, _ = self._contact("door", "door", values)
        return values.get(name.removesuffix("closed") + "changes") if name else None

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "states": self.states.dump(), "goods": self.goods.dump(), "cooling": self.cooling.dump(), "last": self._last,
            "sums": {name: list(some) for name, some in self._sums.items()}, "over": self._over_since, "thaw": list(self._thaw),
            "days": [
                [d.day, dict(d.minutes), d.openings, d.open_min, d.defrosts, d.goods_high, list(d.by_contact)] for d in self.days
            ],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self.states.restore(state["states"])
        self.goods.restore(state["goods"])
        self.cooling.restore(state["cooling"])
        self._thaw = list(state["thaw"])
        self._last, self._sums, self._over_since = (
            state["last"],
            {name: list(some) for name, some in state["sums"].items()},
            state["over"],
        )
        self.days = [_day(*one) for one in state["days"]]


def _day(
    day: int,
    minutes: dict[str, float],
    openings: float,
    opened: float,
    defrosts: int,
    goods: float | None,
    told: list[str],
) -> RoomDay:
    return RoomDay(day, dict(minutes), openings, opened, defrosts, goods, tuple(told))
