"""A cold room of which everything is known: what it does at each moment, for those who judge from outside.

The physics is that of :mod:`babbitt_tools.sim.coldroom`, with a building drawn from the seed, deliveries, and compressors that
trip, fade or lose charge. What a node would see of it - air at a sensor, contacts - and the truth come from one run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.sim.coldroom import DAY_S, STEP_S, Building

Trouble = Literal["none", "trip", "fade", "charge"]
RESTOCK_S = 600
"""A door that is open for longer is a delivery."""
SENSOR_S, READING_SD = 45.0, 0.03
"""Time constant of a DS18B20 in moving air, and the spread of its readings before they are cut to 1/16 K."""


@dataclass(frozen=True, slots=True)
class Doored(Building):
    """A building whose open door conducts: ``door`` in W/K. Simpler than `coldroom.infiltration`, which grows with the difference
    in temperature: the figures of the bench do not depend on the weather."""

    door: float = 250.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn from the seed; ``trouble`` begins at ``trouble_s``. A fade takes ``fade_s`` to nothing."""

    seed: int
    days: float
    trouble: Trouble = "none"
    trouble_s: float = math.inf
    fade_s: float = 20 * DAY_S
    set_point_c: float = -22.0
    start_ms: int = 1_790_000_000_000
    building: Doored | None = None


@dataclass(slots=True)
class Run:
    """Steps of 15 s (n,): temperatures in degrees C and what is so (bool), from ``start_ms`` on. ``hours`` is the true time
    constant of the goods."""

    start_ms: int
    hours: float
    air: NDArray[np.float64]
    product: NDArray[np.float64]
    on: NDArray[np.bool_]
    door: NDArray[np.bool_]
    defrost: NDArray[np.bool_]
    short: NDArray[np.bool_]
    seed: int = 0
    seen: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def states(self) -> NDArray[np.str_]:
        """The true state of each step: of several the one named first in fault, restocking, door open, defrost, cooling, idle.
        Restocking: open for more than RESTOCK_S. Fault: the compressor cannot
        bring the air down to where the thermostat stops it."""
        out = np.where(self.on, "cooling", "idle").astype("<U10")
        out[self.defrost] = "defrost"
        out[self.door] = "door open"
        opened = 0
        for n in np.flatnonzero(self.door):
            opened = opened + 1 if n and self.door[n - 1] else 1
            if opened * STEP_S > RESTOCK_S:
                out[n] = "restocking"
        out[self.short] = "fault"
        return out

    def records(self, interval_s: int, *, inputs: bool) -> list[tuple[int, dict[str, float | None]]]:
        """What a node with a DS18B20 and, with ``inputs``, three contacts reports: time (ms) at the end of each record, values
        by channel (degrees C, shares of the record, changes). ``interval_s`` is a multiple of 15."""
        rng = np.random.default_rng((self.seed, 9))
        steps = interval_s // STEP_S
        count = (len(self.air) - 1) // steps
        noisy = self.seen + rng.normal(0.0, READING_SD, len(self.seen))
        read = np.round(noisy * 16) / 16
        found: list[tuple[int, dict[str, float | None]]] = []
        for n in range(1, count):
            part = slice(n * steps, (n + 1) * steps)
            values: dict[str, float | None] = {"air.mean": float(read[part].mean())}
            if inputs:
                shut = ~self.door[part]
                values["door.closed"] = float(shut.mean())
                values["door.changes"] = float(
                    np.sum(self.door[part] != self.door[n * steps - 1 : (n + 1) * steps - 1])
                )
                values["compressor.closed"] = float(self.on[part].mean())
                values["defrost.closed"] = float(self.defrost[part].mean())
            found.append((self.start_ms + (n + 1) * interval_s * 1000, values))
        return found


