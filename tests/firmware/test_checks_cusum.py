"""Cumulative sums by hand: how they grow, fall and are bounded. Eight times 1000 are learnt: the deviation is the
floor, 50 thousandths of 1000.
"""

from helpers import Random

from babbitt_node.checks import make


def cusum(**settings):
    spec = {"id": "c", "type": "cusum", "channel": "a", "learn": 8}
    spec.update(settings)
    check = make(spec, 0)
    for _ in range(8):
        check.update(1000, 10000)
    return check


def run(check, values):
    """(number of values, state) of every change."""
    told = []
    for i, value in enumerate(values):
        if check.update(value, 10000):
            told.append((i + 1, check.state))
    return told


def test_a_shift_of_three_deviations():
    # z = 3, k = 1: 2 a record, so 20 after ten (on h is inside) and 22 after eleven. Back at the mean it loses 1 a
    # record: h/2 = 10 after twelve.
    check = cusum()
    assert run(check, [1150] * 11) == [(11, "H")]
    assert check.evidence() == {"mean": 1000, "dev": 50, "up": 220, "down": 0}
    assert run(check, [1000] * 12) == [(12, "N")]


def test_a_shift_downwards():
    check = cusum(level="alarm")
    assert run(check, [850] * 11) == [(11, "LL")]
    assert (check.evidence()["down"], check.limit, check.severity) == (220, None, 2)


def test_a_shift_of_no_more_than_k_is_no_shift():
    check = cusum()
    assert run(check, [1050] * 1000 + [950] * 1000) == []
    assert check.evidence()["up"] == check.evidence()["down"] == 0


def test_one_wild_value_counts_as_eight_deviations():
    check = cusum()
    assert run(check, [999999]) == []
    assert check.evidence()["up"] == 70
    assert run(check, [999999] * 2) == [(2, "H")]


def test_a_sum_is_at_most_twice_h():
    check = cusum(h10=50, k10=10)
    run(check, [5000] * 100)
    assert check.evidence()["up"] == 100
    assert run(check, [1000] * 8) == [(8, "N")]  # 10.0 to 2.5, by 1 a record


def test_what_was_learnt_is_kept():
    check = cusum()
    run(check, [1040, 960] * 500 + [1200] * 500)
    assert check.evidence()["mean"] == 1000 and check.evidence()["dev"] == 50


def test_noise_is_no_shift_and_a_small_shift_is_found_before_any_value_is_remarkable():
    random = Random(3)

    def noise(mean, n):
        for _ in range(n):
            yield mean + sum(random.between(-100, 100) for _ in range(4))

    check = make(
        {"id": "c", "type": "cusum", "channel": "a", "learn": 200, "k10": 5, "h10": 150, "floor": 1}, 0
    )
    assert run(check, noise(0, 200)) == [(200, "N")]
    assert run(check, noise(0, 3000)) == []
    told = run(check, noise(120, 60))  # one deviation is 115
    assert len(told) == 1 and told[0][1] == "H" and 15 <= told[0][0] <= 60, told
