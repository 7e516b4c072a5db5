"""How the limits of a machine follow what people say of its alarms.

A limit that is to let a share of TARGET right alarms through is found by stochastic approximation (Robbins and Monro 1951, 'A
stochastic approximation method'): each alarm called wrong widens the limits by STEP x TARGET, each called right narrows
them by STEP x (1 - TARGET), in natural logs. They stand still where TARGET of the alarms are right. What was said fades: half of it
is gone after HALF_DAYS. The factor stays between LEAST and MOST at every step, so a long row of the same word is not
dearer to undo than a short one. One word more of 'wrong' never makes it less, one of 'right' never makes it more.

It is a function of what was said and of the time alone: nothing is kept besides the marks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

STEP = 0.08
TARGET = 0.8
LEAST, MOST = 0.8, 2.0
HALF_DAYS = 180.0
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The learnt limits are multiplied by ``factor``, because so many alarms were called ``wrong`` and ``right``; the new
    normal is neither: what is learnt anew needs no other limits."""

    factor: float
    wrong: int
    right: int

    @property
    def text(self) -> str:
        """Why, in plain words."""
        change = round(100 * (self.factor - 1))
        if not self.wrong and not self.right:
            return "as learnt: no alarm was called right or wrong"
        said = " and ".join(
            f"{count} alarm{'s' if count != 1 else ''} marked {what}"
            for count, what in ((self.wrong, "wrong"), (self.right, "right"))
            if count
        )
        if change == 0:
            return f"as learnt, after {said}"
        bound = ", the most there is" if self.factor in (LEAST, MOST) else ""
        return f"{'raised' if change > 0 else 'lowered'} {abs(change)} % after {said}{bound}"


def tolerance(marks: Iterable[tuple[int, str]], now: int) -> Tolerance:
    """The tolerance at ``now`` (ms) by what was said: time of the alarm (ms) and verdict, in any order; alarms after
    ``now`` do not count. The factor is rounded to hundredths."""
    log, last, counts = 0.0, 0, {"wrong": 0, "right": 0}
    low, high = math.log(LEAST), math.log(MOST)
    for t, verdict in sorted(marks):
        if t > now or verdict not in counts:
            continue
        counts[verdict] += 1
        step = STEP * TARGET if verdict == "wrong" else -STEP * (1 - TARGET)
        log = min(max(_faded(log, t - last) + step, low), high)
        last = t
    return Tolerance(round(math.exp(_faded(log, now - last)), 2), counts["wrong"], counts["right"])


def _faded(log: float, ms: float) -> float:
    return log * math.exp2(-ms / (HALF_DAYS * DAY_MS))
