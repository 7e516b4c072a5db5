"""How the host itself is, in numbers: what `/metrics` and `/readyz` say."""

from __future__ import annotations

from dataclasses import dataclass, field

LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Upper bounds of the histogram of commits."""


class Histogram:
    """How long things took, in fixed buckets; written by one thread, read by any."""

    def __init__(self, bounds: tuple[float, ...] = LATENCY_S) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float, count: int = 1) -> None:
        """So many things took so long."""
        at = next((n for n, bound in enumerate(self.bounds) if seconds <= bound), len(self.bounds))
        self.counts[at] += count
        self.total += seconds * count


@dataclass(slots=True)
class Vitals:
    """``troubles`` names what keeps the host from its work, by part; none if it is ready. Counts are since the start,
    but ``lost``, ``discarded`` and ``refused``: records that will never come, in the whole account."""

    messages: int = 0
    groups: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    waiting: int = 0
    connections: int = 0
    keeper_restarts: int = 0
    broker_restarts: int = 0
    analysis_restarts: int = 0
    examined: int = 0
    unexamined: int = 0
    nodes: int = 0
    nodes_online: int = 0
    unkept: int = 0
    disk_free: int = 0
    lost: int = 0
    discarded: int = 0
    refused: int = 0
    commits: Histogram = field(default_factory=Histogram)
    troubles: dict[str, str] = field(default_factory=dict)
