"""The line between a virtual board and its world: strictly one question, one answer, over two pipes.

The board asks; it never has to listen. A question is 28 bytes, little-endian (`REQUEST`):

    op u8, fmt u8, n u16, index u32, rate_mhz u32, now_us u64, t_us u64

`now_us` is the board's virtual time, microseconds since the start of the world. An answer is its length as
u32 and so many bytes.

| op | question | answer |
|---|---|---|
| PARAMS | how shall I be | JSON, see `VirtualBoard` |
| ACCEL | `n` samples from `index` of the burst begun at `t_us`, rate `rate_mhz`, stage `fmt` | n x 3 int16 |
| TEMPERATURE | of device `fmt` at `t_us` | int32, milli-degrees C |
| SAMPLES | `n` samples from `index` of the burst of device `fmt` begun at `t_us`, rate `rate_mhz` | n x 3 int32, micro-g |
| MEASURE | quantity `n` of QUANTITIES of device `fmt` at `t_us` | int64 millionths, int64 time of the next change (-1: not known) |
| NEWS | anything newer than version `index` | JSON, or nothing |
| READY | the firmware starts; the shim took `index` bytes of the heap | nothing |
| RESET | reset me, cause `n`, after a sleep of `index` ms; the calendar is `t_us` ahead of `now_us` | none: the process is ended |
| MEMORY | `fmt` 1: what is in the RTC memory; 0: put the `n` bytes there that follow the question | the memory; nothing follows a writing |

A sleep before a RESET ends early at a shock of `rate_mhz` counts of 1/256 g; 0: it is not watched.
A device is its number in `devices` of PARAMS.
`fmt` of ACCEL are the low four bits of the ADXL345's DATA_FORMAT (range, full resolution) and `LSB_ZERO`.
The link of a board runs on MicroPython and on CPython; the world's end is `babbitt_tools.vboard.world`.
"""

import struct

REQUEST = "<BBHIIQQ"
REQUEST_SIZE = 28
REPLY = "<I"
REPLY_SIZE = 4

PARAMS = 1
ACCEL = 2
TEMPERATURE = 3
NEWS = 4
READY = 5
RESET = 6
MEMORY = 7
SAMPLES = 8
MEASURE = 9

QUANTITIES = ("temperature", "humidity", "current", "voltage", "contact", "speed")
"""In degrees C, % RH, mA, V, 0 or 1 (closed), r/min."""

LSB_ZERO = 0x80


def _nothing(key):
    """Stands for `micropython.kbd_intr` where nobody can press a key."""


class Link:
    """The board's end.

    Args: `reader`, `writer`: unbuffered binary files of the two pipes. `console`: a Ctrl-C may come, which must not tear
    a question from its answer: it waits until the answer is there.
    Raises SystemExit when the world is gone: a board without a world has nothing to run for.
    """

    def __init__(self, reader, writer, console=False):
        self._interrupt = _nothing
        if console:
            import micropython

            self._interrupt = micropython.kbd_intr
        self._reader = reader
        self._writer = writer
        self._request = bytearray(REQUEST_SIZE)
        self._length = bytearray(REPLY_SIZE)

    def tell(self, op, now_us, fmt=0, n=0, index=0, rate_mhz=0, t_us=0):
        """Send a question that has no answer."""
        struct.pack_into(REQUEST, self._request, 0, op, fmt, n, index, rate_mhz, now_us, t_us)
        try:
            self._writer.write(self._request)
        except OSError:
            raise SystemExit(0)

    def give(self, op, now_us, data):
        """Send a question that has no answer, and `data` behind it."""
        self.tell(op, now_us, 0, len(data))
        self._writer.write(data)

    def ask(self, op, now_us, fmt=0, n=0, index=0, rate_mhz=0, t_us=0):
        """Send a question, return the answer as bytes."""
        self._interrupt(-1)
        try:
            self.tell(op, now_us, fmt, n, index, rate_mhz, t_us)
            answer = bytearray(self._answer_length())
            self._fill(memoryview(answer))
        finally:
            self._interrupt(3)
        return answer

    def ask_into(self, view, op, now_us, fmt=0, n=0, index=0, rate_mhz=0, t_us=0):
        """Send a question, put the answer into `view`, a memoryview of exactly its length."""
        self._interrupt(-1)
        try:
            self.tell(op, now_us, fmt, n, index, rate_mhz, t_us)
            if self._answer_length() != len(view):
                raise SystemExit("the world answered with another length than asked for")
            self._fill(view)
        finally:
            self._interrupt(3)

    def _answer_length(self):
        self._fill(memoryview(self._length))
        return struct.unpack(REPLY, self._length)[0]

    def _fill(self, view):
        while len(view):
            try:
                count = self._reader.readinto(view)
            except OSError:
                count = 0
            if not count:
                raise SystemExit(0)
            view = view[count:]
