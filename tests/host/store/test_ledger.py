"""The account: what is missing, what explains it, and what is only late."""

from __future__ import annotations

from feeding import T0, Feed, birth, rows

ONE = [[1, 2]]


def state(**changes: object) -> dict[str, object]:
    return {
        "online": True, "i": "9f3a01bc", "boot": 1, "u": 1, "t": None, "q": 0, "rssi": None, "heap_free": 1,
        "heap_block": 1, "next": 0, "sent": -1, "spool": {"records": 0, "bytes": 0},
        "discarded": {"rows": 0, "events": 0}, "discards": [], "faults": {}, "refused": 0, "restarts": {},
    } | changes  # fmt: skip


def test_a_hole_is_unexplained_until_it_is_filled(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, ONE)), ("data", rows(3, ONE)))
    (row,) = feed.reader.ledger()
    assert (row.next, row.received, row.missing, row.state) == (4, 2, 2, "unexplained")
    assert "2 missing without explanation" in row.note
    feed.put(("data", rows(1, ONE * 2)))
    assert feed.reader.ledger()[0].state == "complete"


def test_the_announced_rest_of_a_boot_is_still_on_the_node(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, ONE * 3)))
    feed.put(
        ("birth", birth(boot=2, prev={"boot": 1, "next": 9, "clean": True}, oldest={"boot": 1, "seq": 3}))
    )
    row = feed.reader.ledger()[0]
    assert (row.next, row.pending, row.missing, row.state, row.lost_windows) == (9, 6, 0, "pending", 0)
    feed.put(
        ("birth", birth(boot=2, prev={"boot": 1, "next": 9, "clean": True}, oldest={"boot": 2, "seq": 0}))
    )
    row = feed.reader.ledger()[0]
    assert (row.pending, row.missing, row.state) == (0, 6, "unexplained")


def test_discards_are_counted_once_and_received_ones_not_at_all(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, ONE * 3)))
    feed.put(("state", state(discards=[[1, 2, 6], [1, 5, 8]], discarded={"rows": 7, "events": 0})))
    feed.put(("data", rows(9, ONE)))
    (row,) = feed.reader.ledger()
    assert (row.received, row.discarded, row.missing, row.state) == (4, 6, 0, "complete")


def test_the_count_of_discards_explains_what_its_list_has_forgotten(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, ONE)), ("data", rows(11, ONE)))
    feed.put(("state", state(discards=[[1, 6, 10]], discarded={"rows": 8, "events": 0})))
    (row,) = feed.reader.ledger()
    assert (row.discarded, row.missing) == (8, 2)


def test_an_unclean_end_loses_one_window_at_most(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, ONE)))
    feed.put(
        ("birth", birth(boot=2, prev={"boot": 1, "next": 1, "clean": False}, oldest={"boot": 2, "seq": 0}))
    )
    row = feed.reader.ledger()[0]
    assert (row.lost_windows, row.state) == (1, "complete")


def test_an_unclean_end_may_lose_what_the_node_held_back(feed: Feed) -> None:
    ended = {"boot": 1, "next": 1, "clean": False}
    feed.put(("birth", birth(hold=9)), ("data", rows(0, ONE)), ("birth", birth(boot=2, prev=ended, hold=4)))
    feed.put(
        ("data", rows(0, ONE, boot=2)), ("birth", birth(boot=4, prev={"boot": 3, "next": 1, "clean": False}))
    )
    assert [(row.boot, row.lost_windows, row.note) for row in feed.reader.ledger()][:2] == [
        (1, 10, "unclean end: at most 10 windows lost"),
        (2, 5, "its end was never announced: at most 5 windows lost"),
    ]


def test_an_end_that_was_never_announced_is_said(feed: Feed) -> None:
    later = birth(boot=3, prev={"boot": 2, "next": 1, "clean": False})
    feed.put(("birth", birth()), ("data", rows(0, ONE * 2)), ("birth", later), ("data", rows(0, ONE, boot=2)))
    assert [(row.boot, row.lost_windows, row.note) for row in feed.reader.ledger()] == [
        (1, 1, "its end was never announced: at most one window lost"),
        (2, 1, "unclean end: at most one window lost"),
        (3, 0, ""),
    ]


def test_refused_records_are_named_as_such(feed: Feed) -> None:
    feed.put(
        ("birth", birth()), ("data", rows(0, ONE)), ("data", rows(1, [[2**30, 1]])), ("data", rows(2, ONE))
    )
    (row,) = feed.reader.ledger()
    assert (row.received, row.refused, row.missing, row.state) == (2, 1, 0, "complete")
    assert "babbitt quarantine" in row.note


def test_a_gap_given_up_stays_unexplained(feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, ONE)), ("data", rows(3, ONE)))
    with feed.writer.transaction():
        feed.ingest._give_up(feed.ingest._applier.known("hall", "pump-7", "9f3a01bc"))
        feed.ingest._applier.finish(T0)
    (row,) = feed.reader.ledger()
    assert (row.missing, row.state) == (2, "unexplained")
    assert [e.check for e in feed.reader.events()] == ["gap"]
