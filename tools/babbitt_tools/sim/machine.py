"""A rotating machine whose bearing wears out or whose rotor gets out of balance: equations in the docstrings and in
docs/simulators.md, the moment of failure known.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin

from babbitt.health.bearings import CATALOGUE, Bearing
from babbitt_tools.sim.defect import PARTS, Defect, ringing, tail_s
from babbitt_tools.sim.sensor import MOMENT_US, adxl345_noise, noise
from babbitt_tools.vboard.world import COUNTS_PER_G, Fault, Faults

OVERSAMPLE = 4
TAPS = 65  # of the anti-alias filter at the oversampled rate
GROWTH = 5.0  # wear at the onset of the fault is exp(-GROWTH)
DAMPING = 0.05  # of the structure's resonance
AXES = np.array([1.0, 0.7, 0.4])  # how the bearing shakes x, y, z
RADIAL = np.array([1.0, 0.8, 0.3])  # how the rotor's imbalance shakes x, y, z
COUPLING_G = np.array([0.012, 0.009, 0.006])  # at twice a turn, at full load
STRIKE_G = 8.0  # of a strike in the middle of the load zone, at failure
SPENT_MM_S = 30.0  # what a fault `imbalance` adds to the imbalance until failure
FULL_LOAD_SLIP = 0.03  # of an induction motor
SWAY = 0.03  # of the load, by each of three slow sines
RIPPLE = 0.02  # of the load, from burst to burst
NOISE_BAND_HZ = 1600.0  # in which `noise_g` is told
G_MM_S2 = 9806.65
HOUR_US = 3_600_000_000
FAULTS = (*PARTS, "imbalance")


class Machine:
    """A world with an accelerometer on the bearing housing.

    Acceleration of an axis, in g, with the shaft's angle p, its angular speed w = dp/dt, load L and wear W:

        a(t) = (v w / g) r sin(p + s)                                imbalance: force ~ w^2
             + L c sin(2 p + s2)                                     coupling, twice a turn
             + L A W sum_k q_k exp(-z wr (t - T_k)) sin(wr (t - T_k)), t > T_k
             + L n(t)                                                broadband noise

    v is the imbalance as the velocity (mm/s, peak) of a rigid machine on soft mounts at nominal speed; it grows with speed as
    e w does (ISO 21940-11: G = e w), so that the force grows with its square. T_k and q_k are the strikes of a defect,
    see `defect`; wr is the resonance they excite. n is white. z carries gravity. The sensor adds the noise of its data sheet and whole
    counts; what lies above half its data rate is filtered out (linear-phase FIR at four times the rate), not folded down.

    Load sways by a few per cent, slowly, and by 2 % from burst to burst; the shaft slows with the slow part of it as that of an induction
    motor, and wanders by `wander`: f = f0 (1 - 0.03 (L - 1)) (1 + wander sin(...)), integrated to p.

    Wear follows Paris' law da/dN = C (dK)^m with m = 2 at constant load, whose solution is exponential:

        W(t) = 0 before the onset, exp(GROWTH (x - 1)) with x = (t - onset) / life, 1 at failure and after it.

    Args:
        seed: the same seed is the same machine, sample by sample.
        utc_start_ms: Unix ms at the start.
        life_h: hours from the onset of the fault to failure, > 0.
        onset_h: healthy hours before it, >= 0.
        speed_rpm: shaft speed at full load.
        resonance_hz: what the strikes excite.
        end_after_h: the world ends so many hours after the failure; None: never.
        faults: of the sensor, from the start.
        bearing: its geometry.
        fault: what wears, one of `FAULTS`.
        slip: scatter of the spacing of two strikes by its mean.
        balance_mm_s: residual imbalance v of the healthy rotor, >= 0.
        wander: by how much of itself the speed wanders, 0 .. 0.3, in one to three hours.
        noise_g: rms of the broadband noise within 1600 Hz, >= 0.

    Attributes: `failure_at_ms` (Unix ms), `shaft_hz`, `fault_hz` (of the fault's line at nominal speed) and the arguments' names.

    Raises:
        ValueError: an argument out of range.
    """

    sensors: tuple[str, ...] = ("adxl345",)

    def __init__(
        self,
        *,
        seed: int,
        utc_start_ms: int,
        life_h: float,
        onset_h: float = 0.0,
        speed_rpm: float = 1500.0,
        resonance_hz: float = 1200.0,
        end_after_h: float | None = 0.0,
        faults: Faults | None = None,
        bearing: Bearing = CATALOGUE["6205"],
        fault: str = "outer race",
        slip: float = 0.01,
        balance_mm_s: float = 1.0,
        wander: float = 0.0,
        noise_g: float = 0.08,
    ) -> None:
        if life_h <= 0 or speed_rpm <= 0 or onset_h < 0:
            raise ValueError(
                f"life_h={life_h}, speed_rpm={speed_rpm} must be positive, onset_h={onset_h} not negative"
            )
        if fault not in FAULTS:
            raise ValueError(f"fault={fault!r} is none of {', '.join(FAULTS)}")
        if balance_mm_s < 0 or noise_g < 0 or not 0 <= wander <= 0.3:
            raise ValueError(
                f"balance_mm_s={balance_mm_s}, noise_g={noise_g} must not be negative, wander={wander} within 0 .. 0.3"
            )
        self.seed = seed
        self.utc_start_ms = utc_start_ms
        self.faults: dict[str, Fault] = dict(faults or {})
        self.bearing = bearing
        self.fault = fault
        self.shaft_hz = speed_rpm / 60
        self.resonance_hz = resonance_hz
        self._defect = None if fault == "imbalance" else Defect(bearing, fault, slip)
        self.fault_hz = self.shaft_hz * (1.0 if self._defect is None else self._defect.order)
        self._balance_mm_s = balance_mm_s
        self._noise_g = noise_g
        self._onset_us = round(onset_h * HOUR_US)
        self._life_us = round(life_h * HOUR_US)
        failure_us = self._onset_us + self._life_us
        self.failure_at_ms = utc_start_ms + failure_us // 1000
        self.end_us = None if end_after_h is None else failure_us + round(end_after_h * HOUR_US)
        rng = np.random.default_rng((seed, 1))
        self._phase = rng.uniform(0, 2 * math.pi, 3)
        self._phase2 = rng.uniform(0, 2 * math.pi, 3)
        # Slow sines: what the load and the speed have of each, their periods (s) and phases.
        self._periods = rng.uniform(0.3, 1.7, 4) * 3600 + np.array([0, 0, 0, 2400])
        self._phases = rng.uniform(0, 2 * math.pi, 4)
        self._on_load = np.array([SWAY, SWAY, SWAY, 0.0])
        self._on_speed = np.array([-FULL_LOAD_SLIP * SWAY] * 3 + [wander])
        self._filter: NDArray[np.float64] = firwin(TAPS, 0.9, fs=2.0 * OVERSAMPLE)

    def wear(self, t_us: int) -> float:
        """Wear: 0 before the onset, exp(-5) there, 1 at failure and after it."""
        if t_us < self._onset_us:
            return 0.0
        return math.exp(GROWTH * (min((t_us - self._onset_us) / self._life_us, 1.0) - 1.0))

    def load(self, t_us: int) -> float:
        """Load by full load, 1 on average."""
        ripple = np.random.default_rng((self.seed, 2, t_us // MOMENT_US)).standard_normal()
        return 1.0 + float(self._on_load @ np.sin(self._angles(t_us))) + RIPPLE * float(ripple)

    def speed_hz(self, t_us: int) -> float:
        """Turns a second."""
        return self.shaft_hz * (1.0 + float(self._on_speed @ np.sin(self._angles(t_us))))

    def turns(self, t_us: int) -> float:
        """How often the shaft has turned since the start: the integral of `speed_hz`."""
        swept = (np.cos(self._phases) - np.cos(self._angles(t_us))) * self._periods / (2 * math.pi)
        return self.shaft_hz * (t_us * 1e-6 + float(self._on_speed @ swept))

    def imbalance_mm_s(self, t_us: int) -> float:
        """Velocity (mm/s, peak) that the imbalance gives x at nominal speed."""
        return self._balance_mm_s + (SPENT_MM_S * self.wear(t_us) if self._defect is None else 0.0)

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """See `World.accel`."""
        moment = burst_start_us // MOMENT_US
        start_us = moment * MOMENT_US  # the machine is looked at on a grid of moments, see `MOMENT_US`
        half = TAPS // 2
        fine = np.arange(index * OVERSAMPLE - half, (index + n - 1) * OVERSAMPLE + half + 1)
        t = fine / (rate_hz * OVERSAMPLE)
        load, speed_hz = self.load(start_us), self.speed_hz(start_us)
        turns = self.turns(start_us)
        angle = 2 * math.pi * (turns % 1.0 + speed_hz * t[:, None])
        # v grows as the speed, and w once more: the force of an imbalance is that of the square of the speed.
        omega = 2 * math.pi * speed_hz
        thrown = self.imbalance_mm_s(start_us) * (speed_hz / self.shaft_hz) * omega / G_MM_S2
        signal = thrown * RADIAL * np.sin(angle + self._phase)
        signal += load * COUPLING_G * np.sin(2 * angle + self._phase2)
        wear = self.wear(start_us)
        # A resonance beyond the oversampled band leaves nothing behind the filter.
        if self._defect is not None and wear > 0 and self.resonance_hz < 0.45 * OVERSAMPLE * rate_hz:
            key = (self.seed, 4, moment)
            first_s = float(t[0]) - tail_s(self.resonance_hz, DAMPING)
            times, forces = self._defect.strikes(key, turns, speed_hz, first_s, float(t[-1]))
            rung = ringing(times, forces, t, self.resonance_hz, DAMPING)
            signal += (load * STRIKE_G * wear * rung)[:, None] * AXES
        taken = np.arange(n) * OVERSAMPLE
        windows = np.lib.stride_tricks.sliding_window_view(signal, TAPS, axis=0)[taken]
        counts = windows @ self._filter * COUNTS_PER_G
        counts[:, 2] += COUNTS_PER_G
        hiss_g = load * self._noise_g * math.sqrt(rate_hz / 2 / NOISE_BAND_HZ)
        counts += hiss_g * COUNTS_PER_G * AXES * noise((self.seed, 6, moment), index, n)
        counts += adxl345_noise((self.seed, 3, moment), index, n, rate_hz)
        return np.clip(np.rint(counts), -32768, 32767).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        """There is no such sensor.

        Raises:
            LookupError: always.
        """
        raise LookupError("this machine has no temperature sensor")

    def _angles(self, t_us: int) -> NDArray[np.float64]:
        """Angles of the slow sines."""
        angles: NDArray[np.float64] = 2 * math.pi * (t_us * 1e-6) / self._periods + self._phases
        return angles
