"""Series of the Numenta Anomaly Benchmark (Lavin and Ahmad, ICMLA 2015) as temperatures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.errors import RecordingError
from babbitt_tools.replay.recording import Recording, TruthEvent
from babbitt_tools.replay.series import SeriesWorld, read_rows, room_recording, unix_ms

WEEK_MS = 7 * 86_400_000
PLAUSIBLE_MS = (
    1_704_067_200_000  # 2024-01-01: older recordings than the protocol allows are moved by whole weeks
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
    rows = read_rows(files[name])
    readings = {unix_ms(r["timestamp"]): float(r["value"]) for r in rows}
    t_ms = np.array(sorted(readings), np.int64)
    value = np.array([readings[int(t)] for t in t_ms])
    shift = max(0, -(-(PLAUSIBLE_MS - int(t_ms[0])) // WEEK_MS)) * WEEK_MS
    interval_s = int(np.median(np.diff(t_ms))) // 1000
    celsius, told = _as_celsius(name, value)
    windows = json.loads((folder / "combined_windows.json").read_text("utf-8")).get(f"{name}.csv", [])
    truth = tuple(
        TruthEvent("label window", unix_ms(a) + shift, unix_ms(b) + shift) for a, b in sorted(windows)
    )
    gaps = int((np.diff(t_ms) > 1500 * interval_s).sum())
    notes = (
        told,
        f"a reading every {interval_s} s, {gaps} gaps: there the sensor keeps its last value",
        f"moved by {shift // WEEK_MS} weeks to a date the protocol accepts",
    )
    world = SeriesWorld(t_ms + shift, celsius, 1500 * interval_s)
    return room_recording(f"nab/{name}", world, interval_s, truth=truth, notes=notes, limit=None)


def _as_celsius(name: str, value: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    if "ambient_temperature" in name:
        return (value - 32) / 1.8, "degrees F turned into degrees C; resolution 0.0625 degrees C"
    low, high = float(value.min()), float(value.max())
    span = high - low or 1.0
    return (value - low) / span * 100, (
        f"no temperature: {low:g} .. {high:g} of the series stand as 0 .. 100 degrees C, "
        f"in steps of {span / 1600:.3g}"
    )
