"""What every detector of `babbitt.detection.detector` promises. A new one joins by a line in DETECTORS."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from babbitt.detection.baseline import Baseline
from babbitt.detection.detector import Detector, Values
from babbitt.detection.mewma import CHANNELS, LEARN, WARM, Mewma
from babbitt.detection.surprise import Surprise

Records = list[dict[str, float | None]]


def pump(count: int, seed: int = 1, shift_at: int = 10**9, shift: float = 0.0) -> Records:
    """A pump: flow and current follow one load, the pressure is its own; ``shift`` moves the current from a record on."""
    rng = random.Random(seed)
    found: list[dict[str, float | None]] = []
    for n in range(count):
        load = rng.gauss(0, 1)
        found.append(
            {
                "flow.mean": 120 + 3 * load + rng.gauss(0, 0.3),
                "current.mean": 8 + 0.2 * load + rng.gauss(0, 0.02) + (shift if n >= shift_at else 0),
                "pressure.mean": 2.5 + rng.gauss(0, 0.05),
            }
        )
    return found


def fan(count: int, seed: int = 1, shift_at: int = 10**9, shift: float = 0.0) -> Records:
    """A fan: vibration of two axes; ``shift`` moves the energy of one by twice as much, natural log."""
    rng = random.Random(seed)
    found: Records = []
    for n in range(count):
        x, y = (level * math.exp(rng.gauss(0, 0.04)) for level in (0.3, 0.2))
        x *= math.exp(2 * shift) if n >= shift_at else 1.0
        found.append({"vib.x.rms": x, "vib.x.crest": 3 + rng.gauss(0, 0.2), "vib.y.rms": y})
    return found


@dataclass(frozen=True)
class Case:
    """Class, a fresh one, the records it learns, records it is made for, and the channels that carry their shift."""

    kind: type[Any]
    fresh: Callable[[], Detector]
    learn: int
    records: Callable[..., Records]
    shifted: tuple[str, ...]


DETECTORS = {
    "mewma": Case(Mewma, lambda: Mewma(120), 120, pump, ("current.mean", "flow.mean")),
    "surprise": Case(Surprise, lambda: Surprise(400, 1.5, 0.15), 400, pump, ("current.mean", "flow.mean")),
    "baseline": Case(Baseline, lambda: Baseline(80), 80, fan, ("vib.x.rms",)),
}
EVERY = pytest.mark.parametrize("case", DETECTORS.values(), ids=DETECTORS)


def run(detector: Detector, some: list[dict[str, float | None]]) -> list[float | None]:
    found = []
    for one in some:
        found.append(detector.score_one(one))
        detector.learn_one(one)
    return found


@EVERY
def test_scores_of_a_beginning_are_the_beginning_of_the_scores(case: Case) -> None:
    fresh, learn, records = case.fresh, case.learn, case.records
    some = records(learn + 200, shift_at=learn + 100, shift=0.3)
    assert run(fresh(), some[: learn + 120]) == run(fresh(), some)[: learn + 120]


@EVERY
def test_asking_changes_nothing(case: Case) -> None:
    fresh, learn, records = case.fresh, case.learn, case.records
    some = records(learn + 50)
    asked, plain = fresh(), fresh()
    for one in some:
        for other in some[:5]:
            asked.score_one(other)
        asked.learn_one(one)
        plain.learn_one(one)
    assert asked.score_one(some[0]) == plain.score_one(some[0])
    assert asked.dump() == plain.dump()


@EVERY
@pytest.mark.parametrize("cut", [0, 37, 121, 180])
def test_it_goes_on_where_it_was(case: Case, cut: int) -> None:
    kind, fresh, learn, records = case.kind, case.fresh, case.learn, case.records
    some = records(learn + 120, shift_at=learn + 60, shift=0.3)
    first = fresh()
    before = run(first, some[:cut])
    again = kind.load(json.loads(json.dumps(first.dump())))
    whole = fresh()
    assert before + run(again, some[cut:]) == run(whole, some)
    assert again.drivers() == whole.drivers()


@EVERY
def test_what_is_normal_is_left_alone_and_a_shift_is_told_with_its_channel(case: Case) -> None:
    fresh, learn, records = case.fresh, case.learn, case.records
    quiet = run(fresh(), records(learn + 3000))
    assert quiet[:learn] == [None] * learn
    assert max(score for score in quiet[learn:] if score is not None) < 1.0
    for shift in (0.25, -0.25):  # little more than the current varies by itself, but against its load
        detector = fresh()
        told = run(detector, records(learn + 300, shift_at=learn + 100, shift=shift))
        assert (told[-1] or 0) >= 1.0
        assert detector.drivers()[0] in case.shifted
        at = next(n for n, score in enumerate(told) if score is not None and score >= 1.0)
        assert learn + 100 < at < learn + 200


@EVERY
def test_garbage_and_gaps_change_no_mind(case: Case) -> None:
    fresh, learn, records = case.fresh, case.learn, case.records
    detector = fresh()
    run(detector, records(learn + 50))
    bad: list[Values] = [
        {}, {"flow.mean": None}, {"flow.mean": math.nan, "current.mean": math.inf}, {"pressure.mean": 1e300},
        {"somebody.else": 3.0}, {"vib.x.rms": math.nan, "vib.y.rms": -1.0}, {"vib.x.rms": None},
    ]  # fmt: skip
    for one in bad * 20:
        score = detector.score_one(one)
        assert score is not None
        assert score < 1.0
        detector.learn_one(one)
    assert (detector.score_one(records(1)[0]) or 0) < 1.0
    with pytest.raises((KeyError, TypeError, ValueError)):
        case.kind.load({"learn": 100, "rows": []})


def test_mewma_takes_channels_that_stand_still_seldom_come_or_are_too_many() -> None:
    rng = random.Random(2)
    detector = Mewma(2 * WARM)
    for n in range(2 * WARM):
        row: dict[str, float | None] = {f"c{k:02d}": rng.gauss(0, 1) for k in range(CHANNELS + 5)}
        row |= {"b.still": 7.0, "a.rare": 1.0 if n % 3 == 0 else None}
        detector.learn_one(row)
    assert len(detector._names) == CHANNELS
    assert "b.still" in detector._names
    assert "a.rare" not in detector._names
    assert (detector.score_one({"b.still": 7.0}) or 0) < 1.0
    with pytest.raises(ValueError, match="too few"):
        Mewma(2 * WARM - 1)
    assert LEARN >= 2 * WARM
