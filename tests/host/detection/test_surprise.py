"""What a slow channel never did before is told, once; what it does every day is not."""

from __future__ import annotations

import json
import math
import random

import pytest

from babbitt.detection.detector import Values
from babbitt.detection.refractory import HOLD, Refractory
from babbitt.detection.surprise import CHANNELS, LEARN, Surprise

DAY = 96
"""Records a day, every quarter of an hour."""


def days(count: int, seed: int = 1) -> list[float]:
    """A room: a smooth day, noise, and values with one decimal place."""
    rng = random.Random(seed)
    return [
        round(20 + 4 * math.sin(2 * math.pi * n / DAY) + rng.gauss(0, 0.3), 1) for n in range(count * DAY)
    ]


def events(values: list[float], detector: Surprise | None = None) -> list[int]:
    """Where alarms begin."""
    detector, latch = detector or Surprise(), Refractory()
    found = []
    for n, x in enumerate(values):
        if latch.update(detector.new_one({"air": x})):
            found.append(n)
        detector.learn_one({"air": x})
    return found


def told(values: list[float], start: int, end: int) -> bool:
    return any(start <= n < end for n in events(values))


AT = 20 * DAY


def test_ordinary_days_are_left_alone() -> None:
    assert sum(len(events(days(60, seed))) for seed in (1, 2, 3)) <= 6  # half a year of three rooms


@pytest.mark.parametrize("peak", [9.0, -9.0])
def test_a_value_that_never_was_is_told_at_once(peak: float) -> None:
    values = days(30)
    values[AT + 5] = 20 + peak
    assert told(values, AT + 5, AT + 6)


def test_a_day_that_does_not_come_is_told() -> None:
    values = days(30)
    rng = random.Random(2)
    for n in range(AT, AT + DAY):  # nothing that is not seen every morning and evening
        values[n] = round(20 + rng.gauss(0, 0.3), 1)
    assert told(values, AT, AT + DAY)


def test_a_channel_that_stands_still_is_told() -> None:
    values = days(30)
    values[AT + 30 : AT + DAY] = [values[AT + 30]] * (DAY - 30)
    assert told(values, AT + 30, AT + DAY)


def test_a_channel_that_shivers_is_told() -> None:
    values = days(30)
    rng = random.Random(3)
    for n in range(AT, AT + 40):
        values[n] += rng.gauss(0, 1.5)
    assert told(values, AT, AT + 45)


def test_what_comes_again_is_told_less_and_less() -> None:
    values = days(60)
    knocks = range(20 * DAY, 60 * DAY, 2 * DAY)
    for n in knocks:
        values[n] = 29.0
    found = [n for n in knocks if any(n <= at < n + 4 for at in events(values))]
    assert found[0] == knocks[0]
    assert len(found) <= 3


def test_a_level_that_stays_off_stays_told_and_is_over_when_it_is_back() -> None:
    rng = random.Random(4)
    values = [5 + rng.gauss(0, 0.2) + (1.0 if 900 <= n < 1200 else 0.0) for n in range(1600)]
    detector = Surprise()
    scores = []
    for x in values:
        scores.append(detector.score_one({"p": x}) or 0.0)
        detector.learn_one({"p": x})
    assert min(scores[940:1200]) >= 1.0
    assert max(scores[1400:]) < 1.0


def test_no_unit_and_no_place_of_zero_matter() -> None:
    values = days(25)
    values[AT] += 6
    plain = events(values)
    assert plain
    assert events([1e-6 * x for x in values]) == plain
    assert events([1e5 * x for x in values]) == plain


def test_a_restart_in_a_long_life_changes_nothing() -> None:
    values = days(50)
    values[AT : AT + 20] = [3.0] * 20
    whole, part = Surprise(), Surprise()
    expected = []
    for n, x in enumerate(values):
        expected.append(whole.score_one({"air": x}))
        whole.learn_one({"air": x})
        if n < 4000:
            part.learn_one({"air": x})
    part = Surprise.load(json.loads(json.dumps(part.dump())))
    for n, x in enumerate(values[4000:]):
        assert part.score_one({"air": x}) == expected[4000 + n]
        part.learn_one({"air": x})
    assert part.dump() == whole.dump()


def test_a_channel_that_never_moved_tells_its_first_step_unless_the_floor_is_above_it() -> None:
    still = [7.0] * 400
    assert events(still) == []
    assert events([*still, 7.1]) == [400]
    assert events([*still, 7.1], Surprise(floor=1.0)) == []


def test_channels_that_come_late_learn_first_and_too_many_are_left_out() -> None:
    detector = Surprise()
    for n in range(LEARN + 10):
        row: Values = {f"c{k}": float((n * k) % 7) for k in range(3)}
        detector.learn_one(row)
    assert detector.score_one({"late": 1e6}) == 0.0
    detector.learn_one({"late": 5.0} | {f"x{k}": 1.0 for k in range(2 * CHANNELS)})
    assert len(detector.dump()["channels"]) == CHANNELS
    assert detector.score_one({"late": 1e6}) == 0.0


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"learn": LEARN - 1}, "learn"), ({"limit": 0.0}, "limit"), ({"limit": math.nan}, "limit"),
        ({"margin": -1.0}, "margin"), ({"floor": -0.1}, "floor"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Surprise(**settings)  # type: ignore[arg-type]


def test_one_event_is_one_alarm() -> None:
    latch = Refractory()
    scores = [None, 0.5, 1.0, 3.0, 0.2, 5.0] + [0.1] * HOLD + [1.2, 1.3] + [1.4] * HOLD + [0.9, 1.0]
    assert [n for n, score in enumerate(scores) if latch.update(score)] == [2, 6 + HOLD, 9 + 2 * HOLD]
    with pytest.raises(ValueError, match="hold"):
        Refractory(-1)
