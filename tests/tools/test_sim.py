"""The physics: reproducible, and it does what its equations say."""

from __future__ import annotations

import numpy as np
import pytest

from babbitt_tools.sim.coldroom import ColdRoom
from babbitt_tools.sim.machine import GROWTH, HOUR_US, Machine

START_MS = 1_789_000_000_000


def machine(**changes: object) -> Machine:
    settings: dict[str, object] = {"seed": 1, "utc_start_ms": START_MS, "life_h": 10.0, "onset_h": 2.0}
    return Machine(**{**settings, **changes})  # type: ignore[arg-type]


def spectrum(counts: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    window = np.hanning(len(counts))
    power = np.abs(np.fft.rfft((counts - counts.mean()) * window)) ** 2
    return np.fft.rfftfreq(len(counts), 1 / rate_hz), power


def test_the_same_seed_is_the_same_machine_however_it_is_asked() -> None:
    whole = machine().accel(HOUR_US * 9, 0, 512, 3200.0)
    parts = [machine().accel(HOUR_US * 9, i, n, 3200.0) for i, n in ((0, 100), (100, 156), (256, 256))]
    assert np.array_equal(whole, np.concatenate(parts))
    assert not np.array_equal(whole, machine(seed=2).accel(HOUR_US * 9, 0, 512, 3200.0))
    assert whole.shape == (512, 3)
    assert whole.dtype == np.int16


def test_wear_follows_its_law_and_ends_at_the_known_failure() -> None:
    m = machine()
    assert m.wear(HOUR_US) == 0
    assert m.wear(2 * HOUR_US) == pytest.approx(np.exp(-GROWTH))
    assert m.wear(7 * HOUR_US) == pytest.approx(np.exp(-GROWTH / 2))
    assert m.failure_at_ms == START_MS + 12 * 3_600_000
    assert m.wear(12 * HOUR_US) == m.wear(20 * HOUR_US) == 1
    assert m.end_us == 12 * HOUR_US


def test_vibration_grows_and_becomes_impulsive() -> None:
    m = machine()
    rms, kurtosis = [], []
    for hour in (1, 8, 11.9):
        x = m.accel(round(hour * HOUR_US), 0, 512, 3200.0)[:, 0].astype(float)
        x -= x.mean()
        rms.append(x.std())
        kurtosis.append(float((x**4).mean() / (x**2).mean() ** 2))
    assert rms[0] < rms[1] < rms[2]
    assert kurtosis[0] < 3.5 < kurtosis[2]


def test_gravity_is_on_z() -> None:
    mean = machine().accel(0, 0, 512, 3200.0).mean(axis=0)
    assert mean == pytest.approx([0, 0, 256], abs=6)


def test_the_shaft_shows_at_its_frequency() -> None:
    f, p = spectrum(
        np.concatenate([machine().accel(0, i, 512, 3200.0)[:, 0] for i in range(0, 3200, 512)]), 3200.0
    )
    assert f[p.argmax()] == pytest.approx(25, abs=2)


def test_what_the_sensor_cannot_follow_is_not_folded_down() -> None:
    quiet = machine(resonance_hz=1000.0).accel(round(11.9 * HOUR_US), 0, 512, 400.0)[:, 0].astype(float)
    f, p = spectrum(quiet, 400.0)
    heard = machine(resonance_hz=1000.0).accel(round(11.9 * HOUR_US), 0, 512, 3200.0)[:, 0].astype(float)
    assert p[f > 100].sum() / 400**2 < 1e-3 * spectrum(heard, 3200.0)[1].sum() / 400**2


@pytest.mark.parametrize("bad", [{"life_h": 0}, {"speed_rpm": -1}, {"onset_h": -1}])
def test_a_machine_that_cannot_be(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        machine(**bad)


def room(**changes: object) -> ColdRoom:
    settings: dict[str, object] = {
        "seed": 3,
        "utc_start_ms": START_MS,
        "days": 8.0,
        "fade_start_h": 48.0,
        "fade_h": 120.0,
    }
    return ColdRoom(**{**settings, **changes})  # type: ignore[arg-type]


def test_a_healthy_room_keeps_its_product_below_the_limit() -> None:
    healthy = room(fade_start_h=None, days=3.0)
    assert healthy.crossed_at_ms is None
    product = [healthy.product(h * HOUR_US) for h in range(72)]
    assert max(product) < -20.5
    air = np.array([healthy.temperature(m * 60_000_000) for m in range(24 * 60)])
    crossings = int(((air[1:] > -22) & (air[:-1] <= -22)).sum())
    assert 30 < crossings < 100  # the compressor cycles every 15 to 45 min
    assert air.max() > product[0] + 3  # defrosts swing the air, not the product


def test_the_known_crossing_is_where_the_product_passes_for_good() -> None:
    fading = room()
    at = fading.crossed_at_ms
    assert at is not None
    assert fading.end_us is not None
    t_us = (at - START_MS) * 1000
    assert fading.product(t_us) > fading.limit_c >= fading.product(t_us - 30_000_000)
    assert all(fading.product(t) > fading.limit_c for t in range(t_us, fading.end_us, HOUR_US))
    assert fading.capacity(48 * 3600) == 1
    assert fading.capacity(168 * 3600) == 0


def test_a_room_does_not_depend_on_how_it_is_asked() -> None:
    one, other = room(), room()
    late = one.temperature(30 * HOUR_US)
    steps = [other.temperature(h * HOUR_US) for h in range(31)]
    assert steps[-1] == late
    assert room(seed=4).temperature(34 * HOUR_US) != one.temperature(34 * HOUR_US)


def test_worlds_have_only_the_sensors_they_name() -> None:
    with pytest.raises(LookupError, match="temperature"):
        machine().temperature(0)
    with pytest.raises(LookupError, match="accelerometer"):
        room().accel(0, 0, 1, 100.0)
