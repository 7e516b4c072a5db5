"""The whole history and its hot part as one table, for SQL, pandas, and whoever reads Arrow.

Columns: site, node, channel, unit, t (UTC), value (in the unit; null: not measured), and which record it is of:
install, boot, seq, recipe; tq and t_err (ms) tell where the time is from and how wrong it may be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from babbitt.store import log, raw
from babbitt.store.keeper.spread import Meant, meaning
from babbitt.store.readings import TableCache, by_install
from babbitt.store.times import retimed

if TYPE_CHECKING:
    import duckdb

_ALL = 2**62
_DAY_MS = 86_400_000
_VIEW = """
CREATE VIEW history AS SELECT site::VARCHAR AS site, node::VARCHAR AS node, channel::VARCHAR AS channel,
    unit::VARCHAR AS unit, t, CASE WHEN exp < 0 THEN raw / pow(10, -exp) ELSE raw * pow(10, exp) END AS value,
    install, boot, seq, recipe, tq, t_err FROM ({parts})
"""


@contextmanager
def history(
    hot: sqlite3.Connection, kept: sqlite3.Connection | None, folder: Path, threads: int = 2
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with the view ``history``, as it is now. Raises StoreError."""
    import duckdb

    there = raw.snapshot(hot, kept, -_ALL, _ALL)
    conn = duckdb.connect(config={"threads": threads, "memory_limit": "512MB"})
    try:
        conn.execute("SET TimeZone='UTC'")
        conn.register("hot_part", _hot(hot, (*there.waiting, *there.unrolled)))
        parts = ["SELECT * FROM hot_part"]
        if there.files:
            names = ", ".join("'" + str(folder / name).replace("'", "''") + "'" for name in there.files)
            parts.append(f"SELECT * FROM read_parquet([{names}])")
        conn.execute(_VIEW.format(parts=" UNION ALL BY NAME ".join(parts)))
        yield conn
    finally:
        conn.close()


def _hot(hot: sqlite3.Connection, sections: Sequence[log.Section]) -> object:
    from babbitt.store.keeper import files

    tables = TableCache()
    parts: list[Meant] = []
    for rows in by_install(sections):
        for table, some in meaning(retimed(hot, rows.section), tables.get(hot, rows.install_id)):
            if table is not None:
                parts.append(Meant(table, some))
    homes = {
        key: (site, node)
        for key, site, node in hot.execute(
            "SELECT i.id, n.site, n.node FROM installs i JOIN nodes n ON n.id=i.node_id"
        )
    }
    return files.table_of(parts, homes) if parts else files.SCHEMA.empty_table()


def replay(
    conn: duckdb.DuckDBPyConnection, site: str, node: str, start: int, end: int
) -> Iterator[tuple[int, dict[str, float | None], int]]:
    """The records of a node with their times (ms) and recipes from ``start`` to ``end``, ascending; a day is read at once."""
    query = (
        "SELECT epoch_ms(t) AS ms, install, boot, seq, recipe, list(channel), list(value) FROM history"
        " WHERE site=? AND node=? AND t >= make_timestamptz(?*1000) AND t < make_timestamptz(?*1000)"
        " GROUP BY ALL ORDER BY ms, boot, seq"
    )
    for begin in range(start, end + 1, _DAY_MS):
        until = min(begin + _DAY_MS, end + 1)
        for ms, _, _, _, recipe, names, values in conn.execute(query, [site, node, begin, until]).fetchall():
            yield ms, dict(zip(names, values, strict=True)), recipe
