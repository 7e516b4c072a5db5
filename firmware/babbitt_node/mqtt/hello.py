"""MQTT 3.1.1 on the byte level: CONNECT, SUBSCRIBE, UNSUBSCRIBE. Pure; the node reaches them by `port.once`, because
they are needed at the beginning of a connection only.

The encoders work as those of `packets`. Source: OASIS, MQTT Version 3.1.1 (2014); numbers in brackets are its
conformance statements.
"""

from ..errors import NodeError
from .packets import check_id, check_qos, header, put, put16, put_field, text_field, topic_name


def _topic_filter(value):
    value = text_field(value, "topic filter")
    levels = value.split(b"/")
    for k, level in enumerate(levels):
        many = b"#" in level and (level != b"#" or k != len(levels) - 1)  # [MQTT-4.7.1-2]
        one = b"+" in level and level != b"+"  # [MQTT-4.7.1-3]
        if many or one:
            raise NodeError("bad_message", "topic filter %s: misplaced wildcard" % value)
    if not value:
        raise NodeError("bad_message", "topic filter: empty")
    return value


def encode_connect(buf, client_id, keepalive_s, clean_session=False, user=None, password=None, will=None):
    """CONNECT. will: (topic, payload, qos, retain) or None. Returns the length."""
    client_id = text_field(client_id, "client id")
    if not client_id and not clean_session:
        raise NodeError("bad_message", "an empty client id needs a clean session")  # [MQTT-3.1.3-7]
    if not 0 <= keepalive_s <= 65535:
        raise NodeError("bad_message", "keep-alive of %d s is outside 0..65535" % keepalive_s)
    flags = 2 if clean_session else 0
    remaining = 12 + len(client_id)
    if will is not None:
        topic, payload, qos, retain = will
        topic = topic_name(topic, "topic of the will")
        if len(payload) > 65535:
            raise NodeError("too_large", "a will of %d bytes; MQTT allows 65,535" % len(payload))
        check_qos(qos, 2)
        flags |= 4 | qos << 3 | (32 if retain else 0)
        remaining += 4 + len(topic) + len(payload)
    if user is not None:
        user = text_field(user, "user")
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
    at = put(buf, header(buf, 0x10, remaining), b"\x00\x04MQTT\x04")
    buf[at] = flags
    at = put_field(buf, put16(buf, at + 1, keepalive_s), client_id)
    if will is not None:
        at = put_field(buf, put_field(buf, at, topic), payload)
    if user is not None:
        at = put_field(buf, at, user)
    if password is not None:
        at = put_field(buf, at, password)
    return at


def encode_subscribe(buf, packet_id, filters):
    """SUBSCRIBE. filters: one or more (topic filter, qos). Returns the length."""
    check_id(packet_id)
    filters = [(_topic_filter(topic), qos) for topic, qos in filters]
    if not filters:
        raise NodeError("bad_message", "SUBSCRIBE without a topic filter")  # [MQTT-3.8.3-3]
    remaining = 2
    for topic, qos in filters:
        check_qos(qos, 2)
        remaining += 3 + len(topic)
    at = put16(buf, header(buf, 0x82, remaining), packet_id)
    for topic, qos in filters:
        at = put_field(buf, at, topic)
        buf[at] = qos
        at += 1
    return at


def encode_unsubscribe(buf, packet_id, filters):
    """UNSUBSCRIBE. filters: one or more topic filters. Returns the length."""
    check_id(packet_id)
    filters = [_topic_filter(topic) for topic in filters]
    if not filters:
        raise NodeError("bad_message", "UNSUBSCRIBE without a topic filter")  # [MQTT-3.10.3-2]
    remaining = 2
    for topic in filters:
        remaining += 2 + len(topic)
    at = put16(buf, header(buf, 0xA2, remaining), packet_id)
    for topic in filters:
        at = put_field(buf, at, topic)
    return at
