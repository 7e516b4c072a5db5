"""The slow states of a fleet: their number, what they are, what they weigh, in conditions that show them differently."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from babbitt.prognosis.fleet.states import States

Floats = NDArray[np.float64]


def lives(
    count: int, states: int, conditions: int, seed: int, channels: int = 6, rare: bool = False
) -> tuple[list[Floats], list[NDArray[np.int64]], list[Floats]]:
    """Values, conditions and true states: random walks, heard by each condition more or less, with a noise of its own."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(1, states, channels))
    loads = base * rng.uniform(0.5, 1.5, (conditions, states, channels))
    noise = rng.uniform(0.3, 2.5, (conditions, channels))
    values, groups, truths = [], [], []
    for _ in range(count):
        n = int(rng.integers(60, 150))
        truth = rng.normal(size=(1, states)) + np.cumsum(rng.normal(0, 0.08, (n, states)), axis=0)
        group = rng.integers(0, conditions, n)
        if rare:
            group = np.where(rng.uniform(size=n) < 0.005, conditions - 1, group % max(1, conditions - 1))
        x = np.einsum("ns,nsc->nc", truth, loads[group]) + noise[group] * rng.normal(size=(n, channels))
        values.append(x)
        groups.append(group)
        truths.append(truth)
    return values, groups, truths


def explained(truth: Floats, said: Floats) -> float:
    """Share of the variance of true states that a linear map of what is said explains, of the worst state."""
    design = np.c_[np.ones(len(said)), said]
    left = truth - design @ np.linalg.lstsq(design, truth, rcond=None)[0]
    return float((1 - left.var(axis=0) / truth.var(axis=0)).min())


@pytest.mark.parametrize(("states", "conditions"), [(1, 1), (2, 1), (1, 4), (2, 4), (3, 2)])
def test_their_number_and_their_course_are_found_in_machines_that_were_not_learnt(
    states: int, conditions: int
) -> None:
    values, groups, truths = lives(120, states, conditions, seed=10 * states + conditions)
    found = States.learn(values[:60], groups[:60], conditions)
    axes = states + states * (states - 1)  # and their sums and differences
    assert found.gain.shape == (conditions, 6, axes)
    said, weight, late = [], [], []
    for x, group, truth in zip(values[60:], groups[60:], truths[60:], strict=True):
        s, w = found.of(x, group)
        said += [np.average(s[at - 10 : at], axis=0, weights=w[at - 10 : at]) for at in range(10, len(x), 10)]
        late += [truth[at - 10 : at].mean(axis=0) for at in range(10, len(x), 10)]
        weight.append(w)
    assert explained(np.array(late), np.array(said)) > 0.9
    assert np.vstack(weight).min() > 0


def test_weights_make_the_mean_better_than_a_plain_one() -> None:
    values, groups, truths = lives(60, 1, 4, seed=4)
    found = States.learn(values, groups, 4)
    said, weight = found.of(np.vstack(values), np.concatenate(groups))
    truth = np.vstack(truths)
    spans = np.cumsum([0, *(len(v) for v in values)])
    plain, weighed, true = [], [], []
    for b in spans[1:]:
        plain.append(said[b - 15 : b, 0].mean())
        weighed.append(np.average(said[b - 15 : b, 0], weights=weight[b - 15 : b, 0]))
        true.append(truth[b - 15 : b, 0].mean())
    rows = np.array(true)[:, None]
    assert explained(rows, np.array(weighed)[:, None]) > explained(rows, np.array(plain)[:, None])


def test_a_state_is_of_variance_one_and_named_by_its_channels() -> None:
    rng = np.random.default_rng(3)
    truth = [np.cumsum(rng.normal(0, 0.1, (100, 1)), axis=0) for _ in range(40)]
    values = [
        np.c_[50 * t, rng.normal(size=(100, 2)), -0.5 * t] + rng.normal(0, 0.3, (100, 4)) for t in truth
    ]
    groups = [np.zeros(100, np.int64)] * 40
    found = States.learn(values, groups, 1)
    said, _ = found.of(np.vstack(values), np.concatenate(groups))
    assert said.std() == pytest.approx(1.0, abs=0.05)
    assert found.names(["a", "b", "c", "d"]) == ["state of a"]


def test_noise_alone_one_channel_and_a_rare_condition_are_no_trouble() -> None:
    rng = np.random.default_rng(8)
    noise = [rng.normal(size=(80, 5)) for _ in range(20)]
    one = States.learn(noise, [np.zeros(80, np.int64)] * 20, 1)
    assert one.gain.shape == (1, 5, 1)
    single, groups, truths = lives(30, 1, 2, seed=5, channels=1)
    found = States.learn(single, groups, 2)
    assert explained(np.vstack(truths), found.of(np.vstack(single), np.concatenate(groups))[0]) > 0.1
    values, groups, truths = lives(30, 2, 3, seed=6, rare=True)
    assert 0 < int((np.concatenate(groups) == 2).sum()) < 60
    found = States.learn(values, groups, 3)
    said, weight = found.of(np.vstack(values), np.concatenate(groups))
    assert np.isfinite(said).all()
    assert (weight > 0).all()
    again = States.from_arrays(found.arrays())
    assert np.array_equal(again.of(values[0], groups[0])[0], said[: len(values[0])])
