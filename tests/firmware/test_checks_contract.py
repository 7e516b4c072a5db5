"""What every type of check promises (checks/base.py), tested on all of TYPES with the same series."""

from array import array

from helpers import Random, node_error, raises, without_heap

from babbitt_node.checks import TYPES, make

# Two specifications of every type: one bare, one with everything set. A new type must be added here.
SPECS = {
    "limit": (
        {"h": 4000},
        {
            "ll": -9000,
            "l": -3000,
            "h": 3000,
            "hh": 9000,
            "hysteresis": 500,
            "on_delay_s": 25,
            "off_delay_s": 15,
        },
    ),
    "zscore": (
        {"learn": 8, "z10": 30, "floor_abs": 50},
        {
            "learn": 16,
            "z10": 25,
            "shift": 3,
            "floor": 100,
            "floor_abs": 0,
            "on_delay_s": 20,
            "off_delay_s": 10,
        },
    ),
    "anomaly": (
        {"learn": 16, "recent": 3, "hold": 40},
        {
            "learn": 16,
            "recent": 2,
            "limit": 20,
            "margin": 2,
            "hold": 40,
            "floor_abs": 20,
            "on_delay_s": 10,
            "off_delay_s": 5,
        },
    ),
}
MAX = (1 << 30) - 1


def checks():
    """(type, settings) of every specification."""
    for kind in sorted(TYPES):
        for settings in SPECS[kind]:
            yield kind, settings


def build(kind, settings, **more):
    spec = {"id": "c", "type": kind, "channel": "vib.x.rms"}
    spec.update(settings)
    spec.update(more)
    return make(spec, 0)


def series(seed, n):
    """A wild ride: noise, spikes, steps, drifts, gaps, extremes, odd intervals."""
    random = Random(seed)
    level = 0
    for i in range(n):
        kind = random.between(0, 19)
        if kind == 0:
            yield None, 10000
        elif kind == 1:
            yield random.between(-12000, 12000), 10000
        elif kind == 2:
            yield (MAX, -MAX, 1 << 40, -(1 << 40), 0)[random.between(0, 4)], 10000
        elif kind == 3:
            level = random.between(-9500, 9500)
            yield level, (0, 1, 999, -5, 1 << 40)[random.between(0, 4)]
        else:
            yield level + random.between(-300, 300) + 10 * (i % 50), 10000


def story(check, values):
    """Every transition as a list, and the final state."""
    told = []
    for i, (value, dt_ms) in enumerate(values):
        if check.update(value, dt_ms):
            told.append(
                (i, check.previous, check.state, check.severity, check.value, check.limit, check.held_s,
                 sorted(check.evidence().items()))
            )  # fmt: skip
    state = array("i", [0] * check.SIZE)
    check.dump(state)
    return told, list(state)


def test_every_type_is_tested():
    assert sorted(TYPES) == sorted(SPECS)


def test_something_happens_in_these_series():
    for kind, settings in checks():
        told, _ = story(build(kind, settings), series(1, 600))
        states = {row[2] for row in told}
        assert len(states) >= 2 and len(told) >= 4, (kind, told)


def test_deterministic():
    for kind, settings in checks():
        assert story(build(kind, settings), series(2, 200)) == story(build(kind, settings), series(2, 200))


def test_what_is_said_of_a_prefix_stays_said():
    for kind, settings in checks():
        whole, _ = story(build(kind, settings), series(3, 200))
        for n in (1, 9, 50, 120):
            part, _ = story(build(kind, settings), list(series(3, 200))[:n])
            assert part == [row for row in whole if row[0] < n]


def test_state_taken_out_and_put_back_has_the_same_future():
    for kind, settings in checks():
        values = list(series(4, 160))
        whole, final = story(build(kind, settings), values)
        for n in (0, 1, 7, 30, 100):
            first = build(kind, settings)
            _, state = story(first, values[:n])
            second = build(kind, settings)
            second.load(array("i", state))
            assert (second.state, second.previous, second.value) == (first.state, first.previous, first.value)
            later, ended = story(second, values[n:])
            assert [(row[0] + n,) + row[1:] for row in later] == [row for row in whole if row[0] >= n]
            assert ended == final


