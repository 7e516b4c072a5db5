"""Which is nearer to the truth on past lives: the model of the fleet, or the machines' own degradation models?

Of the fleet the predictions of its cross-validation count, of the others what the host said at that time (its assessments are
kept). Both are asked at the same moments and capped alike; moments at which the own model gave no number say nothing of its error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from babbitt.prognosis.fleet.lives import HOUR_MS, Lives
from babbitt.prognosis.fleet.model import Question


def compare(lives: Lives, asked: Sequence[Question], cap: float) -> dict[str, Any]:
    """``asked``: how many questions; ``answered``: of how many the own model gave a number; ``own`` and ``fleet``: root mean square
    errors there, in hours (None: no answer); ``first``: whose number is shown first, `own` or `fleet`."""
    own, fleet = [], []
    for one in asked:
        life = lives.of[one.unit]
        t = life.begin + round(one.time * HOUR_MS)
        since = t - max(1, lives.step_h) * HOUR_MS
        said = lives.reader.assessments(life.site, life.node, since, t, 2)
        if said and said[-1].outlook != "lives" and (left := said[-1].remaining) is not None:
            own.append(min(left.p50, cap) - one.truth)
            fleet.append(one.middle - one.truth)
    errors = [float(np.sqrt(np.mean(np.square(some)))) if some else None for some in (own, fleet)]
    first = "own" if errors[0] is not None and errors[1] is not None and errors[0] < errors[1] else "fleet"
    return {"asked": len(asked), "answered": len(own), "own": errors[0], "fleet": errors[1], "first": first}
