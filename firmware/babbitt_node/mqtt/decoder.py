"""MQTT 3.1.1 on the byte level: what a client receives. Pure; the host uses it as well.

    decoder = Decoder(8448)
    for kind in decoder.feed(chunk):                    # chunks of any size, cut anywhere
        if kind == PUBLISH:
            print(decoder.topic, bytes(decoder.payload), decoder.retain)

Source: OASIS, MQTT Version 3.1.1 (2014); numbers in brackets are its conformance statements.
"""

from ..errors import NodeError
from ..hal.compile import const
from ..wire import utf8_end

TOO_LARGE = const(0)  # not a packet type: what the decoder yields for a packet that it had to skip
CONNACK = const(2)
PUBLISH = const(3)
PUBACK = const(4)
SUBACK = const(9)
UNSUBACK = const(11)
PINGRESP = const(13)

CONNACK_TEXT = {
    1: "it does not speak MQTT 3.1.1",
    2: "it rejects the client id",
    3: "it is not available",
    4: "wrong user or password",
    5: "not authorised",
}

_NAMES = {2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 9: "SUBACK", 11: "UNSUBACK", 13: "PINGRESP"}


_KEPT = const(512)  # bytes that are kept for packets; more is taken for the time of a larger one


class Decoder:
    """Packets from a broker out of a stream of bytes, with bodies of at most `size` bytes (at least 16).

    A body of more than 512 bytes takes its room from the heap until the next packet is asked for. When there
    is none it is skipped, as one that is too large.

    Fields, valid until the next packet is asked for:
      CONNACK: session_present, code. PUBLISH: topic (bytes), payload (memoryview into the buffer), qos,
      retain, dup, packet_id (0 for QoS 0). PUBACK, UNSUBACK: packet_id. SUBACK: packet_id, codes (memoryview;
      128 is a refusal).
      TOO_LARGE: a packet whose body is larger than `size` or than the heap was skipped: kind (its type), length (of its body),
      packet_id and for PUBLISH qos and topic, so that it can be acknowledged (packet_id 0, topic b"" when
      even they did not fit).
    """

    def __init__(self, size):
        if size < 16:
            raise NodeError("range", "a decoder needs 16 bytes or more, got %d" % size)
        self._size = size
        self._kept = bytearray(min(size, _KEPT))
        self.reset()

    def reset(self):
        """Forget everything: a new connection begins."""
        self._position = 0  # bytes of the stream so far
        self._start = 0  # where in the stream the current packet began
        self._shift = -1  # -1: a packet begins; 0..21: its length is being read; 28: its body
        self._seen = 0
        self._broken = None
        self.kind = self.length = self.code = self.qos = self.packet_id = 0
        self.session_present = self.retain = self.dup = False
        self._shrink()

    def _shrink(self):
        """Give back what a large packet took."""
        self._buf = self._kept
        self._view = memoryview(self._buf)
        self.topic = b""
        self.payload = self.codes = self._view[:0]

    def feed(self, data):
        """Take a chunk of the stream and yield the kind of every packet that it completes.

        Exhaust the generator before the next chunk is fed. Raises NodeError bad_message, saying what is wrong
        at which byte of the stream; after that every call raises it until `reset`.
        """
        if self._broken is not None:
            raise NodeError("bad_message", self._broken)
        view = memoryview(data)
        at = 0
        end = len(view)
        while at < end:
            if self._shift == 28:
                take = min(end - at, self.length - self._seen)
                keep = min(take, len(self._buf) - self._seen)
                if keep > 0:
                    self._buf[self._seen : self._seen + keep] = view[at : at + keep]
                self._seen += take
                at += take
                self._position += take
            else:
                self._head(view[at])
                at += 1
            if self._shift == 28 and self._seen == self.length:
                self._shift = -1
                yield self._packet()
                if self._buf is not self._kept:
                    self._shrink()

    def _bad(self, what):
        self._broken = "%s at byte %d: %s" % (_NAMES.get(self.kind, "packet"), self._start, what)
        raise NodeError("bad_message", self._broken)

    def _head(self, byte):
        """One byte of the fixed header."""
        if self._shift < 0:
            self._start = self._position
            self._position += 1
            self._shift = 0
            self.length = self._seen = 0
            self.kind = byte >> 4
            if self.kind not in _NAMES:
                self._bad("a broker never sends type %d" % self.kind)
            if self.kind == PUBLISH:
                self.qos = byte >> 1 & 3
                self.retain = bool(byte & 1)
                self.dup = bool(byte & 8)
                if self.qos == 3:
                    self._bad("QoS 3")  # [MQTT-3.3.1-4]
                if self.dup and not self.qos:
                    self._bad("DUP on QoS 0")  # [MQTT-3.3.1-2]
            elif byte & 15:
                self._bad("reserved flags %d" % (byte & 15))  # [MQTT-2.2.2-2]
            return
        self._position += 1
        self.length |= (byte & 127) << self._shift
        if byte & 128:
            self._shift += 7
            if self._shift == 28:
                self._bad("the length is longer than four bytes")
            return
        self._shift = 28
        kind = self.kind
        if kind == PUBLISH:
            if self.length < (5 if self.qos else 3):
                self._bad("a body of %d bytes has no room for a topic" % self.length)
        elif kind == SUBACK:
            if self.length < 3:
                self._bad("a body of %d bytes has no return code" % self.length)
        elif self.length != (0 if kind == PINGRESP else 2):
            self._bad("a body of %d bytes" % self.length)
        if len(self._buf) < self.length <= self._size:
            try:
                self._buf = bytearray(self.length)
                self._view = memoryview(self._buf)
            except MemoryError:
                pass  # there is a way for packets without room: they are skipped, acknowledged and counted

    def _packet(self):
        """Look into a complete body; returns the kind to yield."""
        buf = self._buf
        kind = self.kind
        whole = self.length <= len(buf)
        if kind == PUBLISH:
            self._publish(whole)
        elif kind == CONNACK:
            if buf[0] & 0xFE or buf[1] > 5 or (buf[0] and buf[1]):
                self._bad("flags %d with code %d" % (buf[0], buf[1]))  # [MQTT-3.2.2-4]
            self.session_present = bool(buf[0])
            self.code = buf[1]
        elif kind != PINGRESP:
            self._packet_id(0)
            if kind == SUBACK:
                self.codes = self._view[2 : min(self.length, len(buf))]
                for code in self.codes:
                    if code > 2 and code != 128:
                        self._bad("return code %d" % code)  # [MQTT-3.9.3-2]
        return kind if whole else TOO_LARGE

    def _publish(self, whole):
        buf = self._buf
        end = 2 + (buf[0] << 8 | buf[1])
        body = end + 2 if self.qos else end
        if body > self.length:
            self._bad("a topic of %d bytes in a body of %d" % (end - 2, self.length))
        self.packet_id = 0
        self.topic = b""
        self.payload = self._view[:0]
        if body > len(buf):
            return
        if end == 2:
            self._bad("empty topic")  # [MQTT-4.7.3-1]
        bad = utf8_end(buf, 2, end)
        if bad != end:
            self._bad("byte %d of the topic is no UTF-8 text" % (bad - 2))  # [MQTT-1.5.3-1]
        self.topic = bytes(self._view[2:end])
        if b"+" in self.topic or b"#" in self.topic:
            self._bad("a wildcard in the topic")  # [MQTT-3.3.2-2]
        if self.qos:
            self._packet_id(end)
        if whole:
            self.payload = self._view[body : self.length]

    def _packet_id(self, at):
        self.packet_id = self._buf[at] << 8 | self._buf[at + 1]
        if not self.packet_id:
            self._bad("packet id 0")  # [MQTT-2.3.1-1]
