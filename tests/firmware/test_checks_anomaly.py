"""The streaming anomaly detector: cases derived by hand, and what it promises for any unit. For transitions see
the golden vectors.
"""

from array import array

from helpers import Random

from babbitt_node.checks import make
from babbitt_node.checks.anomaly import decades

_SCALE = 13  # place of the scale in the state


def anomaly(**settings):
    spec = {"id": "c", "type": "anomaly", "channel": "a"}
    spec.update(settings)
    return make(spec, 0)


def play(check, values):
    """(index, state, cause) of every change of state."""
    told = []
    for i, value in enumerate(values):
        if check.update(value, 1000):
            told.append((i, check.state, check.evidence().get("cause", 0)))
    return told


def noise(seed, mean, spread, n):
    random = Random(seed)
    return [mean + random.between(-spread, spread) for _ in range(n)]


def place(check, index):
    state = array("i", [0] * check.SIZE)
    check.dump(state)
    return state[index]


def test_tail_probability_in_tenths_of_a_decade():
    # Two-sided quantiles of the normal distribution: 5 % at 1.9600, 1 % at 2.5758, 10^-3 at 3.2905, 10^-6 at
    # 4.8916, 10^-9 at 6.1094, 10^-12 at 7.1305. z is cut to sixteenths: 1 or 2 less.
    for z, wanted in ((19601, 13), (25758, 20), (32905, 30), (48916, 60), (61094, 90), (71305, 120)):
        assert 0 <= wanted - decades(z, 10000) <= 2, (z, decades(z, 10000))
    assert decades(0, 1) == 0
    assert decades(12, 1) == decades(1 << 29, 1) == 324
    assert decades(1 << 29, 1 << 28) == decades(2, 1) == 13
    previous = 0
    for far in range(0, 1300):
        now = decades(far, 100)
        assert previous <= now
        previous = now


def test_learning_says_nothing():
    check = anomaly(learn=16, recent=2)
    random = Random(1)
    for i in range(15):
        assert not check.update(random.between(-(1 << 30), 1 << 30), 10000)
        assert (check.state, check.severity, check.evidence()) == ("learning", 0, {}), i
    assert check.update(5, 10000)
    assert (check.previous, check.state, check.severity) == ("learning", "N", 0)
    assert (check.held_s, check.limit) == (150, None)


def test_it_learns_three_lengths_of_the_recent_mean_at_least():
    for settings, first in (({}, 191), ({"recent": 2}, 191), ({"learn": 16}, 191), ({"learn": 300}, 299)):
        assert play(anomaly(**settings), [7] * 400) == [(first, "N", 0)], settings
    assert play(anomaly(learn=16, recent=2), [7] * 400) == [(15, "N", 0)]


def test_a_flicker_of_the_floor_is_nothing_and_more_is_an_extreme():
    check = anomaly(learn=16, recent=2, hold=4)
    assert play(check, [1000] * 16 + [1001, 999] * 20)[1:] == []
    # The range is 999..1001. 1003 is 2 beyond, 1 more than the floor, half of the range: 500 thousandths are
    # 1666 % of the margin of 3 %.
    assert check.update(1003, 1000)
    assert (check.state, check.severity) == ("H", 1)
    found = check.evidence()
    assert (found["score"], found["cause"]) == (1666, 4)
    # Recent mean: 1003 is 2 or 3 above, and weighs a quarter.
    assert found["recent"] in (1000, 1001) and found["usual"] == 1000


def test_margin_of_the_range():
    for margin, beyond in ((3, 1), (4, 0), (100, 0)):
        check = anomaly(learn=16, recent=2, margin=margin, floor_abs=0, limit=300)
        play(check, [0, 1000] * 50 + [0])
        assert check.update(1031, 1000) == bool(beyond), margin  # 3.1 %
    for margin, beyond in ((3, 1), (4, 0)):
        check = anomaly(learn=16, recent=2, margin=margin, floor_abs=0, limit=300)
        play(check, [0, 1000] * 50 + [0])
        assert check.update(-31, 1000) == bool(beyond) and check.state == ("L" if beyond else "N")


def test_refractory_latch():
    for hold in (0, 1, 32):
        check = anomaly(learn=16, recent=2, hold=hold, limit=300)
        told = play(check, [0, 1000] * 50 + [0, 1100] + [0, 1000] * 50)
        assert [row[:2] for row in told[1:]] == [(101, "H"), (102 + hold, "N")], (hold, told)


def test_a_second_alarm_within_the_latch_is_not_told():
    values = [0, 1000] * 50 + [0, 1100, 0, 1200] + [0, 1000] * 50
    told = play(anomaly(learn=16, recent=2, hold=8, limit=300), values)
    assert [row[:2] for row in told[1:]] == [(101, "H"), (110, "N")]
    told = play(anomaly(learn=16, recent=2, hold=0, limit=300), values)
    assert [row[:2] for row in told[1:]] == [(101, "H"), (102, "N"), (103, "H"), (104, "N")]


