"""What a cold room does at this moment: a causal state machine over its temperature and, where there are any, its contacts.

Rules, the first that holds says the state:

1. ``fault``: it should be cold and is not getting there (below).
2. ``restocking``: a door has been open for more than RESTOCK_MIN minutes.
3. ``door open``: the contact says so; without one the air warms faster than DOOR_TIMES its usual rise and DOOR_K_MIN more than it.
4. ``defrost``: the contact says so; without one the air rises above its usual turning point by OVER of the swing although no door
   was open in this rise, or faster than DEFROST_TIMES the usual rise for DEFROST_MIN minutes; until it falls again.
5. ``cooling``, ``idle``: the contact of the compressor; without one, whether the temperature falls or rises.

Fault: no door, delivery or defrost now, and for FAULT_MIN minutes or longer than three usual ways down the air has been above the
usual turning point and did not fall by SLOW_K_H kelvin an hour; a compressor that runs (or a fall that goes on) four times as long
as usual, an hour at least, without reaching the lower turning point and no longer falling; it ends when the air turns below the
usual upper turning point.

Records slower than SLOW_S cannot show a compressor: without contacts the state is ``steady`` within the usual band,
``disturbed`` above it (door, goods or defrost: not told), or ``fault``. Before the usual is known: ``unknown``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from babbitt.health.schedule import Schedule
from babbitt.health.thermostat import Thermostat

BUCKET_S = 30.0
"""Faster records are averaged to this."""
SLOW_S = 300.0
GAP_S = 1800.0
RESTOCK_MIN = 10.0
DOOR_TIMES, DOOR_K_MIN = 2.2, 0.12
SHUT_TIMES = 1.2
"""A door without a contact is shut once the air warms no faster than so many times as usual."""
OVER = 0.3
DEFROST_TIMES, DEFROST_MIN, DEFROST_MAX_MIN = 1.35, 4.0, 60.0
FAULT_MIN, RESTS_MIN, AWAY_MIN, SLOW_K_H, NEAR = 60.0, 20.0, 120.0, 0.5, 0.35
CALM_MIN = 45.0
EXCUSE_MIN, FALLS_K = 90.0, 0.1
RESET_TURNS, RESET_SWING = 12, (0.6, 1.5)
DISTURBED_K = 1.0
"""After a defrost the fault waits so long; after a delivery three times as long."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Shares of a record (0..1); None: there is no such contact, or it was not read."""

    door: float | None = None
    compressor: float | None = None
    defrost: float | None = None


