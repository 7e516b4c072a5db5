"""The temperatures of nodes in two hours, for those who ask again and again: what was followed once is followed on."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from babbitt.prognosis.temperature import STEP_MS, Forecast, TemperatureForecast
from babbitt.store.reader import StoreReader

LEARN_DAYS = 60
DAY_MS = 86_400_000
KEPT = 64
"""So many channels are followed on; of others the whole is read again."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The forecasts of a channel from the time ``t`` (ms) on; none while there is too little to learn from."""

    channel: str
    t: int
    forecasts: tuple[Forecast, ...]


@dataclass(slots=True)
class _Followed:
    upto: int
    follower: TemperatureForecast = field(default_factory=TemperatureForecast)


class Foreseer:
    """Forecasts from a store; for any thread, one at a time."""

    def __init__(self) -> None:
        self._followed: OrderedDict[tuple[str, str, str], _Followed] = OrderedDict()
        self._lock = threading.Lock()

    def foresee(
        self, reader: StoreReader, site: str, node: str, channel: str | None = None
    ) -> list[Foreseen]:
        """All temperatures of a node that have a mean, or the one named. Raises UnknownNode, StoreError."""
        with self._lock:
            view = reader.node(site, node)
            end = view.last_t or int(time.time() * 1000)
            names = [c.id for c in reader.channels(site, node) if c.unit == "degC" and c.id.endswith(".mean")]
            return [self._of(reader, (site, node, name), end) for name in names if channel in (None, name)]

    def _of(self, reader: StoreReader, key: tuple[str, str, str], end: int) -> Foreseen:
        one = self._followed.pop(key, None)
        if one is None or one.upto > end:
            one = _Followed(end - LEARN_DAYS * DAY_MS - 1)
        start = one.upto + 1
        points = max(64, 4 * (end - start) // STEP_MS)
        t, values = reader.series(*key, start, end, points)
        for at, value in zip(t.tolist(), values.tolist(), strict=True):
            one.follower.update(at, value)
        last = end // STEP_MS * STEP_MS
        one.follower.update(last, None)
        one.upto = end
        self._followed[key] = one
        while len(self._followed) > KEPT:
            self._followed.popitem(last=False)
        return Foreseen(key[2], last, tuple(one.follower.forecasts()))
