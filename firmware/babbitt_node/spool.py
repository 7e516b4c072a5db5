"""The power-safe log that is also the send queue.

    spool = Spool("spool", 1000000, install="9f3a01bc", boot=3)
    spool.append(kind_of(ROW, 2), 3, 120, b"[81234567,...]")      # on flash when it returns
    cursor = spool.cursor()                                       # right behind the watermark
    n = spool.read(cursor, buf)                                   # -1: nothing more; cursor.what .quality .boot .seq
    spool.commit(3, 122)                                          # the host has everything up to here

Records are kept in the order of (boot, seq), which only grows, in segment files (`segment.py`). A segment whose records are all below the
watermark is deleted. When the limit is reached, the rows of the oldest segment that has some are discarded; its events stay, in their
place, so that the watermark, which is cumulative, can never run over them. Only when nothing but events is left the oldest of these go.

`state.json` keeps the discards and the watermark. A discard is written there *before* the bytes go, together with the number of the
segment it concerns; a start that finds such an intention finishes it. The watermark is written only along with something else: losing it
costs nothing but sending records again.
"""

import json
import os

from babbitt_node import segment
from babbitt_node.discards import Discards
from babbitt_node.errors import NodeError
from babbitt_node.segment import FRAME, HEADER, MAX_PAYLOAD, ROW


class _Segment:
    """What is known of a segment file.

    `first` and `last` are (boot, seq); `left` records of `left_bytes` are above the watermark; `event_bytes` is what a cut would leave.
    """

    def __init__(self, number):
        self.number = number
        self.size = HEADER
        self.first = self.last = None
        self.rows = self.left = self.left_bytes = self.event_bytes = 0

    def count(self, key, what, n, watermark):
        if self.first is None:
            self.first = key
        self.last = key
        self.rows += what == ROW
        if key > watermark:
            self.left += 1
            self.left_bytes += n
            if what != ROW:
                self.event_bytes += n


