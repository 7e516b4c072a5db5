"""Series of slow readings as what a DS18B20 would have felt: the refrigerated warehouse, and benchmark
series (NAB).
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.errors import RecordingError
from babbitt_tools.replay.recording import Recording, TruthEvent
from babbitt_tools.vboard.world import Fault

WAREHOUSE_STEP_S = 900
WEEK_MS = 7 * 86_400_000
PLAUSIBLE_MS = (
    1_704_067_200_000  # 2024-01-01: recordings older than the protocol allows are moved by whole weeks
)
LOW_C, HIGH_C = -55.0, 125.0  # the range of a DS18B20


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


def cold_storage(data_dir: Path, sensor: str, start: str | None = None, end: str | None = None) -> Recording:
    """A sensor of the refrigerated warehouse, e.g. `freezer_1`, from `start` to `end` (ISO dates or times,
    taken as UTC).

    The limit is the one most alarms of the site's own log were raised against; truth are those alarms.

    Raises:
        RecordingError: no such sensor or file, a date that is none, a span with fewer than two readings.
    """
    path = Path(data_dir) / "cold_storage" / "subzero_values.csv.gz"
    rows = _rows(path)
    names = [name for name in rows[0] if name != "date"]
    sensor = sensor.replace("cooler_", "cooling_")
    if sensor not in names:
        raise RecordingError(f"no sensor {sensor!r} in {path}; there is {', '.join(names)}")
    since = -np.inf if start is None else _unix_ms(start)
    until = np.inf if end is None else _unix_ms(end)
    readings = {_unix_ms(r["date"]): float(r[sensor]) for r in rows if r[sensor]}
    t_ms = np.array(sorted(t for t in readings if since <= t <= until), np.int64)
    if len(t_ms) < 2:
        raise RecordingError(
            f"{sensor} has {len(t_ms)} readings from {start} to {end}; "
            f"{path} goes from {rows[0]['date']} to {rows[-1]['date']}"
        )
    celsius = np.array([readings[int(t)] for t in t_ms])
    missing = round((t_ms[-1] - t_ms[0]) / (WAREHOUSE_STEP_S * 1000)) + 1 - len(t_ms)
    log = path.with_name("subzero_alarms.csv.gz")
    alarms, logged = _alarms(log, sensor, int(t_ms[0]), int(t_ms[-1]))
    limit = logged if logged is not None else _usual_limit(sensor)
    notes = (
        f"readings every 15 min, {missing} of {len(t_ms) + missing} missing: "
        "there the sensor keeps its last value",
        "between readings linear; resolution 0.0625 degrees C",
        "the site's local time is taken as UTC",
        f"limit {limit:g} degrees C "
        + (
            "from the site's alarm log"
            if logged is not None
            else "assumed: the site's log has none for this sensor"
        ),
        "truth are the site's alarms: crossings of its limits, not confirmed failures",
    )
    world = SeriesWorld(t_ms, celsius, WAREHOUSE_STEP_S * 1500)
    return _recording(
        f"cold_storage/{sensor}",
        world,
        WAREHOUSE_STEP_S,
        truth=alarms,
        notes=notes,
        limit=round(limit * 1000),
    )


def nab(data_dir: Path, series: str) -> Recording:
    """A series of the Numenta Anomaly Benchmark, e.g. `ambient_temperature_system_failure`, with or without
    its folder.

    Truth are the label windows.

    Raises:
        RecordingError: no such series, or a file that cannot be read.
    """
    folder = Path(data_dir) / "nab"
    files = {
        str(p.relative_to(folder / "data"))[: -len(".csv.gz")]: p for p in folder.glob("data/*/*.csv.gz")
    }
    wanted = series.removesuffix(".csv")
    name = next((n for n in files if wanted in (n, n.split("/")[-1])), None)
    if name is None:
        raise RecordingError(
            f"no NAB series {series!r} in {folder}; there is {', '.join(sorted(files)) or 'none'}"
        )
    rows = _rows(files[name])
    readings = {_unix_ms(r["timestamp"]): float(r["value"]) for r in rows}
    t_ms = np.array(sorted(readings), np.int64)
    value = np.array([readings[int(t)] for t in t_ms])
    shift = max(0, -(-(PLAUSIBLE_MS - int(t_ms[0])) // WEEK_MS)) * WEEK_MS
    interval_s = int(np.median(np.diff(t_ms))) // 1000
    celsius, told = _as_celsius(name, value)
    windows = json.loads((folder / "combined_windows.json").read_text("utf-8")).get(f"{name}.csv", [])
    truth = tuple(
        TruthEvent("label window", _unix_ms(a) + shift, _unix_ms(b) + shift) for a, b in sorted(windows)
    )
    gaps = int((np.diff(t_ms) > 1500 * interval_s).sum())
    notes = (
        told,
        f"a reading every {interval_s} s, {gaps} gaps: there the sensor keeps its last value",
        f"moved by {shift // WEEK_MS} weeks to a date the protocol accepts",
    )
    world = SeriesWorld(t_ms + shift, celsius, 1500 * interval_s)
    return _recording(f"nab/{name}", world, interval_s, truth=truth, notes=notes, limit=None)


def _as_celsius(name: str, value: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    if "ambient_temperature" in name:
        return (value - 32) / 1.8, "degrees F turned into degrees C; resolution 0.0625 degrees C"
    low, high = float(value.min()), float(value.max())
    span = high - low or 1.0
    return (value - low) / span * 100, (
        f"no temperature: {low:g} .. {high:g} of the series stand as 0 .. 100 degrees C, "
        f"in steps of {span / 1600:.3g}"
    )


def _recording(
    name: str,
    world: SeriesWorld,
    interval_s: int,
    *,
    truth: tuple[TruthEvent, ...],
    notes: tuple[str, ...],
    limit: int | None,
) -> Recording:
    assert world.end_us is not None
    checks: list[dict[str, object]] = [{"id": "temp.new", "type": "zscore", "channel": "temp.mean"}]
    if limit is not None:
        checks.append(
            {
                "id": "temp.high",
                "type": "limit",
                "channel": "temp.mean",
                "h": limit,
                "hysteresis": 500,
                "on_delay_s": 1800,
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
            "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": min(interval_s, 300)}],
            "checks": checks,
        },
    )


def _alarms(
    path: Path, sensor: str, start_ms: int, end_ms: int
) -> tuple[tuple[TruthEvent, ...], float | None]:
    """The site's alarms against an upper limit within the span, and the limit most of them (else most at any
    time) used.
    """
    name = sensor.replace("cooling_", "cooler_")
    rows = [r for r in _rows(path) if r["sensor_name"] == name]
    events: list[TruthEvent] = []
    limits: Counter[float] = Counter()
    ever: Counter[float] = Counter()
    opened: dict[str, int] = {}
    for row in rows:
        t = _unix_ms(row["date"])
        if row["alarm_type"].strip() == "exceed":
            ever[float(row["limit"])] += 1
            opened.setdefault(row["limit"], t)
            limits[float(row["limit"])] += start_ms <= t <= end_ms
        elif row["limit"] in opened:
            since = opened.pop(row["limit"])
            if since <= end_ms and t >= start_ms:
                events.append(
                    TruthEvent(f"site alarm above {row['limit']}", max(since, start_ms), min(t, end_ms))
                )
    best = max(limits or ever, key=lambda k: (limits[k], ever[k]), default=None)
    return tuple(sorted(events, key=lambda e: e.start_ms)), best


def _usual_limit(sensor: str) -> float:
    """-18 degrees C for frozen food (89/108/EEC), 5 for chilled food."""
    return -18.0 if "freezer" in sensor else 5.0


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}") from error
    if not rows:
        raise RecordingError(f"{path} holds no rows")
    return rows


def _unix_ms(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordingError(f"{text!r} is no date; write it as 2021-10-17 or 2021-10-17T20:30") from error
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
