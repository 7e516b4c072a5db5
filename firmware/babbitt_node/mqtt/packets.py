"""MQTT 3.1.1 on the byte level: what a client sends all the time, and the parts of every packet. Pure. How a
connection begins is in `hello`, what a client receives is read by `decoder`.

    n = encode_publish(buf, b"a/b", b"21.5", 1, False, False, packet_id)     # buf[:n] goes to the network

An encoder writes into the caller's buffer and returns the length; it raises NodeError `too_large` when the
packet does not fit and `bad_message` when the packet would break the standard. Text may be str (encoded as
UTF-8) or bytes.

Source: OASIS, MQTT Version 3.1.1 (2014); numbers in brackets are its conformance statements or sections.
"""

from ..errors import NodeError
from ..hal.compile import const
from ..wire import text_bytes, utf8_end

_MAX_REMAINING = const(268435455)  # [2.2.3]
PUBLISH_HEAD = const(128)  # bytes in front of a payload are enough for the head with a topic of 119 bytes


def text_field(value, what):
    """A text of the protocol as bytes. Raises NodeError too_large, bad_message (no UTF-8)."""
    value = text_bytes(value, what)
    if len(value) > 65535:
        raise NodeError("too_large", "%s of %d bytes; MQTT allows 65,535" % (what, len(value)))
    bad = utf8_end(value, 0, len(value))
    if bad != len(value):
        raise NodeError("bad_message", "%s: byte %d is no UTF-8 text" % (what, bad))
    return value


def topic_name(value, what):
    """The name of a topic as bytes. Raises NodeError too_large, bad_message (empty, a wildcard)."""
    value = text_field(value, what)
    if not value or b"+" in value or b"#" in value:
        raise NodeError("bad_message", "%s %s: empty or with a wildcard" % (what, value))  # [MQTT-3.3.2-2]
    return value


def check_id(packet_id):
    """Raises NodeError bad_message for what is no packet id."""
    if not 1 <= packet_id <= 65535:
        raise NodeError("bad_message", "packet id %d is outside 1..65535" % packet_id)


def check_qos(qos, highest):
    """Raises NodeError bad_message for a QoS that is not in 0..highest."""
    if not 0 <= qos <= highest:
        raise NodeError("bad_message", "QoS %d is outside 0..%d" % (qos, highest))


def header(buf, first, remaining, at=0):
    """Write the fixed header if the whole packet fits behind `at`; returns where the rest goes."""
    size = 1 + (1 if remaining < 128 else 2 if remaining < 16384 else 3 if remaining < 2097152 else 4)
    if remaining > _MAX_REMAINING or at + size + remaining > len(buf):
        room = len(buf) - at
        raise NodeError("too_large", "a packet of %d bytes in a buffer of %d" % (size + remaining, room))
    buf[at] = first
    at += 1
    while remaining >= 128:
        buf[at] = remaining & 127 | 128
        remaining >>= 7
        at += 1
    buf[at] = remaining
    return at + 1


def put16(buf, at, value):
    """Write 16 bits; returns the offset behind them."""
    buf[at] = value >> 8
    buf[at + 1] = value & 255
    return at + 2


def put(buf, at, data):
    """Write bytes; returns the offset behind them."""
    end = at + len(data)
    buf[at:end] = data
    return end


def put_field(buf, at, data):
    """Write a length of 16 bits and the bytes; returns the offset behind them."""
    return put(buf, put16(buf, at, len(data)), data)


def encode_publish(buf, topic, payload, qos=0, retain=False, dup=False, packet_id=0):
    """PUBLISH. payload: bytes, bytearray or memoryview; packet_id 1..65535 for QoS 1 and 2.

    The payload may lie in `buf` (a memoryview then) at or behind PUBLISH_HEAD; it is moved to its place.
    Returns the length.
    """
    topic = topic_name(topic, "topic")
    check_qos(qos, 2)
    if qos:
        check_id(packet_id)
    elif dup:
        raise NodeError("bad_message", "DUP on QoS 0")  # [MQTT-3.3.1-2]
    first = 0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    at = header(buf, first, 2 + len(topic) + (2 if qos else 0) + len(payload))
    at = put_field(buf, at, topic)
    if qos:
        at = put16(buf, at, packet_id)
    return put(buf, at, payload)


def encode_puback(buf, packet_id, at=0):
    """PUBACK at buf[at:]. Returns its end, which is the length for at = 0."""
    check_id(packet_id)
    return put16(buf, header(buf, 0x40, 2, at), packet_id)


def encode_pingreq(buf):
    """PINGREQ. Returns the length, 2."""
    return header(buf, 0xC0, 0)


def encode_disconnect(buf):
    """DISCONNECT. Returns the length, 2."""
    return header(buf, 0xE0, 0)
