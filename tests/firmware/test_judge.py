"""Operating states, recipes and baselines: when checks are judged, what they keep, and that neither a restart nor
another recipe nor a stop alarms by itself.
"""

import os

from helpers import node_error, raises, without_heap

from babbitt_node import judge as judge_module
from babbitt_node.assembly import build
from babbitt_node.judge import Judge

IDS = ("vib.x.rms", "vib.rpm")
RUNNING = {"channel": None, "above": 0, "hysteresis": 0, "starting_s": 30, "settle_s": 20, "run_in_h": 0}


def spec(kind, **settings):
    entry = {"id": kind, "type": kind, "channel": IDS[0]}
    entry.update(settings)
    return entry


USUAL = spec("zscore", learn=8, floor=100)


class Sampler:
    """A sensor with the two channels."""

    def channels(self):
        return [{"id": name, "lo": 0, "hi": 50000} for name in IDS]


def judge(*specs, **running):
    settings = dict(RUNNING)
    settings.update(running)
    config = {"checks": list(specs) or [USUAL], "running": settings}
    return Judge(*build(config, IDS, [Sampler()]))


def by_speed(*specs, **running):
    return judge(*specs, channel=IDS[1], above=500, **running)


def told(made, values, rpm=1000, dt_ms=10000):
    """(number of the record, check, from, to) of every change."""
    found = []
    for i, value in enumerate(values):
        found += [(i, check.id, check.previous, check.state) for check in made.judge([value, rpm], dt_ms)]
    return found


def steady(made, level=1000, n=8):
    return told(made, [level] * n)


LEARNT = [(7, "zscore", "learning", "N")]

# ---- operating states


def test_a_stopped_machine_is_neither_judged_nor_learnt():
    made = by_speed(USUAL, spec("limit", h=5000))
    assert told(made, [3] * 20, rpm=0) == []
    # Starting: three records of 30 s are not learnt, the fourth is the first.
    assert told(made, [9000] * 3 + [1000] * 8) == [
        (0, "limit", "N", "H"), (3, "limit", "H", "N"), (10, "zscore", "learning", "N")
    ]  # fmt: skip
    assert made.checks[0].evidence()["mean"] == 1000


def test_stop_and_start_are_no_alarm():
    made = by_speed()
    told(made, [1000] * 11)
    assert made.checks[0].state == "N"
    for _ in range(3):
        assert told(made, [3] * 10, rpm=0) == []
        assert told(made, [200, 3000, 2000], rpm=900) == []  # starting
        assert told(made, [1000] * 5, rpm=900) == []
    assert made.checks[0].evidence()["mean"] == 1000
    assert told(made, [2000]) == [(0, "zscore", "N", "H")]


def test_a_state_stays_over_a_stop():
    made = by_speed(USUAL, spec("limit", id="always", h=1500))
    told(made, [1000] * 11 + [2000])
    assert [check.state for check in made.checks] == ["H", "H"]
    assert told(made, [0] * 5, rpm=0) == [(0, "always", "H", "N")]
    assert told(made, [1000] * 4) == [(3, "zscore", "H", "N")]


def test_absolute_limits_hold_from_the_first_sample_whatever_the_machine_does():
    made = by_speed(spec("limit", h=5), spec("range"))
    assert told(made, [60000], rpm=0) == [(0, "limit", "N", "H"), (0, "range", "N", "H")]
    made = by_speed(spec("limit", h=5, when="running"))
    assert told(made, [60000], rpm=0) == []


def test_missing_is_not_run_by_a_stop():
    made = by_speed(spec("missing", on_delay_s=0, when="running"))
    assert told(made, [1, None, None], rpm=0) == []
    assert told(made, [1, 1, 1, 1, None]) == [(4, "missing", "N", "L")]


def test_what_passes_an_absolute_limit_is_not_learnt():
    # Back inside at the 20th, normal 10 s later: the 21st is the first that is learnt.
    made = judge(USUAL, spec("limit", h=5000, on_delay_s=60, off_delay_s=10))
    assert told(made, [9000] * 20 + [1000] * 9) == [
        (6, "limit", "N", "H"), (21, "limit", "H", "N"), (28, "zscore", "learning", "N")
    ]  # fmt: skip
    assert made.checks[0].evidence()["mean"] == 1000


