"""The spool loses nothing that it acknowledged: torn ends, damaged bytes, full flash, many starts."""

import gc
import os
from array import array

from helpers import FailingFiles, PowerCut, Random, node_error

from babbitt_node import segment, shelf
from babbitt_node import spool as spools
from babbitt_node.segment import EVENT, FRAME, MAX_PAYLOAD, ROW, kind_of
from babbitt_node.spool import Spool

LIMIT = 1000000
_buf = bytearray(MAX_PAYLOAD)


def open_spool(boot, limit=LIMIT, install="9f3a01bc", hold_s=0):
    gc.collect()  # a node opens one spool, on a heap in one piece; here come hundreds of them
    return Spool("spool", limit, install, boot, hold_s)


def payload(boot, seq):
    return b"[%d,%d]" % (boot, seq)


def fill(spool, boot, first, last, what=ROW):
    for seq in range(first, last + 1):
        spool.append(kind_of(what, 2), boot, seq, payload(boot, seq))


def records(spool):
    """Every (boot, seq) above the watermark in the order of reading; the payloads are checked."""
    cursor = spool.cursor()
    found = []
    n = spool.read(cursor, _buf)
    while n >= 0:
        key = (cursor.boot, cursor.seq)
        assert bytes(memoryview(_buf)[:n]) == payload(cursor.boot, cursor.seq), key
        found.append(key)
        n = spool.read(cursor, _buf)
    return found


def sequence(spool):
    """The seq of every record above the watermark, all of one boot, strictly upwards."""
    found = array("i")
    cursor = spool.cursor()
    while spool.read(cursor, _buf) >= 0:
        assert not found or cursor.seq > found[-1]
        found.append(cursor.seq)
    return found


def segments():
    return [segment.path_of("spool", n) for n in segment.names("spool")]


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def test_what_is_appended_is_read_in_order_with_its_kind_and_quality():
    spool = open_spool(3)
    spool.append(kind_of(ROW, 2), 3, 0, b"row")
    spool.append(kind_of(EVENT, 4), 3, 1, b"event")
    cursor = spool.cursor()
    assert bytes(_buf[: spool.read(cursor, _buf)]) == b"row"
    assert (cursor.what, cursor.quality, cursor.boot, cursor.seq) == (ROW, 2, 3, 0)
    assert bytes(_buf[: spool.read(cursor, _buf)]) == b"event"
    assert (cursor.what, cursor.quality, cursor.boot, cursor.seq) == (EVENT, 4, 3, 1)
    assert spool.read(cursor, _buf) == -1
    spool.append(kind_of(ROW, 0), 3, 2, b"later")
    assert bytes(_buf[: spool.read(cursor, _buf)]) == b"later"
    assert (spool.records, spool.bytes) == (3, 3 * FRAME + 13)


def test_a_record_is_on_flash_when_append_returns():
    spool = open_spool(1)
    for seq in range(5):
        spool.append(ROW, 1, seq, payload(1, seq))
        assert records(open_spool(2))[-1] == (1, seq)


def test_records_outlive_many_boots_in_order():
    expected = []
    for boot in range(1, 40):
        spool = open_spool(boot)
        assert not spool.torn and spool.corrupt == 0
        assert records(spool) == expected
        fill(spool, boot, 0, boot % 4 - 1)
        expected += [(boot, seq) for seq in range(boot % 4)]
        assert spool.records == len(expected)
    assert len(segments()) == 1


def test_the_watermark_drops_what_it_covers_and_nothing_else():
    spool = open_spool(2, 8192)
    fill(spool, 1, 0, 59)
    fill(spool, 2, 0, 59)
    files = len(segments())
    assert files > 3
    assert spool.commit(1, 19) == 20
    assert records(spool)[0] == (1, 20) == spool.oldest(9, 9)
    assert spool.commit(1, 19) == spool.commit(1, 5) == 0
    assert spool.commit(2, 49) == 90
    assert records(spool) == [(2, seq) for seq in range(50, 60)]
    assert spool.records == 10 and len(segments()) < files
    assert spool.commit(2, 59) == 10
    assert (spool.records, spool.bytes, spool.oldest(2, 60)) == (0, 0, (2, 60))
    spool.close()
    spool = open_spool(3, 8192)
    assert (spool.records, spool.watermark, spool.last) == (0, (2, 59), (2, 59))


