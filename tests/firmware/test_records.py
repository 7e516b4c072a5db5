"""Rows and events are the bytes of the wire; batches keep the rules of `data`."""

import json

from helpers import node_error, without_heap

from babbitt_node.records import Batch, Recorder, encode_event, encode_row
from babbitt_node.segment import EVENT, ROW
from babbitt_node.spool import Spool
from babbitt_node.wire import Writer


class Watch:
    """A clock that stands."""

    q = 2

    def u(self):
        return 81234567

    def t(self):
        return 1789000000000 if self.q else None


def made(limit=100000):
    spool = Spool("spool", limit, "9f3a01bc", 3)
    watch = Watch()
    return (
        spool,
        watch,
        Recorder(spool, watch, "9f3a01bc", 3),
        Batch(bytearray(4096), "9f3a01bc"),
    )


def test_rows_survive_the_room_that_is_made_for_them():
    """The buffer of a record is that of the frames which the spool reads when it is full."""
    spool = Spool("spool", 4096, "9f3a01bc", 3, 600)
    recorder = Recorder(spool, Watch(), "9f3a01bc", 3)
    values = [1000001 * n for n in range(30)]
    for n in range(60):
        recorder.row(values, n)
        if n % 20 == 19:
            recorder.event("hot", "temp.mean", "N", "H", 1, n, 2, 3, {"sigma10": 4})
    spool.flush()
    assert spool.discards.rows > 0
    found = batches(spool, Batch(bytearray(4096), "9f3a01bc"))
    docs = [json.loads(payload) for _, _, _, _, payload in found]
    rows = [row for doc in docs for row in doc.get("rows", ())]
    assert rows and all(row[3:] == values for row in rows) and rows[-1][2] == 59
    events = [doc for doc in docs if "check" in doc]
    assert [event["value"] for event in events] == [19, 39, 59]
    assert [event["ev"] for event in events] == [{"sigma10": 4}] * 3


def batches(spool, batch, most=256):
    cursor, probe = spool.cursor(), spool.cursor()
    found = []
    while True:
        batch.build(spool, cursor, probe, most)
        if not batch.count:
            return found
        assert batch.out.length <= 4096
        found.append((batch.what, batch.first, batch.last, batch.count, bytes(batch.out.view())))


def test_a_row_has_the_bytes_of_the_protocol():
    out = Writer(bytearray(200))
    encode_row(out, 81234567, 1789000000000, [152340, None, -1073741823])
    assert bytes(out.view()) == b"[81234567,1789000000000,0,152340,null,-1073741823]"
    encode_row(out.reset(), 0, None, [])
    assert bytes(out.view()) == b"[0,null,0]"
    encode_row(out.reset(), 0, None, [1], 255)
    assert bytes(out.view()) == b"[0,null,255,1]"


def test_a_row_of_small_numbers_allocates_nothing():
    out = Writer(bytearray(200))
    values = [152340, None, -1073741823]
    without_heap(lambda: encode_row(out, 81234567, None, values))
    assert out.length == 41


def test_an_event_has_the_bytes_of_the_protocol():
    out = Writer(bytearray(1024))
    encode_event(
        out,
        "9f3a01bc",
        3,
        122,
        81244567,
        1789000010000,
        2,
        "vib.x.high",
        "vib.x.rms",
        "N",
        "H",
        1,
        1523400,
        1500000,
        30,
        {"z": 61, "dev": 2, "mean": 5},
    )
    assert bytes(out.view()) == (
        b'{"i":"9f3a01bc","boot":3,"seq":122,"u":81244567,"t":1789000010000,"q":2,"check":"vib.x.high","ch":"vib.x.rms",'
        b'"from":"N","to":"H","sev":1,"value":1523400,"limit":1500000,"for":30,"ev":{"dev":2,"mean":5,"z":61}}'
    )


def test_consecutive_rows_of_one_quality_make_one_batch():
    spool, watch, recorder, batch = made()
    for i in range(3):
        recorder.row([i])
    recorder.event("sensor.vib", None, "ok", "no_device", 1, None, None, 0, {})
    recorder.row([3])
    watch.q = 3
    recorder.row([4])
    recorder.row([5])
    found = batches(spool, batch)
    assert [(what, first, last) for what, first, last, _, _ in found] == [
        (ROW, (3, 0), (3, 2)),
        (EVENT, (3, 3), (3, 3)),
        (ROW, (3, 4), (3, 4)),
        (ROW, (3, 5), (3, 6)),
    ]
    doc = json.loads(found[0][4])
    assert (doc["i"], doc["boot"], doc["seq"], doc["q"]) == ("9f3a01bc", 3, 0, 2)
    assert [row[3] for row in doc["rows"]] == [0, 1, 2]
    assert json.loads(found[1][4])["check"] == "sensor.vib"
    assert json.loads(found[3][4])["q"] == 3
    assert recorder.next == 7


def test_a_batch_is_bounded_by_rows_bytes_and_the_room_beyond_the_watermark():
    spool, _, recorder, batch = made()
    for i in range(70):
        recorder.row([i])
    assert [count for _, _, _, count, _ in batches(spool, batch)] == [32, 32, 6]
    assert [count for _, _, _, count, _ in batches(spool, batch, 5)] == [5] * 14
    spool.commit(3, 69)
    for _ in range(12):
        recorder.row([-1073741823] * 64)
    counts = [count for _, _, _, count, _ in batches(spool, batch)]
    assert sum(counts) == 12 and max(counts) == 4  # a fifth of 770 bytes might not have fitted


def test_boots_and_gaps_end_a_batch():
    spool, _, recorder, batch = made()
    recorder.row([0])
    recorder.next = 5
    recorder.row([5])
    spool.close()
    spool = Spool("spool", 100000, "9f3a01bc", 4)
    other = Recorder(spool, Watch(), "9f3a01bc", 4)
    other.row([0])
    assert [first for _, first, _, _, _ in batches(spool, batch)] == [(3, 0), (3, 5), (4, 0)]


def test_a_row_that_does_not_fit_uses_no_number():
    _, _, recorder, _ = made()
    node_error("too_large", recorder.row, [-1073741823] * 100)
    assert recorder.next == 0
