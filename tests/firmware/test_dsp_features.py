"""Vibration features: exact cases by hand, accuracy against plain floats, no allocation."""

from array import array

from helpers import Random, node_error, without_heap

from babbitt_node.dsp import features

NUM, DEN = 15625, 4  # ADXL345 full resolution: 3906.25 micro-g a count


def of(counts, num=1, den=1):
    out = array("i", [-1] * 6)
    features.vibration(array("h", counts), len(counts), num, den, out, 1)
    assert out[0] == out[5] == -1
    return list(out[1:5])


def truth(counts):
    n = len(counts)
    mean = sum(counts) / n
    d = [c - mean for c in counts]
    square = sum(v * v for v in d) / n
    rms = square**0.5
    peak = max(abs(v) for v in d)
    kurtosis = sum(v**4 for v in d) / n / square / square
    return rms * NUM / DEN, peak * NUM / DEN, 1000 * peak / rms, 1000 * kurtosis


def close(counts):
    got = of(counts, NUM, DEN)
    wanted = truth(counts)
    for k, share in enumerate((0.005, 0.005, 0.005, 0.02)):
        assert abs(got[k] - wanted[k]) <= share * wanted[k] + 1, (got, wanted)


def test_a_constant_has_no_vibration():
    for value in (-32768, -1, 0, 5, 32767):
        assert of([value] * 64) == [0, 0, 0, 0]
    assert of([7]) == [0, 0, 0, 0]


def test_a_square_wave_by_hand():
    # +-100 counts around 1000: RMS = peak = 100 counts, crest 1, kurtosis 1.
    assert of([1100, 900] * 32, 1000, 1) == [100000, 100000, 1000, 1000]


def test_the_full_range_of_int16_by_hand():
    # +-32767.5 counts: the widest signal there is.
    rms, peak, crest, kurtosis = of([-32768, 32767] * 512, NUM, DEN)
    for value in (rms, peak):
        assert abs(value - 127998047) < 128000
    assert abs(crest - 1000) <= 2 and abs(kurtosis - 1000) <= 2


def test_one_pulse_by_hand():
    # One of n: variance (n-1)/n^2, kurtosis n - 2 + 1/(n-1), crest sqrt(n-1).
    rms, peak, crest, kurtosis = of([0] * 1023 + [320], 1000, 1)
    assert abs(peak - 319687) <= 160 and abs(rms - 9995) <= 10
    assert abs(crest - 31984) <= 60 and abs(kurtosis - 1022001) <= 5000


def test_accuracy_on_random_windows():
    random = Random(4)
    for n in (2, 3, 64, 512, 1024):
        for amplitude in (1, 3, 40, 4096, 32767):
            counts = [random.between(-amplitude, amplitude) for _ in range(n)]
            close([amplitude, -amplitude] + counts[2:])


def test_accuracy_on_impulses_and_gravity():
    random = Random(5)
    for offset in (-28000, 0, 256, 28000):
        counts = [offset + random.between(-2, 2) for _ in range(512)]
        counts[100] = offset + 4000
        counts[300] = offset - 3500
        close(counts)


def test_window_of_4096():
    # A sawtooth over the whole range: uniform, so RMS 65536/sqrt(12) counts, kurtosis 1.8.
    axis, out = array("h", bytes(8192)), array("i", [0] * 4)
    for i in range(4096):
        axis[i] = 16 * i - 32768
    features.vibration(axis, 4096, 1000, 1, out, 0)
    for got, wanted in ((out[0], 18918640), (out[1], 32760000), (out[2], 1732), (out[3], 1800)):
        assert abs(got - wanted) * 200 <= wanted, (list(out), wanted)


def test_wrong_buffers_are_refused():
    axis, out = array("h", [1, 2]), array("i", [0] * 4)
    for n, at in ((0, 0), (3, 0), (2, 1), (2, -1)):
        node_error("range", features.vibration, axis, n, 1, 1, out, at)
    node_error("range", features.vibration, array("h", [0] * 4097), 4097, 1, 1, out, 0)
    for num, den in ((0, 1), (32768, 1), (1, 0), (1, 129)):
        node_error("range", features.vibration, axis, 2, num, den, out, 0)


def test_vibration_allocates_nothing():
    random = Random(7)
    axis, out = array("h", [random.between(-4096, 4095) for _ in range(512)]), array("i", [0] * 4)
    wide = array("h", [-32768, 32767] * 64)

    def work():
        features.vibration(axis, 512, NUM, DEN, out, 0)
        features.vibration(wide, 128, 32767, 1, out, 0)

    without_heap(work)


def filled(n, values):
    slope = features.Slope(n)
    for value in values:
        slope.add(value)
    return slope


def test_slope_needs_two_values():
    assert filled(16, []).per_hour(10) is None
    assert filled(16, [5, None, None]).per_hour(10) is None
    assert filled(16, [5, None, 7]).per_hour(3600) == 1


def test_slope_of_a_straight_line_is_exact():
    for step in (-300, -1, 0, 1, 7, 5000):
        assert filled(16, [20000 + step * i for i in range(40)]).per_hour(10) == step * 360
        assert filled(16, [20000 + step * i if i % 3 else None for i in range(40)]).per_hour(900) == step * 4


def test_slope_forgets_what_is_older_than_n():
    assert filled(4, [9999, -5000, 0, 10, 20, 30]).per_hour(3600) == 10
    slope = filled(4, [1, 2, 3])
    slope.clear()
    assert slope.per_hour(10) is None


def test_slope_agrees_with_least_squares():
    random = Random(8)
    for n in (2, 5, 16, 32):
        for size in (50, 100000, 1 << 29):
            values = [random.between(-size, size) for _ in range(n)]
            mean = sum(values) / n
            middle = (n - 1) / 2
            top = sum((i - middle) * (v - mean) for i, v in enumerate(values))
            wanted = top / sum((i - middle) ** 2 for i in range(n)) * 60
            got = filled(n, values).per_hour(60)
            wanted = max(-(2**30), min(2**30, wanted))
            assert abs(got - wanted) <= 1 + size * 60 / 2000, (n, size, got, wanted)


def test_slope_saturates_and_refuses_floats():
    top = (1 << 30) - 1
    assert filled(2, [-top, top]).per_hour(1) == top
    assert filled(2, [1 << 40, -(1 << 40)]).per_hour(1) == -top
    node_error("internal", features.Slope(4).add, 1.5)
    for n in (1, 33):
        node_error("range", features.Slope, n)


def test_slope_allocates_nothing():
    slope = filled(16, [1 << 29, None, -(1 << 29)])

    def work():
        slope.add(12345)
        slope.add(None)
        slope.per_hour(10)

    without_heap(work)


def test_a_slope_goes_on_from_what_it_dumped():
    for n in (2, 16, 32):
        random = Random(n)
        one, other = features.Slope(n), features.Slope(n)
        for k in range(3 * n):
            one.add(None if random.between(0, 3) == 0 else random.between(-1000000, 1000000))
            state = array("i", [0] * one.SIZE)
            one.dump(state)
            other.load(state)
            assert other.per_hour(60) == one.per_hour(60), (n, k)
    node_error("range", other.load, array("i", [0] * 4))
    node_error("range", other.load, array("i", [32] + [0] * 34))
