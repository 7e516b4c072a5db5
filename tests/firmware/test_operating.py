"""Off, starting, running by hand: when a machine is judged."""

from helpers import without_heap

from babbitt_node.operating import Operating


def operating(index=0, **changes):
    spec = {"channel": "a", "above": 100, "hysteresis": 20, "starting_s": 30, "settle_s": 20, "run_in_h": 0}
    spec.update(changes)
    return Operating(spec, index)


def judged(made, values, dt_ms=10000):
    return [(made.update(value, dt_ms), made.state) for value in values]


OFF, STARTING, RUNNING = (False, "off"), (False, "starting"), (True, "running")


def test_it_starts_runs_and_stops():
    # On at 101, off at 80; starting for 30 s after the first value above.
    made = operating()
    assert judged(made, [0, 100, 101, 101, 101, 101, 81, 80, 100]) == [
        OFF, OFF, STARTING, STARTING, STARTING, RUNNING, RUNNING, OFF, OFF
    ]  # fmt: skip


def test_a_node_that_starts_on_a_running_machine_waits_as_well():
    assert judged(operating(), [500] * 4) == [STARTING, STARTING, STARTING, RUNNING]


def test_a_start_that_is_broken_off_begins_again():
    assert judged(operating(), [101, 101, 0, 101, 101, 101, 101]) == [
        STARTING, STARTING, OFF, STARTING, STARTING, STARTING, RUNNING
    ]  # fmt: skip


def test_without_a_value_it_stays_what_it_was():
    made = operating()
    judged(made, [101] * 4)
    assert judged(made, [None, None, 0, None, 101, None, None, None]) == [
        RUNNING, RUNNING, OFF, OFF, STARTING, STARTING, STARTING, RUNNING
    ]  # fmt: skip


def test_without_a_time_to_start_it_runs_at_once():
    assert judged(operating(starting_s=0), [101, 0, 101]) == [RUNNING, OFF, RUNNING]


def test_without_a_channel_it_always_runs():
    assert judged(operating(index=None), [None, 0]) == [RUNNING, RUNNING]


def test_a_change_of_recipe_settles():
    # The record of the change is not judged, nor those less than 20 s after it.
    made = operating(index=None)
    made.recipe_changed()
    assert [made.update(0, 10000) for _ in range(4)] == [False, False, True, True]
    made = operating(index=None, settle_s=0)
    made.recipe_changed()
    assert [made.update(0, 10000) for _ in range(2)] == [False, True]


def test_a_change_while_it_stands_still_settles_there():
    made = operating()
    made.recipe_changed()
    assert judged(made, [0, 0, 0, 101, 101, 101, 101]) == [OFF] * 3 + [STARTING] * 3 + [RUNNING]


def test_running_time_counts_while_it_runs_only():
    made = operating()
    judged(made, [101] * 4)
    assert made.running_s == 0
    judged(made, [101] * 5, dt_ms=1500)
    assert made.running_s == 7
    judged(made, [0] * 5)
    assert made.running_s == 17  # until the value that says off: 7.5 + 10 s


def test_extremes_and_odd_times():
    made = operating(above=-((1 << 30) - 1), hysteresis=1 << 29)
    assert judged(made, [(1 << 30) - 1] * 2, dt_ms=1 << 40) == [STARTING, RUNNING]
    assert made.update(None, -5) and made.running_s == 0


def test_it_allocates_nothing():
    made = operating()

    def work():
        for value in (101, 101, None, 101, 101, 101, 0):
            made.update(value, 10000)

    without_heap(work)