def bell(seed, mean, spread, n):
    """The mean of three even ones: within mean +- spread, standard deviation a third of `spread`."""
    random = Random(seed)
    third = spread // 3
    return [mean + sum(random.between(-third, third) for _ in range(3)) for _ in range(n)]


def test_a_change_of_level_within_the_range_is_found():
    calm = bell(2, 0, 3000, 1000)
    assert max(calm) > 2300 and min(calm) < -2300
    for shift, state in ((2000, "H"), (-2000, "L")):
        changed = bell(3, shift, 300, 100)
        assert max(changed) < 2300 and min(changed) > -2300
        told = play(anomaly(learn=1000), calm + changed)
        assert told[0][:2] == (999, "N")
        assert told[1][1] == state and 1000 < told[1][0] < 1100 and abs(told[1][2]) in (1, 5), told


def test_louder_and_quieter_within_the_range_are_found():
    calm = bell(4, 0, 3000, 1000)
    for loud, state, limit in ((2000, "H", 100), (0, "L", 60)):
        told = play(anomaly(learn=1000, limit=limit), calm + [loud if i % 2 else -loud for i in range(200)])
        assert told[1][1] == state and 1000 < told[1][0] < 1128 and abs(told[1][2]) in (2, 3, 6), told


def test_steady_noise_gives_few_alarms():
    alarms = 0
    for seed in range(8):
        told = play(anomaly(), noise(10 + seed, 5000, 300, 2000))
        alarms += len([row for row in told if row[1] in ("L", "H")])
    assert alarms <= 3, alarms


def test_any_unit_gives_the_same():
    values = noise(5, 0, 50, 400) + [70] + noise(6, 0, 50, 200) + [-90] + noise(8, 0, 50, 100)
    wanted = play(anomaly(floor_abs=0), values)
    assert len(wanted) >= 4
    for factor in (2, 1024, 1 << 20):  # the same bits: only the scale differs
        assert play(anomaly(floor_abs=0), [factor * v for v in values]) == wanted, factor
    for factor in (3, 10, 1000, 7000000):  # the same states: the last bits differ
        told = play(anomaly(floor_abs=0), [factor * v for v in values])
        assert [row[:2] for row in told] == [row[:2] for row in wanted], factor
    for offset in (-100000, 12345, 400000000):
        assert play(anomaly(floor_abs=0), [offset + v for v in values]) == wanted, offset


def test_both_sides_are_alike():
    values = noise(5, 0, 50, 400) + [70] + noise(6, 0, 50, 200) + [-90] + noise(8, 0, 50, 100)
    up = [row[:2] for row in play(anomaly(floor_abs=0), values)]
    down = [row[:2] for row in play(anomaly(floor_abs=0), [-v for v in values])]
    swapped = {"H": "L", "L": "H", "N": "N"}
    assert [(i, swapped[state]) for i, state in up] == down


def test_one_wild_value_widens_the_scale_by_one_bit():
    check = anomaly()
    values = [0, 100] + noise(9, 0, 100, 400)
    play(check, values)
    before = place(check, _SCALE)
    assert before == 13  # 100 x 2^13 is below 2^20, 100 x 2^14 is not
    assert check.update(1 << 30, 1000) and check.state == "H"
    assert place(check, _SCALE) == before - 1
    play(check, values)
    assert place(check, _SCALE) == before - 1
    play(check, [1 << 30] * 22)  # 2^29 - 1 from about 0: 20 bits at a scale of -9
    assert place(check, _SCALE) == -9


def test_a_change_that_stays_becomes_usual():
    check = anomaly()
    assert play(check, noise(11, 1000, 50, 1000) + noise(12, 3000, 50, 1000))[1][1] == "H"
    for k in range(24):
        play(check, noise(100 + k, 3000, 50, 500))
    assert check.state == "N"
    assert abs(check_usual(check) - 3000) < 60
    assert play(check, noise(14, 1000, 50, 200))[0][1] == "L"


def check_usual(check):
    """The usual level; the evidence names it after an extreme value."""
    check.update(9000, 1000)
    found = check.evidence()
    assert found["cause"] == 4
    return found["usual"]


def test_damaged_states_are_refused():
    check = anomaly()
    play(check, noise(15, 0, 100, 300))
    state = array("i", [0] * check.SIZE)
    check.dump(state)
    for index, value in ((11, -1), (11, 4097), (13, 21), (13, -11), (14, -1), (15, -1), (16, 7), (17, 1 << 21),
                         (19, 1 << 21), (20, 1 << 30), (22, -1), (25, -1), (28, -1), (32, -(1 << 30))):  # fmt: skip
        bad = array("i", state)
        bad[index] = value
        try:
            check.load(bad)
        except Exception as error:
            assert error.name == "range"
        else:
            raise AssertionError("place %d: %d was taken" % (index, value))
    check.load(state)
