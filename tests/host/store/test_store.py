"""What every store must keep to: order, exactness, thinning, late data, versions, errors."""

from __future__ import annotations

import random
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from feeding import T0, Feed, birth, rows

from babbitt.errors import StoreError, StoreMissing, StoreVersionError, UnknownChannel, UnknownNode
from babbitt.protocol.assessment import Assessment, Interval
from babbitt.store.keeper import base, rollups
from babbitt.store.keeper.rollups import LEVELS
from babbitt.store.migrations import VERSION
from babbitt.store.reader import StoreReader
from babbitt.store.schema import FILE
from babbitt.store.tables import Table
from babbitt.store.writer import QUARANTINE_KEPT, StoreWriter

HOUR = 3_600_000


def rolled(feed: Feed) -> dict[tuple[str, int, int], tuple[int, ...]]:
    conn = base.open_for_reading(feed.folder)
    assert conn is not None
    found = {}
    for key, name in feed.writer.conn.execute("SELECT id, name FROM channels").fetchall():
        for level in range(len(LEVELS)):
            for start, *rest in rollups.read(conn, key, level, 0, 2 * T0).tolist():
                found[name, level, start] = tuple(rest)
    conn.close()
    return found


def by_hand(points: list[tuple[int, int]], name: str) -> dict[tuple[str, int, int], tuple[int, ...]]:
    out = {}
    for level, length in enumerate(LEVELS):
        for start in {t // length * length for t, _ in points}:
            some = sorted(p for p in points if p[0] // length * length == start)
            low = min(some, key=lambda p: p[1])
            high = max(some, key=lambda p: p[1])
            values = [v for _, v in some]
            out[name, level, start] = (
                len(some), sum(values), low[1], low[0], high[1], high[0], some[-1][1], some[-1][0],
            )  # fmt: skip
    return out


def alike(
    found: dict[tuple[str, int, int], tuple[int, ...]], wanted: dict[tuple[str, int, int], tuple[int, ...]]
) -> None:
    """Count, sum, extremes, last and its time are exact; once packed, the times of the extremes are those of a 16th."""
    assert found.keys() == wanted.keys()
    for key, one in found.items():
        assert [one[k] for k in (0, 1, 2, 4, 6, 7)] == [wanted[key][k] for k in (0, 1, 2, 4, 6, 7)]
        assert all(0 <= wanted[key][k] - one[k] < LEVELS[key[1]] / 16 for k in (3, 5))


def test_rollups_are_exact_however_late_the_data_comes(feed: Feed) -> None:
    rng = random.Random(5)
    values = [rng.randrange(-(10**9), 10**9) for _ in range(1024)]
    batches = list(range(0, 1024, 32))
    rng.shuffle(batches)
    feed.put(("birth", birth()))
    for n, first in enumerate(batches):
        feed.put(("data", rows(first, [[v, None] for v in values[first : first + 32]], step=37_000)))
        if n % 5 == 0:
            feed.roll()
    feed.roll()
    points = [(T0 + n * 37_000, v) for n, v in enumerate(values)]
    alike(rolled(feed), by_hand(points, "a.x"))


def test_rollups_follow_a_time_that_is_filled_in_later(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1], [2, 2]], q=0)))
    feed.roll()
    feed.put(("data", rows(2, [[3, 3]])))
    feed.roll()
    wanted = [(T0, 1), (T0 + 10_000, 2), (T0 + 20_000, 3)]
    alike(rolled(feed), by_hand(wanted, "a.x") | by_hand(wanted, "b.y"))


@pytest.mark.parametrize("span", [1, 2, 24])
def test_no_peak_is_lost_in_a_thinned_series(feed: Feed, span: int) -> None:
    rng = np.random.default_rng(span)
    count = span * 360
    values = rng.integers(0, 10**6, count)
    values[count // 3], values[count // 2] = 10**9, -(10**9)
    feed.put(("birth", birth()))
    for first in range(0, count, 32):
        feed.put(("data", rows(first, [[int(v), None] for v in values[first : first + 32]])))
    feed.roll()
    t, v = feed.reader.series("hall", "pump-7", "a.x", T0, T0 + span * HOUR, 40)
    assert len(t) == len(v) <= 42
    assert np.all(np.diff(t) >= 0)
    assert (v.max(), v.min()) == (1000.0, -1000.0)
    assert 0 <= T0 + count // 3 * 10_000 - t[v.argmax()] < 60_000 / 16
    assert 0 <= T0 + count // 2 * 10_000 - t[v.argmin()] < 60_000 / 16


def test_values_not_measured_are_left_out_and_the_ends_are_kept_to(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, None], [None, 5], [3, None]])))
    t, v = feed.reader.series("hall", "pump-7", "a.x", T0, T0 + 20_000, 100)
    assert (t.tolist(), v.tolist()) == ([T0, T0 + 20_000], [1e-6, 3e-6])
    assert feed.reader.series("hall", "pump-7", "a.x", T0 + 1, T0 + 19_999, 100)[0].size == 0


