"""A set of whole numbers as sorted, separate ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator


class Ranges:
    """Numbers that come mostly in order need one range, however many they are."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The ranges ``(first, last)``, ascending."""
        return zip(self._first, self._last, strict=True)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._first, number) - 1
        return at >= 0 and self._last[at] >= number

    def add(self, first: int, last: int) -> None:
        """Add ``first`` .. ``last``, both included."""
        low = bisect_right(self._first, first)
        if low and self._last[low - 1] >= first - 1:
            low -= 1
            first = self._first[low]
        high = bisect_right(self._first, last + 1)
        if high > low:
            last = max(last, self._last[high - 1])
        self._first[low:high] = [first]
        self._last[low:high] = [last]

    def run(self, number: int) -> int | None:
        """The last number of the unbroken run that holds ``number``, or None if it is not in."""
        at = bisect_right(self._first, number) - 1
        return self._last[at] if at >= 0 and self._last[at] >= number else None

    def after(self, number: int) -> int | None:
        """The least number greater than ``number`` that is in, or None."""
        run = self.run(number + 1)
        if run is not None:
            return number + 1
        at = bisect_right(self._first, number)
        return self._first[at] if at < len(self._first) else None

    def drop(self, below: int) -> None:
        """Forget what is below a number; ranges across it are kept whole."""
        at = bisect_right(self._last, below - 1)
        del self._first[:at], self._last[:at]

    @property
    def top(self) -> int:
        """The greatest number that is in, or -1."""
        return self._last[-1] if self._last else -1

    def without(self, others: Ranges) -> Ranges:
        """The numbers that are not in ``others``."""
        left = Ranges()
        for first, last in self:
            at = first
            for low, high in others:
                if high < at or low > last:
                    continue
                if low > at:
                    left.add(at, low - 1)
                at = high + 1
            if at <= last:
                left.add(at, last)
        return left
