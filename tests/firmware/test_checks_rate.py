"""Rate of change by hand: what the rate is, what a gap does to it, and what a configuration may say."""

from helpers import Random, node_error

from babbitt_node.checks import make


def rate(**settings):
    spec = {"id": "c", "type": "rate", "channel": "a"}
    spec.update(settings)
    return make(spec, 0)


def found(check, values, dt_ms=10000):
    rates = []
    for value in values:
        check.update(value, dt_ms)
        rates.append(check.evidence()["rate"])
    return rates


def test_two_records_are_a_difference():
    # 100 in 10 s are 36000 an hour, 600 a minute; the first value says nothing.
    assert found(rate(h=1, records=2), [0, 100, 50]) == [0, 36000, -18000]
    assert found(rate(h=1, records=2, per="minute"), [0, 100, 50]) == [0, 600, -300]


def test_halves_are_compared_at_their_middles():
    # (20 + 30) / 2 - (0 + 10) / 2 = 20 in 20 s; then (30 + 70) / 2 - (10 + 20) / 2 = 35 in 20 s.
    assert found(rate(h=1, records=4), [0, 10, 20, 30, 70]) == [0, 0, 0, 3600, 6300]


def test_nothing_is_judged_before_the_window_is_full():
    check = rate(h=100, records=4)
    states = []
    for value in (0, 1000, 2000, 3000):
        check.update(value, 10000)
        states.append(check.state)
    assert states == ["N", "N", "N", "H"]
    assert check.evidence() == {"rate": 360000, "limit": 100, "per": 3600}
    assert (check.value, check.limit) == (3000, None)


def test_four_levels_and_both_directions():
    # A minute: +-100 in 10 s are +-600.
    check = rate(ll=-1000, l=-500, h=500, hh=1000, records=2, per="minute")
    states = []
    for value in (0, 80, 180, 380, 380, 280, 80):
        check.update(value, 10000)
        states.append(check.state)
    assert states == ["N", "N", "H", "HH", "N", "L", "LL"]


def test_a_jump_across_a_gap_is_as_slow_as_the_gap_is_long():
    check = rate(h=36000, records=2)
    check.update(0, 10000)
    for _ in range(8):
        assert not check.update(None, 10000)
    check.update(900, 10000)  # 900 in 90 s: on the limit, inside
    assert check.state == "N" and check.evidence() == {"rate": 36000, "per": 3600}
    check.update(1001, 10000)
    assert check.state == "H"


def test_a_straight_line_has_its_slope_whatever_the_steps():
    random = Random(1)
    for records in (2, 6, 16, 64):
        for per_s in (-500, -3, 0, 1, 40):
            check = rate(h=1, records=records)
            value = 0
            for _ in range(records + 3):
                seconds = random.between(1, 90)
                value += per_s * seconds
                check.update(value, seconds * 1000)
            assert check.evidence()["rate"] == per_s * 3600, (records, per_s)


def test_steps_are_counted_to_the_millisecond_in_the_long_run():
    check = rate(h=1, records=64)
    for i in range(64):
        check.update(i, 1001)
    # 1/1.001 s = 3596.4 an hour, 0.1 s are at most lost at the ends of 32 s.
    assert abs(check.evidence()["rate"] - 3596) <= 12


def test_no_time_is_no_rate():
    check = rate(h=1, records=2)
    for value in (0, 1000000, -1000000):
        check.update(value, 0)
    assert (check.state, check.evidence()) == ("N", {"rate": 0, "per": 3600})


def test_wrong_settings_are_refused_by_name():
    for settings, start in (
        ({}, "h: "),
        ({"h": 1, "records": 3}, "records: "),
        ({"h": 1, "records": 66}, "records: "),
        ({"h": 1, "per": "day"}, "per: "),
        ({"h": 1, "l": 2}, "h: "),
    ):
        assert node_error("config_invalid", rate, **settings).detail.startswith(start)


def test_a_window_of_another_length_is_refused():
    from array import array

    long, short = rate(h=1, records=8), rate(h=1, records=4)
    state = array("i", [0] * long.SIZE)
    long.dump(state)
    node_error("range", short.load, state)
