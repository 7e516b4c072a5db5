"""The segment files of the spool on flash: appended to, read, removed. (Found at the start and rewritten:
`upkeep.py`.)

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

    Attributes: `items` (Segment, oldest first); `next_number` of the next one; `edition` grows when offsets in
    files are no longer valid; `reader` the FrameReader that tells about the last frame; `out` the buffer of a
    frame, of which `buf` is the payload.
    """

    def __init__(self, folder, install, boot):
        self.folder = folder
        self.install = install
        self.boot = boot
        self.reader = segment.FrameReader()
        self.out = bytearray(FRAME + MAX_PAYLOAD)
        self.buf = memoryview(self.out)[FRAME:]  # a frame that is read lies where it would be written from
        self._read_file = self._write_file = None
        self._read_number = -1
        self._sound_end = True  # whether the newest segment may be appended to
        self.next_number = 1
        self.items = []
        self.edition = 0

    def path(self, number):
        """Path of a segment file."""
        return segment.path_of(self.folder, number)

    # ---- writing

    def write(self, frames, full):
        """Append the bytes of frames to the newest segment, or to a new one if it has `full` bytes; returns the Segment.

        Raises OSError; then the end of the file is not known and the next frame goes to a new one.
        """
        n = len(frames)
        try:
            if self._write_file is None or self.items[-1].size >= full:
                self._open_writer(full)
            if self._write_file.write(frames) != n:
                raise OSError(28)  # ENOSPC: a short write is a full flash
            self._write_file.flush()
        except OSError:
            self._sound_end = False
            self.close_writer()
            raise
        newest = self.items[-1]
        newest.size += n
        if self._read_number == newest.number:
            self.close_reader()  # an open file of LittleFS does not see what another one appended
        return newest

    def _open_writer(self, full):
        self.close_writer()
        if self._sound_end and self.items and self.items[-1].size < full:
            self._write_file = open(self.path(self.items[-1].number), "ab")  # noqa: SIM115
            return
        made = Segment(self.next_number)
        self.next_number += 1
        self._write_file = open(self.path(made.number), "wb")  # noqa: SIM115
        self._write_file.write(segment.pack_header(self.install, self.boot))
        self._sound_end = True
        self.items.append(made)

    def closed(self):
        """The segments that may be rewritten now: all but the one that is being written."""
        if len(self.items) == 1:
            self.close_writer()
        return self.items if self._write_file is None else self.items[:-1]

    def remove(self, found):
        """Delete a segment."""
        if self._read_number == found.number:
            self.close_reader()
        self.delete(found.number)
        self.items.remove(found)

    def delete(self, number):
        """Delete the file of a segment that is not among the items."""
        os.remove(self.path(number))

    # ---- reading

    def file(self, found):
        """A segment open for reading; the same file until another one is asked for."""
        if self._read_number != found.number:
            self.close_reader()
            self._read_file = open(self.path(found.number), "rb")  # noqa: SIM115
            self._read_number = found.number
        return self._read_file

    def close(self):
        """Close the files; the next call opens what it needs."""
        self.close_reader()
        self.close_writer()

    def close_reader(self):
        """Close the file that is read."""
        self._read_number = -1
        if self._read_file is not None:
            self._read_file.close()
            self._read_file = None

    def close_writer(self):
        """Close the file that is appended to."""
        file, self._write_file = self._write_file, None  # closing a file of a full flash fails, too
        if file is not None:
            file.close()
