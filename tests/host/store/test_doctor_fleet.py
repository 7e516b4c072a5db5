"""What the doctor says of nodes: each finding produced by what causes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from feeding import T0, Feed, birth, rows

from babbitt.doctor.finding import Finding
from babbitt.doctor.fleet import DAY_MS, fleet
from babbitt.store.keeper import base

NOW = T0 + DAY_MS
STATE: dict[str, Any] = {
    "online": True, "i": "9f3a01bc", "boot": 1, "u": 1000, "t": NOW, "q": 3, "rssi": -60, "heap_free": 90_000,
    "heap_block": 60_000, "next": 0, "sent": -1, "spool": {"records": 0, "bytes": 0},
    "discarded": {"rows": 0, "events": 0}, "discards": [], "faults": {}, "refused": 0, "restarts": {},
}  # fmt: skip


def look(feed: Feed, now: int = NOW, running: bool = True) -> dict[str, Finding]:
    return {one.code: one for one in fleet(feed.reader, now, running)}


def test_of_a_fleet_that_is_well_nothing_is_said(feed: Feed) -> None:
    feed.put(("birth", birth()), ("state", STATE), ("data", rows(0, [[1, 1]])))
    assert look(feed) == {}


def test_a_node_that_is_away_is_named_while_a_host_listens(feed: Feed) -> None:
    feed.put(("birth", birth()), ("state", STATE), ("data", rows(0, [[1, 1]])))
    feed.put(("state", {"online": False}))
    found = look(feed, NOW + 5 * 3_600_000)["node-silent"]
    assert (found.where, found.level) == ("hall/pump-7", "warning")
    assert "5 h ago" in found.what
    assert look(feed, running=False) == {}
    feed.put(("birth", birth()), ("state", STATE))
    feed.put(("state", {"online": False, "asleep": True, "every": 600}))
    assert look(feed) == {}


def test_a_node_that_never_said_who_it_is(feed: Feed) -> None:
    feed.put(("data", rows(0, [[1, 1]])))
    feed.put(("state", STATE))
    assert look(feed)["node-unborn"].where == "hall/pump-7"


def test_what_a_node_says_of_itself(feed: Feed) -> None:
    said = STATE | {"faults": {"vib": "no_device"}, "discarded": {"rows": 40, "events": 2}}
    feed.put(("birth", birth()), ("state", said))
    found = look(feed)
    assert found["sensor-fault"].where == "hall/pump-7 vib"
    assert "no_device" in found["sensor-fault"].what
    assert found["spool-full"].what.startswith("42 records")


def test_a_configuration_that_was_refused(feed: Feed) -> None:
    feed.put(("birth", birth()), ("state", STATE))
    feed.put(
        (
            "reported",
            {
                "i": "9f3a01bc", "version": 7, "hash": "0123456789abcdef", "state": "rejected", "path": "sensors[0].window",
                "reason": "expected one of 64, 128",
            },
        )
    )  # fmt: skip
    assert "configuration 7 was rejected: sensors[0].window: expected" in look(feed)["config-refused"].what


def test_two_boards_with_one_name(feed: Feed) -> None:
    for n in range(4):
        feed.put(("birth", birth(i=f"0000000{n % 2}", boot=1 + n)))
    assert look(feed)["same-name"].level == "fault"


def test_records_that_are_missing_and_messages_that_were_refused(feed: Feed) -> None:
    feed.put(("birth", birth()), ("state", STATE | {"next": 10}), ("data", b"nonsense"))
    feed.put(("data", rows(5, [[1, 1]])))
    with feed.writer.transaction() as conn:
        conn.execute("INSERT INTO gaps SELECT id, 1, 0, 4, 'lost' FROM installs")
    found = look(feed)
    assert "are missing" in found["records-missing"].what
    assert found["messages-refused"].where.endswith("/data")


def test_checks_that_differ(feed: Feed) -> None:
    feed.put(("birth", birth()), ("state", STATE))
    with feed.writer.transaction():
        feed.writer.analyser(1, {"differences": 3})
    assert "3 times" in look(feed)["checks-differ"].what


def skewed(feed: Feed, **skews: int) -> None:
    for node, skew in skews.items():
        other = Feed(feed.folder, node)
        other.put(("birth", birth()), ("state", STATE))
        with other.writer.transaction() as conn:
            clock = json.dumps({"skew_ms": skew, "skew_err_ms": 5, "drift_ppm": None})
            conn.execute("UPDATE nodes SET clock=? WHERE node=?", (clock, node))
        other.close()


def test_one_clock_that_is_wrong_is_the_node_s_and_all_of_them_the_host_s(feed: Feed) -> None:
    skewed(feed, a=3, b=-4, c=90_000)
    found = look(feed)["node-clock"]
    assert (found.where, found.what) == ("hall/c", "its clock is 1 min ahead of the host's")
    skewed(feed, a=300_000, b=300_500, c=299_900)
    found = look(feed)
    assert "node-clock" not in found
    assert "5 min behind those of most nodes" in found["host-clock"].what


def test_a_clock_of_the_host_that_has_fallen_back(feed: Feed) -> None:
    feed.put(("birth", birth()), ("state", STATE), ("data", rows(0, [[1, 1]])))
    assert "in its future" in look(feed, T0 - 3 * DAY_MS)["host-clock"].what


def test_a_history_that_does_not_go_on(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.put(("birth", birth()), ("state", STATE), ("data", rows(0, [[1, 1]])))
    monkeypatch.setattr("babbitt.doctor.fleet.MANY_ROWS", 0)
    assert "behind" in look(feed)["history-stuck"].what
    feed.roll()
    assert look(feed) == {}
    conn = base.open_for_writing(feed.folder)
    conn.execute("INSERT OR REPLACE INTO meta VALUES ('state', ?)", (json.dumps({"error": "No space left"}),))
    conn.close()
    assert "No space left" in look(feed)["history-stuck"].what
