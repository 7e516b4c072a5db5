"""What a machine is like by its sisters: machines of the same site and kind that have the same channels and the same checks.

Of each feature of the sisters' learnt normal states the middle is the median, and how far apart machines of the kind are the median
absolute deviation, corrected for few (Croux and Rousseeuw 1992, 'Time-efficient algorithms for two highly robust estimators of
scale'). So one sister that was ill when it was learnt, or two of five, move neither. A few machines say little of how far apart
machines are: BETWEEN is what is assumed, worth PRIOR degrees of freedom, and what is seen is mixed in by its own, EFFICIENCY for each
sister but one (the moderated variance of Smyth 2004, 'Linear models and empirical Bayes methods', Stat. Appl. Genet. Mol. Biol. 3). A
machine of the kind is expected within the prediction interval of one more of them (Student t), and its records within what the
sisters' own records need besides: both limits are added as roots of squares. Fewer sisters than LEAST say nothing.

It is for the time until a machine's own normal state is learnt, and to doubt one that is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from babbitt.detection.score import combined, widened
from babbitt.manipulation.features import ENERGY, PART, SHAPE, TEMPERATURE, kind, median
from babbitt.protocol.assessment import Sisters

LEAST = 3
"""Sisters that are needed."""
MOST = 64
"""No more are asked."""
SHARE = 0.975
"""One-sided confidence of the limits between machines."""
BETWEEN = {ENERGY: 0.3, PART: 0.3, SHAPE: 0.2, TEMPERATURE: 3.0}
"""Spread between machines of a kind that is assumed, natural log (K). The four bearings of IMS set 2, all good: 0.28 rms, 0.44 peak,
0.30 envelope, 0.19 crest, 0.16 kurtosis."""
PRIOR = 4.0
"""Degrees of freedom of that."""
EFFICIENCY = 0.37
"""Of the median absolute deviation, for Gaussian values."""
_FEW = (1.0, 1.0, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107)


@dataclass(frozen=True, slots=True)
class Learnt:
    """The learnt normal state of one machine: as in :class:`Sisters`, the limit being that of its own records."""

    centre: Mapping[str, float]
    limit: Mapping[str, float]
    level_g: float


def pooled(sisters: Sequence[Learnt]) -> Sisters | None:
    """What the sisters are like together; None if they are too few. A feature that fewer than LEAST of them have is left out."""
    some = sisters[:MOST]
    if len(some) < LEAST:
        return None
    from scipy import stats  # only now: most processes ask for no sisters

    centre, limit = {}, {}
    for channel in sorted({c for one in some for c in one.centre}):
        centres = [one.centre[channel] for one in some if channel in one.centre]
        n = len(centres)
        if n < LEAST:
            continue
        middle = median(centres)
        few = _FEW[n] if n < len(_FEW) else n / (n - 0.8)
        seen, worth = few * 1.4826 * median([abs(one - middle) for one in centres]), EFFICIENCY * (n - 1)
        assumed = BETWEEN[kind(channel) or SHAPE]
        spread = math.sqrt((PRIOR * assumed**2 + worth * seen**2) / (PRIOR + worth))
        between = float(stats.t.ppf(SHARE, PRIOR + worth)) * spread * math.sqrt(1 + 1 / n)
        centre[channel] = middle
        limit[channel] = math.hypot(
            between, median([one.limit[channel] for one in some if channel in one.limit])
        )
    return Sisters(len(some), centre, limit, median([one.level_g for one in some]))


def compared(
    rows: Sequence[Mapping[str, float]], sisters: Sisters, tolerance: float = 1.0
) -> tuple[float, tuple[str, ...], dict[str, float]]:
    """The score, drivers and deviation (natural logs, K) of a machine of which the last records have these features."""
    deviation = {}
    for channel, middle in sisters.centre.items():
        seen = [row[channel] for row in rows if channel in row]
        if 2 * len(seen) > len(rows):
            deviation[channel] = median(seen) - middle
    limit = {c: widened(c, sisters.limit[c], tolerance) for c in deviation}
    return (*combined(deviation, limit), deviation)


def unlike(centre: Mapping[str, float], sisters: Sisters, tolerance: float = 1.0) -> tuple[str, ...]:
    """The energies of a state that was learnt which are beyond what the sisters are like, farthest first."""
    far = {
        c: abs(value - sisters.centre[c]) / widened(c, sisters.limit[c], tolerance)
        for c, value in centre.items()
        if c in sisters.centre and kind(c) == ENERGY
    }
    return tuple(sorted((c for c, s in far.items() if s > 1.0), key=lambda c: (-far[c], c)))
