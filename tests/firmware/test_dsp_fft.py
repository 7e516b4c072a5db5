"""The transform, its tables and the arithmetic around it, against definitions in floats."""

import math
from array import array

from helpers import Random, without_heap

from babbitt_node.dsp import bins, fft, scaling

BIAS = fft.BIAS
TABLE_4096 = 677605
_pair = array("i", [0, 0])


def transformed(samples, up):
    """The window's bins as (real, imaginary), halved, as the node computes them."""
    n = len(samples)
    z = array("i", [0] * n)
    table = fft.quarter(n)
    assert fft.widen(array("h", samples), n, 0, (1 << 29) // n >> up, z) == up
    fft.reverse(z, 0, n // 2)
    fft.transform(z, 0, n // 2, table, n)
    fft.split(z, 0, n // 2, table, n)
    return z


def exact(samples, k):
    """Bin k by its definition, halved."""
    n = len(samples)
    re = im = 0.0
    for i in range(n):
        angle = 2 * math.pi * (k * i % n) / n
        re += samples[i] * math.cos(angle)
        im -= samples[i] * math.sin(angle)
    return re / 2, im / 2


def test_the_table_is_a_quarter_of_a_sine():
    for n in (64, 256, 4096):
        table = fft.quarter(n)
        assert len(table) == n // 4 + 1 and (table[0], table[n // 4]) == (0, 32768)
        for i in range(n // 4 + 1):
            assert abs(table[i] - 32768 * math.sin(2 * math.pi * i / n)) < 0.51, (n, i)


def test_the_table_is_the_same_on_every_runtime():
    total = 0
    for value in fft.quarter(4096):
        total = (total * 31 + value) % 1000003
    assert total == TABLE_4096, total


def test_the_transform_is_that_of_the_definition():
    random = Random(3)
    for n in (64, 256):
        samples = [random.between(-3000, 3000) for _ in range(n)]
        z = transformed(samples, 4)
        largest = 3000.0 * n * 8
        for k in range(1, n // 2):
            re, im = exact(samples, k)
            assert abs(z[2 * k] - BIAS - 16 * re) < largest / 20000, (n, k)
            assert abs(z[2 * k + 1] - BIAS - 16 * im) < largest / 20000, (n, k)


def test_impulse_and_constant_by_hand():
    # An impulse of 1000 has 1000 in every bin; a constant has nothing in any bin but 0.
    for k in range(1, 32):
        z = transformed([1000] + [0] * 63, 4)
        assert abs(z[2 * k] - BIAS - 8000) <= 3 and abs(z[2 * k + 1] - BIAS) <= 3
        z = transformed([-32768] * 64, 0)
        assert abs(z[2 * k] - BIAS) <= 3 and abs(z[2 * k + 1] - BIAS) <= 3


def test_hann_takes_half_of_a_bin_and_a_quarter_of_its_neighbours():
    z = array("i", [BIAS] * 32)
    z[2 * 5] += 4000
    z[2 * 5 + 1] -= 800
    fft.hann(z, 0, 16)
    for k in range(16):
        re, im = {4: (-1000, 200), 5: (2000, -400), 6: (-1000, 200)}.get(k, (0, 0))
        assert (z[2 * k] - BIAS, z[2 * k + 1] - BIAS) == (re, im), k


def test_magnitudes_at_every_size():
    random = Random(9)
    z = array("i", [0] * 128)
    for bits in range(1, 30):
        top = (1 << bits) - 1
        pairs = [(random.between(-top, top), random.between(-top, top)) for _ in range(60)]
        pairs += [(top, top), (-top, 0), (0, top), (0, 0)]
        for i in range(64):
            z[2 * i] = pairs[i][0] + BIAS
            z[2 * i + 1] = pairs[i][1] + BIAS
        fft.magnitudes(z, 0, 64)
        for i in range(64):
            wanted = math.sqrt(pairs[i][0] ** 2 + pairs[i][1] ** 2)
            assert abs(z[i] - wanted) <= 0.51 + wanted / 7000, (pairs[i], z[i], wanted)


def test_a_chain_of_factors_keeps_its_precision():
    random = Random(11)
    for _ in range(300):
        value = random.between(1, 1 << random.between(1, 29))
        num = random.between(1, 1 << random.between(1, 29))
        den = random.between(1, 1 << random.between(1, 29))
        wanted = value * num / den * 0.989875
        got = scaling.scaled(value, -3, num, den, 7919, 1000)
        if wanted > (1 << 30) - 1:
            assert got == (1 << 30) - 1, (value, num, den, got)
        else:
            assert abs(got - wanted) <= 0.51 + wanted * 2e-8, (value, num, den, got, wanted)
    for value, num, den, wanted in (
        (0, 5, 1, 0),
        (5, 0, 1, 0),
        (6, 1, 4, 2),
        (5, 1, 4, 1),
        ((1 << 30) - 1, 1, 1, (1 << 30) - 1),
    ):
        slack = 1 if value > 9 else 0
        assert abs(scaling.scaled(value, 0, num, den, 1, 1) - wanted) <= slack, (value, num, den)
        assert abs(scaling.scaled(value, 0, 1, 1, num, den) - wanted) <= slack, (value, num, den)


def test_sums_over_bins():
    random = Random(12)
    for count in (1, 2, 77, 2047):
        for top in (1, 30, 5000, 32766):
            z = array("i", [random.between(0, top) for _ in range(count)])
            bins.root(z, 0, count, _pair)
            wanted = math.sqrt(sum(v * v for v in z))
            assert abs(_pair[0] * 2.0 ** (_pair[1] - 4096) - wanted) <= wanted * 1e-6, (count, top)
    z = array("i", [(1 << 28) - 1] * 2000)
    bins.root(z, 0, 2000, _pair)
    assert abs(_pair[0] * 2.0 ** (_pair[1] - 4096) / (math.sqrt(2000) * (1 << 28)) - 1) < 1e-4
    bins.root(z, 0, 0, _pair)
    assert _pair[0] == 0


def test_the_envelope_is_lifted_off_its_mean():
    random = Random(13)
    for count, top, limit in ((128, 5, 1 << 22), (500, 1 << 20, 1 << 22), (2048, (1 << 28) - 1, 1 << 18)):
        z = array("i", [random.between(0, top) for _ in range(count)] + [0] * count)
        mean = sum(z) // count
        span = max(max(z) - mean, mean)
        shift = bins.lift(z, count, limit)
        assert limit // 2 < span * 2.0**-shift < limit + 1, (count, shift)
        for i in range(count):
            wanted = (z[i] - mean) >> shift if shift > 0 else (z[i] - mean) << -shift
            assert z[count + i] - BIAS == wanted, (count, i)


def test_the_bins_of_a_band():
    # 1024 samples at 1024 Hz: a bin is 1 Hz.
    for low, high, first, last in (
        (10, 100, 10, 100),
        (0, 50000, 2, 510),
        (1, 2, 2, 2),
        (600, 700, 600, 510),
    ):
        scaling.edges(low, high, 10, 1024000, _pair)
        assert (_pair[0], _pair[1]) == (first, last), (low, high)
    # A bin of 3.1247 Hz: of 10..1000 Hz those from 12.5 to 999.9; of 12.51 (a hundredth of a bin above bin 4) not bin 4.
    scaling.edges(10, 1000, 10, 3199712, _pair)
    assert (_pair[0], _pair[1]) == (4, 320)
    scaling.edges(25, 50000, 8, 1000, _pair)  # far beyond all bins
    assert _pair[0] > _pair[1]


def test_summits_are_the_largest_local_maxima():
    z = array("i", [9, 1, 5, 1, 7, 7, 2, 5, 3, 8])
    out = array("i", [0] * 4)
    bins.summits(z, 0, 1, 8, 4, out)
    assert list(out) == [4, 2, 7, 0]  # 9 and 8 are outside, the first of 7, 7, the first of the 5s first
    bins.summits(z, 0, 1, 8, 1, out)
    assert list(out) == [4, 2, 7, 0]
    bins.summits(z, 2, 1, 4, 2, out)
    assert list(out[:2]) == [2, 0]


def test_integration_divides_by_the_bin():
    z = array("i", [1 << 26] * 2048 + [0] * 2048)
    assert bins.integrated(z, 2, 2046, 2048) == 10
    for k in range(2, 2047):
        wanted = (1 << 26) * 1024 / 256 / math.sqrt(k * k + 1)
        assert abs(z[2048 + k - 2] - wanted) <= 0.51 + wanted * 0.001, k


def test_a_tone_between_two_bins():
    # Magnitudes of Hann's window at distance d from the line: sin(pi d) / (pi d (1 - d^2)).
    out = array("i", [0, 0])
    for tenths in range(-5, 6):
        d = tenths / 10 + 1e-9
        z = array("i", [0] * 11)
        for k in range(3, 8):
            x = 5 + d - k
            z[k] = int((1 << 27) * abs(math.sin(math.pi * x) / (math.pi * x * (1 - x * x))) + 0.5)
        peak = 5 if abs(d) < 0.5 or (z[5] >= z[6] and z[5] >= z[4]) else 5 + (1 if d > 0 else -1)
        bins.tone(z, 0, peak, out)
        assert abs(out[0] / 32768 - 5 - d) < 0.001, (tenths, out[0] / 32768)
        assert abs(z[peak] * out[1] / 16384 / (1 << 27) - 1) < 0.0005, tenths


def test_kernels_allocate_nothing():
    n = 256
    z, axis, table = array("i", [0] * n), array("h", [-32768, 32767] * 128), fft.quarter(n)

    def work():
        fft.widen(axis, n, 0, 32768, z)
        fft.reverse(z, 0, 128)
        fft.transform(z, 0, 128, table, n)
        fft.split(z, 0, 128, table, n)
        fft.hann(z, 0, 128)
        fft.magnitudes(z, 0, 128)

    without_heap(work)
