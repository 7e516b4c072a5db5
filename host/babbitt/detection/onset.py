"""When what is told now began to show: the time from which on a score has not been normal any more.

A warning is told when it is beyond doubt, which for wear is days after it began. The onset is where the score last rose above half its
limit without being normal again in between (the backward part of the cumulative sum's estimate of a change point, Page 1954, with
the deadband in place of the reference value).
"""

from __future__ import annotations

SHOWS, NORMAL = 0.5, 0.375
"""Shares of the limit: above the first something shows, below the second it does not."""
AGAIN = 10
"""So many records below NORMAL in a row end it."""


class Onset:
    """Follows a score that is 1.0 at its limit. ``began`` is Unix ms, None while nothing shows."""

    def __init__(self) -> None:
        self.began: int | None = None
        self._normal = 0

    def update(self, t_ms: int, score: float) -> None:
        """Take the score of one record."""
        if score >= SHOWS:
            self._normal = 0
            if self.began is None or t_ms < self.began:
                self.began = t_ms
        elif score < NORMAL:
            self._normal += 1
            if self._normal >= AGAIN:
                self.began = None

    def dump(self) -> list[int | None]:
        """State in plain JSON types."""
        return [self.began, self._normal]

    def restore(self, state: list[int | None]) -> None:
        """Take back what ``dump`` gave."""
        self.began, self._normal = state[0], state[1] or 0
