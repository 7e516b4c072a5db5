"""When a node is told how far its records are on disk, and when it is asked to send again.

At most one commit a second for each node, and the last state always gets out in the end. A gap behind which
later records already are is asked for after 2 s; records the node says it sent are missed after 5 s. Both
waits double. A gap is given up when the node was asked three times and each time sent later records but not
the one missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from babbitt.acquisition.known import Known
from babbitt.protocol.messages import Commit

EVERY_S = 1.0
GAP_S = 2.0
SENT_S = 5.0
LONGEST_S = 60.0
ASKED_MAX = 3

Key = tuple[str, str, str]


@dataclass(slots=True)
class _Pace:
    sent: tuple[int, int] | None = None
    at: float = float("-inf")
    due: bool = False
    need: tuple[int, int] | None = None
    since: float = 0.0
    wait: float = GAP_S
    asked: int = 0
    answered: bool = False
    claimed: tuple[int, int] | None = None


class Commits:
    """Paces the commits of all nodes. ``publish(site, node, commit)`` sends one; times are monotonic
    seconds."""

    def __init__(self, publish: Callable[[str, str, Commit], None]) -> None:
        self._publish = publish
        self._paces: dict[Key, _Pace] = {}

    def claimed(self, key: Key, boot: int, sent: int) -> None:
        """The node says that it handed everything up to here to the broker."""
        self._paces.setdefault(key, _Pace()).claimed = (boot, sent) if sent >= 0 else None

    def again(self, key: Key) -> None:
        """The node keeps records: say once more how far we are."""
        self._paces.setdefault(key, _Pace()).due = True

    def received(self, key: Key, boot: int, seq: int) -> None:
        """A record came in: it counts as an answer if it lies beyond a gap the node was asked to fill."""
        pace = self._paces.get(key)
        if pace is not None and pace.need is not None and (boot, seq) > pace.need:
            pace.answered = True

    def tick(self, key: Key, known: Known, now: float) -> bool:
        """Send what is due to a node; True if its gap must be given up."""
        pace = self._paces.setdefault(key, _Pace())
        track = known.track
        if track.need != pace.need:
            pace.need, pace.since, pace.asked, pace.answered = track.need, now, 0, False
        beyond = track.beyond()
        behind = beyond is not None
        missed = behind or (
            track.need is not None and pace.claimed is not None and pace.claimed >= track.need
        )
        if not missed:
            pace.since, pace.asked = now, 0
        if pace.asked == 0:
            pace.wait = GAP_S if behind else SENT_S
        if missed and now - pace.since >= pace.wait and now - pace.at >= EVERY_S:
            if behind and pace.asked >= ASKED_MAX and pace.answered:
                return True
            if pace.asked == 0 or pace.answered:
                pace.asked += 1
            pace.answered = False
            pace.since, pace.wait = now, min(LONGEST_S, pace.wait * 2)
            self._send(key, known, pace, now, resend=1)
        elif (pace.due or track.mark != pace.sent) and now - pace.at >= EVERY_S:
            self._send(key, known, pace, now, resend=0)
        return False

    def quiet(self, key: Key, known: Known) -> bool:
        """Whether there is nothing to say to a node until something comes from it."""
        pace = self._paces.get(key)
        track = known.track
        return (
            pace is not None
            and not pace.due
            and track.mark == pace.sent
            and track.beyond() is None
            and (track.need is None or pace.claimed is None or pace.claimed < track.need)
        )

    def flush(self, key: Key, known: Known, now: float) -> None:
        """Send a commit that is still waiting for its second, before the host stops."""
        pace = self._paces.setdefault(key, _Pace())
        if known.track.mark != pace.sent:
            self._send(key, known, pace, now, resend=0)

    def _send(self, key: Key, known: Known, pace: _Pace, now: float, resend: int) -> None:
        mark = known.track.mark
        if mark is None and resend and known.track.need is not None:
            boot, seq = known.track.need
            mark = (boot, seq - 1) if seq else (0, 0)  # nothing yet: the node starts at its oldest record
        pace.due = False
        if mark is None:
            return
        self._publish(key[0], key[1], Commit(known.install, mark[0], mark[1], resend))
        pace.sent, pace.at = known.track.mark, now
