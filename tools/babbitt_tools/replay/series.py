"""Slow readings as what a DS18B20 would have felt."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.errors import RecordingError
from babbitt_tools.replay.recording import Recording, TruthEvent
from babbitt_tools.vboard.world import Fault


class SeriesWorld:
    """A thermometer that follows readings, linearly between them; in a gap it keeps the last one.

    Args:
        t_ms: Unix ms of the readings, increasing.
        celsius: the readings.
        gap_ms: readings further apart than this are a gap.
    """

    sensors: tuple[str, ...] = ("ds18b20",)

    def __init__(self, t_ms: NDArray[np.int64], celsius: NDArray[np.float64], gap_ms: int) -> None:
        self.utc_start_ms = int(t_ms[0])
        self.end_us: int | None = int(t_ms[-1] - t_ms[0]) * 1000
        self.faults: dict[str, Fault] = {}
        self._t_us = (t_ms - t_ms[0]) * 1000
        self._celsius = celsius
        self._gap_us = gap_ms * 1000

    def temperature(self, t_us: int) -> float:
        """Degrees C."""
        k = int(np.searchsorted(self._t_us, t_us, side="right")) - 1
        if k >= len(self._t_us) - 1:
            return float(self._celsius[-1])
        span = int(self._t_us[k + 1] - self._t_us[k])
        share = 0.0 if span > self._gap_us else (t_us - int(self._t_us[k])) / span
        return float(self._celsius[k] + (self._celsius[k + 1] - self._celsius[k]) * share)

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """There is no such sensor.

        Raises:
            LookupError: always.
        """
        raise LookupError("a series of temperatures has no accelerometer")


def room_recording(
    name: str,
    world: SeriesWorld,
    interval_s: int,
    *,
    truth: tuple[TruthEvent, ...],
    notes: tuple[str, ...],
    limit: int | None,
) -> Recording:
    assert world.end_us is not None
    unusual = {"id": "temp.new", "type": "zscore", "channel": "temp.mean", "off_delay_s": 4 * interval_s}
    checks: list[dict[str, object]] = [{**unusual}]
    if limit is not None:
        checks.append(
            {
                "id": "temp.high",
                "type": "limit",
                "channel": "temp.mean",
                "h": limit,
                "hysteresis": 500,
                "on_delay_s": 1800,
                "off_delay_s": 1800,
            }
        )
    return Recording(
        name=name,
        kind="cold_room",
        world=world,
        interval_s=interval_s,
        utc_start_ms=world.utc_start_ms,
        end_ms=world.utc_start_ms + world.end_us // 1000,
        truth=truth,
        notes=notes,
        config={
            "asset": {"name": name[-64:], "kind": "cold_room"},
            "interval_s": interval_s,
            "sensors": [
                {"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": max(1, interval_s // 3)}
            ],
            "checks": checks,
        },
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}") from error
    if not rows:
        raise RecordingError(f"{path} holds no rows")
    return rows


def unix_ms(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordingError(f"{text!r} is no date; write it as 2021-10-17 or 2021-10-17T20:30") from error
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
