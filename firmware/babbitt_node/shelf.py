"""The segment files of the spool on flash: found at the start, appended to, rewritten, removed.

The shelf knows bytes and files; what is kept and what goes is decided by `spool.Spool`.
"""

import os

from babbitt_node import segment
from babbitt_node.segment import FRAME, HEADER, MAX_PAYLOAD, ROW


class Segment:
    """What is known of a segment file.

    `first` and `last` are (boot, seq) of its records or None; `rows` of them are rows; `left` records of
    `left_bytes` are above the watermark; `event_bytes` is what would be left without rows.
    """

    def __init__(self, number):
        self.number = number
        self.size = HEADER
        self.first = self.last = None
        self.rows = self.left = self.left_bytes = self.event_bytes = 0

    def count(self, key, what, n, watermark):
        """One more record of `n` bytes, frame included."""
        if self.first is None:
            self.first = key
        self.last = key
        self.rows += what == ROW
        if key > watermark:
            self.left += 1
            self.left_bytes += n
            if what != ROW:
                self.event_bytes += n


class Shelf:
    """The segments in `folder` of installation `install`, written in boot `boot`.

    Attributes: `items` (Segment, oldest first); `edition` grows when offsets in files are no longer valid;
    `corrupt`, `foreign`, `torn` as in `Spool`; `reader` the FrameReader that tells about the last frame.
    """

    def __init__(self, folder, install, boot):
        self._folder = folder
        self._install = install
        self._boot = boot
        self.reader = segment.FrameReader()
        self._out = bytearray(FRAME + MAX_PAYLOAD)
        self.buf = memoryview(self._out)[FRAME:]  # a frame that is read lies where it would be written from
        self._read_file = self._write_file = None
        self._read_number = -1
        self._sound_end = True  # whether the newest segment may be appended to
        self._next_number = 1
        self.items = []
        self.edition = 0
        self.corrupt = self.foreign = 0
        self.torn = False

    def path(self, number):
        """Path of a segment file."""
        return segment.path_of(self._folder, number)

    # ---- start

    def open(self, watermark):
        """Find the segments, throw away those of another installation, cut off torn ends."""
        for number in segment.names(self._folder):
            self._next_number = number + 1
            found, ours, end = self._scan(number, watermark)
            if not ours or found.first is None:
                self.foreign += 0 if ours else found.left
                os.remove(self.path(number))
                continue
            self.items.append(found)
            if end > found.size:
                self.torn = True
                self.rewrite([found], found, True, watermark)

    def _scan(self, number, watermark):
        """(segment, whether it is of this installation, bytes of the file).

        Frames that do not go upwards are left over from an interrupted merge and not counted.
        """
        found = Segment(number)
        header = segment.read_header(self.path(number))
        ours = header is None or header[0] == self._install
        previous = self.items[-1].last if ours and self.items else (0, -1)
        reader = self.reader
        reader.gaps = 0
        with open(self.path(number), "rb") as file:
            end = file.seek(0, 2)
            for n in reader.each(file, HEADER, end, self.buf):
                found.size = reader.at
                key = (reader.boot, reader.seq)
                if key > previous:
                    found.count(key, reader.what, FRAME + n, watermark)
                    previous = key
        if ours:
            self.corrupt += reader.gaps + (header is None and found.first is not None)
        return found, ours, end

    # ---- writing

    def write(self, kind, boot, seq, payload, full):
        """Append a frame to the newest segment, or to a new one if it has `full` bytes; returns the Segment.

        Raises OSError; then the end of the file is not known and the next frame goes to a new one.
        """
        if self._write_file is None or self.items[-1].size >= full:
            self._open_writer(full)
        n = segment.pack_frame(self._out, kind, boot, seq, payload)
        try:
            if self._write_file.write(memoryview(self._out)[:n]) != n:
                raise OSError(28)  # ENOSPC: a short write is a full flash
            self._write_file.flush()
        except OSError:
            self._sound_end = False
            self.close_writer()
            raise
        newest = self.items[-1]
        newest.size += n
        if self._read_number == newest.number:
            self._close_reader()  # an open file of LittleFS does not see what another one appended
        return newest

    def _open_writer(self, full):
        self.close_writer()
        if self._sound_end and self.items and self.items[-1].size < full:
            self._write_file = open(self.path(self.items[-1].number), "ab")  # noqa: SIM115
            return
        made = Segment(self._next_number)
        self._next_number += 1
        self._write_file = open(self.path(made.number), "wb")  # noqa: SIM115
        self._write_file.write(segment.pack_header(self._install, self._boot))
        self._sound_end = True
        self.items.append(made)

    def closed(self):
        """The segments that may be rewritten now: all but the one that is being written."""
        if len(self.items) == 1:
            self.close_writer()
        return self.items if self._write_file is None else self.items[:-1]

    def rewrite(self, sources, target, whole, watermark):
        """Replace segment `target` by the frames of `sources`: all, or only events above the watermark.

        Returns the new Segment, which has the place and the number of the old one.
        """
        made = Segment(target.number)
        temporary = self._folder + "/segment.new"
        reader = self.reader
        with open(temporary, "wb") as out:
            out.write(segment.pack_header(self._install, self._boot))
            for source in sources:
                for n in self.frames(source):
                    key = (reader.boot, reader.seq)
                    if made.last is not None and key <= made.last:
                        continue
                    if whole or (reader.what != ROW and key > watermark):
                        kind = segment.kind_of(reader.what, reader.quality)
                        frame = segment.pack_frame(self._out, kind, key[0], key[1], self.buf[:n])
                        out.write(memoryview(self._out)[:frame])
                        made.size += frame
                        made.count(key, reader.what, frame, watermark)
            out.flush()
        self._close_reader()
        os.rename(temporary, self.path(target.number))
        self.items[self.items.index(target)] = made
        self.edition += 1
        return made

    def remove(self, found):
        """Delete a segment."""
        if self._read_number == found.number:
            self._close_reader()
        os.remove(self.path(found.number))
        self.items.remove(found)

    # ---- reading

    def frames(self, found):
        """Yield the payload's length of every good frame of a segment; `reader` and `buf` hold the frame."""
        with open(self.path(found.number), "rb") as file:
            for n in self.reader.each(file, HEADER, found.size, self.buf):
                yield n

    def file(self, found):
        """A segment open for reading; the same file until another one is asked for."""
        if self._read_number != found.number:
            self._close_reader()
            self._read_file = open(self.path(found.number), "rb")  # noqa: SIM115
            self._read_number = found.number
        return self._read_file

    def close(self):
        """Close the files; the next call opens what it needs."""
        self._close_reader()
        self.close_writer()

    def _close_reader(self):
        self._read_number = -1
        if self._read_file is not None:
            self._read_file.close()
            self._read_file = None

    def close_writer(self):
        """Close the file that is appended to."""
        if self._write_file is not None:
            self._write_file.close()
            self._write_file = None
