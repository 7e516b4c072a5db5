"""What people say of alarms moves the limits: bounded, monotone, fading."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from babbitt.detection.tolerance import DAY_MS, HALF_DAYS, LEAST, MOST, STEP, TARGET, tolerance

NOW = 1_789_000_000_000
WORDS = ("right", "wrong", "unsure", "new_normal")


def said(*verdicts: str, apart_ms: int = 1000) -> list[tuple[int, str]]:
    return [(NOW - (len(verdicts) - n) * apart_ms, verdict) for n, verdict in enumerate(verdicts)]


def test_three_alarms_called_wrong_raise_the_limits_by_a_fifth() -> None:
    found = tolerance(said("wrong", "wrong", "wrong"), NOW)
    assert found.factor == round(math.exp(3 * STEP * TARGET), 2) == 1.21
    assert found.text == "raised 21 % after 3 alarms marked wrong"
    assert tolerance([], NOW).text == "as learnt: no alarm was called right or wrong"
    assert (
        tolerance(said("right", "wrong"), NOW).text
        == "raised 5 % after 1 alarm marked wrong and 1 alarm marked right"
    )
    assert tolerance(said("unsure", "new_normal"), NOW).factor == 1.0


def test_it_stands_still_where_the_wanted_share_is_right() -> None:
    assert TARGET == 0.8
    assert tolerance(said(*("right", "right", "wrong", "right", "right") * 20), NOW).factor == pytest.approx(
        1, abs=0.04
    )


def test_it_never_leaves_its_bounds_and_a_long_row_is_no_dearer_to_undo() -> None:
    many, more = (tolerance(said(*["wrong"] * count), NOW) for count in (11, 300))
    assert many.factor == more.factor == MOST
    assert more.text.endswith("the most there is")
    assert tolerance(said(*["right"] * 300), NOW).factor == LEAST
    after = [tolerance(said(*["wrong"] * count, "right"), NOW).factor for count in (11, 300)]
    assert after[0] == after[1] < MOST


def test_one_wrong_more_never_lowers_and_one_right_more_never_raises() -> None:
    rng = random.Random(3)
    for _ in range(300):
        marks = [(NOW - rng.randrange(400 * DAY_MS), rng.choice(WORDS)) for _ in range(rng.randrange(30))]
        before = tolerance(marks, NOW).factor
        at = NOW - rng.randrange(400 * DAY_MS)
        assert tolerance([*marks, (at, "wrong")], NOW).factor >= before
        assert tolerance([*marks, (at, "right")], NOW).factor <= before
        turned = [(t, "wrong" if v == "right" else v) for t, v in marks]
        assert tolerance(turned, NOW).factor >= before


def test_the_order_in_which_it_is_told_does_not_matter() -> None:
    marks = said("wrong", "right", "wrong", "wrong")
    assert len({tolerance(one, NOW) for one in itertools.permutations(marks)}) == 1


def test_half_of_it_is_gone_after_half_a_year_and_the_future_counts_for_nothing() -> None:
    marks = said(*["wrong"] * 6)
    now, then = (tolerance(marks, NOW + days * DAY_MS).factor for days in (0, HALF_DAYS))
    assert math.log(then) == pytest.approx(math.log(now) / 2, abs=0.01)
    assert tolerance(marks, NOW - 10_000) == tolerance([], NOW)
