"""What is too old goes, a little at a time, and the account still holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from feeding import T0, Feed, birth, rows

from babbitt.protocol.assessment import Assessment
from babbitt.store.upkeep import DAY_MS, Upkeep
from babbitt.store.waves import WaveShelf

HOUR = 3_600_000
EVENT = {
    "i": "9f3a01bc", "boot": 1, "seq": 0, "u": 0, "t": T0, "q": 3, "check": "h", "ch": "a.x", "from": "N", "to": "H",
    "sev": 1, "value": 1_600_000, "limit": 1_500_000, "for": 0, "ev": {},
}  # fmt: skip


@pytest.fixture
def filled(feed: Feed) -> Feed:
    feed.put(("birth", birth()), *(("event", EVENT | {"seq": n, "t": T0 + n * HOUR}) for n in range(30)))
    feed.put(("data", rows(30, [[1, 1]])))
    with feed.writer.transaction():
        feed.writer.host_event(1, T0, "clock", "ok", "bad", 1, "Its own")
        for minute in range(3 * 24 * 60):
            level = "alarm" if minute % 60 == 7 else "normal"
            one = Assessment(T0 + minute * 60_000, level, minute % 60 / 60, 90.0, (), "stable", None)
            feed.writer.assessment(1, one)
    return feed


def work(feed: Feed, now: int, **days: int | None) -> int:
    upkeep = Upkeep(feed.writer, WaveShelf(feed.folder), days, lambda: now / 1000)
    steps = 0
    while upkeep.step():
        steps += 1
    return steps


def test_of_old_assessments_the_worst_of_each_hour_stays(filled: Feed) -> None:
    day = T0 - T0 % DAY_MS + DAY_MS  # the first whole day
    assert work(filled, day + 3 * DAY_MS, assessments=2) == 2  # the rest of the day it began in, and that one
    found = filled.reader.assessments("hall", "pump-7", 0, 2 * T0, 10**9)
    old = [one for one in found if one.t_ms < day + DAY_MS]
    assert {one.level for one in old} == {"alarm"}
    assert len(old) == len({one.t_ms // HOUR for one in old}) == (day + DAY_MS - T0) // HOUR + 1
    new = [one for one in found if one.t_ms >= day + DAY_MS]
    assert len(new) > 60 * 20
    assert work(filled, day + 3 * DAY_MS, assessments=2) == 0
    # All of them are old: the newest stays, it is what the node is known by.
    work(filled, day + 100 * DAY_MS, assessments=2)
    assert filled.reader.node("hall", "pump-7").assessment == new[-1]


def test_old_events_go_and_the_account_knows_it(filled: Feed) -> None:
    before = filled.reader.ledger()
    work(filled, T0 + 10 * HOUR + 5 * DAY_MS, events=5)
    assert [one.t for one in filled.reader.events()][-1] == T0 + 10 * HOUR
    assert len(filled.reader.events()) == 20
    assert filled.reader.ledger() == before
    proof = filled.reader.prove()
    assert (proof.sound, proof.records) == (True, 21)
    with filled.writer.transaction() as conn:
        conn.execute("DELETE FROM events WHERE seq=15")
    assert filled.reader.prove().absent == 1


def test_what_is_kept_for_ever_stays(filled: Feed) -> None:
    assert work(filled, T0 + 10**12, events=None, assessments=None) == 0
    assert len(filled.reader.events()) == 31


def test_the_thread_ends_at_once(feed: Feed, tmp_path: Path) -> None:
    upkeep = Upkeep(feed.writer, WaveShelf(tmp_path), {}, lambda: 0.0)
    upkeep.start()
    upkeep.stop()
