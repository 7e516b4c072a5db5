"""How good a model of a fleet would have been on machines it had not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from babbitt.prognosis.fleet.history import History
from babbitt.prognosis.fleet.model import FleetModel


@dataclass(frozen=True, slots=True)
class Backtest:
    """``error``: root mean square of prediction minus truth, both capped; ``mean_life``: the same of the mean life minus the
    time run; ``inside``: share of truths between the 10 and the 90 % quantile; ``asked``: questions; ``machines``."""

    error: float
    mean_life: float
    inside: float
    asked: int
    machines: int


def back_test(
    model: FleetModel, histories: Sequence[History], mean_life: float, cap: float | None = None
) -> Backtest | None:
    """Ask a model about machines that failed, at MOMENTS of their lives; None if there are none. ``cap``: lives are capped at it,
    without it at the model's."""
    errors, plain, inside = [], [], []
    cap = model.cap if cap is None else cap
    failed = [h for h in histories if h.failed]
    for history in failed:
        for at, middle in zip(history.moments, model.middles(history, history.moments).tolist(), strict=True):
            truth = min(float(history.remaining[at]), cap)
            said = model.spread(middle)
            errors.append(min(said.p50, cap) - truth)
            plain.append(min(cap, max(0.0, mean_life - float(history.time[at]))) - truth)
            inside.append(min(said.p10, cap) <= truth <= said.p90)
    if not errors:
        return None
    return Backtest(
        float(np.sqrt(np.mean(np.square(errors)))), float(np.sqrt(np.mean(np.square(plain)))), float(np.mean(inside)),
        len(errors), len(failed),
    )  # fmt: skip
