"""A rotating machine whose bearing wears out: equations in the docstrings, the moment of failure known."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin

from babbitt_tools.sim.sensor import adxl345_noise
from babbitt_tools.vboard.world import COUNTS_PER_G, Fault, Faults

OVERSAMPLE = 4
TAPS = 65  # of the anti-alias filter at the oversampled rate
PHASE_BLOCK = 64  # impulses whose slip is drawn together
GROWTH = 5.0  # wear at the onset of the defect is exp(-GROWTH)
DAMPING = 0.05  # of the structure's resonance
AXES = np.array([1.0, 0.7, 0.4])  # how the bearing shakes x, y, z
HOUR_US = 3_600_000_000


class Machine:
    """A world with an accelerometer on the bearing housing.

    Acceleration of an axis, in g:

        a(t) = L(t) [A1 (1 + 1.5 w^2) sin(2 pi fr t + p1) + A2 sin(4 pi fr t + p2)]
               + Ab w sum_k g_k exp(-z wr (t - T_k)) sin(wr (t - T_k)),  t > T_k

    with shaft rate fr, load L (slow sines of a few per cent and 2 % from burst to burst), wear w and
    resonance wr. T_k are the passages of the rolling elements over an outer-race defect: k / BPFO, each
    displaced by slip, Gaussian, 1.5 % of the period (Antoni and Randall, Mech. Syst. Signal Process. 17,
    2003); g_k varies by 20 %. BPFO = n fr / 2 (1 - d/D). z carries gravity. The sensor adds the noise of its
    data sheet and whole counts.

    Wear follows Paris' law da/dN = C (dK)^m with m = 2 at constant load, whose solution is exponential:

        w(t) = 0 before the onset, exp(GROWTH (s - 1)) with s = (t - onset) / life, 1 at failure.

    What lies above half the sensor's data rate is filtered out (linear-phase FIR at four times the rate),
    not folded down.

    Args:
        seed: the same seed is the same machine, sample by sample.
        utc_start_ms: Unix ms at the start.
        life_h: hours from the onset of the defect to failure, > 0.
        onset_h: healthy hours before it, >= 0.
        speed_rpm: shaft speed.
        resonance_hz: what the impulses excite.
        end_after_h: the world ends so many hours after the failure; None: never.
        faults: of the sensor, from the start.

    Attributes: `failure_at_ms` (Unix ms) and the arguments' names.

    Raises:
        ValueError: a life or speed that is not positive, an onset below 0.
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
    ) -> None:
        if life_h <= 0 or speed_rpm <= 0 or onset_h < 0:
            raise ValueError(
                f"life_h={life_h}, speed_rpm={speed_rpm} must be positive, onset_h={onset_h} not negative"
            )
        self.seed = seed
        self.utc_start_ms = utc_start_ms
        self.faults: dict[str, Fault] = dict(faults or {})
        self.shaft_hz = speed_rpm / 60
        elements, ratio = 8, 0.2  # rolling elements; their diameter over the pitch diameter
        self.bpfo_hz = elements * self.shaft_hz / 2 * (1 - ratio)
        self.resonance_hz = resonance_hz
        self._onset_us = round(onset_h * HOUR_US)
        self._life_us = round(life_h * HOUR_US)
        failure_us = self._onset_us + self._life_us
        self.failure_at_ms = utc_start_ms + failure_us // 1000
        self.end_us = None if end_after_h is None else failure_us + round(end_after_h * HOUR_US)
        rng = np.random.default_rng((seed, 1))
        self._phase = rng.uniform(0, 2 * math.pi, (2, 3))
        self._rotor_g = np.array([[0.12, 0.10, 0.05], [0.04, 0.03, 0.02]]) * rng.uniform(0.8, 1.2, (2, 3))
        self._load_period_us = rng.uniform(0.3, 1.7, 3) * HOUR_US
        self._load_phase = rng.uniform(0, 2 * math.pi, 3)
        self._filter: NDArray[np.float64] = firwin(TAPS, 0.9, fs=2.0 * OVERSAMPLE)
        self._bearing_g = 8.0  # amplitude of an impulse at failure

    def wear(self, t_us: int) -> float:
        """Wear: 0 before the onset, exp(-5) there, 1 at failure and after it."""
        if t_us < self._onset_us:
            return 0.0
        return math.exp(GROWTH * (min((t_us - self._onset_us) / self._life_us, 1.0) - 1.0))

    def load(self, t_us: int) -> float:
        """Load factor, 1 on average."""
        slow = np.sin(2 * math.pi * t_us / self._load_period_us + self._load_phase).sum()
        return (
            1.0
            + 0.03 * float(slow)
            + 0.02 * float(np.random.default_rng((self.seed, 2, t_us)).standard_normal())
        )

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """See `World.accel`. Below 1 ms for 256 samples."""
        half = TAPS // 2
        fine = np.arange(index * OVERSAMPLE - half, (index + n - 1) * OVERSAMPLE + half + 1)
        t = fine / (rate_hz * OVERSAMPLE)
        wear = self.wear(burst_start_us)
        load = self.load(burst_start_us)
        turn = 2 * math.pi * self.shaft_hz * (t[:, None] + burst_start_us * 1e-6 % (1 / self.shaft_hz))
        signal = load * (1 + 1.5 * wear**2) * self._rotor_g[0] * np.sin(turn + self._phase[0])
        signal += load * self._rotor_g[1] * np.sin(2 * turn + self._phase[1])
        # A resonance beyond the oversampled band leaves nothing behind the filter.
        if wear > 0 and self.resonance_hz < 0.9 * OVERSAMPLE / 2 * rate_hz:
            signal += (self._bearing_g * wear * self._ringing(burst_start_us, t))[:, None] * AXES
        taken = np.arange(n) * OVERSAMPLE
        windows = np.lib.stride_tricks.sliding_window_view(signal, TAPS, axis=0)[taken]
        counts = windows @ self._filter * COUNTS_PER_G
        counts[:, 2] += COUNTS_PER_G
        counts += adxl345_noise((self.seed, 3, burst_start_us), index, n, rate_hz)
        return np.clip(np.rint(counts), -32768, 32767).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        """There is no such sensor.

        Raises:
            LookupError: always.
        """
        raise LookupError("this machine has no temperature sensor")

    def _ringing(self, burst_start_us: int, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """The resonance excited by the defect, of unit amplitude, at the times `t` (s) of the burst."""
        omega = 2 * math.pi * self.resonance_hz
        tail_s = 7 / (DAMPING * omega)  # down to 1/1000
        first = math.floor((t[0] - tail_s) * self.bpfo_hz) - 1
        last = math.ceil(t[-1] * self.bpfo_hz) + 1
        first = max(first, -PHASE_BLOCK)
        times, gains = self._impulses(burst_start_us, first, last)
        out = np.zeros(len(t))
        step = t[1] - t[0]
        length = math.ceil(tail_s / step)
        for at, gain in zip(times, gains, strict=True):
            begin = max(0, math.ceil((at - t[0]) / step))
            end = min(len(t), math.ceil((at - t[0]) / step) + length)
            if begin < end:
                since = t[begin:end] - at
                out[begin:end] += gain * np.exp(-DAMPING * omega * since) * np.sin(omega * since)
        return out

    def _impulses(
        self, burst_start_us: int, first: int, last: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times (s since the burst's start) and gains of impulses `first` .. `last`."""
        blocks = range(first // PHASE_BLOCK, last // PHASE_BLOCK + 1)
        draws = np.concatenate(
            [
                np.random.default_rng((self.seed, 4, burst_start_us, b + 1)).standard_normal((PHASE_BLOCK, 2))
                for b in blocks
            ]
        )
        k = np.arange(blocks[0] * PHASE_BLOCK, (blocks[-1] + 1) * PHASE_BLOCK)
        return (k + 0.015 * draws[:, 0]) / self.bpfo_hz, 1 + 0.2 * draws[:, 1]
