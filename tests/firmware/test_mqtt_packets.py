"""MQTT 3.1.1 byte by byte: the vectors of the standard, and a refusal for everything it forbids."""

from helpers import MICROPYTHON, Random, node_error

from babbitt_node.mqtt.decoder import (
    CONNACK,
    PINGRESP,
    PUBACK,
    PUBLISH,
    SUBACK,
    TOO_LARGE,
    UNSUBACK,
    Decoder,
)
from babbitt_node.mqtt.hello import encode_connect, encode_subscribe, encode_unsubscribe
from babbitt_node.mqtt.packets import (
    PUBLISH_HEAD,
    encode_disconnect,
    encode_pingreq,
    encode_puback,
    encode_publish,
)


def encoded(encode, *args, **kwargs):
    buf = bytearray(8300)
    return bytes(buf[: encode(buf, *args, **kwargs)])


def read(data, size=64, chunk=None):
    """What a decoder makes of `data` in chunks of `chunk` bytes."""
    decoder = Decoder(size)
    seen = []
    chunk = chunk or len(data) or 1
    for at in range(0, len(data), chunk):
        for kind in decoder.feed(data[at : at + chunk]):
            d = decoder
            if kind == CONNACK:
                seen.append((kind, d.session_present, d.code))
            elif kind == PUBLISH:
                seen.append((kind, d.topic, bytes(d.payload), d.qos, d.retain, d.dup, d.packet_id))
            elif kind == SUBACK:
                seen.append((kind, d.packet_id, bytes(d.codes)))
            elif kind == TOO_LARGE:
                seen.append((kind, d.kind, d.length, d.topic, d.qos, d.packet_id))
            elif kind == PINGRESP:
                seen.append((kind,))
            else:
                seen.append((kind, d.packet_id))
    return seen


def refused(data, what, size=64):
    for chunk in (1, 2, len(data)):
        detail = node_error("bad_message", read, data, size, chunk).detail
        assert what in detail, detail


def test_connect_as_in_the_standard():
    packet = encoded(encode_connect, "node", 30)
    assert packet == b"\x10\x10\x00\x04MQTT\x04\x00\x00\x1e\x00\x04node"
    packet = encoded(encode_connect, b"n", 300, True, "u", b"p", ("a/b", b'{"online":false}', 1, True))
    assert packet == (
        b"\x10\x2a\x00\x04MQTT\x04\xee\x01\x2c\x00\x01n"
        b'\x00\x03a/b\x00\x10{"online":false}\x00\x01u\x00\x01p'
    )  # fmt: skip


def test_publish_as_in_the_standard():
    assert encoded(encode_publish, "a/b", b"") == b"\x30\x05\x00\x03a/b"
    assert encoded(encode_publish, b"a/b", b"xy", 1, True, True, 0x1234) == b"\x3b\x09\x00\x03a/b\x12\x34xy"
    for size, header in ((124, b"\x7f"), (125, b"\x80\x01"), (8192, b"\x83\x40")):
        packet = encoded(encode_publish, "a", memoryview(bytearray(size)), 0)
        assert packet[1 : 1 + len(header)] == header and len(packet) == 1 + len(header) + 3 + size


def test_the_small_packets():
    assert encoded(encode_puback, 258) == b"\x40\x02\x01\x02"
    two = encoded(encode_subscribe, 1, (("a/+", 1), ("#", 0)))
    assert two == b"\x82\x0c\x00\x01\x00\x03a/+\x01\x00\x01#\x00"
    assert encoded(encode_unsubscribe, 2, ("a/b",)) == b"\xa2\x07\x00\x02\x00\x03a/b"
    assert encoded(encode_pingreq) == b"\xc0\x00"
    assert encoded(encode_disconnect) == b"\xe0\x00"
    buf = bytearray(8)
    assert encode_puback(buf, 2, encode_puback(buf, 1)) == 8
    assert bytes(buf) == b"\x40\x02\x00\x01\x40\x02\x00\x02"


def test_an_encoder_never_writes_beyond_the_buffer():
    calls = (
        (encode_connect, ("node", 30, False, "user", "secret", ("t", b"gone", 1, True))),
        (encode_publish, ("a/b", b"0123456789", 1, False, False, 7)),
        (encode_subscribe, (1, (("a/b", 1),))),
        (encode_unsubscribe, (1, ("a/b",))),
        (encode_puback, (1,)),
        (encode_pingreq, ()),
    )
    for encode, args in calls:
        full = encoded(encode, *args)
        exact = bytearray(len(full))
        assert encode(exact, *args) == len(full) and bytes(exact) == full
        for room in range(len(full)):
            node_error("too_large", encode, bytearray(room), *args)


