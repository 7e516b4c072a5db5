"""How much a machine varies: livelier and calmer are told, below what raises or holds a level, and not across a stop."""

from __future__ import annotations

import json
import random

import pytest

from babbitt.detection.baseline import LEARN, Baseline
from babbitt.detection.latch import Latch
from babbitt.detection.scatter import LONG, MOST, Scatter, spread


def feed(scatter: Scatter, sd: float, count: int, seed: int = 1) -> float:
    rng = random.Random(seed)
    return [scatter.update({"a": rng.gauss(0, sd), "b": rng.gauss(5, sd)}) for _ in range(count)][-1]


def test_the_spread_is_that_of_a_gaussian_and_sees_two_loads() -> None:
    rng = random.Random(3)
    assert spread([rng.gauss(1, 0.2) for _ in range(20_000)]) == pytest.approx(0.2, rel=0.03)
    assert spread([0.0] * 30 + [1.0] * 10) > 0.3


@pytest.mark.parametrize("sd", [0.05, 0.9])
def test_calmer_and_livelier_count_alike_and_never_more_than_most(sd: float) -> None:
    usual = {"a": 0.3, "b": 0.3}
    assert feed(Scatter(usual), 0.3, LONG) < 0.3
    assert 0.5 < feed(Scatter(usual), sd, LONG) <= MOST
    assert feed(Scatter(usual), 30.0, LONG) == MOST


def test_nothing_is_said_of_few_records_or_across_a_stop() -> None:
    scatter = Scatter({"a": 0.3})
    assert feed(scatter, 9.0, LONG - 1) == 0.0
    scatter.forget()
    assert feed(scatter, 9.0, LONG - 1) == 0.0
    assert scatter.update({"b": 1.0}) == 0.0, "a feature that is not there says nothing"


def test_it_goes_on_after_a_dump() -> None:
    scatter = Scatter({"a": 0.3, "b": 0.3})
    feed(scatter, 0.5, LONG + 5)
    again = Scatter.load(json.loads(json.dumps(scatter.dump())))
    assert again.update({"a": 0.4, "b": 5.2}) == scatter.update({"a": 0.4, "b": 5.2})


def test_it_alone_neither_raises_a_level_nor_holds_one() -> None:
    latch = Latch((1.0, 3.0))
    for _ in range(100):
        latch.update(MOST)
    assert latch.level == 0
    for _ in range(10):
        latch.update(1.2)
    assert latch.level == 1
    for _ in range(20):
        latch.update(MOST)
    assert latch.level == 0


def record(level: float) -> dict[str, float | None]:
    return {"vib.x.rms": 0.3 * level, "vib.x.peak": 0.9 * level, "vib.y.rms": 0.2 * level}


def test_a_machine_that_lost_its_beat_is_unlike_what_was_learnt() -> None:
    rng = random.Random(7)
    own = Baseline()
    for _ in range(LEARN):
        own.update(record(rng.choice([0.8, 1.0, 1.25])))
    for _ in range(60):
        usual = own.update(record(rng.choice([0.8, 1.0, 1.25])))
    again = Baseline.load(json.loads(json.dumps(own.dump())))
    for _ in range(60):
        calm, also = own.update(record(1.0)), again.update(record(1.0))
    assert usual is not None
    assert calm is not None
    assert calm == also
    assert usual.score < 0.25
    assert usual.score + 0.2 < calm.score < 1.0
