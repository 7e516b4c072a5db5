"""Rows and events as the bytes of the wire, numbered and written to the spool before anything else happens to
them.

    recorder = Recorder(spool, clock, "9f3a01bc", 3)
    recorder.row([152340, None, ...])
    recorder.event("vib.x.high", "vib.x.rms", "N", "H", 1, 1523400, 1500000, 30, {"n": 3})
    recorder.next                    # first unused seq of this boot

A row is `[u,t,recipe,values...]`, an event the whole object, as in docs/protocol.md.
"""

from babbitt_node.segment import EVENT, MAX_PAYLOAD, ROW, kind_of
from babbitt_node.wire import Writer


def encode_row(out, u, t, values, recipe=0):
    """Write a row. out: Writer. u, t: ms, t may be None. values: ints or None. Raises NodeError too_large."""
    out.raw(b"[").int(u).raw(b",").value(t).raw(b",").int(recipe)
    for value in values:
        out.raw(b",").value(value)
    out.raw(b"]")


def encode_event(
    out, install, boot, seq, u, t, q, check, channel, came_from, to, severity, value, limit, held_s, evidence
):
    """Write an event. channel: id or None. value, limit: int or None. evidence: {name: int}. Raises
    NodeError too_large.
    """
    out.raw(b'{"i":"').raw(install.encode()).raw(b'","boot":').int(boot).raw(b',"seq":').int(seq)
    out.raw(b',"u":').int(u).raw(b',"t":').value(t).raw(b',"q":').int(q)
    out.raw(b',"check":').str(check).raw(b',"ch":')
    if channel is None:
        out.null()
    else:
        out.str(channel)
    out.raw(b',"from":').str(came_from).raw(b',"to":').str(to).raw(b',"sev":').int(severity)
    out.raw(b',"value":').value(value).raw(b',"limit":').value(limit).raw(b',"for":').int(held_s).raw(
        b',"ev":{'
    )
    for at, name in enumerate(sorted(evidence)):
        if at:
            out.raw(b",")
        out.str(name).raw(b":").int(evidence[name])
    out.raw(b"}}")


class Recorder:
    """Numbers records and appends them to the spool. `next` is the first unused seq; `u`, `t` are the times
    of the newest record.
    """

    def __init__(self, spool, clock, install, boot):
        self._spool = spool
        self._clock = clock
        self._install = install
        self._boot = boot
        self._out = Writer(spool.shelf.buf)  # where a frame is read, which never is at the same time
        self.next = 0

    def row(self, values, recipe=0, u=None):
        """Append a row with the time of now, of recipe 0..255. u: what the checks go by, if that was taken already: whoever
        judges the row again must count the same ms. Raises NodeError too_large, spool_full; then no number is used.
        """
        clock = self._clock
        if u is None:
            u = clock.u()
        t = clock.t()
        while True:
            encode_row(self._out.reset(), u, t, values, recipe)
            if self._ready():
                break
        self._append(ROW, clock.q)

    def event(self, check, channel, came_from, to, severity, value, limit, held_s, evidence):
        """Append an event with the time of now. Raises as `row`."""
        clock = self._clock
        u, t, q = clock.u(), clock.t(), clock.q
        while True:
            encode_event(
                self._out.reset(),
                self._install,
                self._boot,
                self.next,
                u,
                t,
                q,
                check,
                channel,
                came_from,
                to,
                severity,
                value,
                limit,
                held_s,
                evidence,
            )
            if self._ready():
                break
        self._append(EVENT, q)

    def _ready(self):
        """Whether the spool takes what was written. If not it has made room, for which it may have used the buffer: write again."""
        if self._spool.fits(self._out.length):
            return True
        self._spool.flush()
        return False

    def _append(self, what, q):
        self._spool.append(kind_of(what, q), self._boot, self.next, self._out.view())
        self.next += 1


class Batch:
    """The longest `data` message that starts behind a cursor, built in the buffer of a Writer.

    buf: bytearray or memoryview of 2048..4096 bytes: a batch ends where no record of MAX_PAYLOAD bytes would
    fit any more. After `build`: `what` is ROW (publish on `data`), EVENT (on `event`) or 0 (nothing to send);
    the message is `out.view()`; `first`, `last` (boot, seq); `count` records.
    """

    ROWS = 32

    def __init__(self, buf, install):
        self._buf = memoryview(buf)
        self.out = Writer(self._buf)
        self._install = install
        self.what = self.count = 0
        self.first = self.last = (0, -1)

    def build(self, spool, cursor, probe, most):
        """Take at most `most` records behind `cursor`, which moves behind them. probe: a second Cursor to
        look ahead with.
        """
        out = self.out.reset()
        self.what = self.count = 0
        quality = -1
        while self.count < min(most, self.ROWS):
            probe.set(cursor)
            # Read to where it belongs, behind the place of a head or a comma: the payload is copied once.
            at = out.length + (1 if self.count else 128)
            if at + MAX_PAYLOAD + 2 > len(self._buf):
                break
            n = spool.read(probe, self._buf[at:])
            if n < 0:
                break
            key = (probe.boot, probe.seq)
            if self.count == 0:
                self.first = key
                if probe.what == EVENT:
                    out.raw(self._buf[at : at + n])
                    cursor.set(probe)
                    self.what, self.count, self.last = EVENT, 1, key
                    return
                quality = probe.quality
                self._head(key, quality)
                out.raw(self._buf[at : at + n])
            else:
                follows = key[0] == self.last[0] and key[1] == self.last[1] + 1
                if probe.what != ROW or not follows or probe.quality != quality:
                    break
                out.raw(b",").raw(self._buf[at : at + n])
            cursor.set(probe)
            self.what, self.last = ROW, key
            self.count += 1
        if self.what == ROW:
            out.raw(b"]}")

    def _head(self, key, quality):
        out = self.out
        out.raw(b'{"i":"').raw(self._install.encode()).raw(b'","boot":').int(key[0]).raw(b',"seq":').int(
            key[1]
        )
        out.raw(b',"q":').int(quality).raw(b',"rows":[')