def test_a_lost_watermark_only_sends_again():
    spool = open_spool(1)
    fill(spool, 1, 0, 9)
    spool.commit(1, 5)  # not closed: the power goes
    again = open_spool(2)
    assert records(again) == [(1, seq) for seq in range(10)]


def test_a_cursor_goes_on_through_commits_and_discards():
    spool = open_spool(1, 8192)
    fill(spool, 1, 0, 99)
    cursor = spool.cursor()
    for _ in range(30):
        spool.read(cursor, _buf)
    spool.commit(1, 25)
    assert spool.read(cursor, _buf) > 0 and cursor.seq == 30
    fill(spool, 1, 100, 500)
    assert spool.read(cursor, _buf) > 0
    assert (cursor.boot, cursor.seq) == spool.oldest(0, 0) > (1, 100)


def test_cut_at_every_byte_no_record_is_lost_or_doubled():
    spool = open_spool(1)
    fill(spool, 1, 0, 7)
    spool.close()
    path = segments()[0]
    whole = contents(path)
    ends = []
    at = segment.HEADER
    for seq in range(8):
        at += FRAME + len(payload(1, seq))
        ends.append(at)
    assert at == len(whole)
    for cut in range(len(whole)):
        put(path, whole[:cut])
        kept = sum(end <= cut for end in ends)
        spool = open_spool(2)
        assert records(spool) == [(1, seq) for seq in range(kept)], cut
        assert spool.torn == (kept > 0 and cut not in ends), cut
        fill(spool, 2, 0, 1)
        expected = [(1, seq) for seq in range(kept)] + [(2, 0), (2, 1)]
        assert records(spool) == expected
        spool.close()
        again = open_spool(3)
        assert records(again) == expected and not again.torn and again.corrupt == 0
        again.close()
        for name in os.listdir("spool"):
            os.remove("spool/" + name)


def test_garbage_behind_the_end_is_cut_off():
    spool = open_spool(1)
    fill(spool, 1, 0, 3)
    spool.close()
    path = segments()[0]
    put(path, contents(path) + b"\xb5\xab\x01\x00\xff" * 40)
    spool = open_spool(2)
    assert spool.torn and records(spool) == [(1, seq) for seq in range(4)]
    assert b"\xff" not in contents(path)


