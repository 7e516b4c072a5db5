"""When do the goods leave their limit? Only in a fault, for only then nothing holds the air: until then the compressor does.

In a fault the goods follow the air with their time constant (health/goods.py), (Ta - Tg) / tau kelvin an hour, and the heat goes on to
warm both. They have

    T = (what is left to the limit + NEAR_K) / (that rate + LEAST_K_H)    hours:

NEAR_K because neither model nor sensor is better than that, LEAST_K_H because a fault gets worse (a compressor that fades, doors,
deliveries, defrosts that nothing makes good). LEAST, MIDDLE and MOST times T are the 10, 50 and 90 % of the interval: wide, for
nobody foresees the doors of a room that is not cooled. They were chosen so that on simulated rooms 80 % of the truths are inside,
whether the compressor stops at once or fades within 2, 6 or 20 days (bench predict/rooms).
"""

from __future__ import annotations

from babbitt.protocol.assessment import Interval

NEAR_K, LEAST_K_H = 0.5, 0.12
LEAST, MIDDLE, MOST = 0.28, 0.8, 3.6
FARTHEST_H = 32.0
"""No number where the middle lies beyond."""


def to_limit(goods: float, air: float | None, tau_h: float, limit: float) -> Interval | None:
    """Hours until the goods, now ``goods`` degrees C with a time constant of ``tau_h`` hours, pass an upper ``limit`` in air of ``air``
    degrees C that nothing cools (None: there is no fault). Zero if they have; None where there is no number."""
    if goods > limit:
        return Interval(0.0, 0.0, 0.0)
    if air is None:
        return None
    hours = (limit - goods + NEAR_K) / (max(0.0, air - goods) / tau_h + LEAST_K_H)
    if MIDDLE * hours > FARTHEST_H:
        return None
    return Interval(LEAST * hours, MIDDLE * hours, MOST * hours)
