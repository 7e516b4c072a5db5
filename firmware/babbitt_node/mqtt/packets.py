"""MQTT 3.1.1 on the byte level: what a client sends. Pure; what it receives is read by `decoder`.

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


def _text(value, what):
    value = text_bytes(value, what)
    if len(value) > 65535:
        raise NodeError("too_large", "%s of %d bytes; MQTT allows 65,535" % (what, len(value)))
    bad = utf8_end(value, 0, len(value))
    if bad != len(value):
        raise NodeError("bad_message", "%s: byte %d is no UTF-8 text" % (what, bad))
    return value


def _topic_name(value, what):
    value = _text(value, what)
    if not value or b"+" in value or b"#" in value:
        raise NodeError("bad_message", "%s %s: empty or with a wildcard" % (what, value))  # [MQTT-3.3.2-2]
    return value


def _topic_filter(value):
    value = _text(value, "topic filter")
    levels = value.split(b"/")
    for k, level in enumerate(levels):
        many = b"#" in level and (level != b"#" or k != len(levels) - 1)  # [MQTT-4.7.1-2]
        one = b"+" in level and level != b"+"  # [MQTT-4.7.1-3]
        if many or one:
            raise NodeError("bad_message", "topic filter %s: misplaced wildcard" % value)
    if not value:
        raise NodeError("bad_message", "topic filter: empty")
    return value


def _check_id(packet_id):
    if not 1 <= packet_id <= 65535:
        raise NodeError("bad_message", "packet id %d is outside 1..65535" % packet_id)


def _check_qos(qos, highest):
    if not 0 <= qos <= highest:
        raise NodeError("bad_message", "QoS %d is outside 0..%d" % (qos, highest))


def _header(buf, first, remaining, at=0):
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


def _put16(buf, at, value):
    buf[at] = value >> 8
    buf[at + 1] = value & 255
    return at + 2


def _put(buf, at, data):
    end = at + len(data)
    buf[at:end] = data
    return end


def _put_field(buf, at, data):
    return _put(buf, _put16(buf, at, len(data)), data)


def encode_connect(buf, client_id, keepalive_s, clean_session=False, user=None, password=None, will=None):
    """CONNECT. will: (topic, payload, qos, retain) or None. Returns the length."""
    client_id = _text(client_id, "client id")
    if not client_id and not clean_session:
        raise NodeError("bad_message", "an empty client id needs a clean session")  # [MQTT-3.1.3-7]
    if not 0 <= keepalive_s <= 65535:
        raise NodeError("bad_message", "keep-alive of %d s is outside 0..65535" % keepalive_s)
    flags = 2 if clean_session else 0
    remaining = 12 + len(client_id)
    if will is not None:
        topic, payload, qos, retain = will
        topic = _topic_name(topic, "topic of the will")
        if len(payload) > 65535:
            raise NodeError("too_large", "a will of %d bytes; MQTT allows 65,535" % len(payload))
        _check_qos(qos, 2)
        flags |= 4 | qos << 3 | (32 if retain else 0)
        remaining += 4 + len(topic) + len(payload)
    if user is not None:
        user = _text(user, "user")
        flags |= 128
        remaining += 2 + len(user)
    if password is not None:
        if user is None:
            raise NodeError("bad_message", "a password needs a user")  # [MQTT-3.1.2-22]
        password = password.encode() if isinstance(password, str) else password
        if len(password) > 65535:
            raise NodeError("too_large", "a password of %d bytes; MQTT allows 65,535" % len(password))
        flags |= 64
        remaining += 2 + len(password)
    at = _put(buf, _header(buf, 0x10, remaining), b"\x00\x04MQTT\x04")
    buf[at] = flags
    at = _put_field(buf, _put16(buf, at + 1, keepalive_s), client_id)
    if will is not None:
        at = _put_field(buf, _put_field(buf, at, topic), payload)
    if user is not None:
        at = _put_field(buf, at, user)
    if password is not None:
        at = _put_field(buf, at, password)
    return at


def encode_publish(buf, topic, payload, qos=0, retain=False, dup=False, packet_id=0):
    """PUBLISH. payload: bytes, bytearray or memoryview; packet_id 1..65535 for QoS 1 and 2.

    The payload may lie in `buf` (a memoryview then) at or behind PUBLISH_HEAD; it is moved to its place.
    Returns the length.
    """
    topic = _topic_name(topic, "topic")
    _check_qos(qos, 2)
    if qos:
        _check_id(packet_id)
    elif dup:
        raise NodeError("bad_message", "DUP on QoS 0")  # [MQTT-3.3.1-2]
    first = 0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    at = _header(buf, first, 2 + len(topic) + (2 if qos else 0) + len(payload))
    at = _put_field(buf, at, topic)
    if qos:
        at = _put16(buf, at, packet_id)
    return _put(buf, at, payload)


def encode_puback(buf, packet_id, at=0):
    """PUBACK at buf[at:]. Returns its end, which is the length for at = 0."""
    _check_id(packet_id)
    return _put16(buf, _header(buf, 0x40, 2, at), packet_id)


def encode_subscribe(buf, packet_id, filters):
    """SUBSCRIBE. filters: one or more (topic filter, qos). Returns the length."""
    _check_id(packet_id)
    filters = [(_topic_filter(topic), qos) for topic, qos in filters]
    if not filters:
        raise NodeError("bad_message", "SUBSCRIBE without a topic filter")  # [MQTT-3.8.3-3]
    remaining = 2
    for topic, qos in filters:
        _check_qos(qos, 2)
        remaining += 3 + len(topic)
    at = _put16(buf, _header(buf, 0x82, remaining), packet_id)
    for topic, qos in filters:
        at = _put_field(buf, at, topic)
        buf[at] = qos
        at += 1
    return at


def encode_unsubscribe(buf, packet_id, filters):
    """UNSUBSCRIBE. filters: one or more topic filters. Returns the length."""
    _check_id(packet_id)
    filters = [_topic_filter(topic) for topic in filters]
    if not filters:
        raise NodeError("bad_message", "UNSUBSCRIBE without a topic filter")  # [MQTT-3.10.3-2]
    remaining = 2
    for topic in filters:
        remaining += 2 + len(topic)
    at = _put16(buf, _header(buf, 0xA2, remaining), packet_id)
    for topic in filters:
        at = _put_field(buf, at, topic)
    return at


def encode_pingreq(buf):
    """PINGREQ. Returns the length, 2."""
    return _header(buf, 0xC0, 0)


def encode_disconnect(buf):
    """DISCONNECT. Returns the length, 2."""
    return _header(buf, 0xE0, 0)
