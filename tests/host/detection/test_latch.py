"""The latch: rises after a while, falls after longer, does not flap."""

from __future__ import annotations

from babbitt.detection.latch import Latch


def levels(latch: Latch, scores: list[float]) -> list[int]:
    return [latch.update(s) for s in scores]


def test_rises_after_three_and_falls_after_ten() -> None:
    latch = Latch((1.0, 3.0))
    assert levels(latch, [1.1, 1.1, 1.1]) == [0, 0, 1]
    assert levels(latch, [3.1, 3.1, 3.1]) == [1, 1, 2]
    assert levels(latch, [0.1] * 10) == [2] * 9 + [1]
    assert levels(latch, [0.1] * 10) == [1] * 9 + [0]


def test_alternating_scores_do_not_flap() -> None:
    latch = Latch((1.0, 3.0))
    assert set(levels(latch, [1.2, 0.5] * 50)) == {0}
    levels(latch, [1.2] * 3)
    assert set(levels(latch, [1.2, 0.5] * 50)) == {1}


def test_a_score_in_the_deadband_holds_the_level() -> None:
    latch = Latch((1.0, 3.0), back=0.75)
    levels(latch, [1.2] * 3)
    assert set(levels(latch, [0.8] * 100)) == {1}


def test_steps_may_be_hours() -> None:
    latch = Latch((1.0, 3.0), on=0.5, off=1.0)
    assert [latch.update(2.0, 0.25) for _ in range(3)] == [0, 1, 1]
    assert [latch.update(0.0, 0.25) for _ in range(4)] == [1, 1, 1, 0]


def test_a_jump_goes_straight_to_alarm() -> None:
    assert levels(Latch((1.0, 3.0)), [9.0, 9.0, 9.0]) == [0, 0, 2]
