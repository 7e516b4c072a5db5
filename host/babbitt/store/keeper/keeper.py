"""The keeper: follows the record log, makes rollups at once and Parquet files in small slices.

Its position in the log, the rollups, and the records that wait for their file are one transaction. A file is
whole and on disk before its row in the catalogue is, which is committed together with the removal of its records
from those that wait: killed at any moment, each record is in exactly one place.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from babbitt.errors import DamagedLog, StoreError
from babbitt.store import expired, log
from babbitt.store.files import UNFINISHED
from babbitt.store.keeper import base, rollups
from babbitt.store.keeper.spread import Meant, meaning, measured
from babbitt.store.lock import KEEPER, StoreLock
from babbitt.store.readings import TableCache, by_install, scan
from babbitt.store.schema import open_for_reading
from babbitt.store.times import retimed, settled

if TYPE_CHECKING:
    from babbitt.store.keeper.files import Written

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000
GRACE_MS = 60_000
"""So long a replaced file stays, for those who are just reading it."""
RETENTION_DAYS: Mapping[str, int | None] = {"raw": 400, "minutes": 90, "hours": None, "days": None}


@dataclass(frozen=True, slots=True)
class Limits:
    """When records go to a file: so many of them, so old (ms), or their day is over; so many files of a day are made
    one, of so many records at most."""

    records: int = 32_768
    age_ms: int = 3_600_000
    files: int = 16
    merged: int = 262_144


class Keeper:
    """Keeps the history of the store in ``folder``. Raises StoreError if that cannot be opened.

    ``clock`` gives the time in seconds.
    """

    def __init__(
        self, folder: Path, limits: Limits | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.folder = Path(folder)
        self._limits = limits or Limits()
        self._clock = clock
        # The keeper of a host that was killed may not have ended yet: two would count the same records.
        self._lock = StoreLock(self.folder, KEEPER)
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._lock.close()
            raise StoreError(f"the history in {self.folder} cannot be opened: {error}") from error
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        self._hot = open_for_reading(self.folder)
        self._conn = base.open_for_writing(self.folder)
        self._tables = TableCache()
        self._homes: dict[int, tuple[str, str]] = {}
        self._tidied = float("-inf")
        self._looked_at = 0
        self._to_pack: list[rollups.Block] = []
        self._packed_to = [-1, -1, -1]
        self._damaged_days: set[str] = set()
        self._sweep()

    def close(self) -> None:
        """Close both databases."""
        self._hot.close()
        self._conn.close()
        self._lock.close()

    def run_until_idle(self) -> None:
        """Work until there is nothing to do at once."""
        while self.step():
            pass

    def step(self, most: int = 20_000) -> bool:
        """Take in up to ``most`` records, or write one file, or tidy up; True if there is more to do at once.

        Raises StoreError if the disk fails; nothing is half done then.
        """
        try:
            if self._take_in(most):
                return True
            return self._compact() or self._merge() or self._tidy()
        except sqlite3.Error as error:
            raise StoreError(f"the history in {self.folder} cannot be written: {error}") from error
        except OSError as error:
            raise StoreError(
                f"the history in {self.folder} cannot be written: {error.strerror or error}"
            ) from error

    def put(self, parts: list[Meant]) -> None:
        """Take in records that do not come by the log: files and rollups at once. Raises StoreError."""
        try:
            written = self._write(parts)
            with self._transaction() as conn:
                self._roll(conn, parts)
                for one in written:
                    _enter(conn, one)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the history in {self.folder} cannot be written: {error}") from error

    def say(self, text: str) -> None:
        """Leave a word for readers on what keeps the keeper from its work; empty: nothing."""
        state = json.dumps({"t": self._now(), "error": text})
        try:
            self._conn.execute("INSERT OR REPLACE INTO meta VALUES ('state', ?)", (state,))
        except sqlite3.Error as error:
            logger.error("the keeper cannot even say what is wrong: %s", error)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    # from the log to rollups and to the records that wait for a file

    def _take_in(self, most: int) -> bool:
        cursor = base.position(self._conn)
        newest, sections = scan(self._hot, cursor, most)
        fresh = self._tables.refresh(self._hot)
        released = self._held(fresh)
        if newest == cursor and not released:
            return False
        now = self._now()
        ready: list[Meant] = []
        put_aside: list[log.Section] = []
        for rows in by_install([*sections, *(section for _, section in released)]):
            section = retimed(self._hot, rows.section)
            tables = self._tables.get(self._hot, rows.install_id)
            for table, some in meaning(section, tables):
                if table is None:
                    put_aside.append(some)
                    continue
                done = settled(self._hot, some, now)
                if done.any():
                    ready.append(Meant(table, some if done.all() else some[done]))
                if not done.all():
                    put_aside.append(some[~done])
        with self._transaction() as conn:
            self._roll(conn, ready)
            if ready:
                times = np.concatenate([part.section["t"] for part in ready])
                conn.execute(
                    "INSERT INTO recent (n, t_min, t_max, body) VALUES (?,?,?,?)",
                    (len(times), int(times.min()), int(times.max()), _blob([part.section for part in ready])),
                )
            conn.executemany("DELETE FROM held WHERE id=?", [(key,) for key, _ in released])
            for section in put_aside:
                conn.execute(
                    "INSERT INTO held (install_id, since, n, body) VALUES (?,?,?,?)",
                    (int(section["install"][0]), now, len(section), _blob([section])),
                )
            conn.execute("UPDATE meta SET value=? WHERE key='cursor'", (str(newest),))
        return newest != cursor

    def _held(self, fresh: bool) -> list[tuple[int, log.Section]]:
        """What was put aside and may be ready now: looked at when a birth came, and every minute."""
        now = self._now()
        if not fresh and now - self._looked_at < 5_000:
            return []
        self._looked_at = now
        found = []
        for key, install_id, body in self._conn.execute(
            "SELECT id, install_id, body FROM held ORDER BY id LIMIT 200"
        ):
            tables = self._tables.get(self._hot, install_id)
            for section in log.decode(body):
                table = tables.find(int(section["boot"][0]), int(section["seq"][0]), section["v"].shape[1])
                if table is not None and settled(self._hot, retimed(self._hot, section), now).any():
                    found.append((key, section))
        return found

    def _roll(self, conn: sqlite3.Connection, ready: list[Meant]) -> None:
        often = [p for p in ready if (p.table.asset.get("interval") or 1) < rollups.MINUTES_BELOW_S]
        seldom = [p for p in ready if p not in often] if len(often) < len(ready) else []
        minutes = rollups.summarise(*measured(often), 0)
        hours = [rollups.longer(*minutes, 1)] if len(minutes[0]) else []
        hours.append(rollups.summarise(*measured(seldom), 1))
        for level, (channels, buckets) in ((0, minutes), *((1, one) for one in hours)):
            if len(channels):
                rollups.merge_into(conn, level, channels, buckets)
        for channels, buckets in hours:
            if len(channels):
                rollups.merge_into(conn, 2, *rollups.longer(channels, buckets, 2))

    # from the records that wait to files

    def _compact(self) -> bool:
        count, oldest = self._conn.execute("SELECT coalesce(sum(n), 0), min(t_min) FROM recent").fetchone()
        if not count:
            return False
        now = self._now()
        since = self._conn.execute("SELECT value FROM meta WHERE key='waiting_since'").fetchone()
        if since is None:
            self._conn.execute("INSERT OR REPLACE INTO meta VALUES ('waiting_since', ?)", (str(now),))
            since = (str(now),)
        old = now - int(since[0]) >= self._limits.age_ms
        over = (
            oldest // DAY_MS < now // DAY_MS
            and now % DAY_MS > 5 * 60_000
            and now - int(since[0]) >= min(60_000, self._limits.age_ms)
        )
        if not (count >= self._limits.records or old or over):
            return False
        keys, parts = self._waiting(self._limits.records)
        written = self._write(parts)
        with self._transaction() as conn:
            for one in written:
                _enter(conn, one)
            conn.executemany("DELETE FROM recent WHERE id=?", [(key,) for key in keys])
            conn.execute("DELETE FROM meta WHERE key='waiting_since'")
        return True

    def _waiting(self, most: int) -> tuple[list[int], list[Meant]]:
        keys: list[int] = []
        parts: list[Meant] = []
        sections: list[log.Section] = []
        count = 0
        for key, n, body in self._conn.execute("SELECT id, n, body FROM recent ORDER BY id"):
            if count and count + n > 2 * most:
                break
            keys.append(key)
            count += n
            try:
                sections += log.decode(body)
            except DamagedLog as error:
                logger.error("%d records that waited for their file are lost: %s", n, error)
        for rows in by_install(sections):
            tables = self._tables.get(self._hot, rows.install_id)
            parts += [
                Meant(table, some) for table, some in meaning(rows.section, tables) if table is not None
            ]
        return keys, parts

    def _write(self, parts: list[Meant]) -> list[Written]:
        from babbitt.store.keeper import files

        days: dict[int, list[Meant]] = {}
        for part in parts:
            of = part.section["t"] // DAY_MS
            for one in np.unique(of).tolist():
                days.setdefault(one, []).append(Meant(part.table, part.section[of == one]))
        written = []
        for one, some in sorted(days.items()):
            day = files.day_of(one * DAY_MS)
            homes = {install: self._home(install) for install in {int(p.section["install"][0]) for p in some}}
            name = f"{base.FOLDER}/{day[:4]}/{day}-{time.time_ns():x}.parquet"
            written.append(files.write(self.folder, name, files.table_of(some, homes), day))
        return written

    def _home(self, install: int) -> tuple[str, str]:
        if install not in self._homes:
            site, node = self._hot.execute(
                "SELECT n.site, n.node FROM installs i JOIN nodes n ON n.id=i.node_id WHERE i.id=?",
                (install,),
            ).fetchone()
            self._homes[install] = site, node
        return self._homes[install]

    def _merge(self) -> bool:
        """Make one file of the many of a day."""
        from babbitt.store.keeper import files

        today = files.day_of(self._now())
        most = self._limits.merged
        row = self._conn.execute(
            "SELECT day FROM files WHERE gone IS NULL AND records<? GROUP BY day"
            " HAVING count(*)>=? OR (day<? AND count(*)>1) ORDER BY day LIMIT 1",
            (most // 2, self._limits.files, today),
        ).fetchone()
        if row is None or row[0] in self._damaged_days:
            return False
        (day,) = row
        names: list[str] = []
        total = 0
        for name, records in self._conn.execute(
            "SELECT name, records FROM files WHERE day=? AND gone IS NULL AND records<? ORDER BY records",
            (day, most // 2),
        ):
            if len(names) > 1 and total + records > most:
                break
            names.append(name)
            total += records
        into = f"{base.FOLDER}/{day[:4]}/{day}-{time.time_ns():x}.parquet"
        try:
            one = files.merge(self.folder, names, into, day)
        except (StoreError, FileNotFoundError) as error:
            logger.error("the files of %s stay apart: %s", day, error)
            self._damaged_days.add(day)
            return False
        with self._transaction() as conn:
            _enter(conn, one)
            now = self._now()
            conn.executemany("UPDATE files SET gone=? WHERE name=?", [(now, name) for name in names])
        return True

    # tidying up

    def _tidy(self) -> bool:
        """Pack rollups, delete replaced files, and what is older than it is to be kept. Once a minute."""
        now = self._now()
        if time.monotonic() - self._tidied < 60:
            return False
        if self._pack(now):
            return True
        if base.give_back(self._conn):
            return True
        self._tidied = time.monotonic()
        self._retain(now)
        gone = [
            name for (name,) in self._conn.execute("SELECT name FROM files WHERE gone<?", (now - GRACE_MS,))
        ]
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)
        self._conn.executemany("DELETE FROM files WHERE name=?", [(name,) for name in gone])
        return False

    def _pack(self, now: int, most: int = 4000) -> bool:
        """Pack some of the blocks that are over; True if there was something to do. What comes late is packed with
        the next block: looking for it reads all buckets."""
        if not self._to_pack:
            for level, before in enumerate(rollups.ended(now)):
                if before != self._packed_to[level]:
                    self._to_pack += rollups.unpacked(self._conn, level, before)
                    self._packed_to[level] = before
        some, self._to_pack = self._to_pack[:most], self._to_pack[most:]
        if some:
            with self._transaction() as conn:
                rollups.pack_blocks(conn, some)
        return bool(some)

    def _retain(self, now: int) -> None:
        said = self._hot.execute("SELECT value FROM meta WHERE key='retention'").fetchone()
        days = {**RETENTION_DAYS, **(json.loads(said[0]) if said else {})}
        with self._transaction() as conn:
            for level, name in enumerate(("minutes", "hours", "days")):
                if (kept := days.get(name)) is not None:
                    rollups.forget(conn, level, now - kept * DAY_MS)
            if (kept := days.get("raw")) is not None:
                self._expire(conn, now - kept * DAY_MS)

    def _expire(self, conn: sqlite3.Connection, before: int) -> None:
        """Files all of which is older go; the account learns which records were in them."""
        from babbitt.store.keeper import files

        for (name,) in conn.execute(
            "SELECT name FROM files WHERE gone IS NULL AND t_max<?", (before,)
        ).fetchall():
            try:
                table = files.read(self.folder / name, ["install", "boot", "seq", "k"], [("k", "==", 0)])
            except (StoreError, OSError) as error:
                logger.error("%s is old enough to go and stays, for it cannot be read: %s", name, error)
                continue
            columns = [table[c].to_numpy().astype(np.int64) for c in ("install", "boot", "seq")]
            expired.add(conn, np.stack(columns, axis=1))
            conn.execute("UPDATE files SET gone=0 WHERE name=?", (name,))

    def _sweep(self) -> None:
        """Remove what a keeper that was killed has left: files the catalogue does not know."""
        there = self.folder / base.FOLDER
        if not there.is_dir():
            return
        known = {name for (name,) in self._conn.execute("SELECT name FROM files")}
        for path in [*there.glob("*/*.parquet"), *there.glob("*/*.tmp"), *there.glob(f"*/*{UNFINISHED}")]:
            if path.relative_to(self.folder).as_posix() not in known:
                path.unlink(missing_ok=True)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._conn)


class _Transaction:
    """Everything inside is committed at the end, or nothing of it."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def __enter__(self) -> sqlite3.Connection:
        self._conn.execute("BEGIN IMMEDIATE")
        return self._conn

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._conn.execute("COMMIT" if kind is None else "ROLLBACK")
        except sqlite3.Error:
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")
            raise


def _enter(conn: sqlite3.Connection, one: Written) -> None:
    conn.execute(
        "INSERT INTO files (day, name, records, t_min, t_max, bytes) VALUES (?,?,?,?,?,?)",
        (one.day, one.name, one.records, one.t_min, one.t_max, one.bytes),
    )


def _blob(sections: list[log.Section]) -> bytes:
    widths: dict[int, list[bytes]] = {}
    for section in sections:
        widths.setdefault(section["v"].shape[1], []).append(section.tobytes())
    return log.encode([(width, b"".join(some)) for width, some in sorted(widths.items())])
