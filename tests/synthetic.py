"""Small made-up machines and rooms for the tests of analysers: seeded, in the units of records, and as quick
as numpy."""

from __future__ import annotations

import math

import numpy as np

Record = tuple[int, dict[str, float | None]]
START_MS = 1_780_000_000_000


def machine(
    records: int, seed: int, failing: bool, sensor: str = "vib", interval_s: int = 30, ends_at: float = 8.0
) -> list[Record]:
    """A motor whose load wanders by +-12 %; failing: from half of its life on vibration grows exponentially
    to `ends_at` times."""
    rng = np.random.default_rng(seed)
    out: list[Record] = []
    load = 0.0
    for n in range(records):
        load = 0.95 * load + rng.normal(0.0, 0.035)
        wear = max(0.0, n / records - 0.5) * 2.0 if failing else 0.0
        growth = math.exp(wear * math.log(ends_at))
        values: dict[str, float | None] = {}
        for axis, level, share in (("x", 0.20, 1.0), ("y", 0.12, 0.6), ("z", 0.08, 0.4)):
            rms = level * math.exp(load + rng.normal(0.0, 0.06)) * (1.0 + share * (growth - 1.0))
            crest = 3.2 * math.exp(rng.normal(0.0, 0.1)) * (1.0 + 0.5 * wear)
            values[f"{sensor}.{axis}.rms"] = rms
            values[f"{sensor}.{axis}.peak"] = rms * crest
            values[f"{sensor}.{axis}.crest"] = crest
            values[f"{sensor}.{axis}.kurt"] = 3.0 * math.exp(rng.normal(0.0, 0.12)) * (1.0 + 2.0 * wear)
        values |= {f"{sensor}.rate": 3205.0, f"{sensor}.overflow": 0.0, f"{sensor}.clip": 0.0}
        out.append((START_MS + n * interval_s * 1000, values))
    return out


def room(
    records: int, seed: int, fading: bool, sensor: str = "temp", interval_s: int = 480, limit: float = -18.0
) -> list[Record]:
    """A freezer at -22 C with 30-minute compressor cycles of +-0.8 K, a day of +-0.4 K, doors and four
    defrosts a day; fading: from 30 % of the records on it warms ever faster and passes `limit` at about 85
    %."""
    rng = np.random.default_rng(seed)
    out: list[Record] = []
    door = 0.0
    for n in range(records):
        hours = n * interval_s / 3600.0
        door = door * math.exp(-interval_s / 900.0) + (
            rng.uniform(1.0, 4.0) if rng.random() < 0.15 * interval_s / 3600.0 else 0.0
        )
        defrost = 2.5 if hours % 6.0 < 0.3 else 0.0
        drift = max(0.0, (n / records - 0.3) / 0.55) ** 2 * (limit + 22.0) if fading else 0.0
        cycle = 0.8 * math.sin(2 * math.pi * hours / 0.5) + 0.4 * math.sin(2 * math.pi * hours / 24.0)
        mean = -22.0 + drift + cycle + door + defrost + rng.normal(0.0, 0.15)
        values: dict[str, float | None] = {
            f"{sensor}.mean": mean,
            f"{sensor}.min": mean - 0.4,
            f"{sensor}.max": mean + 0.4,
            f"{sensor}.slope": 0.0,
        }
        out.append((START_MS + n * interval_s * 1000, values))
    return out
