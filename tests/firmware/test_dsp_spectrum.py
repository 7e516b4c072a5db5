"""Velocity, bands, peaks, orders and envelope of signals whose values follow from their formulas; no allocation."""

import math
from array import array

from helpers import Random, node_error, without_heap

from babbitt_node.dsp import asked
from babbitt_node.dsp.envelope import envelope, envelope_peaks
from babbitt_node.dsp.plan import Plan
from babbitt_node.dsp.spectrum import Spectrum, shared

NUM, DEN = 15625, 4  # ADXL345: 3906.25 micro-g a count
UG = NUM / DEN
RATE = 3187500  # mHz: a sensor runs up to some per cent beside its nominal rate
HZ = RATE / 1000


def sines(n, *lines):
    """Samples of the sum of (amplitude in counts, Hz, phase), with gravity and half a count of rounding."""
    samples = array("h", [0] * n)
    for i in range(n):
        v = 256.0
        for amplitude, hz, phase in lines:
            v += amplitude * math.sin(2 * math.pi * hz * i / HZ + phase)
        samples[i] = int(v + 1000.5) - 1000 if v > -1000 else int(v - 0.5)
    return samples


def spectrum_of(samples):
    spectrum = shared(1024)
    spectrum.window(samples, len(samples), NUM, DEN, RATE)
    return spectrum


def near(got, wanted, share, least=2):
    assert got is not None and abs(got - wanted) <= share * wanted + least, (got, wanted)


def um_s(amplitude, hz):
    """RMS velocity of a sine of acceleration."""
    return amplitude * UG * 9.80665 / (2 * math.pi * hz) / math.sqrt(2)


def test_velocity_of_a_sine_is_its_acceleration_over_2_pi_f():
    for n, hz in ((256, 200.0), (1024, 41.3), (1024, 49.8), (1024, 305.17), (1024, 850.0)):
        for amplitude in (4000, 300):
            spectrum = spectrum_of(sines(n, (amplitude, hz, 0.4)))
            near(spectrum.velocity(10, 1000), um_s(amplitude, hz), 0.005)


def test_velocities_of_lines_add_as_squares():
    spectrum = spectrum_of(sines(1024, (1500, 50.0, 1), (3000, 120.5, 2), (3500, 1250.0, 0)))
    wanted = math.sqrt(um_s(1500, 50) ** 2 + um_s(3000, 120.5) ** 2)  # 1250 Hz is outside
    near(spectrum.velocity(10, 1000), wanted, 0.005)


def test_velocity_of_low_bins_is_taken_as_it_is():
    # Four periods in the window: Hann's side bins would add 3 % to a plain division by f.
    hz = 4 * HZ / 1024
    spectrum = spectrum_of(sines(1024, (2000, hz, 0.3)))
    near(spectrum.velocity(2, 1000), um_s(2000, hz), 0.005)


def test_a_velocity_that_is_not_covered_is_none():
    spectrum = shared(1024)
    samples = sines(256, (1000, 100.0, 0))
    spectrum.window(samples, 256, NUM, DEN, 100000000)  # bins of 390 Hz: the first in use is 781 Hz
    assert spectrum.velocity(10, 700) is None and spectrum.velocity(10, 1000) is not None
    spectrum.window(samples, 256, NUM, DEN, 5000)  # 5 Hz: up to 2.5 Hz
    assert spectrum.velocity(10, 1000) is None and spectrum.level(3, 10) is None


def test_levels_of_bands():
    spectrum = spectrum_of(sines(1024, (1000, 100.0, 1), (250, 700.0, 2)))
    near(spectrum.level(60, 150), 1000 * UG / math.sqrt(2), 0.005)
    near(spectrum.level(600, 800), 250 * UG / math.sqrt(2), 0.005)
    near(spectrum.level(10, 1500), math.sqrt(1000**2 + 250**2) * UG / math.sqrt(2), 0.005)
    assert spectrum.level(250, 500) < 2000  # rounding to counts: half a count in all of it
    assert spectrum.level(106, 108) is None  # between two bins of 3.1 Hz