def test_a_gap_changes_nothing():
    for kind, settings in checks():
        plain = [(value, 10000) for value, _ in series(5, 150) if value is not None]
        gaps = []
        for pair in plain:
            gaps += [pair, (None, 10000), (None, 123456)]
        a, b = build(kind, settings), build(kind, settings)
        told, state = story(a, plain)
        told_gaps, state_gaps = story(b, gaps)
        assert state == state_gaps
        assert [row[1:] for row in told] == [row[1:] for row in told_gaps]
        assert [3 * row[0] for row in told] == [row[0] for row in told_gaps]


def test_update_allocates_nothing():
    for kind, settings in checks():
        check = build(kind, settings)
        values = [v if v is None or abs(v) <= MAX else 7 for v, _ in series(6, 200)]

        def work(check=check, values=values):
            for value in values:
                check.update(value, 10000)

        without_heap(work)


def test_the_state_is_bounded_and_fits_its_array():
    for kind, settings in checks():
        check = build(kind, settings)
        state = array("i", [0] * (check.SIZE + 1))
        state[check.SIZE] = 4711
        story(check, series(7, 300))
        check.dump(state)
        assert state[check.SIZE] == 4711
        assert all(-MAX <= v <= MAX for v in state)


def test_a_wrong_state_is_refused_and_changes_nothing():
    for kind, settings in checks():
        check = build(kind, settings)
        _, before = story(check, series(8, 60))
        node_error("range", check.dump, array("i", [0] * (check.SIZE - 1)))
        node_error("range", check.load, array("i", [0] * (check.SIZE - 1)))
        node_error("range", check.load, array("i", [0] * check.SIZE))
        for place in range(7):
            if place == 3:  # any value is a value
                continue
            bad = array("i", before)
            bad[place] = -77
            node_error("range", check.load, bad)
        after = array("i", [0] * check.SIZE)
        check.dump(after)
        assert list(after) == before


def test_garbage_values_are_a_named_error():
    for kind, settings in checks():
        check = build(kind, settings)
        for value in (1.5, "12", b"1", True, [1], {}):
            error = node_error("internal", check.update, value, 10000)
            assert "check c" in error.detail
        node_error("internal", check.update, 1, 10000.0)
        assert check.value is None


def test_bad_settings_are_refused_with_the_setting():
    bad = (
        ({"type": "oracle"}, "type: "),
        ({"type": None}, "type: "),
        ({"id": "No Spaces"}, "id: "),
        ({"id": ""}, "id: "),
        ({"id": "x" * 33}, "id: "),
        ({"channel": None}, "channel: "),
        ({"colour": 1}, "colour: "),
        ({"on_delay_s": -1}, "on_delay_s: "),
        ({"on_delay_s": 86401}, "on_delay_s: "),
        ({"off_delay_s": "10"}, "off_delay_s: "),
        ({"off_delay_s": None}, "off_delay_s: "),
        ({"off_delay_s": True}, "off_delay_s: "),
        ({"off_delay_s": 1.0}, "off_delay_s: "),
    )
    for kind, settings in checks():
        for change, start in bad:
            spec = {"id": "c", "type": kind, "channel": "a"}
            spec.update(settings)
            spec.update(change)
            error = node_error("config_invalid", make, spec, 0)
            assert error.detail.startswith(start), error.detail
        for index in (-1, None, "0"):
            node_error("config_invalid", make, {"id": "c", "type": kind, "channel": "a"}, index)
    for spec in (None, [], "limit", {}):
        node_error("config_invalid", make, spec, 0)


def test_every_setting_has_a_checked_range():
    for kind, settings in checks():
        for name, low, high, _ in TYPES[kind].SETTINGS:
            for value in (low - 1, high + 1, "x", 0.5):
                error = node_error("config_invalid", build, kind, settings, **{name: value})
                assert error.detail.startswith(name + ": "), error.detail


def test_raises_itself_notices():
    raises(AssertionError, raises, ValueError, len, [])