class RoomStates:
    """Follows one room. ``state`` is one of STATES, ``since`` the time (ms) it has been so. ``excused``: what the air has is a
    door's, a delivery's or a defrost's doing."""

    def __init__(self) -> None:
        self.state, self.since, self.excused = "unknown", 0, False
        self.thermostat = Thermostat()
        self._schedule = Schedule()
        self._last, self._every = 0.0, 60.0
        self._door = self._defrost = self._fault = self._door_leg = self._seen_over = self._door_seen = False
        self._door_s = self._door_peak = self._defrost_s = self._fast_s = 0.0
        self._calm_until = self._warm_s = self._away_s = self._excuse_s = 0.0
        self._hour: deque[tuple[float, float]] = deque()
        self._turns = 0

    @property
    def failing(self) -> float | None:
        """The air of the last quarter of an hour in a fault, when nothing holds it; else None."""
        some = [value for t, value in self._hour if t > self._last - 900.0]
        return sum(some) / len(some) if some and self._fault else None

    @property
    def slow(self) -> bool:
        """Whether records come too seldom to show a compressor."""
        return self._every > SLOW_S

    @property
    def plain(self) -> bool:
        """Whether the leg of now is the thermostat's doing alone."""
        return not (self._door or self._defrost or self._fault or self._door_leg)

    def update(self, t_ms: int, value: float | None, contacts: Contacts) -> str:
        """Take a record: the state it leaves the room in. A value that is missing tells nothing but what contacts say."""
        t = t_ms / 1000.0
        dt = t - self._last if self._last else 60.0
        if dt <= 0.0:
            return self.state
        if dt > GAP_S + 2 * self._every or value is None:
            self.thermostat.forget_path()
            self._hour.clear()
            self._warm_s = self._away_s = self._fast_s = 0.0
            dt = min(dt, self._every)
        self._last = t
        self._every += 0.1 * (dt - self._every)
        found = self._judge(t, value, contacts, dt)
        if found != self.state or not self.since:
            self.state, self.since = found, t_ms
        return self.state

    def _judge(self, t: float, value: float | None, contacts: Contacts, dt: float) -> str:
        inner = self.thermostat
        if value is not None:
            if inner.update(t, value, self.plain or self._every > SLOW_S):
                self._turned()
            self._hour.append((t, value))
            while self._hour[0][0] < t - 3600.0:
                self._hour.popleft()
        expected = contacts.defrost is None and self._schedule.expected(t)
        self._see_door(contacts, dt, expected)
        self._see_defrost(t, value, contacts, dt, expected)
        self._see_fault(t, value, contacts, dt)
        self._excuse(value, contacts, dt)
        if self._fault:
            return "fault"
        if self._door:
            return "restocking" if self._door_s > RESTOCK_MIN * 60.0 else "door open"
        if self._defrost and (contacts.defrost is not None or self._every <= SLOW_S):
            return "defrost"
        if contacts.compressor is not None:
            return "cooling" if contacts.compressor >= 0.5 else "idle"
        if value is None or not inner.ready:
            return "unknown"
        if self._every > SLOW_S:
            return "disturbed" if value > inner.top + max(OVER * inner.swing, DISTURBED_K) else "steady"
        return "idle" if inner.rising else "cooling"

    def _excuse(self, value: float | None, contacts: Contacts, dt: float) -> None:
        """The air of a door, a delivery or a defrost is not the room's, nor is it until it is back in its band, for EXCUSE_MIN
        minutes of getting there at most, twice as long while it falls. While a door is open or a coil is defrosted nothing can get
        there: that time does not count."""
        inner = self.thermostat
        if self._fault or (self._every > SLOW_S and (contacts.door, contacts.defrost) == (None, None)):
            self.excused = False
            return
        if self._door or self._defrost:
            self.excused = True
        elif value is None or not inner.ready or value <= inner.top:
            self.excused, self._excuse_s, self._door_seen = False, 0.0, False
        self._door_seen = self._door_seen or self._door
        if self.excused or self._excuse_s > 0.0:
            self._excuse_s += 0.0 if self._door or self._defrost else dt
            before = next((v for t, v in self._hour if t >= self._last - 1200.0), value)
            falls = value is not None and before is not None and value < before - FALLS_K
            self.excused = self._excuse_s < EXCUSE_MIN * 60.0 * (2.0 if falls else 1.0)

    def _turned(self) -> None:
        """The thermostat has turned: a rise that ended takes its door with it. One that turns RESET_TURNS times in a row in a fault,
        a usual swing each, was set to another temperature: what was usual is learnt again."""
        inner = self.thermostat
        regular = RESET_SWING[0] * inner.swing <= abs(inner.last_swing) <= RESET_SWING[1] * inner.swing
        self._turns = self._turns + 1 if regular else 0
        if self._fault and self._turns >= RESET_TURNS:
            inner.forget()
            self._fault, self._away_s, self._warm_s = False, 0.0, 0.0
        if not self.thermostat.rising:
            self._defrost = self._door_leg = False
        self._fast_s = 0.0
        self._seen_over = False

    def _see_door(self, contacts: Contacts, dt: float, expected: bool) -> None:
        inner = self.thermostat
        if contacts.door is not None:
            self._door = contacts.door >= 0.5
        elif inner.ready and inner.rising and not self._defrost and self._every <= SLOW_S:
            usual = inner.up_rate
            if not self._door:
                times = DOOR_TIMES * 1.5 if expected else DOOR_TIMES
                self._door = inner.rate > max(times * usual, usual + DOOR_K_MIN)
                self._door_peak = inner.rate
            else:
                self._door_peak = max(self._door_peak, inner.rate)
                self._door = inner.rate > max(SHUT_TIMES * usual, 0.5 * self._door_peak)
        else:
            self._door = False
        self._door_s = self._door_s + dt if self._door else 0.0
        if self._door:
            self._door_leg = True
            calm = CALM_MIN * 60.0 * (3.0 if self._door_s > RESTOCK_MIN * 60.0 else 1.0)
            self._calm_until = max(self._calm_until, self._last + calm)

    def _see_defrost(
        self, t: float, value: float | None, contacts: Contacts, dt: float, expected: bool
    ) -> None:
        inner = self.thermostat
        if contacts.defrost is not None:
            self._defrost = contacts.defrost >= 0.5
        elif value is not None and inner.ready:
            runs = contacts.compressor is not None and contacts.compressor >= 0.5
            fast = inner.rising and not self._door and inner.rate > DEFROST_TIMES * inner.up_rate
            self._fast_s = self._fast_s + dt if fast else 0.0
            over = value > inner.top + OVER * inner.swing
            if over and not self._seen_over and not (self._door_leg and contacts.door is not None):
                self._seen_over = True
                self._schedule.saw(t)
            if runs or not inner.rising or self._door:
                self._defrost = False
            elif not self._defrost:
                enough = 120.0 if expected else DEFROST_MIN * 60.0
                self._defrost = (
                    over and not self._door_leg and inner.start < inner.top
                ) or self._fast_s >= enough
                self._defrost_s = 0.0
            else:
                self._defrost_s += dt
                if self._defrost_s > DEFROST_MAX_MIN * 60.0:
                    self._defrost, self._door_leg = False, True
                    if not self._door_seen:  # neither a defrost nor a door
                        self._calm_until, self._excuse_s = t, EXCUSE_MIN * 60.0
        if self._defrost:
            self._calm_until = max(self._calm_until, t + CALM_MIN * 60.0)

    def _see_fault(self, t: float, value: float | None, contacts: Contacts, dt: float) -> None:
        inner = self.thermostat
        if value is None or not inner.ready or (self._every > SLOW_S and contacts.compressor is None):
            return
        low = value <= inner.bottom + NEAR * inner.swing
        if low:
            self._fault, self._away_s, self._warm_s = False, 0.0, 0.0
        if t < self._calm_until:
            return
        self._away_s += dt
        self._warm_s = self._warm_s + dt if value > inner.top + OVER * inner.swing else 0.0
        first = self._hour[0]
        falls = t - first[0] >= 1800.0 and (value - first[1]) / (t - first[0]) * 3600.0 < -SLOW_K_H
        long = self._away_s > max(AWAY_MIN * 60.0, 4.0 * 60.0 * (inner.up_min + inner.down_min))
        both = contacts.compressor is not None and contacts.defrost is not None
        rests = both and contacts.compressor is not None and contacts.compressor < 0.5
        warm = RESTS_MIN * 60.0 if rests else max(FAULT_MIN * 60.0, 180.0 * inner.down_min)
        if not falls and not low and (long or self._warm_s > warm):
            if not self._fault:
                self._turns = 0
            self._fault = True

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "state": self.state, "since": self.since, "thermostat": self.thermostat.dump(), "schedule": self._schedule.dump(),
            "bools": [self._door, self._defrost, self._fault, self._door_leg, self._seen_over, self.excused, self._door_seen],
            "floats": [
                self._last, self._every, self._door_s, self._door_peak, self._defrost_s, self._fast_s, self._calm_until,
                self._warm_s, self._away_s, self._turns, self._excuse_s,
            ],
            "hour": [list(one) for one in self._hour],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self.state, self.since = state["state"], state["since"]
        self.thermostat.restore(state["thermostat"])
        self._schedule.restore(state["schedule"])
        (
            self._door,
            self._defrost,
            self._fault,
            self._door_leg,
            self._seen_over,
            self.excused,
            self._door_seen,
        ) = state["bools"]
        (
            self._last, self._every, self._door_s, self._door_peak, self._defrost_s, self._fast_s, self._calm_until,
            self._warm_s, self._away_s, self._turns, self._excuse_s,
        ) = state["floats"]  # fmt: skip
        self._hour = deque((t, v) for t, v in state["hour"])