def test_peaks_between_bins_and_in_order():
    lines = ((3000, 77.7, 0.2), (900, 402.9, 1.1), (40, 1201.4, 2.2))
    for n in (512, 1024):
        spectrum = spectrum_of(sines(n, *lines))
        assert spectrum.peaks(3, 0, 1600) == 3
        for i in range(3):
            amplitude, hz, _ = lines[i]
            assert abs(spectrum.frequency[i] - 1000 * hz) < 20 * HZ / n, (
                i,
                spectrum.frequency[i],
            )  # 0.02 bin
            near(spectrum.amplitude[i], amplitude * UG, 0.005, UG)
    assert spectrum.peaks(1, 300, 1600) == 1
    near(spectrum.frequency[0], 402900, 0.001)


def test_a_constant_has_no_peaks():
    spectrum = spectrum_of(array("h", [-32768] * 512))
    assert spectrum.peaks(8, 0, 50000) == 0
    assert (spectrum.velocity(10, 1000), spectrum.level(10, 1000), spectrum.order(50000)) == (0, 0, 0)
    assert envelope(spectrum, array("h", [7] * 512), 512, NUM, DEN, RATE, 100, 1000) == 0
    assert envelope_peaks(spectrum, 3) == 0


def test_orders_of_a_shaft():
    shaft = 24.7
    spectrum = spectrum_of(sines(1024, (800, shaft, 0.1), (200, 2 * shaft, 1), (50, 3 * shaft, 2)))
    for said in (24700, 24500, 24900):  # the speed may be a little off
        near(spectrum.order(said), 800 * UG, 0.02)
        near(spectrum.order(2 * said), 200 * UG, 0.02)
        near(spectrum.order(3 * said), 50 * UG, 0.03)
    assert spectrum.order(4000) is None  # 1.3 turns in the window
    assert spectrum.order(1590000) is None and spectrum.order(100000000) is None


def test_envelope_of_a_modulated_line():
    # a (1 + m cos wt) on a carrier: mean a, RMS a sqrt(1 + m^2 / 2), one line of a m.
    n = 1024
    samples = array("h", [0] * n)
    beat = 12 * HZ / n
    carrier = 250 * HZ / n
    for i in range(n):
        t = i / HZ
        v = 1000 * (1 + 0.5 * math.cos(2 * math.pi * beat * t)) * math.sin(2 * math.pi * carrier * t)
        v += 3000 * math.sin(2 * math.pi * 20 * HZ / n * t)
        samples[i] = int(v + 10000.5) - 10000
    spectrum = shared(1024)
    near(envelope(spectrum, samples, n, NUM, DEN, RATE, 600, 1000), 1000 * UG * math.sqrt(1.125), 0.005)
    assert envelope_peaks(spectrum, 1) == 1
    assert abs(spectrum.frequency[0] - 1000 * beat) < 1000 * HZ / n / 50, spectrum.frequency[0]
    near(spectrum.amplitude[0], 500 * UG, 0.005)
    near(envelope(spectrum, samples, n, NUM, DEN, RATE, 30, 100), 3000 * UG, 0.005)
    assert envelope(spectrum, samples, n, NUM, DEN, RATE, 1700, 5000) is None


def test_knocks_show_at_their_rate_in_the_envelope():
    # A resonance at 1100 Hz that is struck 80 times a second: nothing at 80 Hz in the spectrum itself.
    n = 1024
    samples = array("h", [0] * n)
    random = Random(5)
    for i in range(n):
        since = i / HZ % (1 / 80)
        v = 2500 * math.exp(-since * 600) * math.sin(2 * math.pi * 1100 * since) + random.between(-30, 30)
        samples[i] = int(v + 5000.5) - 5000
    spectrum = shared(1024)
    envelope(spectrum, samples, n, NUM, DEN, RATE, 700, 1500)
    assert envelope_peaks(spectrum, 3) == 3
    assert sorted(round(spectrum.frequency[i] / 80000) for i in range(3)) == [1, 2, 3]
    near(spectrum.frequency[0], 80000, 0.005)


def test_small_windows_in_a_large_spectrum():
    samples = sines(256, (500, 300.0, 1), (90, 611.0, 0))
    small, large = Spectrum(256), Spectrum(1024)
    found = []
    for spectrum in (small, large):
        spectrum.window(samples, 256, NUM, DEN, RATE)
        spectrum.peaks(2, 0, 50000)
        found.append([spectrum.velocity(10, 1000), spectrum.level(500, 700), list(spectrum.frequency)])
        found[-1].append(envelope(spectrum, samples, 256, NUM, DEN, RATE, 400, 900))
        found[-1].append(envelope_peaks(spectrum, 4))
        found[-1].append(list(spectrum.amplitude))
    assert found[0] == found[1]


