"""How far the records of an installation are complete, from the first one still needed on.

Pure bookkeeping: which seqs of which boots are on disk or known to be lost, where boots end, and what
follows from it for the watermark. Boots are taken in order; the watermark crosses into the next one only
where the end of a boot is known.
"""

from __future__ import annotations

from babbitt.store.ranges import Ranges


class Track:
    """The watermark of one installation.

    ``need`` is the first (boot, seq) not covered yet, None until a birth has said where the node begins.
    ``mark`` is the last covered one, which is what a commit says; None while nothing is covered.
    """

    def __init__(
        self, need: tuple[int, int] | None = None, mark: tuple[int, int] | None = None, newest: int = 0
    ) -> None:
        self.need = need
        self.mark = mark
        self.newest = newest
        self.ends: dict[int, int] = {}
        self._seen: dict[int, Ranges] = {}

    def covered(self, boot: int, first: int, last: int) -> None:
        """These are on disk, or known to be lost."""
        if self.need is None or (boot, last) >= self.need:
            self._seen.setdefault(boot, Ranges()).add(first, last)
            self.newest = max(self.newest, boot)

    def ended(self, boot: int, end: int) -> None:
        """A boot is over: ``end`` is its first unused seq."""
        self.ends[boot] = end

    def begins(self, boot: int, seq: int) -> None:
        """The node has nothing older than this to send."""
        self.newest = max(self.newest, boot)
        if self.need is None or (boot, seq) > self.need:
            self.need = (boot, seq)

    def advance(self) -> bool:
        """Move the watermark as far as it goes; True if it moved."""
        if self.need is None:
            return False
        before, (boot, seq) = self.need, self.need
        while True:
            run = self._seen[boot].run(seq) if boot in self._seen else None
            if run is not None:
                self.mark, seq = (boot, run), run + 1
            elif boot < self.newest and seq >= self.ends.get(boot, seq + 1):
                self._seen.pop(boot, None)
                self.ends.pop(boot, None)
                boot, seq = boot + 1, 0
            else:
                break
        self.need = (boot, seq)
        if boot in self._seen:
            self._seen[boot].drop(seq)
        return self.need != before

    def beyond(self) -> tuple[int, int] | None:
        """The newest record that is here though the one needed is not; None if there is no gap."""
        if self.need is None:
            return None
        there = [(boot, ranges.top) for boot, ranges in self._seen.items() if ranges.top >= 0]
        newest = max(there, default=None)
        return newest if newest is not None and newest > self.need else None

    def give_up(self) -> tuple[int, int, int | None]:
        """Pass the gap in front of the watermark: the node has shown that it cannot fill it.

        Gives (boot, first, last) of what is lost; last is None if what was passed is the end of a boot that
        was never announced; boots after it of which nothing was ever heard are passed with it, for the node
        sends in order. Call ``advance`` after it.
        """
        assert self.need is not None, "there is no gap before the first birth"
        boot, seq = self.need
        following = self._seen[boot].after(seq) if boot in self._seen else None
        if following is not None:
            self.need = (boot, following)
            return boot, seq, following - 1
        self.need = (min(heard for heard in (*self._seen, *self.ends, self.newest) if heard > boot), 0)
        self._seen.pop(boot, None)
        return boot, seq, None
