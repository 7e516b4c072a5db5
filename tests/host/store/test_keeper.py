"""The keeper: killed at any moment, on a disk that fails, with records that wait: each is kept once."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from feeding import T0, Feed, birth, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from babbitt.errors import StoreError
from babbitt.store.keeper import base, rollups
from babbitt.store.keeper.keeper import Keeper, Limits
from babbitt.store.lock import KEEPER, StoreLock
from babbitt.store.reader import StoreReader

DRIVER = """
import sys, time
from pathlib import Path
from babbitt.store.keeper.keeper import Keeper, Limits
keeper = Keeper(Path(sys.argv[1]), Limits(records=60, files=3, merged=400), clock=lambda: {now})
print("there", flush=True)
while True:
    if not keeper.step(25):
        time.sleep(0.002)
"""


def numbers(reader: StoreReader) -> list[int]:
    return [record.seq for record in reader.records("hall", "pump-7")]


def hours(feed: Feed) -> int:
    """Values of a.x in the rollups of days."""
    conn = base.open_for_reading(feed.folder)
    assert conn is not None
    found = rollups.read(conn, 1, 2, 0, 2 * T0)
    conn.close()
    return int(found[:, 1].sum())


def test_killed_again_and_again_it_keeps_each_record_once(feed: Feed) -> None:
    rng = random.Random(4)
    feed.put(("birth", birth()))
    line = [sys.executable, "-c", DRIVER.format(now=T0 / 1000), str(feed.folder)]
    first = 0
    for _ in range(8):
        process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        end = time.monotonic() + rng.uniform(0.05, 0.5)
        while time.monotonic() < end:
            feed.put(("data", rows(first, [[n, -n] for n in range(10)])))
            first += 10
            found = numbers(feed.reader)  # a reader never sees one twice or not at all
            assert found == list(range(len(found)))
            assert len(found) >= first
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    keeper = Keeper(feed.folder, Limits(records=60, files=3, merged=400), clock=lambda: T0 / 1000)
    keeper.run_until_idle()
    keeper.close()
    assert numbers(feed.reader) == list(range(first))
    assert feed.reader.prove().sound
    assert hours(feed) == first
    there = {
        p.relative_to(feed.folder).as_posix() for p in (feed.folder / "history").rglob("*") if p.is_file()
    }
    with sqlite3.connect(feed.folder / base.FILE) as conn:
        assert there == {name for (name,) in conn.execute("SELECT name FROM files")}


def test_two_keepers_do_not_count_the_same_records(feed: Feed) -> None:
    lock = StoreLock(feed.folder, KEEPER)
    with pytest.raises(StoreError, match="another keeper works"):
        Keeper(feed.folder)
    lock.close()
    Keeper(feed.folder).close()


def test_what_has_no_birth_and_no_time_waits_and_is_read_all_the_same(feed: Feed) -> None:
    late = T0 + 86_400_000
    feed.put(("data", rows(0, [[1, 2]] * 3)))
    keeper = Keeper(feed.folder, Limits(records=1), clock=lambda: late / 1000)
    keeper.run_until_idle()
    with sqlite3.connect(feed.folder / base.FILE) as conn:
        assert conn.execute("SELECT sum(n) FROM held").fetchone() == (3,)
    assert numbers(feed.reader) == [0, 1, 2]
    feed.put(("birth", birth()))
    keeper.run_until_idle()
    with sqlite3.connect(feed.folder / base.FILE) as conn:
        assert conn.execute("SELECT count(*) FROM held").fetchone() == (0,)
        assert conn.execute("SELECT sum(records) FROM files WHERE gone IS NULL").fetchone() == (3,)
    assert numbers(feed.reader) == [0, 1, 2]
    keeper.close()


def test_a_disk_that_is_full_is_told_and_nothing_is_lost(feed: Feed, tmp_path: Path) -> None:
    feed.put(("birth", birth()))
    for first in range(0, 1000, 25):
        feed.put(("data", rows(first, [[n * 7919 % 10**6, -n] for n in range(25)])))
    full = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from babbitt.store.keeper.__main__ import run\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "run(Path(sys.argv[1]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", full, str(feed.folder)], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    process.kill()
    process.wait()
    assert "cannot be" in said
    assert numbers(feed.reader) == list(range(1000))
    feed.roll()
    assert feed.reader.prove().sound
    assert hours(feed) == 1000


def test_a_word_of_the_keeper_reaches_readers(feed: Feed) -> None:
    feed.put(("birth", birth()))
    keeper = Keeper(feed.folder)
    keeper.say("the disk is full")
    assert feed.reader.counts()[3] == "the disk is full"
    keeper.say("")
    assert feed.reader.counts()[3] == ""
    keeper.close()


def test_what_a_keeper_that_was_killed_has_left_goes(feed: Feed) -> None:
    """Files that were never finished (of this version and of those before), or finished and never entered."""
    there = feed.folder / "history" / "2026"
    there.mkdir(parents=True)
    for name in ("a.parquet", "b.parquet.new", "c.parquet.tmp"):
        (there / name).write_bytes(b"PAR1")
    Keeper(feed.folder).close()
    assert list(there.iterdir()) == []


def test_a_damaged_file_is_named_and_the_others_are_read(feed: Feed) -> None:
    feed.put(("birth", birth()))
    day = 86_400_000
    for n in range(2):
        feed.put(("data", rows(n * 10, [[1, 1]] * 10, t=T0 - (1 - n) * 2 * day)))
    keeper = Keeper(feed.folder, Limits(records=1), clock=lambda: (T0 + 9 * day) / 1000)
    keeper.run_until_idle()
    keeper.close()
    first, second = sorted((feed.folder / "history").rglob("*.parquet"))
    first.write_bytes(first.read_bytes()[:100])
    t, _ = feed.reader.series("hall", "pump-7", "a.x", T0 - day, T0 + 5 * day, 100)
    assert len(t) == 10
    with pytest.raises(StoreError, match=first.name):
        feed.reader.series("hall", "pump-7", "a.x", T0 - 5 * day, T0 - day, 100)
    assert second.exists()


def test_what_is_older_than_it_is_to_be_kept_goes(feed: Feed) -> None:
    day = 86_400_000
    with feed.writer.transaction():
        feed.writer.meta("retention", json.dumps({"raw": 2, "hours": 5}))
    feed.put(
        ("birth", birth()),
        ("data", rows(0, [[1, 1]] * 10, t=T0 - 20 * day)),
        ("data", rows(10, [[1, 1]] * 10)),
    )
    now = T0 + 3_600_000
    keeper = Keeper(feed.folder, Limits(records=1), clock=lambda: now / 1000)
    keeper.run_until_idle()
    keeper._tidied = float("-inf")
    keeper.run_until_idle()
    keeper.close()
    assert len(list((feed.folder / "history").rglob("*.parquet"))) == 1
    conn = base.open_for_reading(feed.folder)
    assert conn is not None
    assert [len(rollups.read(conn, 1, level, 0, 2 * T0)) for level in (1, 2)] == [1, 2]
    conn.close()
    # The account knows what was deleted because it was old, and still finds what is missing.
    proof = feed.reader.prove()
    assert (proof.sound, proof.records) == (True, 10)
    next((feed.folder / "history").rglob("*.parquet")).unlink()
    with sqlite3.connect(feed.folder / base.FILE) as changed:
        changed.execute("DELETE FROM files WHERE gone IS NULL")
    changed.close()
    assert feed.reader.prove().absent == 10


def test_old_buckets_are_packed_and_their_room_is_given_back(feed: Feed) -> None:
    """What comes for a block that is packed already is counted at once, and packed with the next."""
    day = 86_400_000
    now = T0 - 30 * day
    keeper = Keeper(feed.folder, clock=lambda: now / 1000)

    def tidied() -> tuple[int, int, int]:
        """Buckets that are not packed, blocks that are, pages that are unused."""
        keeper._tidied = float("-inf")
        keeper.run_until_idle()
        conn = keeper._conn
        sql = ("SELECT count(*) FROM rollups", "SELECT count(*) FROM packed", "PRAGMA freelist_count")
        unpacked, packed, unused = (conn.execute(one).fetchone()[0] for one in sql)
        return unpacked, packed, unused

    with feed.writer.transaction():
        feed.writer.meta("retention", json.dumps({"minutes": None}))
    feed.put(("birth", birth()), *(
        ("data", rows(25 * n, [[1, 1]] * 25, t=now, step=60_000)) for n in range(400)
    ))  # fmt: skip
    loose, _, _ = tidied()
    assert loose > 20_000
    pages = keeper._conn.execute("PRAGMA page_count").fetchone()[0]
    now = T0
    rest, blocks, unused = tidied()
    assert rest < loose / 20
    assert blocks >= 2 * 10_000 // 240
    assert unused <= max(base.UNUSED_PAGES, keeper._conn.execute("PRAGMA page_count").fetchone()[0] // 64)
    assert keeper._conn.execute("PRAGMA page_count").fetchone()[0] < pages / 2

    def counted() -> int:
        return sum(int(n) for n in rollups.read(keeper._conn, 1, 0, 0, 2 * T0)[:, 1])

    assert counted() == 10_000
    feed.put(("data", rows(10_000, [[1, 1]] * 10, t=now - 29 * day - 10_000 * 60_000, step=60_000)))
    late, same, _ = tidied()
    assert (late > rest, same, counted()) == (True, blocks, 10_010)
    now += rollups.BLOCKS[2]
    assert tidied()[0] <= rest
    assert counted() == 10_010
    keeper.close()


def test_blocks_of_the_first_form_are_still_read() -> None:
    """As it was written before both times of extremes went into a byte."""
    hour = rollups.LEVELS[1]
    rows = np.array(
        [
            [n * hour, 3, 30 + n, 9, n * hour + 8 * (hour // 256), 11, n * hour, 10, n * hour + 5]
            for n in range(4)
        ]
    )
    start, count, total, low, low_t, high, high_t, last, last_t = rows.T
    part = hour // 256
    columns = (np.diff(start, prepend=0), count, total - count * last, last - low, (low_t - start) // part - 128,
               high - last, (high_t - start) // part - 128, np.diff(last, prepend=0), last_t - start)  # fmt: skip
    parts = [
        struct.pack("<q", int(c[0])) + c[1:].astype("<i8").view(np.uint8).reshape(3, 8).T.tobytes()
        for c in columns
    ]
    body = struct.pack("<I9s", 4, b"q" * 9) + zlib.compress(b"".join(parts))
    assert (rollups.unpack(body, 1) == rows).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.lists(st.integers(-(2**30) + 1, 2**30 - 1), min_size=1, max_size=5)),
        min_size=1, max_size=30, unique_by=lambda one: one[0],
    ),
    st.integers(0, 2),
)  # fmt: skip
def test_packed_buckets_are_what_they_were(some: list[tuple[int, list[int]]], level: int) -> None:
    length = rollups.LEVELS[level]
    channels, times, values = [], [], []
    for at, listed in sorted(some):
        for n, value in enumerate(listed):
            channels.append(1)
            times.append(at * length + n * (length // 7))
            values.append(value)
    arrays = [np.array(one, np.int64) for one in (channels, times, values)]
    _, buckets = rollups.summarise(*arrays, level)
    again = rollups.unpack(rollups.pack(buckets, level), level)
    exact = [0, 1, 2, 3, 5, 7, 8]
    assert (again[:, exact] == buckets[:, exact]).all()
    for column in (4, 6):
        off = buckets[:, column] - again[:, column]
        assert ((off >= 0) & (off <= length // 16)).all()
