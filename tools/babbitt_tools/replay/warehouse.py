"""The refrigerated warehouse of 2021: ten sensors every 15 minutes, and the site's own alarm log."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.errors import RecordingError
from babbitt_tools.replay.recording import Recording, TruthEvent
from babbitt_tools.replay.series import SeriesWorld, read_rows, room_recording, unix_ms

STEP_S = 900
SPELL_MS = (
    2 * 3_600_000
)  # so long above the limit is an event; shorter ones are doors, restocking and defrosts
JOIN_MS = 3_600_000  # spells no further apart are one


def cold_storage(
    data_dir: Path,
    sensor: str,
    start: str | None = None,
    end: str | None = None,
    limit_c: float | None = None,
) -> Recording:
    """A sensor of the refrigerated warehouse, e.g. `freezer_1`, from `start` to `end` (ISO dates or times,
    taken as UTC).

    Truth are the times the room was above the limit for two hours or more. The site's log serves for comparison only: its limits lie
    where the room usually is, and it misses events.

    Raises:
        RecordingError: no such sensor or file, a date that is none, a span with fewer than two readings.
    """
    path = Path(data_dir) / "cold_storage" / "subzero_values.csv.gz"
    rows = read_rows(path)
    names = [name for name in rows[0] if name != "date"]
    sensor = sensor.replace("cooler_", "cooling_")
    if sensor not in names:
        raise RecordingError(f"no sensor {sensor!r} in {path}; there is {', '.join(names)}")
    since = -np.inf if start is None else unix_ms(start)
    until = np.inf if end is None else unix_ms(end)
    readings = {unix_ms(r["date"]): float(r[sensor]) for r in rows if r[sensor]}
    t_ms = np.array(sorted(t for t in readings if since <= t <= until), np.int64)
    if len(t_ms) < 2:
        raise RecordingError(
            f"{sensor} has {len(t_ms)} readings from {start} to {end}; "
            f"{path} goes from {rows[0]['date']} to {rows[-1]['date']}"
        )
    celsius = np.array([readings[int(t)] for t in t_ms])
    missing = round((t_ms[-1] - t_ms[0]) / (STEP_S * 1000)) + 1 - len(t_ms)
    limit = usual_limit(sensor) if limit_c is None else limit_c
    notes = (
        f"readings every 15 min, {missing} of {len(t_ms) + missing} missing: "
        "there the sensor keeps its last value",
        "between readings linear; resolution 0.0625 degrees C",
        "the site's local time is taken as UTC",
        f"limit {limit:g} degrees C, " + ("usual for such a room" if limit_c is None else "as given"),
        _site_alarms(path.with_name("subzero_alarms.csv.gz"), sensor, int(t_ms[0]), int(t_ms[-1])),
    )
    return room_recording(
        f"cold_storage/{sensor}",
        SeriesWorld(t_ms, celsius, STEP_S * 1500),
        STEP_S,
        truth=spells(t_ms, celsius, limit),
        notes=notes,
        limit=round(limit * 1000),
    )


def spells(t_ms: NDArray[np.int64], celsius: NDArray[np.float64], limit: float) -> tuple[TruthEvent, ...]:
    """The times above `limit` for at least two hours; those less than an hour apart are one."""
    found: list[tuple[int, int]] = []
    for t in t_ms[celsius > limit]:
        if found and t - found[-1][1] <= JOIN_MS:
            found[-1] = (found[-1][0], int(t))
        else:
            found.append((int(t), int(t)))
    return tuple(TruthEvent(f"above {limit:g} degrees C", a, b) for a, b in found if b - a >= SPELL_MS)


def usual_limit(sensor: str) -> float:
    """Degrees C: -18 for frozen food (89/108/EEC), two below it for a deep freezer, 5 for chilled food."""
    if sensor.startswith("deepfreezer"):
        return -20.0
    return -18.0 if sensor.startswith("freezer") else 5.0


def _site_alarms(path: Path, sensor: str, start_ms: int, end_ms: int) -> str:
    """How often the site's own system cried within the span, and at which limits."""
    name = sensor.replace("cooling_", "cooler_")
    cried = Counter(
        float(row["limit"])
        for row in read_rows(path)
        if row["sensor_name"] == name
        and row["alarm_type"].strip() in {"exceed", "deficit"}
        and start_ms <= unix_ms(row["date"]) <= end_ms
    )
    limits = ", ".join(f"{count} at {limit:g}" for limit, count in cried.most_common(3))
    return f"the site's own system raised {cried.total()} alarms in this time" + (
        f" ({limits} degrees C)" if limits else ""
    )
