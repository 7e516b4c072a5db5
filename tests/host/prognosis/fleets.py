"""Fleets that were never built: wear that speeds up, seen through sensors with noise, in one or two conditions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from babbitt.prognosis.fleet.history import Fleet, History

CHANNELS = ("heat", "flow", "hum")


def fleet(machines: int, seed: int = 1, conditions: int = 2, censored: int = 0) -> Fleet:
    """Lives of 60 to 120 records; the last ``censored`` machines still run."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(machines):
        life = int(rng.integers(60, 120))
        failed = n < machines - censored
        count = life if failed else int(rng.integers(30, life))
        wear = (np.arange(count) / life) ** 3
        setting = rng.integers(0, conditions, count)
        noise = rng.normal(0, 0.08, (count, 3))
        values = np.stack([wear, -wear, np.zeros(count)], axis=1) + noise
        values = values * np.array([2.0, 30.0, 1.0]) + np.array([80.0, 500.0, 1.0]) + 40.0 * setting[:, None]
        settings = np.stack([setting * 10.0 + rng.normal(0, 0.01, count), np.full(count, 3.0)], axis=1)
        found.append(History(f"m{n}", np.arange(1.0, count + 1), settings, values, failed))
    return Fleet(tuple(found), CHANNELS, ("speed", "grade"))


def write(fleet: Fleet, path: Path, ended: bool = True) -> Path:
    """The fleet as a CSV."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["unit", "time", *fleet.settings, *fleet.channels, *(["ended"] if ended else [])])
        for h in fleet.histories:
            for n in range(len(h.time)):
                last = int(h.failed and n == len(h.time) - 1)
                row = [h.unit, h.time[n], *h.settings[n], *h.values[n]]
                out.writerow([*row, last] if ended else row)
    return path