def test_channels_are_in_physical_units_with_the_limits_of_the_checks(feed: Feed) -> None:
    feed.put(("birth", birth()))
    first, second = feed.reader.channels("hall", "pump-7")
    assert (first.id, first.unit, first.exp, first.lo, first.hi) == ("a.x", "g", -6, 0.0, 16.0)
    assert (first.limits, second.limits) == ({"h": 1.5, "hh": 2.0}, {})


def test_a_standing_machine_is_not_judged_by_the_lower_limits_of_a_running_one() -> None:
    both = {"type": "limit", "channel": "shaft.rpm", "ll": 1_000_000, "hh": 1_600_000}
    for when, limits in (("running", {"hh": 1600.0}), ("always", {"ll": 1000.0, "hh": 1600.0})):
        table = Table(("shaft.rpm",), ("r/min",), (-3,), (1,), {}, (both | {"when": when},))
        assert table.limits() == {"shaft.rpm": limits}


def test_rows_of_a_boot_nobody_announced_take_the_next_table(feed: Feed) -> None:
    feed.put(
        ("birth", birth(boot=3, oldest={"boot": 2, "seq": 0}, prev={"boot": 2, "next": 1, "clean": False}))
    )
    feed.put(("data", rows(0, [[7, 8]], boot=2)))
    assert feed.reader.series("hall", "pump-7", "b.y", T0, T0, 10)[1].tolist() == [0.008]


def test_assessments_are_thinned_to_the_worst(feed: Feed) -> None:
    feed.put(("birth", birth()))
    with feed.writer.transaction():
        for n in range(100):
            level = "alarm" if n == 55 else "normal"
            feed.writer.assessment(
                1, Assessment(T0 + n, level, n / 100, 90.0, ("a.x",), "stable", Interval(1, 2, 3)), slot_ms=1
            )
    some = feed.reader.assessments("hall", "pump-7", T0, T0 + 99, 10)
    assert len(some) == 10
    assert [a.t_ms - T0 for a in some if a.level == "alarm"] == [55]
    assert some[0].anomaly == 0.09
    assert feed.reader.nodes()[0].assessment == Assessment(
        T0 + 99, "normal", 0.99, 90.0, ("a.x",), "stable", Interval(1, 2, 3)
    )


def test_the_list_of_refused_messages_is_bounded_and_counts_all(feed: Feed) -> None:
    with feed.writer.transaction():
        for n in range(QUARANTINE_KEPT + 50):
            feed.writer.quarantine("t", f"reason {n}", b"\xff" * 500, T0)
    kept = feed.reader.quarantine(5000)
    assert (len(kept), feed.reader.quarantine_total()) == (QUARANTINE_KEPT, QUARANTINE_KEPT + 50)
    assert kept[0].reason == f"reason {QUARANTINE_KEPT + 49}"
    assert kept[0].head == "\\xff" * 200


def test_a_group_is_stored_whole_or_not_at_all(feed: Feed) -> None:
    feed.put(("birth", birth()))
    with feed.writer._lock:
        feed.writer.conn.execute("PRAGMA max_page_count=1")
    with pytest.raises(StoreError, match="full"):
        feed.put(*[("data", rows(n, [[1, 2]] * 32)) for n in range(0, 6400, 32)])
    feed.ingest._applier.forget()
    assert feed.reader.ledger()[0].received == 0
    with feed.writer._lock:
        feed.writer.conn.execute("PRAGMA max_page_count=100000")
    feed.put(("data", rows(0, [[1, 2]])))
    assert feed.reader.ledger()[0].received == 1


def test_what_the_disk_has_is_found_again_by_the_next_process(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 2]] * 3)), ("data", rows(5, [[1, 2]])))
    feed.close()
    again = Feed(feed.folder)
    again.put(("data", rows(0, [[1, 2]] * 5)))
    (row,) = again.reader.ledger()
    assert (row.received, row.duplicates, row.missing, row.next) == (6, 3, 0, 6)
    again.close()


def test_one_reader_serves_many_threads(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 2]])))
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(feed.reader.nodes()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8


def test_errors_say_what_is_wrong(feed: Feed, tmp_path: Path) -> None:

    with pytest.raises(StoreMissing, match="there is no store"):
        StoreReader(tmp_path / "nowhere")
    with pytest.raises(UnknownNode, match="hall/other"):
        feed.reader.channels("hall", "other")
    feed.put(("birth", birth()))
    with pytest.raises(UnknownChannel, match=r"c\.z"):
        feed.reader.series("hall", "pump-7", "c.z", 0, 1, 10)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        StoreWriter(tmp_path / "file")


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    StoreWriter(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as conn:
        conn.execute(f"PRAGMA user_version={VERSION + 1}")
    with pytest.raises(StoreVersionError, match="use a newer program"):
        StoreWriter(tmp_path)