def test_a_vote_follows_the_checks_it_names():
    made = judge(
        spec("limit", id="a", h=10), spec("limit", id="b", h=20),
        {"id": "v", "type": "vote", "of": ["a", "b"]},
    )  # fmt: skip
    assert told(made, [15, 25]) == [(0, "a", "N", "H"), (1, "b", "N", "H"), (1, "v", "N", "H")]


# ---- recipes


def test_each_recipe_has_its_own_baseline():
    made = judge()
    assert steady(made) == LEARNT
    made.set_recipe(7)
    # Told with the first record of the new recipe, which is not judged; it settles for 20 s more.
    assert told(made, [5000] * 11) == [(0, "zscore", "N", "learning"), (9, "zscore", "learning", "N")]
    assert made.recipe == 7 and made.checks[0].evidence()["mean"] == 5000
    made.set_recipe(0)
    assert told(made, [5000, 3000] + [1000] * 5) == []
    assert made.checks[0].evidence()["mean"] == 1000
    made.set_recipe(7)
    assert told(made, [1000, 3000] + [5000] * 5) == []
    assert told(made, [1000]) == [(0, "zscore", "N", "L")]


def test_an_alarm_of_one_recipe_does_not_go_with_another():
    made = judge()
    steady(made)
    made.set_recipe(1)
    told(made, [5000] * 11)
    assert told(made, [9000]) == [(0, "zscore", "N", "H")]
    made.set_recipe(0)
    assert told(made, [1000] * 5) == [(0, "zscore", "H", "N")]


def test_the_recipe_of_now_is_no_change():
    made = judge()
    steady(made)
    made.set_recipe(0)
    assert told(made, [2000]) == [(0, "zscore", "N", "H")]


def test_only_recipes_0_to_255_exist():
    made = judge()
    for recipe in (-1, 256, "1", None, 1.0, True):
        node_error("bad_message", made.set_recipe, recipe)


def test_at_most_eight_recipes_are_kept_the_oldest_goes():
    made = judge(settle_s=0)
    for recipe in range(10):
        made.set_recipe(recipe)
        told(made, [1000 * (recipe + 1)] * 10)
    made.set_recipe(99)
    told(made, [1])
    assert sorted(os.listdir("baselines")) == ["now"] + ["r%d" % i for i in range(2, 10)]
    made.set_recipe(1)
    told(made, [2000])
    assert made.checks[0].state == "learning"
    made.set_recipe(5)
    told(made, [6000])
    assert made.checks[0].state == "N" and made.checks[0].evidence()["mean"] == 6000


# ---- restarts


def test_files_of_no_recipe_do_not_keep_others_from_being_written():
    os.mkdir("baselines")
    for name in ("r007", "r300", "r", "r-1", "r1x", "x", "r03", "r04", "r05", "r06", "r08", "r09", "r256"):
        with open("baselines/" + name, "wb") as file:
            file.write(b"?" * 12)
    made = judge()
    assert steady(made) == LEARNT
    made.close()
    assert "r0" in os.listdir("baselines") and made.writes == 2
    again = judge()
    again.begin()
    assert not again.checks[0].learning


def test_a_full_heap_keeps_nothing_and_ends_nothing():
    made = judge()
    steady(made)

    def full(state):
        raise MemoryError("memory allocation failed")

    real, made.checks[0].baseline = made.checks[0].baseline, full
    made.close()
    assert made.unkept
    made.checks[0].baseline = real
    made.close()
    assert not made.unkept


def test_a_full_heap_at_the_first_record_loses_no_recipe():
    made = judge()
    made.set_recipe(7)
    steady(made, n=12)  # with the time to settle
    assert not made.checks[0].learning
    made.close()
    again = judge()
    real = judge_module.once

    def full(*args):
        raise MemoryError("memory allocation failed")

    judge_module.once = full
    try:
        raises(MemoryError, steady, again)
    finally:
        judge_module.once = real
    assert steady(again) == [] and again.recipe == 7 and not again.checks[0].learning


