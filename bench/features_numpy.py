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
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import hilbert, periodogram, resample_poly

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
        for name, value in shape((column - column.mean()) / COUNTS_PER_G).items():
            out[f"{sensor}.{axis}.{name}"] = value
    out[f"{sensor}.rate"] = float(RATE_HZ)
    out[f"{sensor}.overflow"] = 0.0
    out[f"{sensor}.clip"] = float(clipped.sum())
    return out


def shape(d: NDArray[np.float64]) -> dict[str, float | None]:
    """RMS, peak, crest factor and kurtosis of deviations from their mean; of no vibration there are no last two."""
    power = float(np.mean(d * d))
    rms, peak = power**0.5, float(np.abs(d).max())
    return {
        "rms": rms,
        "peak": peak,
        "crest": peak / rms if rms > 0.0 else None,
        "kurt": float(np.mean(d**4)) / power**2 if power > 0.0 else None,
    }


def axis_features(g: NDArray[np.float64], rate_hz: float, spec: dict[str, Any]) -> dict[str, float]:
    """All features of one window in double precision, by numpy and scipy: g and Hz, mm/s for the velocity.

    g: the window. spec: as `features`, `bands`, `peaks`, `envelope` of a sensor. The definitions are those of
    docs/how-it-decides.md: Hann's window, bins from the second to the last but one below half the rate. Peaks: see
    `lines`. `velocity_plain` is the velocity without the allowance for the width of Hann's line.
    """
    n = len(g)
    d = g - g.mean()
    out = {"mean": float(g.mean()), "p2p": float(np.ptp(g))}
    out |= {name: value for name, value in shape(d).items() if value is not None}
    f, density = periodogram(g, rate_hz, "hann", detrend="constant")
    power = density * rate_hz / n
    bin_hz = rate_hz / n
    with np.errstate(divide="ignore"):
        out["velocity_plain"] = _root(f, power * (9806.65 / (2 * np.pi * f)) ** 2, 10, 1000, bin_hz)
    out["velocity"] = _root(f, power * (9806.65 / (2 * np.pi * np.hypot(f, bin_hz))) ** 2, 10, 1000, bin_hz)
    for i, (low, high) in enumerate(spec["bands"]):
        out[f"band{i + 1}"] = _root(f, power, low, high, bin_hz)
    low, high = spec["envelope"]["lo"], spec["envelope"]["hi"]
    bins = np.fft.rfft(d)
    bins[~_inside(f, low, high, bin_hz)] = 0.0
    out["env"] = float(np.sqrt(np.mean(np.abs(hilbert(np.fft.irfft(bins, n))) ** 2)))
    return out


def envelope_of(g: NDArray[np.float64], rate_hz: float, low: float, high: float) -> NDArray[np.float64]:
    """The envelope of a band, at the full rate."""
    bins = np.fft.rfft(g - g.mean())
    bins[~_inside(np.fft.rfftfreq(len(g), 1 / rate_hz), low, high, rate_hz / len(g))] = 0.0
    return np.abs(hilbert(np.fft.irfft(bins, len(g))))


def lines(x: NDArray[np.float64], last: int, slack: float) -> list[tuple[float, float, float]]:
    """(amplitude, frequency in bins, height of the bin) of the local maxima of x's Hann spectrum in bins 2..last.

    Interpolated from the larger neighbour after Grandke 1983. slack: a positive one adds the bins that are lower than a
    neighbour by this share at most, and the other interpolation where both neighbours are as equal as that; a
    negative one leaves out all maxima that are not higher than both neighbours by this share.
    """
    n = len(x)
    size = np.abs(np.fft.rfft((x - x.mean()) * np.hanning(n + 1)[:-1])) * 4 / n
    found = []
    for k in range(2, last + 1):
        low, high = sorted((size[k - 1], size[k + 1]))
        if size[k] > 0.0 and size[k] >= (1.0 - slack) * high:
            larger = 1 if size[k + 1] >= size[k - 1] else -1
            for side in (larger, -larger) if slack > 0.0 and high - low <= slack * size[k] else (larger,):
                ratio = min(1.0, size[k + side] / size[k])
                delta = max(0.0, (2 * ratio - 1) / (1 + ratio))
                lift = np.pi * delta * (1 - delta**2) / np.sin(np.pi * delta) if delta else 1.0
                found.append((float(size[k] * lift), k + side * delta, float(size[k])))
    return found


def _inside(f: NDArray[np.float64], low: float, high: float, bin_hz: float) -> NDArray[np.bool_]:
    slack = bin_hz / 100  # an edge that is meant to be a bin
    inside = (f >= low - slack) & (f <= high + slack)
    inside[[0, 1, -2, -1]] = False
    return inside


def _root(
    f: NDArray[np.float64], power: NDArray[np.float64], low: float, high: float, bin_hz: float
) -> float:
    return float(np.sqrt(power[_inside(f, low, high, bin_hz)].sum()))


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
