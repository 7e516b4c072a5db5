"""Flat line, missing data and range by hand: checks on the measurement itself."""

from helpers import node_error

from babbitt_node.checks import make


def check(kind, **settings):
    spec = {"id": "c", "type": kind, "channel": "a"}
    spec.update(settings)
    return make(spec, 0)


def states(made, values, dt_ms=10000):
    found = []
    for value in values:
        made.update(value, dt_ms)
        found.append(made.state)
    return found


# ---- flat


def test_flat_from_the_first_value_of_a_stretch():
    made = check("flat", tolerance=5, on_delay_s=30)
    # 98..103 are 5 apart: 30 s after the first value. 104 is 6 above 98: it begins the next stretch.
    assert states(made, [100, 103, 98, 101, 103, 104]) == ["N", "N", "N", "H", "H", "N"]
    assert made.evidence() == {"least": 104, "most": 104} and made.limit is None
    assert states(made, [104, 104, 104]) == ["N", "N", "H"]
    assert made.held_s == 30


def test_a_stuck_sensor_with_no_tolerance():
    made = check("flat", on_delay_s=20, level="alarm")
    assert states(made, [7, 7, 8, 8, 8, 8, 7]) == ["N", "N", "N", "N", "HH", "HH", "N"]


def test_a_slow_drift_within_the_tolerance_is_flat_and_beyond_it_is_not():
    made = check("flat", tolerance=10, on_delay_s=100)
    assert states(made, range(0, 300, 2)).count("H") == 0
    assert states(check("flat", tolerance=10, on_delay_s=100), [i // 5 for i in range(30)]).count("H") == 20


def test_a_gap_pauses_a_flat_stretch():
    made = check("flat", tolerance=1, on_delay_s=20)
    assert states(made, [5, None, None, 5, None, 5]) == ["N", "N", "N", "N", "N", "H"]


def test_extremes_do_not_meet_in_the_middle():
    made = check("flat", tolerance=1 << 29, on_delay_s=10)
    assert states(made, [1 << 40, -(1 << 40), 1 << 40]) == ["N", "N", "N"]


# ---- missing


def test_missing_after_the_delay_and_back_with_the_first_value():
    made = check("missing", on_delay_s=20)
    assert states(made, [5, None, None, None, None, 6]) == ["N", "N", "N", "L", "L", "N"]
    assert (made.value, made.evidence(), made.limit) == (6, {"gap": 0}, None)
    assert states(made, [None] * 3) == ["N", "N", "L"] and made.evidence() == {"gap": 20}


def test_missing_from_the_very_start():
    made = check("missing", on_delay_s=0, off_delay_s=10, level="alarm")
    assert states(made, [None, None, 1, None, 1, 1]) == ["LL", "LL", "LL", "LL", "LL", "N"]


def test_one_value_in_between_starts_the_time_again():
    made = check("missing", on_delay_s=20)
    assert states(made, [None, None, 0, None, None, None]) == ["N", "N", "N", "N", "N", "L"]


# ---- range


def test_outside_is_beyond_a_bound_not_on_it():
    made = check("range", lo=-10, hi=10)
    assert states(made, [10, 11, 10, -10, -11, -10]) == ["N", "H", "N", "N", "L", "N"]
    made = check("range", lo=-10, hi=10, level="alarm")
    limits = []
    for value in (11, 0, -11, 0):
        made.update(value, 10000)
        limits.append((made.state, made.limit))
    assert limits == [("HH", 10), ("N", 10), ("LL", -10), ("N", -10)]


def test_a_bound_that_is_absent_is_that_of_the_sensor():
    made = check("range", hi=10)
    assert states(made, [-(1 << 29), 10]) == ["N", "N"] and made.limit is None
    made.know(-40, 120)
    assert states(made, [-40, -41, 11, 121]) == ["N", "L", "H", "H"]


def test_bounds_out_of_order_are_refused():
    assert node_error("config_invalid", check, "range", lo=5, hi=4).detail.startswith("hi: ")
    check("range", lo=5, hi=5)
