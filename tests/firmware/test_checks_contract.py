"""What every type of check promises (checks/base.py), tested on all of TYPES with the same series."""

from array import array

from contract import MAX, SPECS, build, checks, series, spec_of, story, wrong
from helpers import node_error, raises, without_heap

from babbitt_node.checks import TYPES, find, make
from babbitt_node.checks.base import table


def test_every_type_is_tested():
    assert sorted(TYPES) == sorted(SPECS)


def test_every_type_has_a_layout_of_its_own():
    layouts = {find(kind).LAYOUT for kind in TYPES}
    assert len(layouts) == len(TYPES)
    assert all(find(kind).TYPE == kind for kind in TYPES)


def test_something_happens_in_these_series():
    for kind, settings in checks(latched=False):
        check, states = build(kind, settings), []
        for value, dt_ms in series(1, 400):
            if check.update(value, dt_ms):
                states.append(check.state)
        assert len(set(states)) >= 2 and len(states) >= 3, (kind, states)


def test_deterministic():
    for kind, settings in checks():
        assert story(build(kind, settings), series(2, 130)) == story(build(kind, settings), series(2, 130))


def test_what_is_said_of_a_prefix_stays_said():
    for kind, settings in checks():
        whole, _ = story(build(kind, settings), series(3, 130))
        for n in (1, 9, 50, 120):
            part, _ = story(build(kind, settings), series(3, n))
            assert part == [row for row in whole if row[0] < n]


def test_state_taken_out_and_put_back_has_the_same_future():
    for kind, settings in checks():
        values = list(series(4, 90))
        whole, final = story(build(kind, settings), values)
        for n in (0, 1, 7, 30, 70):
            first = build(kind, settings)
            _, state = story(first, values[:n])
            second = build(kind, settings)
            second.load(array("i", state))
            assert (second.state, second.previous, second.value) == (first.state, first.previous, first.value)
            later, ended = story(second, values[n:])
            assert [(row[0] + n,) + row[1:] for row in later] == [row for row in whole if row[0] >= n]
            assert ended == final


def test_a_gap_is_no_verdict():
    for kind, settings in checks():
        if find(kind).GAPS:
            continue
        plain = [(value, 10000) for value, _ in series(5, 60) if value is not None]
        gaps = []
        for pair in plain:
            gaps += [pair, (None, 0), (None, 0)]
        a, b = build(kind, settings), build(kind, settings)
        told, state = story(a, plain)
        told_gaps, state_gaps = story(b, gaps)
        assert state == state_gaps
        assert [row[1:] for row in told] == [row[1:] for row in told_gaps]
        assert [3 * row[0] for row in told] == [row[0] for row in told_gaps]
        # However long it is, a gap itself changes no state and runs no delay.
        common, after = array("i", [0] * b.SIZE), array("i", [0] * b.SIZE)
        b.dump(common)
        for dt_ms in (1000, 123456, 1 << 40):
            assert not b.update(None, dt_ms)
        b.dump(after)
        assert list(common)[:11] == list(after)[:11], kind


def test_update_allocates_nothing():
    for kind, settings in checks():
        check = build(kind, settings)
        values = [v if v is None or abs(v) <= MAX else 7 for v, _ in series(6, 200)]
        record = [7]

        def work(check=check, values=values, record=record):
            for value in values:
                check.update(value, 10000)
            check.reading(record)
            check.release()

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
        ({"latch": 1}, "latch: "),
        ({"latch": None}, "latch: "),
        ({"when": "never"}, "when: "),
        ({"when": True}, "when: "),
    )
    for kind, settings in checks():
        for change, start in bad:
            spec = spec_of(kind, settings)
            spec.update(change)
            error = node_error("config_invalid", make, spec, 0)
            assert error.detail.startswith(start), error.detail
        for index in (-1, None, "0") if find(kind).CHANNEL else ():
            node_error("config_invalid", make, {"id": "c", "type": kind, "channel": "a"}, index)
    for spec in (None, [], "limit", {}):
        node_error("config_invalid", make, spec, 0)


def test_every_setting_has_a_checked_range():
    for kind, settings in checks():
        for row in table(find(kind)):
            name = row[0]
            for value in wrong(row):
                error = node_error("config_invalid", build, kind, settings, **{name: value})
                assert error.detail.startswith(name + ": "), error.detail


def test_raises_itself_notices():
    raises(AssertionError, raises, ValueError, len, [])
