"""The codec against random bytes, against itself, and against paho-mqtt's own encoder."""

from __future__ import annotations

import itertools
import socket
import threading

import paho.mqtt.client as paho
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from babbitt_node.errors import NodeError
from babbitt_node.mqtt.decoder import PUBLISH, Decoder
from babbitt_node.mqtt.hello import encode_connect, encode_subscribe, encode_unsubscribe
from babbitt_node.mqtt.packets import encode_disconnect, encode_pingreq, encode_puback, encode_publish

FEW = settings(max_examples=200, deadline=None)
TOPIC = st.text(min_size=1, max_size=40).filter(lambda t: not set(t) & set("+#\0"))
LIKELY = st.sampled_from(
    [b"\x20\x02", b"\x30", b"\x32\x08\x00\x03a/b", b"\x40\x02\x00\x01", b"\x90\x03", b"\xd0\x00"]
)
STREAM = st.lists(st.one_of(LIKELY, st.binary(max_size=12)), max_size=12).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(at)]


def outcome(data: bytes, cuts: list[int]) -> list[object]:
    """Everything a decoder says about the data, its refusal included."""
    decoder = Decoder(32)
    seen: list[object] = []
    try:
        for piece in pieces(data, cuts):
            seen.extend(
                (kind, decoder.kind, decoder.topic, bytes(decoder.payload), decoder.packet_id)
                for kind in decoder.feed(piece)
            )
    except NodeError as error:
        seen.append((error.name, error.detail))
    return seen


@FEW
@given(STREAM, st.lists(st.integers(0, 200), max_size=8))
@example(b"\x32\x05\x00\x01a\x00\x00", [1])
def test_random_bytes_raise_nothing_but_bad_message_wherever_they_are_cut(data, cuts):
    whole = outcome(data, [])
    assert outcome(data, cuts) == whole
    assert outcome(data, list(range(len(data)))) == whole
    assert all(isinstance(s, tuple) and (len(s) == 5 or s[0] == "bad_message") for s in whole)


@FEW
@given(
    TOPIC, st.binary(max_size=300), st.integers(0, 2), st.booleans(), st.booleans(), st.integers(1, 65535),
    st.lists(st.integers(0, 400), max_size=5),
)  # fmt: skip
def test_what_is_encoded_is_decoded(topic, payload, qos, retain, dup, packet_id, cuts):
    dup = dup and qos > 0
    buf = bytearray(1000)
    size = encode_publish(buf, topic, memoryview(payload), qos, retain, dup, packet_id)
    decoder = Decoder(600)
    kinds = [kind for piece in pieces(bytes(buf[:size]), cuts) for kind in decoder.feed(piece)]
    assert kinds == [PUBLISH]
    assert decoder.topic.decode() == topic
    assert bytes(decoder.payload) == payload
    assert (decoder.qos, decoder.retain, decoder.dup) == (qos, retain, dup)
    assert decoder.packet_id == (packet_id if qos else 0)


@FEW
@given(
    st.text(max_size=20), st.binary(max_size=20), st.integers(-2, 4), st.integers(-2, 65538),
    st.integers(0, 60),
)  # fmt: skip
@example("\ud800", b"", 0, 1, 60)
def test_encoders_raise_nothing_but_node_errors(topic, payload, qos, packet_id, room):
    calls = [
        lambda b: encode_publish(b, topic, payload, qos, False, False, packet_id),
        lambda b: encode_connect(b, topic, packet_id, False, topic, payload, (topic, payload, qos, True)),
        lambda b: encode_subscribe(b, packet_id, [(topic, qos)]),
        lambda b: encode_unsubscribe(b, packet_id, [topic]),
    ]
    for call in calls:
        buf = bytearray(room)
        try:
            assert 2 <= call(buf) <= room
        except NodeError as error:
            assert error.name in ("too_large", "bad_message")


def test_fields_longer_than_their_length_field():
    buf = bytearray(200000)
    long = b"x" * 65536
    for call in (
        lambda: encode_publish(buf, long, b""),
        lambda: encode_connect(buf, "n", 30, will=("a", long, 0, False)),
        lambda: encode_connect(buf, long, 30),
        lambda: encode_connect(buf, "n", 30, user="u", password=long),
    ):
        with pytest.raises(NodeError, match="too_large"):
            call()


class Recorder:
    """The other end of a loopback socket: says CONNACK and PUBACK, and keeps what paho-mqtt sent."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.port = self.listener.getsockname()[1]
        self.data = b""
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        conn, _ = self.listener.accept()
        with conn, self.listener:
            conn.settimeout(10)
            while chunk := conn.recv(65536):
                if not self.data:
                    conn.sendall(b"\x20\x02\x00\x00")
                self.data += chunk


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 5000, 16383, 20000])
def test_the_bytes_are_those_of_paho(size):
    payload = bytes(k * 7 % 256 for k in range(size))
    will = b'{"online":false}'
    recorder = Recorder()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="node-ä", clean_session=False)
    client.username_pw_set("user", "secret €")
    client.will_set("a/state", will, qos=1, retain=True)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", recorder.port, keepalive=33)
    client.loop_start()
    assert connected.wait(10)
    client.publish("a/€", payload, qos=0, retain=True)
    published = client.publish("a/b", payload, qos=1).mid
    subscribed = client.subscribe([("a/+/c", 1), ("#", 0)])[1]
    unsubscribed = client.unsubscribe(["a/b", "c"])[1]
    client.disconnect()
    client.loop_stop()
    recorder.thread.join(10)
    assert not recorder.thread.is_alive()

    ours = b""
    buf = bytearray(30000)
    for encode, args in (
        (encode_connect, ("node-ä", 33, False, "user", "secret €", ("a/state", will, 1, True))),
        (encode_publish, ("a/€", payload, 0, True)),
        (encode_publish, ("a/b", payload, 1, False, False, published)),
        (encode_subscribe, (subscribed, [("a/+/c", 1), ("#", 0)])),
        (encode_unsubscribe, (unsubscribed, ["a/b", "c"])),
        (encode_disconnect, ()),
    ):
        ours += buf[: encode(buf, *args)]
    assert recorder.data == ours


def test_ping_and_puback_are_those_of_the_standard():
    buf = bytearray(4)
    assert bytes(buf[: encode_pingreq(buf)]) == b"\xc0\x00"
    assert bytes(buf[: encode_puback(buf, 0xFFFF)]) == b"\x40\x02\xff\xff"