class Cursor:
    """A place in the spool: behind record (`boot`, `seq`), which is the one read last; `what` and `quality` tell about it."""

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
    """The spool in `folder`, at most `limit` bytes of segments, opened for installation `install` in boot `boot`.

    Attributes: `records`, `bytes` above the watermark; `size` of all segments; `watermark` and `last` (boot, seq); `discards`
    (`Discards`); `corrupt` damaged places found at the start; `torn` whether an end was cut off at the start; `foreign` records of another
    installation thrown away at the start.
    """

    def __init__(self, folder, limit, install, boot):
        self._folder = folder
        self._limit = limit
        self._segment_size = max(512, min(32768, limit // 16))
        self._install = install
        self._boot = boot
        self._reader = segment.FrameReader()
        self._buf = bytearray(MAX_PAYLOAD)
        self._out = bytearray(FRAME + MAX_PAYLOAD)
        self._segments = []
        self._read_file = self._write_file = None
        self._read_number = -1
        self._edition = 0
        self._sound_end = True  # whether the newest segment may be appended to
        self.watermark = (0, -1)
        self.last = (0, -1)
        self.discards = Discards()
        self.records = self.bytes = self.size = 0
        self.corrupt = self.foreign = 0
        self.torn = False
        self._open()

    # ---- start

    def _open(self):
        numbers = segment.names(self._folder)
        cut = self._load_state()
        self._next_number = numbers[-1] + 1 if numbers else 1
        for number in numbers:
            found, ours, end = self._scan(number)
            if not ours or found.first is None:
                self.foreign += 0 if ours else found.left
                os.remove(self._path(number))
                continue
            self.last = found.last
            self._segments.append(found)
            if end > found.size:
                self.torn = True
                self._rewrite([found], found, True)
        if cut is not None:
            for found in self._segments:
                if found.number == cut[0]:
                    self._cut(found, cut[1])
                    break
            self.save()
        self._tally()

    def _scan(self, number):
        """(segment, whether it is of this installation, bytes of the file). Frames that do not go upwards are left over from an
        interrupted merge and not counted."""
        found = _Segment(number)
        header = segment.read_header(self._path(number))
        ours = header is None or header[0] == self._install
        previous = self.last if ours else (0, -1)
        reader = self._reader
        reader.gaps = 0
        with open(self._path(number), "rb") as file:
            end = file.seek(0, 2)
            for n in reader.each(file, HEADER, end, self._buf):
                found.size = reader.at
                key = (reader.boot, reader.seq)
                if key > previous:
                    found.count(key, reader.what, FRAME + n, self.watermark)
                    previous = key
        if ours:
            self.corrupt += reader.gaps + (header is None and found.first is not None)
        return found, ours, end

    def _tally(self):
        self.records = sum(s.left for s in self._segments)
        self.bytes = sum(s.left_bytes for s in self._segments)
        self.size = sum(s.size for s in self._segments)

    def _load_state(self):
        try:
            with open(self._folder + "/state.json") as file:
                state = json.load(file)
            if state["i"] != self._install:
                return None
            self.discards.load(state["discards"])
            boot, seq = state["watermark"]
            self.watermark = (int(boot), int(seq))
            return state["cut"]
        except OSError:
            return None  # the first start
        except (ValueError, KeyError, TypeError) as error:
            print("spool: state.json is damaged, counting discards from 0:", error)
            return None

    def save(self, cut=None):
        """Write the watermark and the discards. `cut`: [segment number, events too] of a discard about to happen."""
        state = {"i": self._install, "watermark": list(self.watermark), "discards": self.discards.dump(), "cut": cut}
        segment.write_whole(self._folder + "/state.json", json.dumps(state).encode())

    # ---- writing

    def append(self, kind, boot, seq, payload):
        """Append one record; it is on flash when this returns. kind: `segment.kind_of(...)`.

        Raises NodeError too_large (more than MAX_PAYLOAD bytes), internal ((boot, seq) does not go upwards), spool_full (the flash
        itself refuses even after old records were discarded).
        """
        n = FRAME + len(payload)
        if n > FRAME + MAX_PAYLOAD:
            raise NodeError("too_large", "a record of %d bytes, a spool frame holds %d" % (len(payload), MAX_PAYLOAD))
        if (boot, seq) <= self.last:
            raise NodeError("internal", "record %r after %r" % ((boot, seq), self.last))
        while self.size + n + HEADER > self._limit and self._make_room():
            pass
        try:
            self._write(kind, boot, seq, payload)
        except OSError as error:
            print("spool: writing failed, making room:", error)
            try:
                self._make_room()
                self._write(kind, boot, seq, payload)
            except OSError as again:
                raise NodeError("spool_full", "the flash refuses a record: %s" % again)
        newest = self._segments[-1]
        newest.size += n
        newest.count((boot, seq), kind & 15, n, self.watermark)
        self.last = (boot, seq)
        self.records += 1
        self.bytes += n
        self.size += n
        if self._read_number == newest.number:
            self._close_reader()  # an open file of LittleFS does not see what another one appended

    def _write(self, kind, boot, seq, payload):
        if self._write_file is None or self._segments[-1].size >= self._segment_size:
            self._open_writer()
        n = segment.pack_frame(self._out, kind, boot, seq, payload)
        try:
            if self._write_file.write(memoryview(self._out)[:n]) != n:
                raise OSError(28)  # ENOSPC: a short write is a full flash
            self._write_file.flush()
        except OSError:
            self._sound_end = False
            self._close_writer()
            raise

    def _open_writer(self):
        """Go on in the newest segment if there is room and its end is sound, else begin a new one."""
        self._close_writer()
        if self._sound_end and self._segments and self._segments[-1].size < self._segment_size:
            self._write_file = open(self._path(self._segments[-1].number), "ab")
            return
        made = _Segment(self._next_number)
        self._next_number += 1
        self._write_file = open(self._path(made.number), "wb")
        self._write_file.write(segment.pack_header(self._install, self._boot))
        self._sound_end = True
        self._segments.append(made)
        self.size += HEADER

    # ---- discarding

    def _make_room(self):
        """Discard the oldest rows, or if there are none the oldest events. Returns whether anything went."""
        if len(self._segments) == 1:
            self._close_writer()  # so that the only segment may be cut as well
        closed = self._segments if self._write_file is None else self._segments[:-1]
        for found in closed:
            if found.rows:
                return self._discard(found, False)
        return bool(closed) and self._discard(closed[0], True)

    def _discard(self, found, events_too):
        reader = self._reader
        previous = self.watermark
        with open(self._path(found.number), "rb") as file:
            for _ in reader.each(file, HEADER, found.size, self._buf):
                key = (reader.boot, reader.seq)
                if key > previous:
                    previous = key
                    if events_too or reader.what == ROW:
                        self.discards.note(key[0], key[1], reader.what == ROW)
        self.save([found.number, events_too])
        self._cut(found, events_too)
        self._tally()
        return True

    def _cut(self, found, events_too):
        """Drop the rows (and events) of a segment; what stays goes to the segment before it if both fit into one."""
        at = self._segments.index(found)
        before = self._segments[at - 1] if at else None
        if events_too:
            self._remove(found)
        elif before is not None and not before.rows and before.size + found.event_bytes <= self._segment_size:
            self._rewrite([before, found], before, False)
            self._remove(found)
        else:
            self._rewrite([found], found, False)
            if found.first is None:
                self._remove(found)

    def _rewrite(self, sources, target, whole):
        """Replace `target` by the frames of `sources`: all of them, or only events above the watermark."""
        made = _Segment(target.number)
        temporary = self._folder + "/segment.new"
        reader = self._reader
        with open(temporary, "wb") as out:
            out.write(segment.pack_header(self._install, self._boot))
            for source in sources:
                with open(self._path(source.number), "rb") as file:
                    for n in reader.each(file, HEADER, source.size, self._buf):
                        key = (reader.boot, reader.seq)
                        if made.last is not None and key <= made.last:
                            continue
                        if whole or (reader.what != ROW and key > self.watermark):
                            kind = segment.kind_of(reader.what, reader.quality)
                            frame = segment.pack_frame(self._out, kind, key[0], key[1], memoryview(self._buf)[:n])
                            out.write(memoryview(self._out)[:frame])
                            made.size += frame
                            made.count(key, reader.what, frame, self.watermark)
            out.flush()
        self._close_reader()
        os.rename(temporary, self._path(target.number))
        made.number = target.number
        self._segments[self._segments.index(target)] = made
        self._edition += 1
        return made

    def _remove(self, found):
        if self._read_number == found.number:
            self._close_reader()
        os.remove(self._path(found.number))
        self._segments.remove(found)

    # ---- reading and committing

    def cursor(self):
        """A new cursor right behind the watermark."""
        return Cursor(self.watermark[0], self.watermark[1])

    def read(self, cursor, buf):
        """Read the record after `cursor` into `buf` (MAX_PAYLOAD bytes) and move on; returns its length, or -1 at the end."""
        if cursor.edition != self._edition:
            cursor.edition = self._edition
            cursor.number = -1
        reader = self._reader
        for found in self._segments:
            if found.number < cursor.number or found.last is None or found.last <= (cursor.boot, cursor.seq):
                continue
            if found.number != cursor.number:
                cursor.number = found.number
                cursor.at = HEADER
            for n in reader.each(self._file(found.number), cursor.at, found.size, buf):
                cursor.at = reader.at
                if (reader.boot, reader.seq) > (cursor.boot, cursor.seq):
                    cursor.boot, cursor.seq = reader.boot, reader.seq
                    cursor.what, cursor.quality = reader.what, reader.quality
                    return n
            cursor.at = found.size
        return -1

    def commit(self, boot, seq):
        """The watermark rises to (boot, seq); a lower one changes nothing. Returns how many records it covered newly."""
        target = (boot, seq)
        if target <= self.watermark:
            return 0
        before = self.records
        for found in self._segments:
            if found.last is None:
                continue
            if found.last <= target:
                found.left = found.left_bytes = 0
            elif found.first <= target:
                self._count_left(found, target)
        self.watermark = target
        done = [s for s in self._segments[:-1] if s.left == 0]
        if done:
            self.save()
            for found in done:
                self._remove(found)
        self._tally()
        return before - self.records

    def _count_left(self, found, target):
        cursor = Cursor(self.watermark[0], self.watermark[1])
        cursor.edition = self._edition
        cursor.number = found.number
        covered = covered_bytes = 0
        n = self.read(cursor, self._buf)
        while n >= 0 and (cursor.boot, cursor.seq) <= target:
            covered += 1
            covered_bytes += FRAME + n
            n = self.read(cursor, self._buf)
        found.left -= covered
        found.left_bytes -= covered_bytes

    def oldest(self, boot, seq):
        """(boot, seq) of the oldest record above the watermark, or the given next one if there is none."""
        cursor = self.cursor()
        return (cursor.boot, cursor.seq) if self.read(cursor, self._buf) >= 0 else (boot, seq)

    def close(self):
        """Keep the watermark and close the files."""
        self.save()
        self.close_files()

    def close_files(self):
        """Close the files; the next call opens what it needs."""
        self._close_reader()
        self._close_writer()

    def _path(self, number):
        return segment.path_of(self._folder, number)

    def _file(self, number):
        if self._read_number != number:
            self._close_reader()
            self._read_file = open(self._path(number), "rb")
            self._read_number = number
        return self._read_file

    def _close_reader(self):
        self._read_number = -1
        if self._read_file is not None:
            self._read_file.close()
            self._read_file = None

    def _close_writer(self):
        if self._write_file is not None:
            self._write_file.close()
            self._write_file = None
