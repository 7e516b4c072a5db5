"""The slow states of machines of a kind: what many channels show together and for long, as wear does, and noise does not.

A record x of the operating condition g is a + B s + e: s are the states, which change slowly, B says how far each channel moves
with them in that condition, e is noise. This is factor analysis, made for a few conditions that a machine jumps between: one
scatters more than another and shows a state better, and a plain mean over the last records would mix them.

How many states there are, and their first directions, come from the local means of each history against what noise would leave of
them (maximum autocorrelation factors, Switzer and Green 1984). Then, three times: a, B and the noise of each condition by least squares
on the states; and the states of each record by generalised least squares (Bartlett 1937), each with its weight, the inverse of its
variance. Whether a machine failed is not looked at, so those that still run teach as much as the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
NEAR = 8
"""A local mean is of so many records on either side."""
ROUNDS = 3
MOST, CLEAR = 6, 4.0
"""States at most; the variance of a state's local means, in that which noise alone would give them."""
POOLED = 100.0
"""What all conditions tell together counts as so many records of each: one that is rare is taken to be like the others."""
RIDGE, LEAST = 1e-3, 1e-3
"""Noise of a channel in spreads squared, and the least weight of a state."""


class States:
    """``gain`` (k, p, m), ``offset`` (k, m) and ``weight`` (k, m) by condition, of p normalised channels and m states, each of variance
    one over all that was learnt from; sums and differences of two states count as states. ``loading`` (p, m): how far each channel
    moves with a state, over its noise."""

    def __init__(self, gain: Floats, offset: Floats, weight: Floats, loading: Floats) -> None:
        self.gain, self.offset, self.weight, self.loading = gain, offset, weight, loading

    @classmethod
    def learn(cls, values: Sequence[Floats], groups: Sequence[Groups], conditions: int) -> States:
        """From histories of normalised values, shapes (n, p), and the condition of each record, (n,)."""
        x, group = np.vstack(values), np.concatenate(groups)
        ends = np.cumsum([0, *(len(part) for part in values)])
        spans = [slice(a, b) for a, b in pairwise(ends.tolist())]
        s = _scaled(_local(x, np.ones_like(x), spans) @ _directions(values))
        count = s.shape[1]
        for axes in [np.eye(count)] * (ROUNDS - 1) + [_axes(count)]:
            one = cls._fit(x, s, group, conditions, axes)
            said, weight = one.of(x, group)
            local = _local(said, weight, spans)
            s = _scaled(local[:, :count])
        shift, scale = local.mean(axis=0), np.maximum(local.std(axis=0), 1e-9)
        # What is said has variance one as well, whatever the rounds made of it.
        return cls(one.gain / scale, (one.offset + shift) / scale, one.weight * scale**2, one.loading * scale)

    @classmethod
    def _fit(cls, x: Floats, s: Floats, group: Groups, conditions: int, axes: Floats) -> States:
        design = np.c_[np.ones(len(s)), s]
        share = POOLED / len(x)
        square, cross = share * design.T @ design, share * design.T @ x
        all_left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
        noise = share * all_left.T @ all_left
        gain, offset, weight = [], [], []
        loading = np.zeros((x.shape[1], s.shape[1]))
        for n in range(conditions):
            here, part = design[group == n], x[group == n]
            found = np.linalg.solve(
                square + here.T @ here + 1e-9 * np.eye(len(square)), cross + here.T @ part
            )
            left = part - here @ found
            spread = (noise + left.T @ left) / (POOLED + len(part)) + RIDGE * np.eye(x.shape[1])
            moves = found[1:]
            heard = np.linalg.solve(spread, moves.T)
            inverse = np.linalg.inv(moves @ heard + LEAST * np.eye(len(moves)))
            gain.append(heard @ inverse @ axes)
            offset.append(found[0] @ gain[-1])
            weight.append(1.0 / np.einsum("ma,mn,na->a", axes, inverse, axes))
            loading += len(part) / len(x) * (moves / np.sqrt(np.diag(spread))).T
        return cls(np.stack(gain), np.stack(offset), np.stack(weight), loading @ axes)

    def of(self, x: Floats, group: Groups) -> tuple[Floats, Floats]:
        """The states of each record, (n, m), and their weights."""
        return np.einsum("np,npm->nm", x, self.gain[group]) - self.offset[group], self.weight[group]

    def names(self, channels: Sequence[str]) -> list[str]:
        """What to call each state: the channels that tell most of it, three at most."""
        told = []
        for loads in np.abs(self.loading).T:
            order = [n for n in np.argsort(-loads)[:3] if loads[n] >= 0.5 * loads.max()]
            told.append(f"state of {', '.join(channels[n] for n in order)}")
        return told

    def arrays(self) -> dict[str, Floats]:
        """What it is made of."""
        return {k: getattr(self, k) for k in ("gain", "offset", "weight", "loading")}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> States:
        """From ``arrays``."""
        return cls(*(np.asarray(arrays[k], np.float64) for k in ("gain", "offset", "weight", "loading")))


def _directions(values: Sequence[Floats]) -> Floats:
    """Combinations of channels, (p, m), whose local means vary most beside what noise leaves of them."""
    spans = [slice(0, len(part)) for part in values]
    local = np.vstack([_local(part, np.ones_like(part), [s]) for part, s in zip(values, spans, strict=True)])
    steps = np.vstack([np.diff(part, axis=0) for part in values])
    noise = steps.T @ steps / max(1, 2 * len(steps)) / (2 * NEAR + 1)
    noise += RIDGE / (2 * NEAR + 1) * np.eye(len(noise))
    root = np.linalg.inv(np.linalg.cholesky(noise))
    found, turned = np.linalg.eigh(root @ np.cov(local, rowvar=False).reshape(noise.shape) @ root.T)
    clear = max(1, min(MOST, int((found > CLEAR).sum())))
    directions: Floats = root.T @ turned[:, ::-1][:, :clear]
    return directions


def _axes(count: int) -> Floats:
    """Directions among the states, as columns: themselves, and sums and differences of two. Trees cut along what they are given."""
    own = np.eye(count)
    both = [
        (own[i] + sign * own[j]) / np.sqrt(2.0) for i, j in combinations(range(count), 2) for sign in (1, -1)
    ]
    return np.array([*own, *both]).T


def _local(x: Floats, weight: Floats, spans: Sequence[slice]) -> Floats:
    """Weighted means of NEAR records on either side, within each span."""
    found = np.empty_like(x)
    for span in spans:
        sums = np.cumsum(np.r_[np.zeros((1, x.shape[1])), weight[span] * x[span]], axis=0)
        weights = np.cumsum(np.r_[np.zeros((1, x.shape[1])), weight[span]], axis=0)
        at = np.arange(len(sums) - 1)
        a, b = np.maximum(0, at - NEAR), np.minimum(len(at), at + NEAR + 1)
        found[span] = (sums[b] - sums[a]) / (weights[b] - weights[a])
    return found


def _scaled(x: Floats) -> Floats:
    found: Floats = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    return found
