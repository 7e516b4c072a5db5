"""What a node would have reported: recordings of others turned into records of the node's channels, in numpy.

A node with an ADXL345 at 3200 Hz and +-16 g sees a recording taken at 25.6 kHz as follows: nothing above its
band, clipped at +-16 g, in steps of 3.9 mg. The features are those of docs/configuration.md (constant part of
each axis removed; kurtosis of Gaussian noise is 3). Used by benches and tests only; the product computes its
features on the node, in integers.
"""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

RATE_HZ = 3200
COUNTS_PER_G = 256
FULL_SCALE = 16 * COUNTS_PER_G - 1
WINDOW = 256
AXES = ("x", "y", "z")

Record = tuple[int, dict[str, float | None]]


def node_counts(acc_g: NDArray[np.float64], rate_hz: int) -> NDArray[np.int32]:
    """(samples,) or (samples, axes) in g at `rate_hz` -> counts of 1/256 g at 3200 Hz, clipped at +-16 g.

    `resample_poly` low-passes below the new Nyquist frequency first. Raises ValueError where 3200 Hz does not
    divide `rate_hz`.
    """
    if rate_hz % RATE_HZ:
        raise ValueError(f"rate_hz: {rate_hz} is no multiple of {RATE_HZ} Hz; resample the recording first")
    slow = resample_poly(acc_g, 1, rate_hz // RATE_HZ, axis=0, padtype="line")
    counts: NDArray[np.int32] = np.clip(np.round(slow * COUNTS_PER_G), -FULL_SCALE - 1, FULL_SCALE).astype(
        np.int32
    )
    return counts


def window_features(counts: NDArray[np.int32], sensor: str = "vib") -> dict[str, float | None]:
    """(n, axes <= 3) counts -> the channels of one record: rms and peak in g, crest, kurtosis, rate (Hz),
    overflow, clip."""
    out: dict[str, float | None] = {}
    clipped = np.abs(counts) >= FULL_SCALE
    for axis, column in zip(AXES, counts.T, strict=False):
        x = (column - column.mean()) / COUNTS_PER_G
        power = float(np.mean(x * x))
        rms, peak = power**0.5, float(np.abs(x).max())
        out[f"{sensor}.{axis}.rms"] = rms
        out[f"{sensor}.{axis}.peak"] = peak
        out[f"{sensor}.{axis}.crest"] = peak / rms if rms > 0.0 else None
        out[f"{sensor}.{axis}.kurt"] = float(np.mean(x**4)) / power**2 if power > 0.0 else None
    out[f"{sensor}.rate"] = float(RATE_HZ)
    out[f"{sensor}.overflow"] = 0.0
    out[f"{sensor}.clip"] = float(clipped.sum())
    return out


def bearing_records(path: Path) -> tuple[list[Record], float]:
    """One PRONOSTIA bearing as records (t_ms from 0), and the hours at which the test ended (failure).

    x is the horizontal and y the vertical accelerometer; z, which the rig lacks, is a quiet axis of sensor
    noise (1 mg rms, seeded by the number of records). Raises OSError or KeyError for a file that is not such
    a recording.
    """
    with np.load(path) as z:
        acc, snapshot = z["acc_mg"], z["snapshot"].astype(int)
    noise = np.random.default_rng(len(snapshot)).normal(0.0, 0.001 * COUNTS_PER_G, (len(snapshot), WINDOW))
    counts = node_counts(acc.astype(np.float64).transpose(1, 0, 2).reshape(acc.shape[1], -1) / 1000.0, 25_600)
    counts = counts.reshape(-1, len(snapshot), 2)[:WINDOW]
    records: list[Record] = []
    for n, step in enumerate(snapshot):
        z_axis = np.round(COUNTS_PER_G + noise[n]).astype(np.int32)
        window = np.column_stack([counts[:, n, 0], counts[:, n, 1], z_axis])
        records.append((int(step - snapshot[0]) * 10_000, window_features(window)))
    return records, records[-1][0] / 3.6e6


def temperature_csv(path: Path, column: str, fahrenheit: bool = False, sensor: str = "temp") -> list[Record]:
    """A csv.gz whose first column is a UTC time and `column` a temperature -> records of `<sensor>.mean` in
    degrees C.

    An empty cell is None (not measured). Raises KeyError for a missing column, ValueError for a bad number or
    time.
    """
    records: list[Record] = []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        at = next(rows).index(column)
        for row in rows:
            t = int(datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() * 1000)
            value = float(row[at]) if row[at] else None
            if value is not None and fahrenheit:
                value = (value - 32.0) / 1.8
            records.append((t, {f"{sensor}.mean": value}))
    return records
