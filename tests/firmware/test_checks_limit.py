"""Limits by hand: beyond, inside, and what a configuration may say. For delays see the golden vectors."""

from helpers import node_error

from babbitt_node.checks import make


def limit(**settings):
    spec = {"id": "c", "type": "limit", "channel": "a"}
    spec.update(settings)
    return make(spec, 3)


def states(check, values, dt_ms=10000):
    found = []
    for value in values:
        check.update(value, dt_ms)
        found.append(check.state)
    return found


def test_it_knows_what_it_was_made_from():
    check = limit(h=5)
    assert (check.id, check.channel, check.channel_index, check.TYPE) == ("c", "a", 3, "limit")
    assert check.settings["h"] == 5 and check.settings["hysteresis"] == 0 and check.settings["ll"] is None
    assert (check.state, check.previous, check.severity, check.value) == ("N", "N", 0, None)
    assert (check.limit, check.held_s, check.evidence()) == (None, 0, {})


def test_all_four_levels():
    check = limit(ll=-20, l=-10, h=10, hh=20)
    values = [0, 10, 11, 20, 21, 11, 10, -10, -11, -20, -21, -11, -10]
    wanted = ["N", "N", "H", "H", "HH", "H", "N", "N", "L", "L", "LL", "L", "N"]
    assert states(check, values) == wanted
    assert [limit(ll=-20, l=-10, h=10, hh=20).update(v, 0) for v in (0, 11, -21)] == [False, True, True]


def test_alarm_limits_alone():
    assert states(limit(hh=20), [20, 21, 20]) == ["N", "HH", "N"]
    assert states(limit(ll=20), [20, 19, 20]) == ["N", "LL", "N"]


def test_equal_limits_are_one_alarm():
    assert states(limit(h=20, hh=20), [20, 21, 20]) == ["N", "HH", "N"]


def test_an_interrupted_condition_starts_again():
    check = limit(h=10, on_delay_s=20)
    assert states(check, [11, 11, 10, 11, 11, 11]) == ["N"] * 5 + ["H"]
    check = limit(h=10, off_delay_s=20)
    assert states(check, [11, 10, 10, 11, 10, 10, 10]) == ["H"] * 6 + ["N"]


def test_hysteresis_holds_on_both_sides():
    check = limit(l=-10, h=10, hysteresis=5)
    assert states(check, [11, 6, 5, -11, -6, -5]) == ["H", "H", "N", "L", "L", "N"]


def test_the_limit_reported_is_the_one_in_question():
    check = limit(h=10, hh=20)
    limits = []
    for value in (11, 21, 15, 0):
        assert check.update(value, 0)
        limits.append(check.limit)
    assert limits == [10, 20, 10, 10]


def test_limits_out_of_order_are_refused_by_name():
    bad = (
        ({}, "h: "),
        ({"ll": None, "h": None}, "h: "),
        ({"l": 5, "h": 5}, "h: "),
        ({"l": 6, "h": 5}, "h: "),
        ({"ll": 7, "hh": 7}, "hh: "),
        ({"ll": 7, "l": 6}, "l: "),
        ({"h": 7, "hh": 6}, "hh: "),
        ({"ll": 9, "h": 7}, "h: "),
        ({"h": 1 << 30}, "h: "),
        ({"h": 1, "hysteresis": (1 << 29) + 1}, "hysteresis: "),
    )
    for settings, start in bad:
        error = node_error("config_invalid", limit, **settings)
        assert error.detail.startswith(start), (settings, error.detail)
    limit(ll=5, l=5, h=6, hh=6)


def test_a_state_with_limits_that_are_not_set_is_refused():
    from array import array

    both, upper = limit(l=-10, h=10), limit(h=10)
    both.update(-11, 0)
    state = array("i", [0] * both.SIZE)
    both.dump(state)
    node_error("range", upper.load, state)
    assert upper.state == "N"