def test_a_clean_restart_goes_on_with_recipe_and_baseline():
    made = judge()
    made.set_recipe(3)
    told(made, [1000] * 12)
    made.close()
    again = judge()
    assert told(again, [1000] * 5) == []
    assert (again.recipe, again.checks[0].state, again.checks[0].evidence()["mean"]) == (3, "N", 1000)
    assert told(again, [3000]) == [(0, "zscore", "N", "H")]


def test_a_power_cut_loses_no_recipe_and_no_baseline_that_was_kept():
    made = judge()
    steady(made, n=70)  # learnt at 80 s, written after 600 s
    made.set_recipe(4)
    told(made, [1000])
    again = judge()
    told(again, [5000])
    assert again.recipe == 4 and again.checks[0].state == "learning"
    again.set_recipe(0)
    assert told(again, [1000] * 4) == [(0, "zscore", "learning", "N")]


def test_a_baseline_of_other_settings_or_of_another_channel_is_not_taken():
    made = judge()
    steady(made)
    made.close()
    for other in (
        spec("zscore", learn=16, floor=100),
        spec("zscore", learn=8, floor=100, channel=IDS[1]),
        spec("zscore", learn=8, floor=100, id="other"),
        spec("cusum", learn=8, floor=100, id="zscore"),
        spec("limit", h=1, id="zscore"),
    ):
        again = judge(other)
        again.begin()
        assert (
            again.checks[0].state in ("learning", "N") and again.checks[0].learning == again.checks[0].learns
        )
    again = judge(
        spec("zscore", learn=8, floor=100, latch=True, on_delay_s=60, off_delay_s=60, when="always")
    )
    again.begin()
    assert again.checks[0].state == "N"


def test_damage_of_every_byte_is_found_and_never_a_crash():
    made = judge(USUAL, spec("cusum", learn=8))
    steady(made)
    made.close()
    for name in ("now", "r0"):
        path = "baselines/" + name
        with open(path, "rb") as file:
            good = file.read()
        for at in range(0, len(good), 1 if name == "now" else 3):
            with open(path, "wb") as file:
                file.write(good[:at] + bytes((good[at] ^ 0x55,)) + good[at + 1 :])
            again = judge(USUAL, spec("cusum", learn=8))
            again.begin()
            means = [check.evidence().get("mean", 1000) for check in again.checks]
            # The number of the write, bytes 8..11, is no part of what is learnt.
            assert means == [1000, 1000] and again.recipe == 0
            taken = [check.learning for check in again.checks]
            assert True in taken or name == "now" or 5 <= at < 12, (name, at)
        for length in range(0, len(good), 5):
            with open(path, "wb") as file:
                file.write(good[:length])
            judge(USUAL, spec("cusum", learn=8)).begin()
        with open(path, "wb") as file:
            file.write(good)
    again = judge(USUAL, spec("cusum", learn=8))
    again.begin()
    assert [check.state for check in again.checks] == ["N", "N"]


def test_a_flash_that_does_not_take_it_stops_nothing():
    with open("baselines", "w") as file:
        file.write("in the way")
    made = judge()
    assert steady(made, n=100) == LEARNT
    made.set_recipe(2)
    assert told(made, [1000] * 3) == [(0, "zscore", "N", "learning")]
    made.close()
    assert made.writes == 0


def test_the_flash_is_written_seldom():
    made = judge()
    steady(made, n=8)
    assert made.writes == 0
    steady(made, n=60)
    assert made.writes == 2  # what was learnt, and where the node stands
    told(made, [1000] * 23, dt_ms=3600000)
    assert made.writes == 2
    told(made, [1000] * 24, dt_ms=3600000)
    assert made.writes == 4
    again = judge()
    again.begin()
    assert again.writes == 4


def test_a_node_without_learning_checks_writes_nothing():
    made = judge(spec("limit", h=1))
    told(made, [1] * 50, dt_ms=3600000)
    made.close()
    assert os.listdir(".") == []
    made.set_recipe(1)
    told(made, [1])
    assert os.listdir("baselines") == ["now"]


