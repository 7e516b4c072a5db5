"""A cold room whose compressor fades: two thermal masses, a thermostat, doors and defrosts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.vboard.world import Fault, Faults

STEP_S = 15
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Building:
    """What the room is made of. Powers in W, heat capacities in J/K, conductances in W/K."""

    air: float = 600e3
    product: float = 4e6
    wall: float = 40.0
    exchange: float = 200.0  # air to product
    door: float = 250.0
    compressor: float = 4000.0
    heater: float = 1500.0
    defrost_every_s: int = 6 * 3600
    defrost_s: int = 1200
    hysteresis_c: float = 1.0


class ColdRoom:
    """A world with a thermometer in the air of a cold room.

        Ca dTa/dt = (U + Ud door(t)) (To - Ta) + K (Tp - Ta) + H defrost(t) - Q f(t) on(t)
        Cp dTp/dt = K (Ta - Tp)

    Ta air, Tp product, To = 18 + 5 sin(daily) outside. `on` is a thermostat: on above set point +
    hysteresis, off below set point - hysteresis, off during a defrost (every 6 h, 20 min). door(t): 12
    openings of 1 to 4 minutes on every day from 6 to 18 h, drawn from the seed. f(t) is the compressor's
    capacity: 1, and from `fade_start_h` on falling linearly to 0 within `fade_h`. Explicit Euler, 15 s a
        step; the shortest time constant, Ca / (U + Ud + K), is 20 min.

    Args:
        seed: the same seed is the same room.
        utc_start_ms: Unix ms at the start.
        days: how long the world lasts, > 0.
        set_point_c: of the thermostat.
        limit_c: what the product must stay below.
        fade_start_h: hours until the compressor starts to fade; None: it does not.
        fade_h: hours from full capacity to none, > 0.
        faults: of the sensor, from the start.

    Raises:
        ValueError: days or fade_h not positive.
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
        building: Building | None = None,
        faults: Faults | None = None,
    ) -> None:
        if days <= 0 or fade_h <= 0:
            raise ValueError(f"days={days} and fade_h={fade_h} must be positive")
        self.utc_start_ms = utc_start_ms
        self.end_us: int | None = round(days * DAY_S * 1e6)
        self.faults: dict[str, Fault] = dict(faults or {})
        self.limit_c = limit_c
        self.set_point_c = set_point_c
        self._seed = seed
        self._fade_start_s = math.inf if fade_start_h is None else fade_start_h * 3600
        self._fade_s = fade_h * 3600
        self._b = building or Building()
        self._on = False
        self._doors: tuple[int, list[tuple[float, float]]] = (-1, [])
        self._air = [set_point_c]
        self._product = [set_point_c]

    def temperature(self, t_us: int) -> float:
        """Air temperature in degrees C, linear between steps."""
        return self._at(self._air, t_us)

    def product(self, t_us: int) -> float:
        """Product temperature in degrees C: what no sensor of the node sees."""
        return self._at(self._product, t_us)

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

    def _at(self, series: list[float], t_us: int) -> float:
        step, rest = divmod(max(t_us, 0), STEP_S * 1_000_000)
        self._integrate(step + 1)
        return series[step] + (series[step + 1] - series[step]) * rest / (STEP_S * 1e6)

    def _crossed(self, series: list[float]) -> int | None:
        assert self.end_us is not None
        last = self.end_us // (STEP_S * 1_000_000)
        self._integrate(last)
        below = [i for i in range(last + 1) if series[i] <= self.limit_c]
        if not below:
            return self.utc_start_ms
        if below[-1] == last:
            return None
        return self.utc_start_ms + (below[-1] + 1) * STEP_S * 1000

    def _integrate(self, steps: int) -> None:
        """Extend both series to index `steps`."""
        b = self._b
        air, product = self._air[-1], self._product[-1]
        for i in range(len(self._air) - 1, steps):
            t_s = i * STEP_S
            defrost = t_s % b.defrost_every_s >= b.defrost_every_s - b.defrost_s
            if air > self.set_point_c + b.hysteresis_c:
                self._on = True
            elif air < self.set_point_c - b.hysteresis_c:
                self._on = False
            day_s = (t_s + self.utc_start_ms // 1000) % DAY_S
            outside = 18.0 + 5.0 * math.sin(2 * math.pi * (day_s / DAY_S - 0.375))
            gain = b.wall + (b.door if self._door_open(t_s) else 0.0)
            flow = gain * (outside - air) + b.exchange * (product - air)
            if defrost:
                flow += b.heater
            elif self._on:
                flow -= b.compressor * self.capacity(t_s)
            product += STEP_S * b.exchange * (air - product) / b.product
            air += STEP_S * flow / b.air
            self._air.append(air)
            self._product.append(product)

    def _door_open(self, t_s: int) -> bool:
        day, second = divmod(t_s + self.utc_start_ms // 1000, DAY_S)
        if self._doors[0] != day:
            rng = np.random.default_rng((self._seed, 5, day))
            starts = rng.uniform(6 * 3600, 18 * 3600, 12)
            lengths = rng.uniform(60, 240, 12)
            self._doors = (day, [(float(s), float(s + d)) for s, d in zip(starts, lengths, strict=True)])
        return any(start <= second < end for start, end in self._doors[1])
