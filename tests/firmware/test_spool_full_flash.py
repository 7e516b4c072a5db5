"""A flash that is full although the spool is below its limit: records make room for new ones, and none is lost untold."""

import os
from array import array

from helpers import node_error

from babbitt_node import segment, shelf
from babbitt_node import spool as spools
from babbitt_node.segment import EVENT, MAX_PAYLOAD, ROW, kind_of
from babbitt_node.spool import Spool

_buf = bytearray(MAX_PAYLOAD)


def open_spool(boot, limit):
    return Spool("spool", limit, "9f3a01bc", boot)


def fill(spool, boot, first, last):
    for seq in range(first, last + 1):
        spool.append(kind_of(ROW, 2), boot, seq, b"[%d,%d]" % (boot, seq))


def sequence(spool):
    """The seq of every record above the watermark; the payloads are checked."""
    found = array("i")
    cursor = spool.cursor()
    n = spool.read(cursor, _buf)
    while n >= 0:
        assert bytes(memoryview(_buf)[:n]) == b"[%d,%d]" % (cursor.boot, cursor.seq)
        found.append(cursor.seq)
        n = spool.read(cursor, _buf)
    return found


class FullFlash:
    """In place of the shelf's `open`: the next `refusals` writes fail, each after `taken` bytes, as on a full
    flash: with ENOSPC, or with a short count if some were taken.
    """

    def __init__(self, refusals, taken=0):
        self.refusals = refusals
        self.taken = taken

    def __call__(self, path, mode="r"):
        return FullFile(self, open(path, mode)) if mode in ("wb", "ab") else open(path, mode)


class FullFile:
    """A file on a full flash."""

    def __init__(self, flash, file):
        self._flash = flash
        self._file = file
        self.flush = file.flush
        self._refused = False

    def write(self, data):
        flash = self._flash
        if flash.refusals == 0 or len(data) == segment.HEADER:
            return self._file.write(data)
        flash.refusals -= 1
        self._refused = True
        if not flash.taken:
            raise OSError(28)
        return self._file.write(bytes(data)[: flash.taken])

    def close(self):
        self._file.close()
        if self._refused:
            raise OSError(28)  # what could not be written is tried once more, in vain


def on_full_flash(flash, act):
    """Run `act()` while the flash is full."""
    shelf.open = flash
    try:
        return act()
    finally:
        del shelf.open


def half_full():
    """A spool with 400 rows in several segments, far below its limit."""
    spool = open_spool(1, 65536)
    fill(spool, 1, 0, 399)
    spool.shelf.close()
    assert spool.size < 16384 and len(spool.shelf.items) > 2 and spool.discards.rows == 0
    return spool


def test_a_full_flash_below_the_limit_costs_the_oldest_rows_and_they_are_counted():
    for taken in (0, 1, 17, 20):
        spool = half_full()
        on_full_flash(FullFlash(1, taken), lambda spool=spool: fill(spool, 1, 400, 400))
        gone = spool.discards.rows
        assert gone > 0 and spool.discards.ranges == [[1, 0, gone - 1]]
        assert sequence(spool) == array("i", range(gone, 401))
        fill(spool, 1, 401, 402)
        again = open_spool(2, 65536)
        assert sequence(again) == array("i", range(gone, 403)), taken
        assert again.discards.rows == gone and again.last == (1, 402)
        spool.close_files()
        again.close()
        for name in os.listdir("spool"):
            os.remove("spool/" + name)


def test_a_flash_that_refuses_everything_is_an_error_and_the_spool_goes_on_when_it_has_room():
    spool = half_full()
    for taken in (0, 5):
        flash = FullFlash(2, taken)
        error = on_full_flash(flash, lambda: node_error("spool_full", fill, spool, 1, 400, 400))
        assert "28" in error.detail and flash.refusals == 0
        assert spool.last == (1, 399)
    gone = spool.discards.rows
    fill(spool, 1, 400, 405)
    assert sequence(spool) == array("i", range(gone, 406))
    spool.close()
    assert sequence(open_spool(2, 65536)) == array("i", range(gone, 406))


class NoSegment(FullFlash):
    """A flash that has no room for another segment: its header is refused `refusals` times."""

    def __call__(self, path, mode="r"):
        return NoHeader(self, open(path, mode)) if mode in ("wb", "ab") else open(path, mode)


class NoHeader(FullFile):
    """A file whose header does not get onto the flash."""

    def write(self, data):
        if self._flash.refusals and len(data) == segment.HEADER:
            self._flash.refusals -= 1
            self._refused = True
            raise OSError(28)
        return self._file.write(data)


def test_a_segment_that_cannot_be_begun_takes_no_records():
    spool = half_full()
    spool.shelf._sound_end = False  # as after a write that failed
    flash = NoSegment(2)
    on_full_flash(flash, lambda: node_error("spool_full", fill, spool, 1, 400, 400))
    assert flash.refusals == 0
    gone = spool.discards.rows
    fill(spool, 1, 400, 405)
    assert sequence(spool) == array("i", range(gone, 406))
    spool.close()
    assert sequence(open_spool(2, 65536)) == array("i", range(gone, 406))


def test_what_is_held_stays_held_while_the_flash_refuses():
    spool = half_full()
    spool._hold_ms, spool._hold = 600000, bytearray(1536)
    spool._written = spools.port.ticks_ms()
    fill(spool, 1, 400, 402)
    assert spool.held == 3
    flash = FullFlash(2)
    on_full_flash(flash, lambda: node_error("spool_full", spool.append, EVENT, 1, 403, b"[1,403]"))
    assert flash.refusals == 0 and spool.held == 3 and spool.newest == (1, 402)
    gone = spool.discards.rows
    spool.append(EVENT, 1, 403, b"[1,403]")
    assert sequence(spool) == array("i", range(gone, 404)) and spool.held == 0
