"""The write-ahead log of the store does not grow without end, whoever reads, and what a killed host left is taken over."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from babbitt.store import checkpoint
from babbitt.store.checkpoint import LONG, Checkpointer
from babbitt.store.schema import FILE, open_for_writing

PAGE = 4096


def wal(folder: Path) -> int:
    return (folder / f"{FILE}-wal").stat().st_size


def write(conn: sqlite3.Connection, pages: int) -> None:
    """Change so many pages, a commit for every hundred."""
    for _ in range(pages // 100):
        conn.execute("BEGIN")
        conn.executemany("INSERT INTO meta VALUES (hex(randomblob(16)), hex(zeroblob(2000)))", [()] * 100)
        conn.execute("COMMIT")


def test_what_a_killed_host_left_is_taken_over_at_the_start(tmp_path: Path) -> None:
    conn = open_for_writing(tmp_path)
    conn.execute("PRAGMA wal_autocheckpoint=0")
    write(conn, 1000)
    assert wal(tmp_path) > 1000 * PAGE
    one = Checkpointer(tmp_path)
    one.start()
    assert wal(tmp_path) == 0
    one.stop()
    conn.close()


def test_a_long_log_is_begun_anew_although_somebody_always_reads(tmp_path: Path) -> None:
    conn = open_for_writing(tmp_path)
    readers = [sqlite3.connect(tmp_path / FILE, isolation_level=None) for _ in range(2)]

    def begin(reader: sqlite3.Connection) -> None:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM meta").fetchone()

    one = Checkpointer(tmp_path)
    one.start()
    begin(readers[0])  # a snapshot of the beginning: nothing newer can be moved
    while wal(tmp_path) < LONG * PAGE:
        write(conn, 500)
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.005):
            write(conn, 100)

    writer = threading.Thread(target=go_on)
    writer.start()
    end = time.monotonic() + 30
    turn = 0
    while wal(tmp_path) > 5000 * PAGE and time.monotonic() < end:
        # The other one reads before this one ends: there is no moment without a reader.
        turn = 1 - turn
        begin(readers[turn])
        readers[1 - turn].execute("COMMIT")
        time.sleep(0.02)
    over.set()
    writer.join()
    assert wal(tmp_path) <= 5000 * PAGE
    one.stop()
    for each in (conn, *readers):
        each.close()


def test_a_disk_that_fails_ends_nothing(tmp_path: Path) -> None:
    open_for_writing(tmp_path).close()
    conn = sqlite3.connect(tmp_path / FILE)
    conn.close()
    assert checkpoint.Checkpointer._move(sqlite3.connect(tmp_path / FILE), "PASSIVE", 0) <= 0
    with sqlite3.connect(":memory:") as closed:
        pass
    closed.close()
    assert checkpoint.Checkpointer._move(closed, "PASSIVE", 0) == 0
