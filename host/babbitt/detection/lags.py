"""How well does the recent past of a channel resemble an earlier stretch of it? Nearest neighbours over all lags at once.

For each lag L the distance between now and L records ago is d_L = sum of w^k (x[t-k] - x[t-k-L])^2, an exponentially weighted window
instead of a rectangular one: a new record costs one multiplication and one addition a lag, whatever the length of the window. The
smallest d_L is the distance to the nearest earlier shape, as in KNN-CAD (Burnaev and Ishimtsev 2016, arXiv 1608.04585) and in the left
matrix profile (Yeh et al. 2016); nothing is normalised, so a level counts as part of a shape.

Two windows: SHORT finds a shape that never was. LONG finds one at the wrong time, too: each lag is handicapped by how badly it
foretells on the average (the running mean of its d_L, above that of the best lag). A channel with a day then has a cheap lag of one
day and its multiples, and a day that stays away is far from all of them, though its night values are nothing new. No period is given.

Single precision: differences are exact to some 1e-7 of the distance from the first value.
"""

from __future__ import annotations

import base64
import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Singles = NDArray[np.float32]
LENGTH = 2048
"""Lags, and values kept."""
SHORT, LONG = 3, 6
"""Records that a window is long (mean weight)."""
APART_SHORT, APART_LONG = 2 * SHORT, 2 * LONG
"""Least lag that counts: nearer ones are the same event."""
EVERY = 32
"""Records between two looks at how well each lag foretells."""
SLOW = 0.04
"""Weight of such a look, once there are more than 1 / SLOW."""
_KEEP_SHORT, _KEEP_LONG = np.float32(1.0 - 1.0 / SHORT), np.float32(1.0 - 1.0 / LONG)
_LOOKS = (np.arange(LENGTH) + APART_LONG) // EVERY
"""Looks that were before a lag counted."""


class Lags:
    """`near` gives two distances of a value that may come next and changes nothing; `take` takes it in.

    Before its first value a channel is taken to have stood at it; lags that reach there do not count.
    """

    def __init__(self) -> None:
        self.count = 0
        self._origin = 0.0
        # The newest value comes first: it is written before the others, and all are moved when the start is reached.
        self._values = np.zeros(2 * LENGTH, np.float32)
        self._at = LENGTH
        # What the distances are, and what they would be after the value asked for.
        self._short, self._long, self._next_short, self._next_long, self._square, self._sum = (
            np.zeros(LENGTH, np.float32) for _ in range(6)
        )
        self._mean, self._handicap = np.zeros(LENGTH, np.float32), np.zeros(LENGTH, np.float32)
        self._asked: float | None = None

    def near(self, x: float) -> tuple[float, float]:
        """Distance (unit of the channel, root of a weighted mean square) to the nearest shape: short, and long with handicap; 0 while
        there is no lag that counts."""
        if self.count == 0:  # no place of zero yet
            return 0.0, 0.0
        self._asked = x
        square, short, long = self._square, self._next_short, self._next_long
        # Arguments by position and constants of numpy: half of the time is calling.
        np.subtract(self._values[self._at : self._at + LENGTH], np.float32(x - self._origin), square)
        np.multiply(square, square, square)
        np.multiply(self._short, _KEEP_SHORT, short)
        np.add(short, square, short)
        np.multiply(self._long, _KEEP_LONG, long)
        np.add(long, square, long)
        last = self.count - APART_LONG
        if last <= APART_LONG:
            return 0.0, 0.0
        total = np.add(long, self._handicap, self._sum)[APART_LONG:last]
        short = short[APART_SHORT : last + APART_LONG - APART_SHORT]
        return (
            math.sqrt(short.item(short.argmin()) / SHORT),
            math.sqrt(total.item(total.argmin()) / LONG),
        )

    def take(self, x: float) -> None:
        """Take a value in."""
        if self.count == 0:
            self._origin = x
        elif self._asked != x:
            self.near(x)
        self._short, self._next_short = self._next_short, self._short
        self._long, self._next_long = self._next_long, self._long
        if self._at == 0:
            self._values[LENGTH:] = self._values[:LENGTH]
            self._at = LENGTH
        self._at -= 1
        self._values[self._at] = x - self._origin
        self.count += 1
        self._asked = None
        if self.count % EVERY == 0:
            self._weigh()

    def _weigh(self) -> None:
        """Look how well each lag that counts foretold, and set the handicaps. Of a lag that was seen little, the mean of all is believed
        in part."""
        last = min(LENGTH, self.count - APART_LONG)
        if last <= APART_LONG:
            return
        mean = self._mean[:last]
        looks = (self.count // EVERY - _LOOKS[:last]).astype(np.float32)
        mean += (self._long[:last] - mean) * np.maximum(1.0 / np.maximum(looks, 1.0), SLOW)
        belief = looks[APART_LONG:] / (looks[APART_LONG:] + 1.0)
        own = mean[APART_LONG:]
        blend = own.mean() + (own - own.mean()) * belief
        self._handicap[APART_LONG:last] = blend - blend.min()
        self._handicap[last:] = self._handicap[APART_LONG:last].max()

    def dump(self) -> dict[str, Any]:
        """The state, in plain JSON types: 55 kB."""
        return {"count": self.count, "origin": self._origin} | {
            name: base64.b64encode(one.astype("<f4").tobytes()).decode()
            for name, one in self._arrays().items()
        }

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """What `dump` gave. Raises KeyError, TypeError, ValueError for anything else."""
        self = cls()
        self.count, self._origin = int(state["count"]), float(state["origin"])
        for name, into in self._arrays().items():
            into[:] = np.frombuffer(base64.b64decode(state[name], validate=True), "<f4")
        return self

    def _arrays(self) -> dict[str, Singles]:
        return {
            "values": self._values[self._at : self._at + LENGTH], "short": self._short, "long": self._long,
            "mean": self._mean, "handicap": self._handicap,
        }  # fmt: skip