def test_every_damaged_byte_costs_one_record_and_is_counted():
    spool = open_spool(1)
    fill(spool, 1, 0, 5)
    spool.close()
    path = segments()[0]
    whole = contents(path)
    frame = FRAME + len(payload(1, 0))
    for at in range(segment.HEADER, segment.HEADER + 5 * frame):
        put(path, whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        spool = open_spool(2)
        hit = (at - segment.HEADER) // frame
        assert records(spool) == [(1, seq) for seq in range(6) if seq != hit], at
        assert spool.corrupt == 1 and not spool.torn, at
        spool.close()


def test_a_damaged_header_loses_no_record():
    spool = open_spool(1)
    fill(spool, 1, 0, 2)
    spool.close()
    path = segments()[0]
    put(path, b"XXXX" + contents(path)[4:])
    spool = open_spool(2)
    assert records(spool) == [(1, 0), (1, 1), (1, 2)] and spool.corrupt == 1


def test_another_installation_is_thrown_away_and_counted():
    spool = open_spool(7)
    fill(spool, 7, 0, 4)
    spool.close()
    spool = open_spool(1, install="00000001")
    assert (spool.foreign, spool.records, spool.watermark, spool.last) == (5, 0, (0, -1), (0, -1))
    fill(spool, 1, 0, 0)
    assert records(open_spool(2, install="00000001")) == [(1, 0)]


def test_a_full_spool_discards_the_oldest_rows_and_keeps_every_event():
    spool = open_spool(1, 8192)
    for seq in range(600):
        spool.append(kind_of(EVENT if seq % 25 == 7 else ROW, 2), 1, seq, payload(1, seq))
        assert spool.size <= 8192
    assert sum(os.stat(path)[6] for path in segments()) == spool.size
    kept = sequence(spool)
    assert [seq for seq in kept if seq % 25 == 7] == list(range(7, 600, 25))
    assert spool.discards.rows == 600 - len(kept) and spool.discards.events == 0
    assert len(kept) == spool.records and kept[-1] == 599
    assert len(segments()) <= 18
    ranges = spool.discards.ranges
    assert len(ranges) == 8
    for boot, first, last in ranges:
        assert boot == 1 and not any(first <= seq <= last for seq in kept)
    discards = spool.discards.dump()
    spool = open_spool(2, 8192)  # without close: the power went
    assert sequence(spool) == kept and spool.discards.dump() == discards


def test_events_go_last_and_are_counted_as_events():
    spool = open_spool(1, 8192)
    fill(spool, 1, 0, 499, EVENT)
    assert spool.size <= 8192 and spool.discards.rows == 0
    assert spool.discards.events == 500 - spool.records > 0
    assert spool.discards.ranges == [[1, 0, 499 - spool.records]]


def test_rows_below_the_watermark_are_no_discards():
    spool = open_spool(1, 8192)
    for seq in range(2000):
        spool.append(ROW, 1, seq, payload(1, seq))
        if seq % 50 == 49:
            spool.commit(1, seq - 3)
    assert spool.discards.dump() == [0, 0, []]


def test_power_cut_at_every_step_of_a_discard():
    """Nothing is lost, doubled or counted twice, whichever change of the file system was the last."""
    step = 0
    finished = False
    while not finished:
        spool = open_spool(1, 8192)
        seq = 0
        while spool.discards.rows < 20:
            spool.append(EVENT if seq % 9 == 0 else ROW, 1, seq, payload(1, seq))
            seq += 1
        shelf.os = segment.os = FailingFiles(step)
        try:
            while spool.discards.rows < 60:
                spool.append(EVENT if seq % 9 == 0 else ROW, 1, seq, payload(1, seq))
                seq += 1
            finished = True
        except PowerCut:
            pass
        finally:
            shelf.os = segment.os = os
        again = open_spool(2, 8192)
        kept = sequence(again)
        assert [k for k in kept if k % 9 == 0] == list(range(0, seq, 9)), step
        assert len(kept) + again.discards.rows == seq and kept[-1] == seq - 1, step
        again.close()
        spool.close_files()
        for name in os.listdir("spool"):
            os.remove("spool/" + name)
        step += 1
    assert step > 6


def test_random_life_against_a_model():
    """Appends, commits and power cuts in random order against a list."""
    random = Random(5)
    model, watermark = [], (0, -1)
    boot = seq = 0
    spool = None
    for _ in range(150):
        what = random.between(0, 9)
        if spool is None or what == 0:
            boot, seq = boot + 1, 0
            spool = open_spool(boot, 60000)
            watermark = spool.watermark
        elif what < 8:
            fill(spool, boot, seq, seq)
            model.append((boot, seq))
            seq += 1
        elif model:
            target = model[random.between(0, len(model) - 1)]
            spool.commit(target[0], target[1])
            watermark = max(watermark, target)
        assert records(spool) == [key for key in model if key > watermark]
        assert spool.records == sum(key > watermark for key in model)


def test_bad_records_are_refused_with_their_reason():
    spool = open_spool(3)
    node_error("too_large", spool.append, ROW, 3, 0, bytes(MAX_PAYLOAD + 1))
    spool.append(ROW, 3, 5, bytes(MAX_PAYLOAD))
    assert "(3, 5)" in node_error("internal", spool.append, ROW, 3, 5, b"x").detail
    node_error("internal", spool.append, ROW, 2, 9, b"x")
    assert spool.records == 1


def test_a_damaged_state_file_costs_only_the_watermark():
    spool = open_spool(1)
    fill(spool, 1, 0, 3)
    spool.commit(1, 1)
    spool.close()
    with open("spool/state.json", "rb") as file:
        whole = file.read()
    spool = open_spool(2)
    assert spool.records == 2
    spool.close()
    for at in range(len(whole)):  # one wrong digit of the watermark, and records would never be sent
        put("spool/state.json", whole[:at] + b"9" + whole[at + 1 :])
        assert open_spool(2).records == (2 if whole[at : at + 1] == b"9" else 4), at
    body = b'{"i":"9f3a01bc","watermark":[1,1],"discards":[0,0,[]],"cut":5}'
    for damaged in (
        b"",
        b"\n",
        b'{"i":"9f3a01bc","watermark":7}',
        b"[" * 2000,
        b"\xff" * 5000,
        whole[:-3],
        body,
        body + b"\n0",
        body + b"\n",
        body + b"\nx",
    ):
        put("spool/state.json", damaged)
        assert open_spool(2).records == 4, damaged[:40]


class Ticks:
    """A clock for the spool, moved by hand."""

    def __init__(self):
        self.now = (1 << 30) - 5000  # it wraps on the way

    def ticks_ms(self):
        return self.now % (1 << 30)

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % (1 << 30)

    def ticks_diff(self, end, start):
        return (end - start + (1 << 29)) % (1 << 30) - (1 << 29)


def with_ticks(act):
    """Run `act(ticks)` with the spool looking at a clock moved by hand."""
    port, ticks = spools.port, Ticks()
    spools.port = ticks
    try:
        act(ticks)
    finally:
        spools.port = port


def test_fast_rows_are_written_together_and_none_is_held_longer_than_said():
    def act(ticks):
        spool = open_spool(1, hold_s=9)
        fill(spool, 1, 0, 0)
        assert (spool.held, spool.last, spool.records) == (0, (1, 0), 1)  # the first one at once
        for seq in range(1, 40):
            ticks.now += 1000
            fill(spool, 1, seq, seq)
            on_flash = sequence(open_spool(2))
            assert list(on_flash) == list(range(len(on_flash)))
            assert seq - on_flash[-1] == seq % 9 == spool.held  # a row a second: at most nine seconds of them
            assert spool.newest == (1, seq) and spool.last == (1, seq - spool.held)
            assert spool.records == len(on_flash) and list(sequence(spool)) == list(on_flash)
        node_error("internal", fill, spool, 1, 39, 39)
        spool.close()
        assert len(sequence(open_spool(2))) == 40

    with_ticks(act)


def test_slow_rows_are_never_held():
    def act(ticks):
        spool = open_spool(1, hold_s=9)
        for seq in range(20):
            fill(spool, 1, seq, seq)
            assert spool.held == 0 and spool.last == (1, seq)
            ticks.now += 9000

    with_ticks(act)


def test_an_event_is_on_flash_at_once_with_the_rows_before_it():
    def act(ticks):
        spool = open_spool(1, hold_s=600)
        fill(spool, 1, 0, 3)
        assert spool.held == 3
        fill(spool, 1, 4, 4, EVENT)
        assert spool.held == 0 and list(sequence(open_spool(2))) == [0, 1, 2, 3, 4]
        fill(spool, 1, 5, 6)
        spool.flush()
        assert spool.held == 0 and spool.records == 7
        spool.flush()
        assert list(sequence(open_spool(2))) == list(range(7))

    with_ticks(act)


def test_a_full_hold_is_written_before_its_time():
    def act(ticks):
        spool = open_spool(1, hold_s=600)
        for seq in range(10):
            spool.append(ROW, 1, seq, bytes(700))
            assert spool.held <= 2 and spool.last >= (1, seq - 2)
        spool.close()
        assert open_spool(2).records == 10

    with_ticks(act)


def test_held_rows_keep_to_the_limit_of_the_spool():
    def act(ticks):
        spool = open_spool(1, 8192, hold_s=9)
        for seq in range(900):
            ticks.now += 1000
            fill(spool, 1, seq, seq, EVENT if seq % 50 == 7 else ROW)
            assert spool.size <= 8192
        spool.flush()
        kept = sequence(spool)
        assert len(kept) + spool.discards.rows == 900 and spool.discards.events == 0
        assert [seq for seq in kept if seq % 50 == 7] == list(range(7, 900, 50))

    with_ticks(act)