def test_an_encoder_refuses_what_the_standard_forbids():
    buf = bytearray(100)
    for topic in ("", "a/+", "#", "a\x00", b"\xff", b"\xed\xa0\x80"):
        node_error("bad_message", encode_publish, buf, topic, b"")
    for bad in ("", "a#", "a/#/b", "a+/b", "+a", "##", b"\xff"):
        node_error("bad_message", encode_subscribe, buf, 1, ((bad, 0),))
        node_error("bad_message", encode_unsubscribe, buf, 1, (bad,))
    node_error("bad_message", encode_publish, buf, "a", b"", 3)
    node_error("bad_message", encode_publish, buf, "a", b"", 0, False, True)
    for packet_id in (0, 65536, -1):
        node_error("bad_message", encode_publish, buf, "a", b"", 1, False, False, packet_id)
        node_error("bad_message", encode_puback, buf, packet_id)
        node_error("bad_message", encode_subscribe, buf, packet_id, (("a", 0),))
    node_error("bad_message", encode_subscribe, buf, 1, ())
    node_error("bad_message", encode_subscribe, buf, 1, (("a", 3),))
    node_error("bad_message", encode_unsubscribe, buf, 1, ())
    node_error("bad_message", encode_connect, buf, "", 30)
    node_error("bad_message", encode_connect, buf, "n", 65536)
    node_error("bad_message", encode_connect, buf, "n", 30, False, None, "secret")
    node_error("bad_message", encode_connect, buf, "n", 30, False, None, None, ("a/#", b"", 0, False))
    node_error("bad_message", encode_connect, buf, "n", 30, False, None, None, ("a", b"", 3, False))


STREAM = (
    b"\x20\x02\x01\x00" b"\x30\x05\x00\x03a/b" b"\x90\x04\x00\x09\x01\x80" b"\xd0\x00" b"\x40\x02\xff\xff"
    b"\x3b\x08\x00\x03a/b\x00\x01z" b"\xb0\x02\x00\x02" b"\x31\x03\x00\x01b"
)  # fmt: skip
PACKETS = [
    (CONNACK, True, 0), (PUBLISH, b"a/b", b"", 0, False, False, 0), (SUBACK, 9, b"\x01\x80"), (PINGRESP,),
    (PUBACK, 65535), (PUBLISH, b"a/b", b"z", 1, True, True, 1), (UNSUBACK, 2),
    (PUBLISH, b"b", b"", 0, True, False, 0),
]  # fmt: skip


def test_a_stream_reads_the_same_however_it_is_cut():
    for chunk in range(1, len(STREAM) + 1):
        assert read(STREAM, 16, chunk) == PACKETS, chunk


def test_what_was_encoded_decodes_at_random_cuts():
    random = Random(3)
    buf = bytearray(600)
    stream = b""
    expected = []
    for n in range(12):
        payload = bytes([random.between(0, 255) for _ in range(random.between(0, 200))])
        qos = random.between(0, 2)
        size = encode_publish(buf, "t/%d" % n, payload, qos, n % 2 == 0, False, n + 1)
        stream += bytes(buf[:size])
        expected.append((PUBLISH, b"t/%d" % n, payload, qos, n % 2 == 0, False, n + 1 if qos else 0))
    for chunk in (1, 7, random.between(8, 400), len(stream)):
        assert read(stream, 512, chunk) == expected


def test_connack_codes():
    for code in range(6):
        assert read(b"\x20\x02\x00" + bytes([code])) == [(CONNACK, False, code)]
    refused(b"\x20\x02\x00\x06", "code 6")
    refused(b"\x20\x02\x02\x00", "flags 2")
    refused(b"\x20\x02\x01\x05", "flags 1 with code 5")


def test_what_a_broker_must_not_send_is_refused():
    for kind in (0, 1, 5, 6, 7, 8, 10, 12, 14, 15):
        refused(bytes([kind << 4]) + b"\x00\x00", "type %d" % kind)
    for first in (0x21, 0x42, 0x98, 0xB4, 0xD1):
        refused(bytes([first]) + b"\x02\x00\x01", "reserved flags")
    refused(b"\x36\x05\x00\x01a\x00\x01", "QoS 3")
    refused(b"\x38\x03\x00\x01a", "DUP")
    refused(b"\x32\x05\x00\x01a\x00\x00", "packet id 0")
    for first in (0x40, 0xB0):
        refused(bytes([first]) + b"\x02\x00\x00", "packet id 0")
    refused(b"\x90\x03\x00\x00\x00", "packet id 0")
    refused(b"\x90\x03\x00\x01\x03", "return code 3")
    refused(b"\x90\x02\x00\x01", "no return code")
    for packet in (b"\x20\x03\x00\x00\x00", b"\x40\x01\x00", b"\xb0\x03\x00\x01\x00", b"\xd0\x01\x00"):
        refused(packet, "a body of")
    refused(b"\x30\x80\x80\x80\x80\x01", "four bytes")
    refused(b"\x30\x02\x00\x00", "no room")
    refused(b"\x30\x04\x00\x09ab", "topic of 9 bytes")
    refused(b"\x30\x03\x00\x00a", "empty topic")
    refused(b"\x32\x06\x00\x03abc\x01", "topic of 3 bytes")
    for topic in (b"a+", b"#", b"a/#"):
        refused(b"\x30" + bytes([2 + len(topic), 0, len(topic)]) + topic, "wildcard")
    for topic in (b"\xc3", b"a\x00", b"\xed\xa0\x80", b"\xf8\x88\x80\x80"):
        refused(b"\x30" + bytes([2 + len(topic), 0, len(topic)]) + topic, "UTF-8")


