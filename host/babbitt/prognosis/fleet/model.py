"""Remaining life by what became of other machines of the kind, as a distribution.

Of the values without their operating conditions (:mod:`.regimes`) the few slow states are found that they share (:mod:`.states`);
features of the whole history of these (:mod:`.statistics`) go into boosted trees (Friedman 2001, histogram-based). The label is
capped: how long a new machine lasts cannot be seen from it. A machine that did not fail teaches where it is certain: wherever more
than the cap was still to come.

The fleet is parted in FOLDS. Each part is left out once, and MEMBERS sets of trees learn the rest, each every MEMBERS-th record:
records that follow each other tell nearly the same, and trees that saw others differ. The middle is the mean of all of them
(bagging, Breiman 1996), and what each said of the machines it had not seen tells the errors, so nothing is learnt just for that
(cross-conformal prediction, Vovk 2015). The mean of all is a little better than those that tell the errors, so the intervals are
rather too wide than too narrow.

The quantiles are conformal, by the prediction itself (Mondrian, Vovk et al. 2005): the errors on machines that were not learnt from
by any tree that speaks of them, sorted by bins of what was predicted. So 80 of 100 truths are between the 10 and the 90 % quantile,
near the end as well as far from it, if the fleet is like the one it was trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.history import Fleet, History
from babbitt.prognosis.fleet.regimes import Regimes
from babbitt.prognosis.fleet.states import States
from babbitt.prognosis.fleet.statistics import features, names
from babbitt.prognosis.fleet.trees import Trees

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]
FOLDS = 5
LEAST_UNITS = 10
EDGES = (0.0, 0.12, 0.25, 0.45, 0.7, 0.9)
"""Bins of the prediction, as shares of the cap."""
QUANTILES = (0.05, 0.1, 0.5, 0.9, 0.95)
SURE, ALIKE = 0.67, 2.0
"""With a chance of three in four the share outside a quantile is no more than said (the coverage of one calibration set
scatters: Vovk 2012, 'Conditional validity of inductive conformal predictors'). So many errors count as one, as those of one
life are alike."""
FREEDOM = 5
ROUNDS, LEAVES, PICKED, MEMBERS = 400, 31, 0.4, 2
SMALL = 10_000
ROWS = 60_000
"""Records that are learnt from at most: every n-th of longer fleets."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """Time to the end, in the unit of the histories, by quantiles. ``beyond``: not less than about the cap; how much more
    cannot be seen."""

    p05: float
    p10: float
    p50: float
    p90: float
    p95: float
    beyond: bool


def quiet(what: str, done: int, of: int) -> None:
    """No progress."""


class Core:
    """What predicts the middle, learnt from all of a fleet that it is given: regimes, states, and trees."""

    def __init__(self, fleet: Fleet, cap: float, seed: int = 0) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        self.cap = cap
        settings = np.vstack([h.settings for h in fleet.histories])
        self.regimes = Regimes.learn(settings, np.vstack([h.values for h in fleet.histories]))
        if not len(self.regimes.kept):
            raise ModelError("no channel changes: there is nothing to learn from")
        values, groups = zip(*(self._normal(h) for h in fleet.histories), strict=True)
        self.states = States.learn(values, groups, len(self.regimes.centres))
        x, y = self._thinned(fleet.histories)
        # A small fleet is learnt in fewer, longer steps, and faster by one thread than by several that wait for each other.
        small = len(x) < SMALL
        rounds = ROUNDS // 4 if small else ROUNDS
        leaf = min(60, max(5, len(x) // MEMBERS // 150))
        with threadpool_limits(1 if small else None):
            grown = [
                HistGradientBoostingRegressor(
                    max_iter=rounds, learning_rate=12.0 / rounds, max_leaf_nodes=LEAVES, min_samples_leaf=leaf,
                    l2_regularization=10, max_features=PICKED, early_stopping=False, random_state=MEMBERS * seed + n,
                ).fit(x[n::MEMBERS], y[n::MEMBERS])
                for n in range(MEMBERS)
            ]  # fmt: skip
        self.trees = Trees.of(grown)

    def _certain(self, history: History) -> NDArray[np.bool_]:
        """Of which records the capped label is known."""
        return np.full(len(history.time), history.failed) | (history.remaining >= self.cap)

    def features(self, history: History) -> Floats:
        """Shape (n, f)."""
        return features(*self.states.of(*self._normal(history)))

    def _normal(self, history: History) -> tuple[Floats, NDArray[np.int64]]:
        """Normalised values and the operating condition of each record."""
        return self.regimes.normal(history.settings, history.values), self.regimes.group(history.settings)

    def _thinned(self, histories: Sequence[History]) -> tuple[Floats, Floats]:
        """Features and labels of every n-th record whose label is known, never of more than about ROWS at once."""
        each = max(1, sum(int(self._certain(h).sum()) for h in histories) // ROWS)
        rows, labels, seen = [], [], 0
        for history in histories:
            x, y = self._rows(history)
            rows.append(x[-seen % each :: each])
            labels.append(y[-seen % each :: each])
            seen += len(y)
        return np.vstack(rows), np.concatenate(labels)

    def _rows(self, history: History) -> tuple[Floats, Floats]:
        known = self._certain(history)
        return self.features(history)[known], np.minimum(history.remaining, self.cap)[known]

    def middle(self, x: Floats) -> Floats:
        """Predictions for rows of features, within 0 and the cap."""
        return self.trees.predict(x).clip(0.0, self.cap)


@dataclass(frozen=True, slots=True)
class Question:
    """What a model says at a time of a life it was not learnt from, and the truth, both capped."""

    unit: str
    time: float
    middle: float
    truth: float


class FleetModel:
    """Cores with what is known of their errors. ``trained``: what it was trained on, in plain JSON types. ``asked``: of one that
    was just trained, the questions of its cross-validation about machines that failed."""

    def __init__(self, cores: Sequence[Core], channels: Sequence[str], settings: Sequence[str], errors: Sequence[Floats],
                 trained: dict[str, Any]) -> None:  # fmt: skip
        self.cores, self.channels, self.settings = tuple(cores), tuple(channels), tuple(settings)
        self.cap = self.cores[0].cap
        self.errors = [np.sort(np.asarray(some, np.float64)) for some in errors]
        self.trained = trained
        self.asked: tuple[Question, ...] = ()

    def remaining(self, history: History) -> Remaining:
        """After the last record of a history. Raises ModelError if its columns are others."""
        if history.values.shape[1] != len(self.channels) or history.settings.shape[1] != len(self.settings):
            raise ModelError(
                f"the model wants the channels {', '.join(self.channels)}, and the settings {self.settings}"
            )
        return self.spread(float(self.middles(history, slice(-1, None))[0]))

    def middles(self, history: History, records: slice | Sequence[int] = slice(None)) -> Floats:
        """Predictions after each of some records, by what was known then."""
        found: Floats = np.mean([core.middle(core.features(history)[records]) for core in self.cores], axis=0)
        return found

    def spread(self, middle: float) -> Remaining:
        """The distribution around a prediction."""
        errors = self.errors[bin_of(middle, self.cap)]
        found = [max(0.0, middle + quantile(errors, q)) for q in QUANTILES]
        # The median stays the prediction: its errors are small beside their spread.
        low05, low10, _, high90, high95 = (min(value, self.cap) for value in found)
        return Remaining(
            min(low05, middle), min(low10, middle), middle, max(high90, middle), max(high95, middle),
            high95 >= self.cap,
        )  # fmt: skip

    def chance(self, middle: float, within: float) -> float:
        """Chance that a machine with this prediction fails within a time: a Student t with FREEDOM degrees and the spread of
        the errors of its bin, for chances that are smaller than one of their number."""
        from scipy.stats import t

        errors = self.errors[bin_of(middle, self.cap)]
        spread = max(float(errors.std()) if len(errors) else 0.0, 1e-9)
        scale = spread * math.sqrt((FREEDOM - 2) / FREEDOM)
        shift = float(errors.mean()) if len(errors) else 0.0
        return float(t.cdf((within - middle - shift) / scale, FREEDOM))

    def explained(self, most: int = 10) -> list[tuple[str, float]]:
        """The features that the trees lean on most, with their shares of all that lowered the error."""
        shares: dict[str, float] = {}
        for core in self.cores:
            gains = core.trees.gains
            kept = [self.channels[n] for n in core.regimes.kept]
            said = names(core.states.names(kept))
            for name, gain in zip(said, (gains / max(gains.sum(), 1e-300)).tolist(), strict=True):
                shares[name] = shares.get(name, 0.0) + gain / len(self.cores)
        order = sorted(shares, key=lambda name: -shares[name])[:most]
        return [(name, round(shares[name], 4)) for name in order]


def bin_of(middle: float, cap: float) -> int:
    """The bin of a prediction."""
    return int(np.searchsorted(np.array(EDGES) * cap, middle, side="right")) - 1


def quantile(errors: Floats, q: float) -> float:
    """The conformal quantile of sorted errors: of n + 1 places, so that the next one is on the right side of it; and further out
    by SURE standard errors of the share, since these errors are a sample themselves."""
    n = len(errors)
    if not n:
        return 0.0
    doubt = SURE * math.sqrt(q * (1 - q) / (n / ALIKE)) if q != 0.5 else 0.0
    q = min(1.0, max(0.0, q + math.copysign(doubt, q - 0.5)))
    at = math.ceil(q * (n + 1)) - 1 if q > 0.5 else math.floor(q * (n + 1)) - 1
    return float(errors[min(n - 1, max(0, at))])


def train(
    fleet: Fleet, cap: float, progress: Progress = quiet, folds: int = FOLDS, least: int = LEAST_UNITS
) -> FleetModel:
    """Learn from a fleet. Raises ModelError if fewer than ``least`` machines have failed."""
    failed = [h for h in fleet.histories if h.failed]
    if len(failed) < least:
        raise ModelError(f"{len(failed)} machines have failed; {least} are needed to learn from")
    asked: list[Question] = []
    errors: list[list[float]] = [[] for _ in EDGES]
    cores = []
    for core, pairs in held_out(fleet, cap, progress, folds, asked=asked):
        cores.append(core)
        for middle, truth in pairs:
            errors[bin_of(middle, cap)].append(truth - middle)
    trained = {
        "machines": len(fleet.histories), "failed": len(failed), "records": sum(len(h.time) for h in fleet.histories),
        "mean_life": float(np.mean([h.life for h in failed])), "cap": cap,
        "regimes": max(len(core.regimes.centres) for core in cores), "units": sorted(h.unit for h in fleet.histories),
    }  # fmt: skip
    model = FleetModel(cores, fleet.channels, fleet.settings, [np.array(e) for e in _filled(errors)], trained)
    model.asked = tuple(asked)
    return model


def held_out(
    fleet: Fleet,
    cap: float,
    progress: Progress = quiet,
    folds: int = FOLDS,
    seed: int = 1,
    asked: list[Question] | None = None,
) -> Iterator[tuple[Core, list[tuple[float, float]]]]:
    """Cores that each learnt all but a part of the fleet, with what they predict for that part at eight moments of each life
    where the truth is certain: the prediction and the truth (capped). To ``asked`` those at MOMENTS of the lives that failed are added."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(fleet.histories))
    for fold in range(folds):
        progress("learning without some", fold, folds)
        out = set(order[fold::folds].tolist())
        rest = tuple(h for n, h in enumerate(fleet.histories) if n not in out)
        core = Core(Fleet(rest, fleet.channels, fleet.settings), cap, seed=fold)
        pairs: list[tuple[float, float]] = []
        for n in sorted(out):
            history = fleet.histories[n]
            certain, left = core._certain(history), np.minimum(history.remaining, cap)
            some = rng.choice(len(history.time), min(8, len(history.time)), replace=False)
            moments = history.moments if history.failed and asked is not None else []
            rows = [*some.tolist(), *moments]
            said = core.middle(core.features(history)[rows]).tolist()
            for at, middle in zip(rows[: len(some)], said, strict=False):
                if certain[at]:
                    pairs.append((middle, float(left[at])))
            for at, middle in zip(moments, said[len(some) :], strict=True):
                question = Question(history.unit, float(history.time[at]), middle, float(left[at]))
                asked.append(question)  # type: ignore[union-attr]
        yield core, pairs
    progress("learning without some", folds, folds)


def _filled(errors: list[list[float]]) -> list[list[float]]:
    """A bin with too few errors takes those of its neighbours."""
    filled = []
    for n in range(len(errors)):
        some, reach = list(errors[n]), 1
        while len(some) < 30 and reach < len(errors):
            for near in (n - reach, n + reach):
                some += errors[near] if 0 <= near < len(errors) else []
            reach += 1
        filled.append(some)
    return filled
