"""The ingest against real brokers, with a client that speaks as a node."""

from __future__ import annotations

import time
from typing import Any

import pytest
from nodesim import INSTALL, Wire, birth, data, row, state, until

from babbitt.service import Host
from babbitt.store.views import LedgerRow

DAY = 86_400_000


def now() -> int:
    return int(time.time() * 1000)


def account(host: Host, wire: Wire, boot: int = 1, install: str = INSTALL) -> LedgerRow:
    name = wire.root.split("/")[3]
    return next(r for r in host.reader.ledger() if (r.node, r.boot, r.install) == (name, boot, install))


def stored(host: Host, wire: Wire) -> list[tuple[Any, ...]]:
    """(boot, seq, t, tq, t_err) of all records of the node, in order."""
    site, node = wire.root.split("/")[2:4]
    return [(r.boot, r.seq, r.t, r.tq, r.t_err) for r in host.reader.records(site, node)]


def host_events(host: Host, wire: Wire) -> list[str]:
    return [e.check for e in host.reader.events(node=wire.root.split("/")[3]) if e.origin == "host"]


def test_records_are_stored_committed_and_read_back(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    wire.send("data", data(0, [row(n, t + n * 1000) for n in range(8)]))
    event = {
        "i": INSTALL, "boot": 1, "seq": 8, "u": 8000, "t": t + 8000, "q": 3, "check": "vib.x.high", "sev": 1,
        "ch": "vib.x.rms", "from": "N", "to": "H", "value": 1_523_400, "limit": 1_500_000, "for": 30,
        "ev": {},
    }  # fmt: skip
    wire.send("event", event)
    assert wire.committed(1, 8) == {"i": INSTALL, "boot": 1, "seq": 8}
    site, node = wire.root.split("/")[2:4]
    times, values = host.reader.series(site, node, "vib.x.rms", t, t + 60_000, 100)
    assert times.tolist() == [t + n * 1000 for n in range(8)]
    assert values.tolist() == [(1000 + n) / 1e6 for n in range(8)]
    (seen,) = host.reader.events(site, node)
    assert (seen.check, seen.to, seen.value, seen.limit, seen.unit) == ("vib.x.high", "H", 1.5234, 1.5, "g")
    assert account(host, wire).received == 9
    (view,) = [n for n in host.reader.nodes() if n.node == node]
    assert (view.asset, view.kind, view.last_t) == ("Pump 7", "machine", t + 8000)


def test_host_announces_itself_with_its_time_and_a_session(host: Host, wire: Wire) -> None:
    wire.send("birth", birth())
    said = until(lambda: next((one for one in wire.host if one["online"]), None))
    assert abs(said["t"] - now()) < 30_000
    assert len(said["session"]) == 8


def test_what_comes_twice_is_stored_once_and_counted(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    for _ in range(3):
        wire.send("data", data(0, [row(n, t + n * 1000) for n in range(4)]))
    wire.committed(1, 3)
    until(lambda: account(host, wire).duplicates == 8)
    assert account(host, wire).received == 4


def test_a_gap_is_asked_for_again_and_closed(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, t), row(1, t + 1000)]))
    wire.send("data", data(4, [row(4, t + 4000)]))
    asked = until(lambda: next((c for c in wire.commits if c.get("resend")), None))
    assert (asked["boot"], asked["seq"]) == (1, 1)
    assert account(host, wire).state == "unexplained"
    wire.send("data", data(2, [row(2, t + 2000), row(3, t + 3000)]))
    wire.committed(1, 4)
    assert account(host, wire).state == "complete"


def test_a_node_that_sent_more_than_came_is_asked_again(host: Host, wire: Wire) -> None:
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, now())]))
    wire.send("state", state(next=6, sent=5, spool={"records": 5, "bytes": 500}))
    asked = until(lambda: next((c for c in wire.commits if c.get("resend")), None))
    assert (asked["boot"], asked["seq"]) == (1, 0)


def test_the_watermark_crosses_into_the_next_boot_where_the_end_is_known(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, t), row(1, t + 1000)]))
    prev = {"boot": 1, "next": 2, "clean": False}
    wire.send("birth", birth(boot=2, prev=prev, oldest={"boot": 2, "seq": 0}))
    wire.send("data", data(0, [row(0, t + 20_000)], boot=2))
    wire.committed(2, 0)
    first = account(host, wire)
    assert (first.state, first.lost_windows) == ("complete", 1)
    assert "at most one window" in first.note


def test_a_new_installation_begins_anew(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, t)]))
    wire.send("birth", birth(i="00000002"))
    wire.send("data", data(0, [row(0, t + 9000)], i="00000002"))
    until(lambda: any(c["i"] == "00000002" for c in wire.commits))
    assert account(host, wire).received == account(host, wire, install="00000002").received == 1
    assert "installation" in host_events(host, wire)


def test_discards_explain_what_is_missing(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, t)]))
    wire.send("state", state(discards=[[1, 1, 99]], discarded={"rows": 99, "events": 0}))
    wire.send("data", data(100, [row(100, t + 100)]))
    wire.committed(1, 100)
    said = account(host, wire)
    assert (said.discarded, said.missing, said.state) == (99, 0, "complete")