def test_wrong_arguments_are_refused():
    for n in (0, 128, 300, 8192):
        node_error("range", Spectrum, n)
    spectrum = Spectrum(256)
    axis = array("h", [0] * 512)
    for n in (0, 128, 255, 512):
        node_error("range", spectrum.window, axis, n, 1, 1, RATE)
    node_error("range", spectrum.window, array("h", [0] * 255), 256, 1, 1, RATE)
    for num, den, rate in (
        (0, 1, RATE),
        (32768, 1, RATE),
        (1, 0, RATE),
        (1, 129, RATE),
        (1, 1, 999),
        (1, 1, 100000001),
    ):
        node_error("range", spectrum.window, axis, 256, num, den, rate)


SPEC = {
    "window": 1024, "rate_hz": 3200, "range_g": 16, "features": ["rms", "p2p", "mean", "velocity"],
    "bands": [[10, 100], [100, 1000]], "peaks": 2, "rpm": 1482, "envelope": {"lo": 500, "hi": 1500, "peaks": 1},
}  # fmt: skip
NAMES = [
    "rms",
    "mean",
    "p2p",
    "velocity",
    "band1",
    "band2",
    "freq1",
    "amp1",
    "freq2",
    "amp2",
    "1x",
    "2x",
    "3x",
]
NAMES += ["env", "envfreq1", "envamp1"]


def test_a_plan_writes_what_the_settings_ask_for():
    assert asked.names(SPEC) == NAMES
    plan = Plan(SPEC, NAMES, NUM, DEN)
    samples = sines(1024, (2000, 24.7, 0), (300, 805.0, 1))
    out = [7] * (len(NAMES) + 2)
    plan.write(samples, RATE, 24700, out, 1)
    assert out[0] == out[-1] == 7 and None not in out
    got = {NAMES[i]: out[i + 1] for i in range(len(NAMES))}
    near(got["rms"], math.sqrt(2000**2 + 300**2) / math.sqrt(2) * UG, 0.005)
    near(got["mean"], 256 * UG, 0.02)
    near(got["p2p"], 4600 * UG, 0.01)
    near(got["velocity"], um_s(2000, 24.7), 0.005)
    near(got["band1"], 2000 * UG / math.sqrt(2), 0.005)
    near(got["amp2"], 300 * UG, 0.005)
    near(got["freq1"], 24700, 0.001)
    near(got["1x"], 2000 * UG, 0.005)
    near(got["env"], 300 * UG, 0.01)
    for channel in asked.channels("vib", ["x." + name for name in NAMES], SPEC):
        assert channel["lo"] <= got[channel["id"][6:]] <= channel["hi"], channel
    plan.write(samples, RATE, None, out, 1)
    assert [NAMES[i] for i in range(len(NAMES)) if out[i + 1] is None] == ["1x", "2x", "3x"]
    for rate in (None, 0, 999, 100000001, 1 << 40):  # what a clock that jumps may make of it
        plan.write(samples, rate, 24700, out, 1)
        assert out[1] == got["rms"] and out[4:-1] == [None] * 13


def test_a_plan_without_a_spectrum_takes_any_window():
    spec = {"window": 64, "features": ["crest", "mean"]}
    plan = Plan(spec, asked.names(spec), 1000, 1)
    out = [None, None]
    plan.write(array("h", [-5, 11] * 32), None, None, out, 0)
    assert out == [1000, 3000]


def test_a_plan_allocates_nothing():
    plan = Plan(SPEC, NAMES, NUM, DEN)
    loud, quiet, still = array("h", [-32768, 32767] * 512), sines(1024, (3, 100.0, 0)), array("h", [1] * 1024)
    out = [None] * len(NAMES)

    def work():
        plan.write(loud, RATE, 24700, out, 0)
        plan.write(quiet, RATE, None, out, 0)
        plan.write(still, RATE, 24700, out, 0)
        plan.write(still, None, 24700, out, 0)

    without_heap(work)


def test_what_a_window_covers():
    assert asked.covered(10, 1000, 512, 3200) == [13, 1000]
    assert asked.covered(10, 1000, 1024, 800) == [11, 398]
    assert asked.covered(10, 1000, 4096, 26667) == [14, 996]
    assert asked.covered(10, 700, 64, 26667) is None
    assert asked.covered(60, 100, 4096, 100) is None
