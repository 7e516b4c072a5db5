"""The power-safe log that is also the send queue.

    spool = Spool("spool", 1000000, install="9f3a01bc", boot=3)
    spool.append(kind_of(ROW, 2), 3, 120, b"[81234567,...]")    # on flash when it returns
    cursor = spool.cursor()                                     # right behind the watermark
    n = spool.read(cursor, buf)                                 # -1: nothing more
    print(cursor.what, cursor.quality, cursor.boot, cursor.seq)
    spool.commit(3, 122)                                        # the host has everything up to here

Records are kept in the order of (boot, seq), which only grows, in segment files (`segment.py`). A segment
whose records are all below the watermark is deleted. When the limit is reached, the rows of the oldest
segment that has some are discarded; its events stay, in their place, so that the watermark, which is
cumulative, can never run over them. Only when nothing but events is left the oldest of these go.

How it is opened and how room is made, which happens seldom, is in `upkeep.py`.

Every write costs LittleFS an erased block, whatever its length. So rows that follow each other faster than every
`hold_s` seconds are held in memory and written together: an event, a full hold of HOLD_BYTES, the end of the
time or `flush` writes them. A held row is not read and not sent; a power cut costs the rows of at most the last
`hold_s` seconds, of which nobody has heard. With `hold_s` 0 or slower rows nothing is ever held.

`state.json` keeps the discards and the watermark, and a line with a CRC-32 over them. A discard is written there *before* the bytes go, together
with the number of the segment it concerns; a start that finds such an intention finishes it. The watermark is
written only along with something else: losing it costs nothing but sending records again.
"""

import json
import struct
from binascii import crc32

from babbitt_node import segment
from babbitt_node.discards import Discards
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import once
from babbitt_node.segment import FRAME, HEADER, MAX_PAYLOAD, ROW
from babbitt_node.shelf import Shelf

HOLD_BYTES = const(1536)  # at least FRAME + MAX_PAYLOAD


class Cursor:
    """A place in the spool: behind record (`boot`, `seq`), which is the one read last; `what` and `quality`
    tell about it.
    """

    def __init__(self, boot, seq):
        self.boot = boot
        self.seq = seq
        self.what = self.quality = 0
        self.number = -1  # segment and offset: good for one edition of the spool's files
        self.at = HEADER
        self.edition = -1

    def set(self, other):
        """Go where another cursor is."""
        self.boot, self.seq, self.what, self.quality = other.boot, other.seq, other.what, other.quality
        self.number, self.at, self.edition = other.number, other.at, other.edition


