"""What people said of the alarms of all nodes, followed as it comes into the store."""

from __future__ import annotations

from babbitt.detection.tolerance import DAY_MS, tolerance
from babbitt.store.state import State


class Said:
    """``accepted`` is the key of the newest new normal that was told by :meth:`look`; -1 before the first look."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Read all of it again."""
        self.accepted = -1
        self._newest = -1
        self._marks: dict[int, list[tuple[int, str, int]]] = {}
        self._factors: dict[int, tuple[int, float]] = {}

    def look(self, state: State) -> list[tuple[int, int]]:
        """Look for what is new: the nodes whose state of now is the new normal, and after which time (ms) each is to be
        learnt anew."""
        if self.accepted < 0:
            self.accepted = state.accepted_upto()
        newest = state.newest_mark()
        if newest == self._newest:
            return []
        for node in state.marked(self._newest):
            self._marks[node] = state.moving(node)
            self._factors.pop(node, None)
        self._newest = newest
        found = []
        for key, node, since in state.accepted(self.accepted):
            found.append((node, since))
            self.accepted = key
        return found

    def of(self, node: int, t: int) -> tuple[float, bool]:
        """The tolerance of a node at ``t`` (ms; it changes once a day), and whether it was called the new normal."""
        if not (marks := self._marks.get(node)):
            return 1.0, False
        day = t // DAY_MS
        kept = self._factors.get(node)
        if kept is None or kept[0] != day:
            # All that was said so far counts: an alarm is marked after it was told.
            end = max((day + 1) * DAY_MS, 1 + max(at for at, _, _ in marks))
            kept = day, tolerance([(at, verdict) for at, verdict, _ in marks], end).factor
            self._factors[node] = kept
        return kept[1], any(verdict == "new_normal" for _, verdict, _ in marks)
