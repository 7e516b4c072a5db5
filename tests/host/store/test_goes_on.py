"""What must not end the host, nor cost a record: a store taken away, a defect in a thread, hostile fields."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from feeding import T0, Feed, Pipe, birth, rows

from babbitt.acquisition.ingest import Ingest
from babbitt.errors import StoreError
from babbitt.pipeline import Pipeline
from babbitt.protocol.messages import Commit
from babbitt.store.check import check
from babbitt.store.reader import StoreReader
from babbitt.store.schema import FILE
from babbitt.store.writer import StoreWriter


def _within(seconds: float, event: threading.Event) -> None:
    assert event.wait(seconds), "waited in vain"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_that_was_taken_away_acknowledges_nothing(feed: Feed, replaced: bool) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1, 1]])))
    (feed.folder / FILE).unlink()
    if replaced:
        (feed.folder / FILE).touch()
    with pytest.raises(StoreError, match="taken away or replaced: restart"):
        feed.put(("data", rows(1, [[1, 1]])))


@pytest.mark.parametrize(
    ("fail", "mend", "said"),
    [
        ("PRAGMA query_only=ON", "PRAGMA query_only=OFF", "readonly"),  # as on a disk mounted read-only
        ("PRAGMA max_page_count=1", "PRAGMA max_page_count=1000000", "full"),  # SQLite keeps to what is there
    ],
)
def test_a_disk_that_cannot_be_written_costs_nothing_and_is_said(
    tmp_path: Path, fail: str, mend: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    writer, pipe = StoreWriter(tmp_path), Pipe()
    told = threading.Event()
    ingest = Ingest(writer, pipe, lambda *_: told.set(), clock=lambda: T0 / 1000)
    ingest.start()
    pipe.put("birth", birth())
    pipe.put("data", rows(0, [[1, 1]]))
    _within(10, told)
    with writer._lock:
        writer.conn.execute(fail)
    for n in range(1, 200):  # more than the free room in the pages there are
        pipe.put("data", rows(n * 20, [[1, 1]] * 20))
    end = time.monotonic() + 20
    while ingest.store_ok:
        assert time.monotonic() < end
        time.sleep(0.01)
    acknowledged = pipe.acked
    time.sleep(0.3)
    assert pipe.acked == acknowledged < 201
    assert f"{said}" in caplog.text
    assert "nothing is acknowledged" in caplog.text
    with writer._lock:
        writer.conn.execute(mend)
    while pipe.acked < 201:
        assert time.monotonic() < end + 20
        time.sleep(0.01)
    assert ingest.store_ok
    ingest.stop()
    writer.close()
    reader = StoreReader(tmp_path)
    proof = reader.prove()
    reader.close()
    assert (proof.sound, proof.records) == (True, 1 + 199 * 20)


def test_a_page_that_is_damaged_is_said_and_nothing_acknowledged_on_top_of_it(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "s")
    feed.put(("birth", birth()), *(("data", rows(n * 20, [[1, 1]] * 20)) for n in range(50)))
    feed.close()
    path = tmp_path / "s" / FILE
    raw = bytearray(path.read_bytes())
    size = int.from_bytes(raw[16:18], "big")
    for page in range(2, len(raw) // size):
        raw[page * size : page * size + 64] = b"\xff" * 64
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"malformed|cannot be"):
        Feed(tmp_path / "s").put(("data", rows(2000, [[1, 1]])))
    assert {fault.where for fault in check(tmp_path / "s")} >= {FILE}


def test_a_defect_does_not_end_the_ingest(tmp_path: Path) -> None:
    writer, pipe = StoreWriter(tmp_path), Pipe()
    failed, told = threading.Event(), threading.Event()

    def publish(site: str, node: str, commit: Commit) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("a defect")
        told.set()

    ingest = Ingest(writer, pipe, publish, clock=lambda: T0 / 1000)
    ingest.start()
    pipe.put("birth", birth())
    pipe.put("data", rows(0, [[1, 1]]))
    _within(10, failed)
    pipe.put("data", rows(1, [[1, 1]]))
    _within(10, told)
    ingest.stop()
    assert pipe.acked == 3
    writer.close()


def test_a_defect_does_not_end_the_analysis(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()
    save = feed.writer.meta

    def broken(key: str, value: str) -> None:
        if not failed.is_set():
            failed.set()
            raise KeyError("a defect")
        save(key, value)

    feed.put(("birth", birth()), ("data", rows(0, [[1, 1]])))
    monkeypatch.setattr(feed.writer, "meta", broken)
    pipeline = Pipeline(feed.writer, threading.Event(), {})
    pipeline.start()
    _within(10, failed)
    assert pipeline.settle(20)
    pipeline.stop()


def test_wrong_use_of_the_store_is_a_defect_and_no_failing_disk(feed: Feed) -> None:
    with pytest.raises(sqlite3.Error), feed.writer.transaction() as conn:
        conn.execute("SELECT ?", (object(),))


def test_a_limit_no_value_can_reach_is_none(feed: Feed) -> None:
    check = {"id": "h", "type": "limit", "channel": "a.x", "h": 10**30, "hh": 2_000_000}
    feed.put(("birth", birth(checks=[check])))
    assert feed.reader.channels("hall", "pump-7")[0].limits == {"hh": 2.0}


def test_what_is_kept_as_it_came_is_not_nested_without_end(feed: Feed) -> None:
    feed.put(("birth", birth()), ("birth", birth(more=json.loads("[" * 40 + "]" * 40), text='[["\\"[[' * 40)))
    feed.put(("birth", birth(fw="9", text='[[{"\\' * 40)))
    (refused,) = feed.reader.quarantine()
    assert refused.reason == "nested more than 32 deep"
    said = feed.reader.nodes()[0].birth
    assert said is not None
    assert said["fw"] == "9"


def test_the_account_of_a_long_discard_is_not_counted_one_by_one(feed: Feed) -> None:
    end = 5_000_000
    feed.put(
        ("birth", birth(boot=2, prev={"boot": 1, "next": end, "clean": True}, discards=[[1, 1, end - 1]]))
    )
    tracemalloc.start()
    row = feed.reader.ledger()[0]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (row.discarded, row.pending, row.missing) == (end - 1, 1, 0)
    assert most < 1_000_000


@pytest.mark.parametrize(
    ("discards", "reason"), [([[2, 0, 5]], "a boot still to come"), ([[1, 9, 5]], "before the first")]
)
def test_discards_that_cannot_be_are_refused_in_a_state_too(
    feed: Feed, discards: list[list[int]], reason: str
) -> None:
    state = {
        "online": True, "i": "9f3a01bc", "boot": 1, "u": 1000, "t": None, "q": 0, "rssi": None, "heap_free": 0,
        "heap_block": 0, "next": 0, "sent": -1, "spool": {"records": 0, "bytes": 0},
        "discarded": {"rows": 0, "events": 0}, "faults": {}, "refused": 0, "restarts": {},
    }  # fmt: skip
    feed.put(("birth", birth()), ("state", state | {"discards": discards}))
    feed.put(("state", state | {"discards": [[1, 5, 9]]}))
    (refused,) = feed.reader.quarantine()
    assert refused.topic.endswith("/state")
    assert reason in refused.reason
