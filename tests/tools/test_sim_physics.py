"""The physics against its equations: defect frequencies, slip, load zone, resonance, imbalance and speed; heat balance, doors, compressor."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.signal import butter, hilbert, sosfiltfilt, welch

from babbitt.health.bearings import bearing
from babbitt.health.evidence import Capture
from babbitt.health.report import Machine as Facts
from babbitt.health.report import examine
from babbitt_tools.sim.coldroom import Building, ColdRoom, infiltration
from babbitt_tools.sim.defect import PARTS, Defect, load_zone, ringing
from babbitt_tools.sim.machine import FAULTS, G_MM_S2, HOUR_US, Machine
from babbitt_tools.sim.sensor import MOMENT_US

START_MS = 1_789_000_000_000
DAY_S = 86_400
RATE = 3200.0
BEARING = bearing("6205")
Floats = NDArray[np.float64]


def machine(**changes: object) -> Machine:
    settings: dict[str, object] = {"seed": 1, "utc_start_ms": START_MS, "life_h": 10.0, "onset_h": 2.0}
    return Machine(**{**settings, **changes})  # type: ignore[arg-type]


def burst(world: Machine, hour: float, n: int = 16_384, axis: int = 0) -> Floats:
    """An axis in g, without its mean."""
    at = round(hour * HOUR_US)
    x = np.concatenate([world.accel(at, i, 512, RATE)[:, axis] for i in range(0, n, 512)]) / 256
    return np.asarray(x - x.mean())


def envelope_lines(x: Floats, low: float = 900, high: float = 1500) -> tuple[Floats, Floats]:
    """Frequencies and amplitudes of the envelope of a band."""
    band = sosfiltfilt(butter(4, [low, high], "bandpass", fs=RATE, output="sos"), x)
    power = np.abs(hilbert(band)) ** 2
    window = np.hanning(len(power))
    return np.fft.rfftfreq(len(power), 1 / RATE), np.abs(np.fft.rfft((power - power.mean()) * window))


def near(f: Floats, amplitude: Floats, hz: float, within: float = 1.0) -> float:
    """The largest amplitude within so many Hz."""
    return float(amplitude[np.abs(f - hz) <= within].max())


# ---- the same seed


def digest() -> str:
    found = hashlib.sha256()
    for fault in (*PARTS, "imbalance"):
        found.update(machine(seed=9, fault=fault, wander=0.1).accel(11 * HOUR_US, 0, 512, RATE).tobytes())
    room = ColdRoom(seed=9, utc_start_ms=START_MS, days=3, fade_start_h=10, fade_h=20)
    found.update(np.array([room.temperature(m * 60_000_000) for m in range(0, 2880, 7)]).tobytes())
    return found.hexdigest()


def test_the_same_seed_is_the_same_bits_in_another_process() -> None:
    code = f"import sys; sys.path.insert(0, {str(__file__.rpartition('/')[0])!r}); import test_sim_physics as t; print(t.digest())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest()


def test_microseconds_of_the_board_s_clock_change_no_sample() -> None:
    at = 9 * HOUR_US // MOMENT_US * MOMENT_US
    first = machine().accel(at + 13, 0, 256, RATE)
    assert np.array_equal(first, machine().accel(at + MOMENT_US - 1, 0, 256, RATE))
    assert not np.array_equal(first, machine().accel(at + MOMENT_US, 0, 256, RATE))


# ---- the bearing


@pytest.mark.parametrize("part", PARTS)
def test_strikes_come_at_the_rate_that_the_geometry_gives(part: str) -> None:
    times, _ = Defect(BEARING, part, 0.01).strikes((1,), 0.0, 25.0, 0.0, 400.0)
    d, big_d, n = 7.940, 39.040, 9
    rate = {
        "outer race": n / 2 * 25 * (1 - d / big_d),
        "inner race": n / 2 * 25 * (1 + d / big_d),
        "ball": 25 * big_d / d * (1 - (d / big_d) ** 2),
    }[part]
    assert len(times) / 400 == pytest.approx(rate, rel=2e-3)
    assert float(np.diff(times).std() * rate) == pytest.approx(0.01, rel=0.05)


def test_the_outer_race_has_its_line_and_no_sidebands() -> None:
    world = machine(slip=0.002)
    f, a = envelope_lines(burst(world, 11.9))
    speed = world.speed_hz(round(11.9 * HOUR_US))
    bpfo = BEARING.outer * speed
    assert world.fault_hz == pytest.approx(BEARING.outer * 25)
    low = (f > 5) & (f < 300)
    assert f[low][a[low].argmax()] == pytest.approx(bpfo, abs=0.5)
    assert near(f, a, 2 * bpfo) > 5 * np.median(a[low])
    assert max(near(f, a, bpfo - speed), near(f, a, bpfo + speed)) < 0.3 * near(f, a, bpfo)


@pytest.mark.parametrize(("part", "around"), [("inner race", 1.0), ("ball", BEARING.cage)])
def test_a_defect_that_moves_through_the_load_zone_has_sidebands(part: str, around: float) -> None:
    world = machine(fault=part, slip=0.002)
    f, a = envelope_lines(burst(world, 11.9, 32_768))
    speed = world.speed_hz(round(11.9 * HOUR_US))
    line, aside = world.fault_hz / 25 * speed, around * speed
    floor = np.median(a[(f > 5) & (f < 300)])
    for hz in (line, line - aside, line + aside, aside):
        assert near(f, a, hz) > 5 * floor, hz
    assert near(f, a, line + aside) > 0.3 * near(f, a, line)


def test_the_load_zone_is_half_the_ring_and_fullest_in_its_middle() -> None:
    psi = np.linspace(-np.pi, np.pi, 721)
    zone = load_zone(psi)
    assert zone.max() == zone[360] == 1
    assert np.all(zone[np.abs(psi) > np.pi / 2 + 1e-9] == 0)
    assert np.all(zone[np.abs(psi) < np.pi / 2 - 0.01] > 0)
    times, force = Defect(BEARING, "inner race", 0.0).strikes((3,), 0.25, 25.0, 0.0, 40.0)
    angle = (0.25 + 25.0 * times + 0.5) % 1.0 - 0.5  # turns from the middle of the zone
    assert np.all(force[np.abs(angle) > 0.2501] == 0)
    assert np.all(force[np.abs(angle) < 0.15] > 0)


def test_slip_makes_a_line_as_wide_as_its_random_walk_says() -> None:
    slip, harmonic, seconds = 0.02, 2, 20.0
    defect = Defect(BEARING, "outer race", slip)
    rate = defect.order * 25.0
    f = np.arange(-4, 4, 0.05) + harmonic * rate
    power = np.zeros(len(f))
    for n in range(80):
        times, _ = defect.strikes((5, n), 0.0, 25.0, 0.0, seconds)
        power += np.abs(np.exp(-2j * np.pi * np.outer(f, times)).sum(axis=1)) ** 2
    power -= np.median(power[np.abs(f - harmonic * rate) > 3.5])
    half = f[power > power.max() / 2]
    width = 2 * np.pi * (harmonic * slip) ** 2 * rate
    assert half[-1] - half[0] == pytest.approx(width, rel=0.25)
    assert (half[0] + half[-1]) / 2 == pytest.approx(harmonic * rate, abs=0.1)

    gaps = times[10:] - times[:-10]  # ten strikes on: the displacements have added up
    assert float(gaps.std() * rate) == pytest.approx(slip * np.sqrt(10), rel=0.1)


def test_strikes_ring_at_the_resonance_and_die_away() -> None:
    t = np.arange(4000) / 100_000.0
    x = ringing(np.array([0.001]), np.array([1.0]), t, 1200.0, 0.05)
    assert np.all(x[t < 0.001] == 0)
    later = (t > 0.001) & (t < 0.001 + 5 / 1200)
    assert float(x[later].max()) == pytest.approx(np.exp(-0.05 * np.pi / 2), rel=0.02)
    assert np.abs(x[t > 0.001 + 8 / (0.05 * 2 * np.pi * 1200)]).max() == 0
    spent, sound = machine(), machine(onset_h=1000.0)
    f, worn = welch(burst(spent, 11.9), RATE, nperseg=1024)
    _, well = welch(burst(sound, 11.9), RATE, nperseg=1024)
    high = f > 300
    assert f[high][(worn / well)[high].argmax()] == pytest.approx(1200, abs=120)


def test_the_defect_grows_as_its_law_says() -> None:
    world = machine(noise_g=0.0, balance_mm_s=0.0)
    hours = np.array([6.0, 8.0, 10.0, 11.9])
    energy = []
    for hour in hours:
        f, p = welch(burst(world, float(hour)), RATE, nperseg=1024)
        energy.append(np.sqrt(p[(f > 900) & (f < 1500)].sum()))
    slope = np.polyfit(hours, np.log(energy), 1)[0]
    assert slope == pytest.approx(5.0 / 10.0, rel=0.08)


# ---- the rotor


def test_imbalance_is_a_line_at_the_shaft_whose_force_is_that_of_the_square_of_the_speed() -> None:
    world = machine(onset_h=1000.0, wander=0.3, noise_g=0.0)
    speeds, amplitudes = [], []
    for hour in np.arange(0.0, 4.0, 0.1):
        at = round(hour * HOUR_US) // MOMENT_US * MOMENT_US
        speed = world.speed_hz(at)
        x = burst(world, hour, 4096)
        angle = 2 * np.pi * speed * np.arange(4096) / RATE
        parts = np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], 1)
        fit = np.linalg.lstsq(parts, x, rcond=None)[0]
        speeds.append(speed)
        amplitudes.append(np.hypot(fit[0], fit[1]))
    assert max(speeds) / min(speeds) > 1.5
    power, scale = np.polyfit(np.log(speeds), np.log(amplitudes), 1)
    assert power == pytest.approx(2.0, abs=0.05)
    nominal = 1.0 * 2 * np.pi * 25 / G_MM_S2  # 1 mm/s at 25 Hz
    assert float(np.exp(scale + power * np.log(25))) == pytest.approx(nominal, rel=0.03)


def test_a_rotor_that_gets_out_of_balance_shakes_at_once_a_turn_and_rings_nowhere() -> None:
    world = machine(fault="imbalance")
    assert world.fault_hz == 25
    f, before = welch(burst(world, 1.0), RATE, nperseg=4096)
    _, after = welch(burst(world, 11.9), RATE, nperseg=4096)
    assert f[(after / before).argmax()] == pytest.approx(25, abs=1.0)
    assert np.sqrt(near(f, after, 25) / near(f, before, 25)) == pytest.approx(
        world.imbalance_mm_s(round(11.9 * HOUR_US)) / 1.0, rel=0.1
    )
    high = f > 300
    assert after[high].mean() == pytest.approx(before[high].mean(), rel=0.2)


def test_the_shaft_s_angle_is_the_integral_of_its_speed() -> None:
    world = machine(wander=0.2)
    t = np.linspace(0, 3 * 3600e6, 20_001)
    speed = np.array([world.speed_hz(int(at)) for at in t])
    assert 0.15 < (speed.max() - 25) / 25 < 0.23
    turned = float(np.trapezoid(speed, t / 1e6))
    assert world.turns(int(t[-1])) - world.turns(0) == pytest.approx(turned, rel=1e-7)


def test_the_shaft_slows_under_load_as_an_induction_motor_does() -> None:
    world = machine()
    at = [round(hour * HOUR_US) for hour in np.arange(0, 400, 0.37)]
    load, speed = np.array([world.load(t) for t in at]), np.array([world.speed_hz(t) for t in at])
    assert np.corrcoef(load, speed)[0, 1] < -0.7
    assert load.mean() == pytest.approx(1, abs=0.01)
    assert np.polyfit(load - 1, speed / 25 - 1, 1)[0] == pytest.approx(-0.03, rel=0.5)


def test_the_noise_is_white_and_as_strong_as_asked_for() -> None:
    world = machine(onset_h=1000.0, noise_g=0.1, balance_mm_s=0.0)
    f, p = welch(burst(world, 1.0, 32_768), RATE, nperseg=512)
    low, high = p[(f > 200) & (f < 700)].mean(), p[(f > 700) & (f < 1300)].mean()
    assert low == pytest.approx(high, rel=0.1)
    sensor = (0.75 / 256) ** 2 * 32 / 1600
    load = world.load(HOUR_US)
    assert low == pytest.approx((0.1 * load) ** 2 / 1600 + sensor, rel=0.1)


@pytest.mark.parametrize("fault", [*FAULTS, None])
def test_the_host_names_the_cause_from_a_simulated_waveform(fault: str | None) -> None:
    """The host's diagnosis knows nothing of the simulator: it looks for the lines of the bearing's geometry."""
    world = machine(seed=3, fault=fault or "ball", onset_h=2.0 if fault else 1e4)
    speed = world.speed_hz(round(9 * HOUR_US))
    axes = {name: burst(world, 9.0, 32_768, axis).reshape(8, -1) for axis, name in enumerate("xyz")}
    found = examine(Capture(axes, RATE), speed, Facts(orders=BEARING.orders()))
    if fault in PARTS:
        assert found.bearing.cause == fault
    else:
        assert found.bearing.cause == "none"
        assert found.causes == ((fault,) if fault else ())


@pytest.mark.parametrize("bad", [{"fault": "cage"}, {"slip": 0.5}, {"balance_mm_s": -1}, {"wander": 0.5}])
def test_a_machine_that_cannot_be_says_why(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        machine(**bad)


# ---- the cold room


def room(**changes: object) -> ColdRoom:
    settings: dict[str, object] = {"seed": 3, "utc_start_ms": START_MS, "days": 30.0}
    return ColdRoom(**{**settings, **changes})  # type: ignore[arg-type]


class Even(ColdRoom):
    """A room where it is 18 C outside, always."""

    def outside(self, t_s: float) -> float:
        return 18.0


def test_what_came_in_less_what_was_taken_out_is_what_is_stored() -> None:
    for hours in (1, 30, 100):
        heat = room(fade_start_h=20, fade_h=60).heat(hours * HOUR_US)
        came = heat.walls + heat.doors + heat.heater
        assert came - heat.removed == pytest.approx(heat.stored, rel=1e-6, abs=1e-6 * came)
    assert min(heat.walls, heat.doors, heat.heater, heat.removed) > 0


def test_in_the_long_run_the_compressor_removes_what_the_walls_let_in() -> None:
    quiet = Even(seed=1, utc_start_ms=START_MS, days=30, doors=0, building=Building(heater=0.0, defrost_s=0))
    heat = quiet.heat(10 * DAY_S * 1_000_000)
    assert heat.doors == heat.heater == 0
    assert heat.removed == pytest.approx(40.0 * (18 + 22) * 10 * DAY_S, rel=0.01)


def test_without_a_compressor_air_and_product_warm_as_the_two_equations_say() -> None:
    b = Building(heater=0.0, defrost_s=0)
    dead = Even(seed=1, utc_start_ms=START_MS, days=5, doors=0, fade_start_h=0, fade_h=1e-6, building=b)
    matrix = np.array([
        [-(b.wall + b.exchange) / b.air, b.exchange / b.air],
        [b.exchange / b.product, -b.exchange / b.product],
    ])  # fmt: skip
    for hours in (0.5, 2, 12, 72):
        left = expm(matrix * hours * 3600) @ np.array([-40.0, -40.0])  # by how much colder than outside
        at = round(hours * HOUR_US)
        assert dead.temperature(at) == pytest.approx(18 + left[0], abs=0.05)
        assert dead.product(at) == pytest.approx(18 + left[1], abs=0.05)


def test_the_thermostat_keeps_the_air_within_its_hysteresis() -> None:
    quiet = Even(seed=1, utc_start_ms=START_MS, days=5, doors=0, building=Building(heater=0.0, defrost_s=0))
    air = np.array([quiet.temperature(m * 60_000_000) for m in range(60, 60 * 48)])
    assert -23.3 < air.min() < -22.9
    assert -21.1 < air.max() < -20.7


def test_heat_through_an_open_door_is_driven_by_the_difference_in_density() -> None:
    b = Building()
    assert infiltration(-20, -20, b) == infiltration(-10, -20, b) == 0
    assert infiltration(-22, 18, b) / infiltration(-22, -2, b) == pytest.approx(2**1.5, rel=0.1)
    assert infiltration(-22, 18, Building(curtain=0.0)) == pytest.approx(5 * infiltration(-22, 18, b))
    high = infiltration(-22, 18, Building(door_height=4.0)) / infiltration(-22, 18, b)
    assert high == pytest.approx(2 * 2**0.5)


def test_doors_open_by_day_as_often_as_asked_for_whatever_the_date() -> None:
    one, later = room(), room(utc_start_ms=START_MS + 9 * DAY_S * 1000)
    begin = -(START_MS // 1000) % DAY_S  # the next midnight
    opened = [one.door_open(begin + s) for s in range(0, DAY_S, 5)]
    assert opened == [later.door_open(begin + s) for s in range(0, DAY_S, 5)]
    hours = [s * 5 / 3600 for s, is_open in enumerate(opened) if is_open]
    assert 6 <= min(hours) <= max(hours) < 18.1
    assert 12 * 60 * 0.7 < 5 * sum(opened) < 12 * 240
    assert not any(room(doors=0).door_open(s) for s in range(0, DAY_S, 60))


def test_an_open_door_and_a_defrost_warm_the_air_and_leave_the_product() -> None:
    still, busy = room(doors=0), room(doors=40)
    noon = (12 * 3600 - START_MS // 1000) % DAY_S * 1_000_000
    assert busy.heat(noon + HOUR_US).doors > 0
    peak = {w: max(w.temperature(noon + m * 60_000_000) for m in range(240)) for w in (still, busy)}
    assert peak[busy] > peak[still]
    defrost_end = 6 * 3600
    before, after = (still.temperature((defrost_end - s) * 1_000_000) for s in (1200, 0))
    assert after - before > 2
    assert abs(still.product(defrost_end * 1_000_000) - still.product((defrost_end - 1200) * 1_000_000)) < 0.3


def test_a_weakening_compressor_runs_longer_and_at_last_loses() -> None:
    fading = room(fade_start_h=48, fade_h=100)

    def duty(day: int) -> float:
        air = [fading.temperature((day * DAY_S + s) * 1_000_000) for s in range(0, DAY_S, 60)]
        return float(np.mean(np.diff(air) < 0))

    assert duty(0) < duty(3) < duty(4)
    assert fading.capacity(98 * 3600) == pytest.approx(0.5)
    assert fading.temperature(9 * DAY_S * 1_000_000) > -5


def test_outside_it_is_warmest_in_the_afternoon_and_the_same_every_day() -> None:
    world = room(utc_start_ms=0)
    day = np.array([world.outside(s) for s in range(0, DAY_S, 600)])
    assert day.argmax() * 600 / 3600 == pytest.approx(15, abs=0.2)
    assert (day.max(), day.min()) == (pytest.approx(23, abs=0.01), pytest.approx(13, abs=0.01))
    assert world.outside(3 * DAY_S + 1234) == pytest.approx(world.outside(1234))
