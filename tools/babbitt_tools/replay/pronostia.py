"""PRONOSTIA runs to failure (FEMTO-ST, Nectoux et al., IEEE PHM 2012) as what an ADXL345 would have felt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from babbitt_tools.errors import RecordingError
from babbitt_tools.replay.recording import Recording, TruthEvent
from babbitt_tools.sim.sensor import adxl345_noise
from babbitt_tools.vboard.world import COUNTS_PER_G, Fault

SOURCE_HZ = 25_600
RATE_HZ = 3200
SNAPSHOT_S = 10
WINDOW = 256  # samples; 80 ms of the 100 ms of a snapshot
RANGE_COUNTS = 16 * COUNTS_PER_G
START_MS = (
    1_704_067_200_000  # 2024-01-01T00:00Z: the files carry no date, and the protocol wants a plausible one
)
KEY = 2012  # of the sensor noise


class PronostiaWorld:
    """A run: at time t the snapshot last taken before t; a burst starts at its first sample.

    Args:
        acc_g: horizontal and vertical acceleration, shape (snapshots, 2560, 2), g.
        number: number of each snapshot; number k was taken at k x 10 s.

    x is the horizontal, y the vertical axis; z feels gravity alone. Beyond its 0.1 s a snapshot is played
    backwards and forwards again. A sensor that is not at one of 3200, 1600, .. 100 Hz gets values
    interpolated between those of the nearest.
    """

    sensors: tuple[str, ...] = ("adxl345",)
    utc_start_ms = START_MS

    def __init__(self, acc_g: NDArray[np.float64], number: NDArray[np.int64]) -> None:
        self._acc_g = acc_g
        self._taken_us = np.asarray(number, np.int64) * SNAPSHOT_S * 1_000_000
        self.end_us: int | None = int(self._taken_us[-1]) + SNAPSHOT_S * 1_000_000
        self.faults: dict[str, Fault] = {}
        self._cache: tuple[int, int, NDArray[np.float64]] = (-1, 0, np.empty(0))

    def snapshot_at(self, t_us: int) -> int:
        """Index of the snapshot in force at `t_us`; the first one before its time too."""
        return max(0, int(np.searchsorted(self._taken_us, t_us, side="right")) - 1)

    def snapshot(self, k: int, rate_hz: int) -> NDArray[np.float64]:
        """Snapshot `k` at `rate_hz` (a divisor of 25 600), shape (m, 2), g."""
        if self._cache[:2] != (k, rate_hz):
            self._cache = (k, rate_hz, decimate(self._acc_g[k], rate_hz))
        return self._cache[2]

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """See `World.accel`."""
        nominal = min((100 << i for i in range(6)), key=lambda r: abs(r - rate_hz))
        snapshot = self.snapshot(self.snapshot_at(burst_start_us), nominal)
        position = np.arange(index, index + n) * (nominal / rate_hz)
        period = 2 * (len(snapshot) - 1)
        folded = position % period
        folded = np.minimum(folded, period - folded)
        counts = np.empty((n, 3))
        grid = np.arange(len(snapshot))
        for axis in range(2):
            counts[:, axis] = np.interp(folded, grid, snapshot[:, axis]) * COUNTS_PER_G
        counts[:, 2] = COUNTS_PER_G
        counts += adxl345_noise((KEY, burst_start_us), index, n, rate_hz)
        return np.clip(np.rint(counts), -32768, 32767).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        """There is no such sensor.

        Raises:
            LookupError: always.
        """
        raise LookupError("a PRONOSTIA run has no temperature sensor")


def decimate(acc_g: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """From 25.6 kHz to `rate_hz`, a divisor of it, along the first axis.

    Method: polyphase FIR with a Kaiser window (`scipy.signal.resample_poly`), cut-off at half of `rate_hz`;
    the ends are continued along a line.
    """
    out: NDArray[np.float64] = resample_poly(acc_g, 1, SOURCE_HZ // rate_hz, axis=0, padtype="line")
    return out


def pronostia(data_dir: Path, bearing: str) -> Recording:
    """A run to failure, e.g. `Bearing1_1`. The failure is the end of the run.

    Raises:
        RecordingError: no such run, or its file is not what it should be.
    """
    folder = Path(data_dir) / "pronostia"
    names = available(data_dir)
    if bearing not in names:
        raise RecordingError(
            f"no PRONOSTIA run {bearing!r} in {folder}; there is {', '.join(names) or 'none'}"
        )
    path = folder / f"{bearing}.npz"
    try:
        with np.load(path) as file:
            acc_g, number = file["acc_mg"] / 1000, file["snapshot"].astype(np.int64)
    except (KeyError, ValueError, OSError) as error:
        raise RecordingError(f"{path} cannot be read as a PRONOSTIA run: {error}") from error
    world = PronostiaWorld(acc_g, number)
    assert world.end_us is not None
    end_ms = START_MS + world.end_us // 1000
    interval_s = SNAPSHOT_S * int(np.median(np.diff(number)))
    return Recording(
        name=f"pronostia/{bearing}",
        kind="machine",
        world=world,
        interval_s=interval_s,
        utc_start_ms=START_MS,
        end_ms=end_ms,
        truth=(TruthEvent("failure (the run was ended)", end_ms, end_ms),),
        notes=_notes(acc_g, number),
        config=_config(bearing, interval_s),
    )


def available(data_dir: Path) -> list[str]:
    """Names of the runs that are there."""
    return sorted(path.stem for path in (Path(data_dir) / "pronostia").glob("*.npz"))


def _notes(acc_g: NDArray[np.float64], number: NDArray[np.int64]) -> tuple[str, ...]:
    felt = resample_poly(acc_g, 1, SOURCE_HZ // RATE_HZ, axis=1, padtype="line")[:, :WINDOW]
    power_in, power_out = float(acc_g.var(axis=1).sum()), float(felt.var(axis=1).sum())
    clipped = float((np.abs(felt) * COUNTS_PER_G >= RANGE_COUNTS).mean())
    missing = int(number[-1] - number[0] + 1 - len(number))
    step = SNAPSHOT_S * int(np.median(np.diff(number)))
    return (
        f"25.6 kHz resampled to {RATE_HZ} Hz: {100 * (1 - power_out / power_in):.0f} % of the power lies "
        f"above {RATE_HZ // 2} Hz, out of the sensor's reach",
        f"{100 * clipped:.3f} % of the samples lie beyond the sensor's +-16 g and are clipped",
        "resolution 7.8 mg (3.9 mg a count, the lowest bit is always 0 at 3200 Hz), sensor noise added",
        f"windows of {WINDOW} samples: a snapshot lasts 0.1 s",
        f"{missing} of {int(number[-1] - number[0]) + 1} snapshots are not in the recording: a record every {step} s",
        "the files carry no date: the run is set to start on 2024-01-01",
    )


def _config(bearing: str, interval_s: int) -> dict[str, object]:
    return {
        "asset": {"name": bearing, "kind": "machine"},
        "interval_s": interval_s,
        "sensors": [
            {
                "id": "vib",
                "driver": "adxl345",
                "bus": "spi0",
                "rate_hz": RATE_HZ,
                "range_g": 16,
                "window": WINDOW,
            }
        ],
        "checks": [
            {
                "id": f"vib.{axis}.new",
                "type": "zscore",
                "channel": f"vib.{axis}.rms",
                "on_delay_s": 120,
                "off_delay_s": 600,
                "shift": 10,  # a slow average: wear is slow
            }
            for axis in ("x", "y")
        ],
    }
