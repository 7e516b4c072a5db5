"""Boosted regression trees as flat arrays: quick to ask and to keep, and nothing but numbers is in their file.

Grown by scikit-learn's histogram-based gradient boosting. A node sends a row to its left child if the feature is at most the threshold; a
leaf is its own child, so all trees are walked at once, as many steps as the deepest has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AT_ONCE = 1_000_000
"""Rows times trees that are walked at once: some 30 MB."""


@dataclass(frozen=True, slots=True)
class Trees:
    """``roots`` (t,) are the nodes where the trees begin; of each node ``feature``, ``threshold``, ``left``, ``right`` (nodes) and
    ``value`` (of leaves, else 0). A prediction is ``base`` and the sum of the leaves that are reached. ``gains`` (f,): how much
    each feature lowered the error."""

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    gains: Floats
    base: float
    depth: int

    @classmethod
    def of(cls, models: Sequence[Any]) -> Trees:
        """The mean of some HistGradientBoostingRegressors, which were taught without categories and missing values."""
        each = [tree.nodes for one in models for (tree,) in one._predictors]
        sizes = np.array([len(nodes) for nodes in each])
        roots = np.cumsum(sizes) - sizes
        nodes = np.concatenate(each)
        here, first = np.arange(len(nodes)), np.repeat(roots, sizes)
        leaf = nodes["is_leaf"] == 1
        gains = np.zeros(models[0].n_features_in_)
        np.add.at(gains, nodes["feature_idx"][~leaf], nodes["gain"][~leaf])
        return cls(
            roots.astype(np.int32),
            np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
            np.where(leaf, 0.0, nodes["num_threshold"]),
            np.where(leaf, here, first + nodes["left"]).astype(np.int32),
            np.where(leaf, here, first + nodes["right"]).astype(np.int32),
            np.where(leaf, nodes["value"], 0.0) / len(models),
            gains,
            float(np.mean([np.ravel(one._baseline_prediction)[0] for one in models])),
            int(nodes["depth"].max()),
        )

    def predict(self, x: Floats) -> Floats:
        """Of rows of features, shape (n, f): shape (n,)."""
        found = np.empty(len(x))
        step = max(1, AT_ONCE // len(self.roots))
        for start in range(0, len(x), step):
            part = x[start : start + step]
            row = np.arange(len(part))[:, None]
            at = np.broadcast_to(self.roots, (len(part), len(self.roots)))
            for _ in range(self.depth):
                low = part[row, self.feature[at]] <= self.threshold[at]
                at = np.where(low, self.left[at], self.right[at])
            found[start : start + step] = self.base + self.value[at].sum(axis=1)
        return found