class Spool:
    """The spool in `folder`, at most `limit` bytes of segments, for installation `install` in boot `boot`; rows
    are held for at most `hold_s` (0..600) seconds.

    Attributes: `records`, `bytes` above the watermark; `size` of all segments; `held` rows that are not on flash
    yet and in none of these counts; `watermark` and `last` (boot, seq) on flash; `newest` (boot, seq) appended;
    `discards` (`Discards`); `corrupt` damaged places found at the start; `torn` whether an end was cut off at
    the start; `foreign` records of another installation thrown away at the start.
    """

    def __init__(self, folder, limit, install, boot, hold_s=0):
        self.state = folder + "/state.json"
        self._limit = limit
        self.full = max(512, min(32768, limit // 16))
        self.install = install
        self.shelf = Shelf(folder, install, boot)
        self.watermark = (0, -1)
        self.discards = Discards()
        self.corrupt = self.foreign = 0
        self.torn = False
        self.last = (0, -1)
        once("upkeep", "begin", self)
        self.tally()
        self.newest = self.last
        self.held = self._held_bytes = 0
        self._hold = bytearray(
            HOLD_BYTES if hold_s else FRAME + MAX_PAYLOAD
        )  # frames that are about to be written
        self._hold_ms = hold_s * 1000
        self._written = port.ticks_add(port.ticks_ms(), -self._hold_ms)

    def save(self, cut=None):
        """Write watermark and discards. cut: [segment number, events too] of a discard about to happen."""
        state = {
            "i": self.install,
            "watermark": list(self.watermark),
            "discards": self.discards.dump(),
            "cut": cut,
        }
        body = json.dumps(state).encode()
        segment.write_whole(self.state, body + ("\n%d" % crc32(body)).encode())

    def tally(self):
        """Count again what the segments hold."""
        items = self.shelf.items
        self.records = sum(s.left for s in items)
        self.bytes = sum(s.left_bytes for s in items)
        self.size = sum(s.size for s in items)

    # ---- writing

    def append(self, kind, boot, seq, payload):
        """Append one record; it is on flash when this returns, if it is not a row that is held. kind:
        `segment.kind_of(...)`.

        Raises NodeError too_large (more than MAX_PAYLOAD bytes), internal ((boot, seq) does not go upwards),
        spool_full (the flash itself refuses even after old records were discarded; what was held stays held).
        """
        n = FRAME + len(payload)
        if n > FRAME + MAX_PAYLOAD:
            detail = "a record of %d bytes, a spool frame holds %d"
            raise NodeError("too_large", detail % (len(payload), MAX_PAYLOAD))
        key = (boot, seq)
        if key <= self.newest:
            raise NodeError("internal", "record %r after %r" % (key, self.newest))
        if self._held_bytes + n > len(self._hold):
            self.flush()
        segment.pack_frame(self._hold, kind, boot, seq, payload, self._held_bytes)
        before, self.newest = self.newest, key
        self.held += 1
        self._held_bytes += n
        passed = port.ticks_diff(port.ticks_ms(), self._written)
        if kind & 15 == ROW and 0 <= passed < self._hold_ms:
            return
        try:
            self.flush()
        except NodeError:
            self.newest = before
            self.held -= 1
            self._held_bytes -= n
            raise

    def fits(self, length):
        """Whether a payload of `length` bytes can be appended without writing first what is held."""
        return self._held_bytes + FRAME + length <= len(self._hold)

    def flush(self):
        """Write what is held. Raises NodeError spool_full."""
        n = self._held_bytes
        if not n:
            return
        while self.size + n + HEADER > self._limit and once("upkeep", "make_room", self):
            pass
        shelf = self.shelf
        frames = memoryview(self._hold)[:n]
        try:
            newest = shelf.write(frames, self.full)
        except OSError as error:
            print("spool: writing failed, making room:", error)
            try:
                once("upkeep", "make_room", self)
                newest = shelf.write(frames, self.full)
            except OSError as again:
                raise NodeError("spool_full", "the flash refuses a record: %s" % again)
        self.size += n if newest.size > HEADER + n else n + HEADER
        at = 0
        while at < n:
            kind, length, boot, seq = struct.unpack_from("<BxHII", frames, at + 2)
            self.last = (boot, seq)
            newest.count(self.last, kind & 15, FRAME + length, self.watermark)
            at += FRAME + length
        self.records += self.held
        self.bytes += n
        self.held = self._held_bytes = 0
        self._written = port.ticks_ms()

    # ---- reading and committing

    def cursor(self):
        """A new cursor right behind the watermark."""
        return Cursor(self.watermark[0], self.watermark[1])

    def read(self, cursor, buf):
        """Read the record after `cursor` into `buf` (MAX_PAYLOAD bytes) and move on.

        Returns the length of its payload, or -1 at the end.
        """
        shelf = self.shelf
        if cursor.edition != shelf.edition:
            cursor.edition = shelf.edition
            cursor.number = -1
        reader = shelf.reader
        for found in shelf.items:
            done = found.last is None or found.last <= (cursor.boot, cursor.seq)
            if done or found.number < cursor.number:
                continue
            if found.number != cursor.number:
                cursor.number = found.number
                cursor.at = HEADER
            for n in reader.each(shelf.file(found), cursor.at, found.size, buf):
                cursor.at = reader.at
                if (reader.boot, reader.seq) > (cursor.boot, cursor.seq):
                    cursor.boot, cursor.seq = reader.boot, reader.seq
                    cursor.what, cursor.quality = reader.what, reader.quality
                    return n
            cursor.at = found.size
        return -1

    def commit(self, boot, seq):
        """The watermark rises to (boot, seq); a lower one changes nothing. Returns how many records it covers
        that were not covered before.
        """
        target = (boot, seq)
        if target <= self.watermark:
            return 0
        before = self.records
        shelf = self.shelf
        for found in shelf.items:
            if found.last is None or found.first > target:
                continue
            if found.last <= target:
                found.left = found.left_bytes = found.event_bytes = 0
            else:
                self._count_left(found, target)
        self.watermark = target
        done = [s for s in shelf.items[:-1] if s.left == 0]
        if done:
            self.save()
            for found in done:
                shelf.remove(found)
        self.tally()
        return before - self.records

    def _count_left(self, found, target):
        """Take what lies up to `target` out of the counts of a segment that goes on behind it."""
        cursor = self.cursor()
        cursor.edition = self.shelf.edition
        cursor.number = found.number
        buf = self.shelf.buf
        n = self.read(cursor, buf)
        while n >= 0 and (cursor.boot, cursor.seq) <= target:
            found.left -= 1
            found.left_bytes -= FRAME + n
            found.event_bytes -= 0 if cursor.what == ROW else FRAME + n
            n = self.read(cursor, buf)

    def oldest(self, boot, seq):
        """(boot, seq) of the oldest record above the watermark, or the given next one if there is none."""
        cursor = self.cursor()
        found = self.read(cursor, self.shelf.buf) >= 0
        return (cursor.boot, cursor.seq) if found else (boot, seq)

    def close(self):
        """Write what is held, keep the watermark, close the files."""
        self.flush()
        self.save()
        self.close_files()

    def close_files(self):
        """Close the files; the next call opens what it needs."""
        self.shelf.close()
