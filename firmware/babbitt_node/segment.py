"""The bytes of the spool: segment files made of frames that prove themselves.

A segment is a header and frames. Every frame carries its own magic, length and CRC-32, so that a reader finds
the torn end of a file that lost power in mid-write, and the next good frame behind damaged bytes.

    header  20 bytes  "BSP1", installation (8 hexadecimal digits), boot u32, CRC-32 of the 16 bytes before it
    frame   18 bytes  magic u16, kind u8, 0 u8, length u16, boot u32, seq u32, CRC-32 u32 over kind..seq and
    payload; then the payload

All little-endian. `kind` is ROW or EVENT, with the clock quality of the record in its upper four bits.
"""

import os
import struct
from binascii import crc32

from babbitt_node.hal.compile import const

ROW = const(1)
EVENT = const(2)
HEADER = const(20)
FRAME = const(18)
MAX_PAYLOAD = const(1024)

_MAGIC = const(0xABB5)
_FRAME = "<HBBHIII"
_HEADER = "<4s8sI"
_NAME = b"BSP1"


def kind_of(what, quality):
    """The kind byte of a ROW or EVENT taken at a clock quality 0..15."""
    return what | quality << 4


def pack_header(install, boot):
    """The header of a new segment as bytes. install: str of 8 hexadecimal digits."""
    head = struct.pack(_HEADER, _NAME, install.encode(), boot)
    return head + struct.pack("<I", crc32(head))


def read_header(path):
    """(installation, boot) of a segment file, or None when the header is missing or damaged."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEADER)
    except OSError:
        return None
    if len(head) < HEADER or struct.unpack("<I", head[16:])[0] != crc32(head[:16]):
        return None
    name, install, boot = struct.unpack(_HEADER, head[:16])
    return (install.decode(), boot) if name == _NAME else None


def pack_frame(out, kind, boot, seq, payload, at=0):
    """Write a frame into `out` (bytearray) from `at` on; returns its length, FRAME + len(payload)."""
    n = len(payload)
    struct.pack_into(_FRAME, out, at, _MAGIC, kind, 0, n, boot, seq, 0)
    view = memoryview(out)
    begin = at + FRAME
    view[begin : begin + n] = payload
    struct.pack_into("<I", out, at + 14, crc32(view[begin : begin + n], crc32(view[at + 2 : at + 14])))
    return FRAME + n


class FrameReader:
    """Reads frames at given offsets. The fields tell about the frame read last: `what` (ROW, EVENT),
    `quality`, `boot`, `seq`.
    """

    def __init__(self):
        self._head = bytearray(FRAME)
        self.what = self.quality = self.boot = self.seq = 0
        self.at = self.gaps = 0

    def read(self, file, at, buf):
        """Read the frame at offset `at` of an open file into `buf` (at least MAX_PAYLOAD bytes).

        Returns the length of the payload, or -1 when no good frame starts there.
        """
        head = self._head
        file.seek(at)
        if file.readinto(head) != FRAME:
            return -1
        magic, kind, _, n, boot, seq, check = struct.unpack(_FRAME, head)
        if magic != _MAGIC or n > MAX_PAYLOAD:
            return -1
        payload = memoryview(buf)[:n]
        if file.readinto(payload) != n or crc32(payload, crc32(memoryview(head)[2:14])) != check:
            return -1
        self.what = kind & 15
        self.quality = kind >> 4
        self.boot = boot
        self.seq = seq
        return n

    def each(self, file, at, end, buf):
        """Yield the length of every good frame between two offsets; `at` is the offset behind it, `gaps`
        counts damaged places.
        """
        while at < end:
            n = self.read(file, at, buf)
            if n < 0:
                at = self._find(file, at + 1, end, buf)
                if at < 0:
                    return
                self.gaps += 1
                continue
            at += FRAME + n
            self.at = at
            yield n

    def _find(self, file, at, end, buf):
        """Offset of the first good frame from `at` on, or -1."""
        chunk = bytearray(128)
        while at + FRAME <= end:
            file.seek(at)
            got = file.readinto(chunk)
            for i in range(got - 1):
                if chunk[i] == 0xB5 and chunk[i + 1] == 0xAB and self.read(file, at + i, buf) >= 0:
                    return at + i
            if got < 2:
                break
            at += got - 1
        return -1


def names(folder):
    """Numbers of the segment files in a folder, oldest first. Makes the folder if it is not there."""
    try:
        found = os.listdir(folder)
    except OSError:
        os.mkdir(folder)
        found = []
    return sorted(int(name[:8]) for name in found if name.endswith(".seg") and len(name) == 12)


def path_of(folder, number):
    """Path of a segment file."""
    return "%s/%08d.seg" % (folder, number)


def write_whole(path, data):
    """Replace a small file so that a power cut leaves either the old or the new one. data: bytes."""
    with open(path + ".new", "wb") as file:
        file.write(data)
        file.flush()
    replace(path + ".new", path)


def replace(new, path):
    """Put a finished file in the place of another one."""
    os.rename(new, path)
