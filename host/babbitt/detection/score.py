"""From how far features are from where they should be to one score: 1.0 is the limit.

Energy carries the score. Shape (crest, kurtosis) reacts to every single knock, temperature to summer and load: alone they never reach
the limit, but they count fully once an rms has moved half-way. Both directions count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from babbitt.manipulation.features import ENERGY, SHAPE, TEMPERATURE, kind

ALONE = 0.9
"""Most that shape or temperature can contribute to the score alone."""
ZONE = math.log(2.5)
"""What people say of alarms widens no limit of an energy beyond 2.5 times what was learnt: the width of a zone of ISO 10816-1 (its
boundary C/D over B/C), so a machine that was at the end of 'satisfactory' is told before it is at 'damage'."""


def widened(channel: str, limit: float, tolerance: float) -> float:
    """The limit of a feature by what people said of alarms (a factor), no further than ZONE unless it was learnt wider."""
    wide = limit * tolerance
    return min(wide, max(limit, ZONE)) if kind(channel) == ENERGY else wide


def combined(
    deviation: Mapping[str, float],
    limit: Mapping[str, float],
    together: float = 0.0,
    lively: float = 0.0,
) -> tuple[float, tuple[str, ...]]:
    """The score, and the channels at half their limit or beyond, strongest first, at most five. ``together``: the score of
    the pattern of all, ``lively``: that of how much they vary."""
    score = {c: abs(d) / limit[c] for c, d in deviation.items()}
    energy = max((s for c, s in score.items() if kind(c) == ENERGY), default=0.0)
    rms = max((s for c, s in score.items() if c.endswith(".rms")), default=0.0)
    rest = max((s for c, s in score.items() if kind(c) in (SHAPE, TEMPERATURE)), default=0.0)
    total = max(energy, together, lively, rest if rms >= 0.5 else min(rest, ALONE))
    least = 0.5 if together < 1.0 else 0.5 * max(score.values(), default=0.0)
    drivers = sorted((c for c, s in score.items() if s >= min(0.5, least)), key=lambda c: (-score[c], c))
    return total, tuple(drivers[:5])
