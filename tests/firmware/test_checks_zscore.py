"""Rolling statistics: against plain floats, and what is learnt. For transitions see the golden vectors."""

from helpers import Random

from babbitt_node.checks import make


def zscore(**settings):
    spec = {"id": "c", "type": "zscore", "channel": "a"}
    spec.update(settings)
    return make(spec, 0)


def test_learning_says_nothing():
    check = zscore(learn=8)
    random = Random(1)
    for i in range(7):
        assert not check.update(random.between(-(1 << 30), 1 << 30), 10000)
        assert (check.state, check.severity, check.evidence()) == ("learning", 0, {}), i
    assert check.update(5, 10000)
    assert (check.previous, check.state, check.severity) == ("learning", "N", 0)
    assert (check.held_s, check.limit) == (70, None)


def test_mean_and_deviation_agree_with_floats():
    random = Random(2)
    for level in (-15000000, -700, 0, 20000, 12000000):
        for spread in (30, 20000, 700000):
            check = zscore(learn=512, floor=1, floor_abs=0, z10=200)
            values = [level + random.between(-spread, spread) for _ in range(512)]
            for value in values:
                check.update(value, 1000)
            found = check.evidence()
            mean = sum(values) / len(values)
            dev = 1.2533 * sum(abs(v - mean) for v in values) / len(values)
            assert abs(found["mean"] - mean) <= 1, (level, spread)
            wanted = max(dev, abs(mean) / 1000)
            assert abs(found["dev"] - wanted) <= 0.05 * dev + 1, (level, spread, found, wanted)


def test_z_is_tenths_of_the_deviation():
    check = zscore(learn=8, floor=100)
    for _ in range(8):
        check.update(10000, 1000)
    for value, z, state in ((12500, 25, "N"), (16000, 60, "N"), (16100, 61, "H"), (3900, 61, "L")):
        check.update(value, 1000)
        # Values within half the limit are learnt and move the mean a little: 2500 / 128.
        assert abs(check.evidence()["z"] - z) <= 1 and check.state == state, (value, check.evidence())


def test_an_anomaly_is_not_learnt():
    check = zscore(learn=16)
    for i in range(16):
        check.update(1000 + i % 2, 1000)
    before = check.evidence()
    for value in (1400, 1400, 1160, 840, 1400) * 50:  # beyond the limit, and between half of it and it
        check.update(value, 1000)
        assert check.evidence()["mean"] == before["mean"] and check.evidence()["dev"] == before["dev"]


def test_in_an_alarm_nothing_is_learnt():
    check = zscore(learn=8, off_delay_s=3600)
    for _ in range(8):
        check.update(1000, 1000)
    check.update(2000, 1000)
    for _ in range(100):
        check.update(1100, 1000)
        assert check.state == "H" and check.evidence()["mean"] == 1000


def test_normal_drift_is_learnt_with_its_weight():
    check = zscore(learn=8, shift=3)
    for _ in range(8):
        check.update(1000, 1000)
    check.update(1080, 1000)
    assert check.evidence()["mean"] == 1010


def test_the_smallest_weight_still_moves():
    check = zscore(learn=8, shift=10)
    for _ in range(8):
        check.update(1000, 1000)
    for _ in range(4000):
        check.update(1001, 1000)
    assert check.evidence()["mean"] == 1001


def test_floors():
    for settings, dev in (({"floor": 50, "floor_abs": 1}, 50), ({"floor": 1, "floor_abs": 500}, 500)):
        check = zscore(learn=8, **settings)
        for _ in range(8):
            check.update(-1000, 1000)
        assert check.evidence()["dev"] == dev
