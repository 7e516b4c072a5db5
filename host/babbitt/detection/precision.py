"""How good alarms are by the word of people: precision, and false alarms a machine and month.

Only alarms that were marked tell anything: precision is right / (right + wrong), with the exact interval of Clopper and Pearson
(1934), for three marks say little. 'Unsure' and what nobody marked count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from babbitt.detection.tolerance import Tolerance, tolerance
from babbitt.store.reader import StoreReader
from babbitt.store.views import Count

MONTH_H = 730.5
CONFIDENCE = 0.9
FOLLOW = ("machine", "cold_room")
"""Kinds of assets whose learnt thresholds follow what people say."""


@dataclass(frozen=True, slots=True)
class Precision:
    """``precision`` is 0..1 within ``low`` and ``high`` (CONFIDENCE), None without a mark; ``false_per_month``: alarms called
    wrong a machine and month, None where nothing was judged. The other fields are counts and hours."""

    right: int
    wrong: int
    unsure: int
    unmarked: int
    hours: int
    precision: float | None
    low: float | None
    high: float | None
    false_per_month: float | None

    @property
    def text(self) -> str:
        """The same in plain words."""
        if self.precision is None or self.low is None or self.high is None:
            return f"no alarm marked right or wrong, {self.unmarked} not marked"
        of = self.right + self.wrong
        said = f"{self.right} of {of} marked alarms were right: {self.precision:.0%} ({self.low:.0%} to {self.high:.0%})"
        if self.false_per_month is not None:
            said += f", {self.false_per_month:.2f} false a machine and month"
        return f"{said}; {self.unmarked} not marked"


def precision(counts: Iterable[Count], hours: int) -> Precision:
    """Of alarms that were counted, and the hours (of all machines together) in which machines were judged."""
    some = list(counts)
    right, wrong, unsure, unmarked = (
        sum(getattr(one, name) for one in some) for name in ("right", "wrong", "unsure", "unmarked")
    )
    marked, tail = right + wrong, (1 - CONFIDENCE) / 2
    share = low = high = None
    if marked:
        from scipy import stats  # only now: the page's process does without it as long as nothing is marked

        share = right / marked
        low = float(stats.beta.ppf(tail, right, wrong + 1)) if right else 0.0
        high = float(stats.beta.ppf(1 - tail, right + 1, wrong)) if wrong else 1.0
    months = hours / MONTH_H
    return Precision(
        right, wrong, unsure, unmarked, hours, share, low, high, wrong / months if hours else None
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """The alarms of one node by the word of people: those of the ``host``, those of the node's own ``checks``, and how far the
    host's thresholds follow (None: those of this kind of asset do not)."""

    site: str
    node: str
    host: Precision
    checks: Precision
    tolerance: Tolerance | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """All nodes, and all of them together."""

    nodes: tuple[Judged, ...]
    host: Precision
    checks: Precision


def judged(reader: StoreReader, site: str | None = None, node: str | None = None) -> Judgement:
    """What people said of the alarms of all nodes, of a site, or of one node. Raises StoreError."""
    kinds = {(view.site, view.node): view.kind for view in reader.nodes(site)}
    tallies = reader.tallies(site, node)
    found = []
    for one in tallies:
        follows = None
        if kinds.get((one.site, one.node)) in FOLLOW:
            # An alarm is marked after it was told: all that was said counts.
            follows = tolerance(one.moving, max([one.last_t or 0, *(t for t, _ in one.moving)]))
        host, checks = (precision([count], one.hours) for count in (one.host, one.checks))
        found.append(Judged(one.site, one.node, host, checks, follows))
    hours = sum(one.hours for one in tallies)
    return Judgement(
        tuple(found),
        precision((one.host for one in tallies), hours),
        precision((one.checks for one in tallies), hours),
    )
