"""What nodes measured in the last moments, for those who look on: read from the record log.

It is for eyes: a node that sends more than one record a second gives the mean of a second, and who falls behind skips.
Everything that was measured is in the series.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from babbitt.store.readings import Reading, TableCache, by_install, readings, scan

MOST = 20_000
"""Records that are read at a time; what lies before them is skipped."""
BLOBS = 500


class Fresh:
    """Follows the record log from where it stands when it is made."""

    def __init__(self, newest: int) -> None:
        self._after = newest
        self._tables = TableCache()

    def take(
        self, conn: sqlite3.Connection, nodes: Collection[tuple[str, str]]
    ) -> list[tuple[str, str, Reading]]:
        """The newest readings of these nodes since the last call: site, node, reading, in order of each node."""
        (newest,) = conn.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()
        self._after = max(self._after, newest - BLOBS)
        if not nodes:
            self._after = newest
            return []
        self._after, sections = scan(conn, self._after, MOST)
        self._tables.refresh(conn)
        homes = {
            key: (site, node)
            for site, node in nodes
            for (key,) in conn.execute(
                "SELECT i.id FROM installs i JOIN nodes n ON n.id=i.node_id WHERE n.site=? AND n.node=?",
                (site, node),
            )
        }
        found: list[tuple[str, str, Reading]] = []
        for rows in by_install(sections) if sections else []:
            if (home := homes.get(rows.install_id)) is not None:
                some = readings(rows, self._tables.get(conn, rows.install_id))
                found += [(*home, one) for one in some if one is not None]
        return found
