"""Features together: what is usual, what is not though each is, and a start that takes its time."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest

from babbitt.detection.baseline import LEARN, RUN_UP_MAX, Baseline
from babbitt.detection.pattern import LEAST, LIMIT, MOST, Pattern


def rows(count: int, names: int, seed: int = 1) -> list[dict[str, float]]:
    """Features that all follow one load, with a little of their own."""
    rng = np.random.default_rng(seed)
    load = rng.normal(0, 0.4, count)
    return [{f"f{k}": load[n] + rng.normal(0, 0.05) for k in range(names)} for n in range(count)]


def test_what_varies_together_is_usual_together_and_not_apart() -> None:
    pattern = Pattern.learnt(rows(200, 6), {f"f{k}": 0.0 for k in range(6)})
    assert pattern is not None
    together = pattern.score({f"f{k}": 0.8 for k in range(6)})
    apart = pattern.score({f"f{k}": 0.8 * (-1) ** k for k in range(6)})
    assert together < 1.0
    assert apart > 1.5 * together
    assert pattern.score({}) == 0.0


def test_the_distance_is_that_of_mahalanobis_for_features_without_correlation() -> None:
    rng = np.random.default_rng(2)
    some = [{f"f{k}": v for k, v in enumerate(rng.normal(0, 0.3, 5))} for _ in range(20_000)]
    pattern = Pattern.learnt(some, {f"f{k}": 0.0 for k in range(5)})
    assert pattern is not None
    spread = math.hypot(0.3, 0.1)
    assert pattern.score({"f2": 1.0}) == pytest.approx(1 / spread / math.sqrt(5) / LIMIT, rel=0.03)


def test_it_survives_json_and_is_small() -> None:
    pattern = Pattern.learnt(rows(60, 60), {f"f{k}": 0.0 for k in range(60)})
    assert pattern is not None
    assert len(pattern.names) == MOST
    said = json.dumps(pattern.dump())
    assert len(said) < 5500
    again = Pattern.load(json.loads(said))
    deviation = {f"f{k}": 0.1 * k for k in range(60)}
    assert again.score(deviation) == pattern.score(deviation)
    with pytest.raises((KeyError, TypeError, ValueError)):
        Pattern.load({"names": ["a", "b"], "factor": "not base 64!"})


def test_few_features_make_no_pattern() -> None:
    assert Pattern.learnt(rows(60, LEAST - 1), {f"f{k}": 0.0 for k in range(LEAST - 1)}) is None


def record(rng: random.Random, level: float, shares: tuple[float, ...]) -> dict[str, float | None]:
    """A machine whose energy lies in bands by their shares."""
    out: dict[str, float | None] = {}
    for axis in "xyz":
        rms = level * rng.gauss(1, 0.02)
        out[f"vib.{axis}.rms"], out[f"vib.{axis}.peak"] = rms, rms * rng.gauss(4, 0.2)
        for n, share in enumerate(shares, 1):
            out[f"vib.{axis}.band{n}"] = rms * math.sqrt(share) * rng.gauss(1, 0.02)
    return out


EVEN = (0.25, 0.25, 0.25, 0.25)


def taught(seed: int = 3) -> tuple[Baseline, random.Random]:
    rng = random.Random(seed)
    baseline = Baseline()
    for _ in range(LEARN):
        baseline.update(record(rng, 0.3, EVEN))
    assert baseline.learnt
    return baseline, rng


def test_energy_that_moves_to_other_bands_is_told_although_the_rms_stays() -> None:
    baseline, rng = taught()
    for _ in range(30):
        verdict = baseline.update(record(rng, 0.3, EVEN))
    assert verdict is not None
    assert verdict.score < 0.5
    for _ in range(10):
        verdict = baseline.update(record(rng, 0.3, (0.02, 0.9, 0.04, 0.04)))
    assert verdict is not None
    assert verdict.score > 1.0
    assert verdict.drivers
    assert all(".band" in channel for channel in verdict.drivers)


def test_a_machine_that_runs_up_slowly_is_not_judged_until_it_is_steady() -> None:
    baseline, rng = taught()
    for _ in range(3):
        baseline.update(record(rng, 0.001, EVEN))
    judged = []
    for n in range(80):
        verdict = baseline.update(record(rng, min(0.3, 0.09 * 1.03**n), EVEN))
        assert verdict is not None
        judged.append(verdict.running)
        assert verdict.score < 1.0
    assert not any(judged[:40])
    assert judged[-1]
    # One that never becomes steady is judged all the same.
    for _ in range(3):
        baseline.update(record(rng, 0.001, EVEN))
    after = [baseline.update(record(rng, 0.6 if n // 8 % 2 else 0.2, EVEN)) for n in range(RUN_UP_MAX + 20)]
    assert after[-1] is not None
    assert after[-1].running
