"""What is older than it is to be kept goes, from the store's own database and the waveforms; a little at a time.

Of old assessments the worst of each hour stays. Records and rollups are the keeper's affair.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np

from babbitt.errors import StoreError
from babbitt.store import expired
from babbitt.store.waves import WaveShelf
from babbitt.store.worker import Worker
from babbitt.store.writer import StoreWriter

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
EVERY_S = 600.0
PIECE = 1000
_RANK = "CASE level WHEN 'alarm' THEN 3 WHEN 'warning' THEN 2 WHEN 'normal' THEN 1 ELSE 0 END"


class Upkeep(Worker):
    """Works in a thread of its own. ``days`` says how long what is kept (None: for ever)."""

    def __init__(
        self,
        writer: StoreWriter,
        shelf: WaveShelf,
        days: Mapping[str, int | None],
        clock: Callable[[], float],
    ) -> None:
        super().__init__("upkeep")
        self._writer = writer
        self._shelf = shelf
        self._days = days
        self._clock = clock

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                while self.step() and not self._stop.wait(0.05):
                    pass
                self._shelf.prune(int(self._clock() * 1000), self._days.get("waveforms"))
            except StoreError as error:
                log.error("old events and assessments stay for now: %s", error)

    def step(self) -> bool:
        """Delete one piece of what is too old; True if there may be more. Raises StoreError."""
        return self._events() or self._assessments()

    def _before(self, kind: str) -> int:
        kept = self._days.get(kind)
        return 0 if kept is None else int(self._clock() * 1000) - kept * DAY_MS

    def _events(self) -> bool:
        before = self._before("events")
        with self._writer.transaction() as conn:
            # If people said something of events the newest stays: what they said is kept by numbers, which must not be given again.
            old = conn.execute(
                "SELECT id, install_id, boot, seq FROM events WHERE t<? AND (id<(SELECT max(id) FROM events)"
                " OR NOT EXISTS (SELECT 1 FROM marks UNION ALL SELECT 1 FROM acknowledged)) ORDER BY t LIMIT ?",
                (before, PIECE),
            ).fetchall()
            conn.executemany("DELETE FROM events WHERE id=?", [row[:1] for row in old])
            numbers = [row[1:] for row in old if row[1] is not None]
            expired.add(conn, np.array(numbers, np.int64).reshape(-1, 3))
        return len(old) == PIECE

    def _assessments(self) -> bool:
        """The next day of a node that is older than what is kept in full; which were done is in `thinned`."""
        before = self._before("assessments")
        before -= before % DAY_MS
        with self._writer.transaction() as conn:
            found = conn.execute(
                "SELECT l.node_id, (SELECT min(t) FROM assessments a WHERE a.node_id=l.node_id AND a.t>=l.thinned)"
                " AS oldest FROM latest l WHERE oldest<? LIMIT 1",
                (before,),
            ).fetchone()
            if found is None:
                return False
            node, oldest = found
            first = oldest - oldest % DAY_MS
            conn.execute(
                "DELETE FROM assessments WHERE node_id=?1 AND t>=?2 AND t<?3 AND id NOT IN (SELECT id FROM (SELECT id,"
                f" max({_RANK} * 1e9 + min(coalesce(anomaly, 0), 1e8)) FROM assessments WHERE node_id=?1 AND t>=?2 AND t<?3"
                " GROUP BY t / 3600000)) AND id NOT IN (SELECT assessment_id FROM latest WHERE node_id=?1)",
                (node, first, first + DAY_MS),
            )
            conn.execute("UPDATE latest SET thinned=? WHERE node_id=?", (first + DAY_MS, node))
        return True
