"""Does the broker owe an answer? Told from the fixed headers of the MQTT packets that pass a socket.

Method: MQTT 3.1.1, section 2.2. Only the first byte of a packet and its remaining length are looked at.

A connection that begins with a TLS handshake cannot be read here. On MicroPython `watch_tls` looks at it before it is
sealed; where nobody does (CPython), it owes an answer as long as it is open: the network keeps its real time.
"""

HANDSHAKE = (
    0x16  # the first byte of a TLS connection, RFC 8446 section 5.1; no MQTT packet of a client begins so
)
CONNECTING = 1  # one answer is owed from connect() until CONNACK


class _Headers:
    """Walks over a byte stream from packet to packet; calls `found(first_byte)` for each."""

    def __init__(self, found):
        self._found = found
        self._first = -1  # of the packet whose length is being read
        self._shift = 0
        self._skip = 0

    def feed(self, data, count):
        """Look at the first `count` bytes of `data`."""
        at = 0
        while at < count:
            if self._first < 0:
                if self._skip:
                    step = min(self._skip, count - at)
                    self._skip -= step
                    at += step
                    continue
                self._first = data[at]
                self._shift = 0
            else:
                byte = data[at]
                self._skip |= (byte & 0x7F) << self._shift
                self._shift += 7
                if byte < 0x80:
                    first = self._first
                    self._first = -1
                    self._found(first)
            at += 1


class Tracker:
    """One connection. `owe(delta)` is told how the number of owed answers changes."""

    def __init__(self, owe):
        self._owe = owe
        self.owed = 0
        self._out = self._in = None
        self._new = False

    def connecting(self):
        """connect() was called."""
        self.close()
        self._out = _Headers(self._sent)
        self._in = _Headers(self._received)
        self._new = True
        self._add(CONNECTING)

    def sent(self, data, count):
        """The first `count` bytes of `data` were sent."""
        if self._new and count:
            self._new = False
            if data[0] == HANDSHAKE:
                self._out = self._in = None
        if self._out is not None:
            self._out.feed(data, count)

    def received(self, data, count):
        """The first `count` bytes of `data` were received; 0: the other side closed."""
        if not count:
            self.close()
        elif self._in is not None:
            self._in.feed(data, count)

    def close(self):
        """The connection is gone: nothing is owed any more."""
        self._add(-self.owed)
        self._out = self._in = None

    def _sent(self, first):
        kind = first >> 4
        if kind in (8, 10, 12) or (
            kind == 3 and first & 6
        ):  # SUBSCRIBE, UNSUBSCRIBE, PINGREQ, PUBLISH QoS > 0
            self._add(1)

    def _received(self, first):
        if (
            first >> 4 in (2, 4, 7, 9, 11, 13) and self.owed
        ):  # CONNACK, PUBACK, PUBCOMP, SUBACK, UNSUBACK, PINGRESP
            self._add(-1)

    def _add(self, delta):
        if delta:
            self.owed += delta
            self._owe(delta)