def test_an_error_says_where_and_stays_until_reset():
    decoder = Decoder(64)
    bad = decoder.feed(b"\xd0\x00\x40\x02\x00\x01\xd1\x00")
    assert "at byte 6" in node_error("bad_message", list, bad).detail
    assert "at byte 6" in node_error("bad_message", list, decoder.feed(b"\xd0\x00")).detail
    decoder.reset()
    assert list(decoder.feed(b"\xd0\x00")) == [PINGRESP]


def test_a_packet_larger_than_the_buffer_is_skipped_and_can_be_acknowledged():
    buf = bytearray(300)
    big = bytes(buf[: encode_publish(buf, "a/b", b"x" * 200, 1, False, False, 77)])
    after = b"\x40\x02\x00\x05"
    for chunk in (1, 16, 500):
        assert read(big + after, 16, chunk) == [(TOO_LARGE, PUBLISH, 207, b"a/b", 1, 77), (PUBACK, 5)]
    long_topic = bytes(buf[: encode_publish(buf, "t" * 100, b"", 1, False, False, 77)])
    assert read(long_topic + after, 16) == [(TOO_LARGE, PUBLISH, 104, b"", 1, 0), (PUBACK, 5)]
    codes = b"\x90\x22\x00\x03" + b"\x01" * 32
    assert read(codes + after, 16)[1:] == [(PUBACK, 5)]
    exact = bytes(buf[: encode_publish(buf, "a", b"x" * 61, 0)])
    assert read(exact, 64)[0][2] == b"x" * 61
    assert read(exact, 63)[0][:3] == (TOO_LARGE, PUBLISH, 64)


def test_a_length_of_four_bytes_is_read():
    decoder = Decoder(16)
    assert list(decoder.feed(b"\x30\xff\xff\xff\x7f\x00\x01a")) == []
    assert decoder.length == 268435455


def test_a_decoder_without_a_buffer_is_refused():
    node_error("range", Decoder, 15)


def test_a_payload_that_lies_in_the_buffer_is_moved_to_its_place():
    room = memoryview(bytearray(PUBLISH_HEAD + 300))
    for topic, size in (("a", 0), ("a", 1), ("t" * 119, 300), ("babbitt/1/hall/press-7/data", 200)):
        payload = bytes(i * 7 & 255 for i in range(size))
        room[PUBLISH_HEAD : PUBLISH_HEAD + size] = payload
        n = encode_publish(room, topic, room[PUBLISH_HEAD : PUBLISH_HEAD + size], 1, True, False, 5)
        assert bytes(room[:n]) == encoded(encode_publish, topic, payload, 1, True, False, 5)


def test_a_large_packet_takes_room_only_while_it_is_read():
    big = encoded(encode_publish, "a/b", b"x" * 8000, 1, False, False, 77)
    decoder = Decoder(8448)
    kept = len(decoder._buf)
    for chunk in (big[:3000], big[3000:]):
        for kind in decoder.feed(chunk):
            assert kind == PUBLISH and len(decoder.payload) == 8000 and decoder.payload[7999] == 120
    assert kept == len(decoder._buf) == 512 and len(decoder.payload) == 0
    list(decoder.feed(big[:3000]))
    decoder.reset()
    assert len(decoder._buf) == 512
    assert list(decoder.feed(b"\xd0\x00")) == [PINGRESP]


def test_a_packet_without_room_on_the_heap_is_skipped_and_can_be_acknowledged():
    if not MICROPYTHON:
        return  # there is always room on a PC
    decoder = Decoder(1 << 22)
    head = b"\x32\x83\x80\x40\x00\x01a\x00\x05"  # PUBLISH of 1 MiB, QoS 1, packet id 5
    assert list(decoder.feed(head)) == []
    zeros = bytearray(4096)
    left = decoder.length - 5
    while left:
        found = list(decoder.feed(memoryview(zeros)[: min(left, 4096)]))
        left -= min(left, 4096)
    assert found == [TOO_LARGE]
    assert (decoder.kind, decoder.topic, decoder.packet_id) == (PUBLISH, b"a", 5)