def test_what_a_power_cut_left_behind_is_no_obstacle():
    made = judge()
    steady(made)
    made.close()
    for name in ("now.new", "r0.new", "r1.new", "rx", "r"):
        with open("baselines/" + name, "w") as file:
            file.write("half")
    again = judge()
    told(again, [1000] * 70)
    again.set_recipe(1)
    told(again, [1000] * 70)
    last = judge()
    last.begin()
    assert (last.recipe, last.checks[0].state, last.info()["writes"]) == (1, "N", again.writes)


def test_judging_a_record_allocates_nothing():
    made = by_speed(
        USUAL, spec("cusum", learn=8), spec("limit", h=5000), spec("rate", h=10, when="running"),
        spec("missing"), {"id": "v", "type": "vote", "of": ["limit", "rate"]},
    )  # fmt: skip
    steady(made, n=20)
    for values in ([1000, 1000], [None, None], [3, 0]):
        records = made.judge(values, 10000)

        def work(records=records):
            for _ in records:
                pass

        without_heap(work)


# ---- learning again


def test_learning_again_on_command():
    made = judge(USUAL, spec("cusum", learn=8), spec("limit", h=90000))
    steady(made)
    assert made.relearn(["cusum"]) == ["cusum"]
    assert told(made, [5000] * 8) == [
        (0, "cusum", "N", "learning"), (0, "zscore", "N", "H"), (7, "cusum", "learning", "N")
    ]  # fmt: skip
    assert made.relearn() == ["zscore", "cusum"]
    assert told(made, [5000]) == [(0, "zscore", "H", "learning"), (0, "cusum", "N", "learning")]
    for ids in (["limit"], ["cusum", "other"], ["zscore", 3]):
        node_error("bad_message", made.relearn, ids)


def test_what_is_forgotten_does_not_come_back():
    made = judge()
    steady(made, n=70)
    made.relearn()
    told(made, [1000])
    again = judge()
    again.begin()
    assert again.checks[0].state == "learning"


def test_after_the_run_in_it_learns_once_more():
    made = judge(run_in_h=1)
    assert steady(made) == LEARNT
    # 80 s have passed; an hour is over 3520 s later.
    assert told(made, [1000] * 5, dt_ms=600000) == []
    assert told(made, [900] * 9, dt_ms=600000) == [
        (0, "zscore", "N", "learning"),
        (7, "zscore", "learning", "N"),
    ]
    assert told(made, [900] * 20, dt_ms=600000) == []
    made.close()
    again = judge(run_in_h=1)
    again.begin()
    assert again.checks[0].state == "N" and again.checks[0].evidence()["mean"] == 900


def test_what_another_recipe_learnt_before_the_run_in_is_not_taken_after_it():
    made = judge(run_in_h=1)
    steady(made)
    made.set_recipe(1)
    told(made, [1000] * 12)
    told(made, [1000] * 20, dt_ms=600000)
    made.set_recipe(0)
    assert told(made, [1000] * 2) == [(0, "zscore", "N", "learning")]


# ---- latches


def test_a_latched_check_is_reset_on_command():
    made = judge(spec("limit", h=10, latch=True))
    assert told(made, [11, 0]) == [(0, "limit", "N", "H")]
    assert made.release(["limit"]) == ["limit"] and made.release() == []
    assert told(made, [0]) == [(0, "limit", "H", "N")]
    node_error("bad_message", made.release, ["other"])


# ---- another configuration


def test_another_configuration_keeps_what_stays_the_same():
    before = judge(USUAL, spec("limit", h=2000, latch=True))
    before.set_recipe(6)
    told(before, [3000] + [1000] * 12)
    after = judge(spec("cusum", learn=8), spec("limit", h=2000, latch=True), USUAL)
    after.take_over(before, ["vib"])
    assert [check.state for check in after.checks] == ["learning", "H", "N"] and after.recipe == 6
    assert told(after, [1000] * 8) == [(7, "cusum", "learning", "N")]
    other = judge(USUAL)
    other.take_over(after, [])
    assert other.checks[0].state == "learning"


def test_without_a_configuration_there_is_nothing_to_judge():
    made = Judge(*build(None, (), []))
    made.begin()
    assert told(made, [1]) == []
    assert made.relearn() == [] and made.release() == []
    made.close()
    after = judge()
    after.take_over(made, [])
    assert steady(after) == LEARNT
