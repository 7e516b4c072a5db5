"""A cold room whose compressor fades: two thermal masses, a thermostat, doors and defrosts. Equations in docs/simulators.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.vboard.world import Fault, Faults

STEP_S = 15
DAY_S = 86_400
OPENING_H, CLOSING_H = 6, 18  # UTC: when the doors are used
LENGTH_S = (60, 240)  # of an opening
KELVIN = 273.15
AIR_DENSITY_0C = 1.293  # kg/m3, dry, at sea level
AIR_HEAT = 1005.0  # J/(kg K)
GRAVITY = 9.81
PLANT_C = 18.0  # mean outside, where the compressor has its nominal capacity
DAILY_C = 5.0


@dataclass(frozen=True, slots=True)
class Building:
    """What the room is made of. Powers in W, heat capacities in J/K, conductances in W/K, lengths in m."""

    air: float = 600e3  # with racks and the inner skin of the walls, which follow it at once
    product: float = 4e6
    wall: float = 40.0
    exchange: float = 200.0  # air to product
    door_width: float = 1.0
    door_height: float = 2.0
    curtain: float = 0.8  # share of the infiltration that a strip curtain keeps out
    compressor: float = 4000.0
    per_k_inside: float = (
        0.01  # by how much of itself the capacity grows with each K of the air above the set point
    )
    per_k_outside: float = 0.012  # and falls with each K outside above 18
    heater: float = 1500.0
    defrost_every_s: int = 6 * 3600
    defrost_s: int = 1200
    hysteresis_c: float = 1.0


@dataclass(frozen=True, slots=True)
class Heat:
    """Heat since the start, J: what came in by `walls`, `doors` and `heater`, what the compressor `removed`, and what air and product have
    `stored`."""

    walls: float
    doors: float
    heater: float
    removed: float
    stored: float


def infiltration(inside_c: float, outside_c: float, building: Building) -> float:
    """Heat (W) that flows into the room through its open door.

    Method: W. B. Gosney, H. A. L. Olama (1975), as in the ASHRAE Handbook - Refrigeration, for fully established flow; dry air, so
    without the heat of the moisture that freezes. The difference in density drives the flow: the heat grows with some power 1.5
    of that in temperature.
    """
    if outside_c <= inside_c:
        return 0.0
    cold = AIR_DENSITY_0C * KELVIN / (KELVIN + inside_c)
    warm = AIR_DENSITY_0C * KELVIN / (KELVIN + outside_c)
    shape = math.pow(2 / (1 + math.cbrt(cold / warm)), 1.5)
    speed = math.sqrt(1 - warm / cold) * math.sqrt(GRAVITY * building.door_height)
    area = building.door_width * building.door_height
    return 0.221 * area * AIR_HEAT * (outside_c - inside_c) * cold * speed * shape * (1 - building.curtain)


class ColdRoom:
    """A world with a thermometer in the air of a cold room.

        Ca dTa/dt = U (To - Ta) + door(t) I(Ta, To) + K (Tp - Ta) + H defrost(t) - on(t) Q
        Cp dTp/dt = K (Ta - Tp)
        Q = Qn f(t) (1 + 0.01 (Ta - Ts)) (1 - 0.012 (To - 18))

    Ta air, Tp product, Ts set point, To = 18 + 5 sin(daily) outside. I is `infiltration`. `on` is a thermostat: on above set point +
    hysteresis, off below set point - hysteresis, off during a defrost (every 6 h, 20 min). door(t): 12
    openings of 1 to 4 minutes on every day from 6 to 18 h UTC, drawn from the seed. f(t) is what is left of the compressor:
    1, and from `fade_start_h` on falling linearly to 0 within `fade_h`. Explicit Euler, 15 s a step; the shortest time constant,
    Ca / (U + dI/dT + K), is 20 min.

    Args:
        seed: the same seed is the same room, on whatever day it begins.
        utc_start_ms: Unix ms at the start.
        days: how long the world lasts, > 0.
        set_point_c: of the thermostat.
        limit_c: what the product must stay below.
        fade_start_h: hours until the compressor starts to fade; None: it does not.
        fade_h: hours from full capacity to none, > 0.
        doors: openings a day, >= 0.
        faults: of the sensor, from the start.
        step_s: of the integration.

    Raises:
        ValueError: days, fade_h or step_s not positive, doors negative.
    """

    sensors: tuple[str, ...] = ("ds18b20",)

    def __init__(
        self,
        *,
        seed: int,
        utc_start_ms: int,
        days: float,
        set_point_c: float = -22.0,
        limit_c: float = -18.0,
        fade_start_h: float | None = None,
        fade_h: float = 96.0,
        doors: int = 12,
        building: Building | None = None,
        faults: Faults | None = None,
        step_s: int = STEP_S,
    ) -> None:
        if days <= 0 or fade_h <= 0 or step_s <= 0 or doors < 0:
            raise ValueError(
                f"days={days}, fade_h={fade_h}, step_s={step_s} must be positive, doors={doors} not negative"
            )
        self.utc_start_ms = utc_start_ms
        self.end_us: int | None = round(days * DAY_S * 1e6)
        self.faults: dict[str, Fault] = dict(faults or {})
        self.limit_c = limit_c
        self.set_point_c = set_point_c
        self._seed = seed
        self._began_s = (
            utc_start_ms // 1000 % DAY_S
        )  # on its first day, whatever the board's clock says later
        self._fade_start_s = math.inf if fade_start_h is None else fade_start_h * 3600
        self._fade_s = fade_h * 3600
        self._doors = doors
        self._b = building or Building()
        self._step_s = step_s
        self._on = False
        self._openings: tuple[int, list[tuple[float, float]]] = (-1, [])
        self._air = [set_point_c]
        self._product = [set_point_c]
        self._flows = [(0.0, 0.0, 0.0, 0.0)]  # J since the start by walls, doors, heater; removed

    def temperature(self, t_us: int) -> float:
        """Air temperature in degrees C, linear between steps."""
        return self._at(self._air, t_us)

    def product(self, t_us: int) -> float:
        """Product temperature in degrees C: what no sensor of the node sees."""
        return self._at(self._product, t_us)

    def outside(self, t_s: float) -> float:
        """Outside temperature in degrees C: coldest at 3 h, warmest at 15 h UTC."""
        return PLANT_C + DAILY_C * math.sin(2 * math.pi * ((t_s + self._began_s) / DAY_S - 0.375))

    def heat(self, t_us: int) -> Heat:
        """The balance at the last step that is complete."""
        step = max(t_us, 0) // (self._step_s * 1_000_000)
        self._integrate(step)
        stored = self._b.air * (self._air[step] - self._air[0])
        stored += self._b.product * (self._product[step] - self._product[0])
        return Heat(*self._flows[step], stored)

    @property
    def crossed_at_ms(self) -> int | None:
        """Unix ms when the product passes the limit for good, None if it does not within the world."""
        return self._crossed(self._product)

    @property
    def air_crossed_at_ms(self) -> int | None:
        """Unix ms when the air passes the limit for good, None if it does not within the world."""
        return self._crossed(self._air)

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """There is no such sensor.

        Raises:
            LookupError: always.
        """
        raise LookupError("this cold room has no accelerometer")

    def capacity(self, t_s: float) -> float:
        """Share of the compressor's capacity that is left, 1 .. 0."""
        return min(1.0, max(0.0, 1.0 - (t_s - self._fade_start_s) / self._fade_s))

    def defrosting(self, t_s: float) -> bool:
        """Whether the coil is being defrosted: at the end of each period."""
        return t_s % self._b.defrost_every_s >= self._b.defrost_every_s - self._b.defrost_s

    def door_open(self, t_s: float) -> bool:
        """Whether the door is open."""
        day, second = divmod(t_s + self._began_s, DAY_S)
        if self._openings[0] != day:
            rng = np.random.default_rng((self._seed, 5, int(day)))
            starts = rng.uniform(OPENING_H * 3600, CLOSING_H * 3600, self._doors)
            lengths = rng.uniform(*LENGTH_S, self._doors)
            self._openings = (
                int(day),
                [(float(s), float(s + d)) for s, d in zip(starts, lengths, strict=True)],
            )
        return any(start <= second < end for start, end in self._openings[1])

    def _at(self, series: list[float], t_us: int) -> float:
        step, rest = divmod(max(t_us, 0), self._step_s * 1_000_000)
        self._integrate(step + 1)
        return series[step] + (series[step + 1] - series[step]) * rest / (self._step_s * 1e6)

    def _crossed(self, series: list[float]) -> int | None:
        assert self.end_us is not None
        last = self.end_us // (self._step_s * 1_000_000)
        self._integrate(last)
        below = [i for i in range(last + 1) if series[i] <= self.limit_c]
        if not below:
            return self.utc_start_ms
        if below[-1] == last:
            return None
        return self.utc_start_ms + (below[-1] + 1) * self._step_s * 1000

    def _integrate(self, steps: int) -> None:
        """Extend all series to index `steps`."""
        b, dt = self._b, self._step_s
        air, product = self._air[-1], self._product[-1]
        walls, doors, heater, removed = self._flows[-1]
        for i in range(len(self._air) - 1, steps):
            t_s = i * dt
            defrost = self.defrosting(t_s)
            if air > self.set_point_c + b.hysteresis_c:
                self._on = True
            elif air < self.set_point_c - b.hysteresis_c:
                self._on = False
            outside = self.outside(t_s)
            wall = b.wall * (outside - air)
            door = infiltration(air, outside, b) if self.door_open(t_s) else 0.0
            heating = b.heater if defrost else 0.0
            cooling = 0.0
            if self._on and not defrost:
                cooling = b.compressor * self.capacity(t_s)
                cooling *= max(0.0, 1 + b.per_k_inside * (air - self.set_point_c))
                cooling *= max(0.0, 1 - b.per_k_outside * (outside - PLANT_C))
            exchange = b.exchange * (product - air)
            air += dt * (wall + door + heating - cooling + exchange) / b.air
            product -= dt * exchange / b.product
            walls, doors = walls + dt * wall, doors + dt * door
            heater, removed = heater + dt * heating, removed + dt * cooling
            self._air.append(air)
            self._product.append(product)
            self._flows.append((walls, doors, heater, removed))