def test_a_store_that_meets_an_old_node_begins_at_its_oldest_record(host: Host, wire: Wire) -> None:
    wire.send(
        "birth", birth(boot=3, oldest={"boot": 2, "seq": 790}, prev={"boot": 2, "next": 791, "clean": True})
    )
    wire.send("data", data(790, [row(790, now())], boot=2))
    wire.send("data", data(0, [row(0, now())], boot=3))
    wire.committed(3, 0)
    assert [account(host, wire, b).state for b in (2, 3)] == ["complete", "complete"]
    assert account(host, wire, 2).first == 790


def test_time_is_filled_in_from_the_clock_of_the_boot(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    wire.send("data", data(0, [row(n, None) for n in range(3)], q=0))
    wire.committed(1, 2)
    assert [tq for *_, tq, _ in stored(host, wire)] == [2, 2, 2]
    wire.send("data", data(3, [row(3, t + 3000)]))
    wire.send("data", data(4, [row(4, None)], q=0))
    wire.committed(1, 4)
    rows = stored(host, wire)
    assert [when - t for _, _, when, _, _ in rows] == [0, 1000, 2000, 3000, 4000]
    assert [tq for *_, tq, _ in rows] == [1, 1, 1, 0, 1]
    assert all(err is not None and 100 <= err < 110 for *_, tq, err in rows if tq == 1)


@pytest.mark.parametrize(("shift", "q"), [(20 * 365 * DAY, 3), (-20 * 365 * DAY, 2), (0, 4), (2 * DAY, 1)])
def test_a_clock_that_is_not_believed_costs_no_record(host: Host, wire: Wire, shift: int, q: int) -> None:
    wire.send("birth", birth())
    wire.send("data", data(0, [row(n, now() + shift) for n in range(3)], q=q))
    wire.committed(1, 2)
    assert all(abs(when - now()) < 60_000 and tq == 2 for _, _, when, tq, _ in stored(host, wire))
    assert host_events(host, wire) == ["clock"]
    assert account(host, wire).received == 3


def test_a_bad_message_is_refused_by_name_and_the_others_go_on(host: Host, wire: Wire) -> None:
    before = host.reader.quarantine_total()
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, now())]))
    wire.send("data", b'{"i":"9f3a01bc","boot":1,')
    wire.send("data", data(1, [[1000, now(), 0, 2**30, 1, 1]]))
    wire.send("data", data(2, [[2000, now(), 0, 1, 2]]))
    wire.send("data", data(3, [row(3, now())]))
    wire.committed(1, 3)
    reasons = [r.reason for r in host.reader.quarantine(host.reader.quarantine_total() - before)]
    assert len(reasons) == 3
    assert "2 values, the birth announced 3" in reasons[0]
    assert "beyond +-1073741823" in reasons[1]
    assert "not valid JSON" in reasons[2]
    said = account(host, wire)
    assert (said.received, said.refused, said.missing) == (2, 2, 0)


def test_another_major_version_is_refused_by_name(host: Host, wire: Wire) -> None:
    wire.send("birth", birth(), topic=wire.root.replace("/1/", "/2/") + "birth")
    until(lambda: host.reader.quarantine_total() == 1)
    assert "version 2 is not spoken here" in host.reader.quarantine()[0].reason
    assert host_events(host, wire) == ["version"]


def test_a_will_takes_the_node_offline(host: Host, wire: Wire) -> None:
    def online() -> bool:
        return any(n.online for n in host.reader.nodes() if n.node == wire.root.split("/")[3])

    wire.send("state", state())
    until(online)
    wire.send("state", {"online": False})
    until(lambda: not online())


def test_a_changed_configuration_does_not_reinterpret_old_rows(host: Host, wire: Wire) -> None:
    t = now() - 60_000
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, t, 1000, 2000, 3000)]))
    channels = birth()["channels"]
    wire.send("birth", birth(channels=[channels[2], channels[0], channels[1]], since=1))
    wire.send("data", data(1, [row(1, t + 1000, 3000, 1000, 2000)]))
    wire.committed(1, 1)
    site, node = wire.root.split("/")[2:4]
    assert host.reader.series(site, node, "temp.mean", t, t + 9000, 10)[1].tolist() == [3.0, 3.0]
    assert host.pipeline.settle(20)
    assert host.reader.series(site, node, "vib.x.rms", t, t + 9000, 10)[1].tolist() == [0.001, 0.001]


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(host: Host, wire: Wire) -> None:
    wire.send("birth", birth())
    wire.send("data", data(0, [row(0, now())]))
    wire.committed(1, 0)
    with host._writer.transaction() as conn:
        pages = conn.execute("PRAGMA page_count").fetchone()[0]
        conn.execute(f"PRAGMA max_page_count={pages}")
    for seq in range(1, 6401, 32):
        wire.send("data", data(seq, [row(seq + n, now()) for n in range(32)]))
    until(lambda: not host.ingest.store_ok)
    acknowledged = account(host, wire).received
    assert acknowledged < 6401
    assert not any(c["seq"] >= acknowledged for c in wire.commits)
    with host._writer._lock:
        host._writer.conn.execute("PRAGMA max_page_count=1000000")
    wire.committed(1, 6400)
    assert host.ingest.store_ok
    assert account(host, wire).received == 6401
