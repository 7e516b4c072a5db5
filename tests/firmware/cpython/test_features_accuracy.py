"""Integer features against double precision: RMS, peak and crest within 0.5 %, kurtosis within 2 %."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from babbitt_node.dsp.features import vibration

G_PER_COUNT = 1 / 256  # ADXL345 in full resolution
BOUNDS = np.array([0.005, 0.005, 0.005, 0.02])


def node(counts: NDArray[np.int16]) -> NDArray[np.float64]:
    """rms, peak (micro-g), crest, kurtosis (thousandths) as the node computes them."""
    out = array("i", [0] * 4)
    vibration(array("h", counts.astype(np.int16).tobytes()), len(counts), 15625, 4, out, 0)
    return np.array(out, float)


def truth(counts: NDArray[np.int16]) -> NDArray[np.float64]:
    """The same in double precision."""
    d = counts.astype(float) - counts.mean()
    square = np.mean(d * d)
    peak = np.abs(d).max()
    return np.array([
        1e6 * G_PER_COUNT * np.sqrt(square), 1e6 * G_PER_COUNT * peak,
        1000 * peak / np.sqrt(square), 1000 * np.mean(d**4) / square**2,
    ])  # fmt: skip


def worst(windows: list[NDArray[np.int16]]) -> NDArray[np.float64]:
    """Largest relative errors, one unit in the last place allowed for."""
    errors = [(np.maximum(np.abs(node(w) - truth(w)) - 1, 0)) / truth(w) for w in windows if np.ptp(w)]
    assert len(errors) > 20
    return np.max(errors, axis=0)


def counts(signal: NDArray[np.float64], offset: int) -> NDArray[np.int16]:
    return np.clip(np.round(signal + offset), -32768, 32767).astype(np.int16)


SIGNALS = {
    "gauss": lambda rng, n, loud: rng.normal(0, loud / 4, n),
    "sine": lambda rng, n, loud: loud * np.sin(np.arange(n) * rng.uniform(0.01, 3)),
    "impulses": lambda rng, n, loud: rng.normal(0, loud / 50, n) + loud * (rng.random(n) < 0.01),
    "few counts": lambda rng, n, loud: rng.integers(0, 4, n).astype(float),
    "one pulse": lambda rng, n, loud: loud * (np.arange(n) == n // 3),
    "full scale": lambda rng, n, loud: rng.choice([-32768.0, 32767.0, 0.0], n),
}


@pytest.mark.parametrize("kind", sorted(SIGNALS))
def test_accuracy(kind: str) -> None:
    rng = np.random.default_rng(7)
    windows = []
    for _ in range(150):
        n = int(rng.choice([64, 128, 256, 512, 1024, 4096]))
        signal = SIGNALS[kind](rng, n, 2 ** rng.uniform(1, 14))
        windows.append(counts(signal, 0 if kind == "full scale" else int(rng.integers(-256, 257))))
    assert (worst(windows) <= BOUNDS).all(), worst(windows)


@pytest.mark.data
@pytest.mark.parametrize("bearing", ["Bearing1_1", "Bearing2_1", "Bearing3_1"])
def test_accuracy_on_bearings_that_were_run_to_failure(data_dir: Path, bearing: str) -> None:
    """PRONOSTIA snapshots as an ADXL345 at +-16 g would count them, gravity on one axis; healthy, worn and
    clipping.
    """
    acc_mg = np.load(data_dir / "pronostia" / f"{bearing}.npz")["acc_mg"]
    windows = []
    for snapshot in acc_mg[:: max(1, len(acc_mg) // 40)]:
        for axis, gravity in ((0, 0), (1, 256)):
            whole = np.clip(np.round(snapshot[:, axis] / (1000 * G_PER_COUNT)) + gravity, -4096, 4095)
            windows += [whole[:512].astype(np.int16), whole[1000:2024].astype(np.int16)]
    assert (worst(windows) <= BOUNDS).all(), worst(windows)
