"""Made-up machines that lived and died, written as the host writes: an hour a record, wear that speeds up."""

from __future__ import annotations

import math
import random
from typing import Any

from page_store import HOUR, Filler

from babbitt.store import marking

T0 = 1_770_001_200_000
"""A full hour."""
CHANNELS: list[dict[str, Any]] = [
    {"id": "vib.x.rms", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000},
    {"id": "vib.x.kurt", "unit": "1", "exp": -3, "lo": 0, "hi": 1_000_000},
    {"id": "vib.rate", "unit": "Hz", "exp": -3, "lo": 0, "hi": 4_000_000},
    {"id": "temp.mean", "unit": "degC", "exp": -3, "lo": -55_000, "hi": 125_000},
]


def span(rng: random.Random) -> int:
    """How many hours a machine lives."""
    return rng.randrange(60, 110)


def records(begin: int, life: int, hours: int, rng: random.Random) -> list[tuple[int, list[int | None]]]:
    """The first ``hours`` records of a machine that lives so long; now and then there is none, or a value is missing."""
    found: list[tuple[int, list[int | None]]] = []
    for n in range(hours):
        if rng.random() < 0.05 and 5 < n < hours - 1:
            continue
        wear = (n / life) ** 3
        rms = 0.1 * math.exp(1.5 * wear + rng.gauss(0, 0.06))
        kurt = 3 + 2 * wear + rng.gauss(0, 0.2)
        heat = None if n % 17 == 9 else round(1000 * (40 + 8 * wear + rng.gauss(0, 0.5)))
        found.append((begin + n * HOUR + 60_000, [round(1e6 * rms), round(1000 * kurt), 3_205_000, heat]))
    return found


def fleet(fill: Filler, failed: int, seed: int = 1) -> dict[str, int]:
    """So many machines of which each failed once; of the first one two lives. Of ``young`` and ``old``, which run, the hours
    they still have; ``odd`` measures something else. Gives the hours each life had."""
    rng = random.Random(seed)
    lives: dict[str, int] = {}
    for n in range(failed - 1):
        name, life = f"fan-{n}", span(rng)
        fill.node(name, f"Fan {n}", "machine", CHANNELS)
        rows = records(T0, life, life, rng)
        lives[name] = life
        if n == 0:
            again = span(rng)
            rows += records(T0 + (life + 10) * HOUR, again, again, rng)
            lives["again"] = again
        fill.rows(name, rows)
    folder = fill.writer.path
    for name, life in lives.items():
        end = T0 + life * HOUR
        if name == "fan-0":
            marking.turn(folder, "plant", name, "failed", end, end)
            marking.turn(folder, "plant", name, "repaired", end + 10 * HOUR, end)
        marking.turn(
            folder,
            "plant",
            "fan-0" if name == "again" else name,
            "failed",
            None if name != "fan-0" else end,
            end,
        )
    for name, life, hours in (("young", 100, 30), ("old", 100, 94)):
        fill.node(name, name.title(), "machine", CHANNELS)
        fill.rows(name, records(T0, life, hours, rng))
    fill.node("odd", "Odd", "machine", [*CHANNELS, {**CHANNELS[3], "id": "oil.mean"}])
    fill.rows("odd", [(t, [*row, 30_000]) for t, row in records(T0, 100, 20, rng)])
    return lives