def building(seed: int) -> Doored:
    """A building like no other: every constant of the usual one times 0.7 to 1.4, defrosts every 6 or 8 h for 15 to 30 min."""
    rng = np.random.default_rng((seed, 1))
    usual = Doored()
    a, b, c, d, e, f = np.exp(rng.uniform(math.log(0.7), math.log(1.4), 6)).tolist()
    return Doored(
        air=usual.air * a, product=usual.product * b, wall=usual.wall * c, exchange=usual.exchange * d, door=usual.door * e,
        compressor=usual.compressor * max(f, 1.05 * c), heater=usual.heater * e,
        defrost_every_s=int(rng.choice([6, 8])) * 3600, defrost_s=int(rng.integers(15, 31)) * 60,
    )  # fmt: skip


def run(plan: Plan) -> Run:
    """Live through a plan. Three deliveries a week bring goods 3 to 6 K warmer for a fifth of the mass."""
    b = plan.building or building(plan.seed)
    rng = np.random.default_rng((plan.seed, 2))
    n = round(plan.days * DAY_S / STEP_S)
    day_s = (np.arange(n) * STEP_S + plan.start_ms // 1000) % DAY_S
    door, goods = _doors(plan, n, rng)
    outside = 18.0 + 5.0 * np.sin(2 * np.pi * (day_s / DAY_S - 0.375))
    defrost = day_s % b.defrost_every_s >= b.defrost_every_s - b.defrost_s
    share = _capacity(plan, n)
    air, product, on = np.empty(n), np.empty(n), np.zeros(n, bool)
    ta = tp = plan.set_point_c
    running = False
    for i in range(n):
        if ta > plan.set_point_c + b.hysteresis_c:
            running = True
        elif ta < plan.set_point_c - b.hysteresis_c:
            running = False
        tp += goods[i]
        air[i], product[i], on[i] = ta, tp, running and not defrost[i]
        flow = (b.wall + (b.door if door[i] else 0.0)) * (outside[i] - ta) + b.exchange * (tp - ta)
        if defrost[i]:
            flow += b.heater
        elif running:
            flow -= b.compressor * share[i]
        tp += STEP_S * b.exchange * (ta - tp) / b.product
        ta += STEP_S * flow / b.air
    if plan.trouble == "trip":
        on &= share > 0.0
    short = b.compressor * share < b.wall * (outside - plan.set_point_c + b.hysteresis_c)
    keep = math.exp(-STEP_S / SENSOR_S)
    seen, now = np.empty(n), air[0]
    for i in range(n):
        now = keep * now + (1.0 - keep) * air[i]
        seen[i] = now
    return Run(
        plan.start_ms, b.product / b.exchange / 3600, air, product, on, door, defrost, short, plan.seed, seen
    )


def _doors(plan: Plan, n: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Openings, 12 a day of 1 to 4 min and three deliveries a week of 15 to 30 min; and by how much each step warms the goods."""
    door, goods = np.zeros(n, bool), np.zeros(n)
    first = (plan.start_ms // 1000) % DAY_S
    for day in range(int(plan.days) + 2):
        base = day * DAY_S - first
        lengths = [*rng.uniform(60, 240, 12)]
        starts = [*rng.uniform(6, 18, 12)]
        if day % 7 in (1, 3, 5):
            starts.append(rng.uniform(7, 11))
            lengths.append(rng.uniform(900, 1800))
        warmer = 0.2 * rng.uniform(3, 6)
        for start, length in zip(starts, lengths, strict=True):
            at = int((base + start * 3600) / STEP_S)
            end = at + int(length / STEP_S)
            if at < 0:
                continue
            door[at:end] = True
            if length >= 900:
                goods[at:end] += warmer / (end - at)
    return door, goods


def _capacity(plan: Plan, n: int) -> NDArray[np.float64]:
    t = np.arange(n) * STEP_S - plan.trouble_s
    if plan.trouble == "fade":
        return np.clip(1.0 - t / plan.fade_s, 0.0, 1.0)
    if plan.trouble == "trip":
        return np.where((t >= 0) & (t < 4 * 3600), 0.0, 1.0)
    if plan.trouble == "charge":
        return np.where(t >= 0, 0.7, 1.0)
    return np.ones(n)
