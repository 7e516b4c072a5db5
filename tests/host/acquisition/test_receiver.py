"""The host's own receiver: packets against the node's codec, and its behaviour against brokers, real and hostile."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodesim import Wire, until

from babbitt.acquisition import receiver as receiver_module
from babbitt.acquisition.address import BrokerAddress, Tls
from babbitt.acquisition.batch import Batch, Raw
from babbitt.acquisition.broker import EmbeddedBroker
from babbitt.acquisition.receiver import Receiver
from babbitt.acquisition.stream import LONGEST, Stream
from babbitt.errors import BrokerError
from babbitt_node.errors import NodeError
from babbitt_node.mqtt import decoder as codec
from babbitt_node.mqtt.packets import encode_publish

TOPIC = st.from_regex(r"[a-z0-9/]{1,40}", fullmatch=True)


def packet(topic: str, payload: bytes, qos: int, packet_id: int) -> bytes:
    buf = bytearray(len(topic) + len(payload) + 16)
    return bytes(buf[: encode_publish(buf, topic.encode(), payload, qos, False, False, packet_id)])


def by_codec(data: bytes) -> tuple[list[Raw], list[int], bool]:
    """Messages, other packets, and whether it ended in an error, by the node's codec."""
    messages: list[Raw] = []
    others: list[int] = []
    decoder = codec.Decoder(9000)
    try:
        for kind in decoder.feed(data):
            if kind == codec.PUBLISH:
                messages.append((bytes(decoder.topic), bytes(decoder.payload), decoder.packet_id))
            else:
                others.append(kind)
    except NodeError:
        return messages, others, True
    return messages, others, False


def by_stream(pieces: list[bytes]) -> tuple[list[Raw], list[int], bool]:
    messages: list[Raw] = []
    others: list[int] = []
    stream = Stream()
    try:
        for piece in pieces:
            others += [packet.kind for packet in stream.feed(piece, messages)]
    except BrokerError:
        return messages, others, True
    return messages, others, False


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(TOPIC, st.binary(max_size=300), st.integers(0, 1), st.integers(1, 65535)).map(
                lambda one: packet(*one)
            ),
            st.sampled_from([b"\xd0\x00", b"\x40\x02\x00\x07", b"\x90\x03\x00\x01\x01", b"\x20\x02\x00\x00"]),
        ),
        max_size=12,
    ),
    st.lists(st.integers(0, 4000), max_size=12),
)
def test_any_stream_cut_anywhere_is_read_as_by_the_codec_of_the_node(
    packets: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(packets)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert by_stream(pieces) == by_codec(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), TOPIC, st.binary(max_size=50), st.integers(0, 60), st.integers(0, 255))
def test_what_is_not_mqtt_ends_in_an_error_and_nothing_else(
    junk: bytes, topic: str, payload: bytes, at: int, byte: int
) -> None:
    by_stream([junk])
    broken = bytearray(packet(topic, payload, 1, 5))
    if at < len(broken):
        broken[at] = byte
    messages, _, failed = by_stream([bytes(broken)])
    # Where the codec finds a fault of the framing, so do we; what a topic says is for the ingest to judge.
    sound, _, codec_failed = by_codec(bytes(broken))
    # QoS 2 is never asked for: the codec reads it, the host takes it for the fault it is.
    if not codec_failed and len(sound) == 1 and broken[0] & 6 != 4:
        assert (messages, failed) == (sound, False)


def test_a_packet_much_too_long_is_cut_and_the_next_ones_are_whole() -> None:
    long, good = packet("a/b", b"x" * 300_000, 1, 9), packet("c", b"y", 1, 10)
    data = long + good
    messages, others, failed = by_stream([data[n : n + 10_000] for n in range(0, len(data), 10_000)])
    assert (others, failed) == ([], False)
    assert [(topic, packet_id) for topic, _, packet_id in messages] == [(b"a/b", 9), (b"c", 10)]
    assert LONGEST <= len(messages[0][1]) < 90_000


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    one = EmbeddedBroker()
    one.start()
    yield one
    one.stop()


def listening(address: BrokerAddress, name: str = "host") -> Receiver:
    one = Receiver(address, name)
    one.start()
    until(lambda: one.listening)
    return one


def taken(one: Receiver, count: int) -> list[Batch]:
    """Batches with so many messages in all."""
    batches: list[Batch] = []
    end = time.monotonic() + 20
    while sum(len(batch.messages) for batch in batches) < count:
        assert time.monotonic() < end
        if (batch := one.take(0.2)) is not None and batch.messages:
            batches.append(batch)
    return batches


def test_what_is_not_acknowledged_comes_again(mosquitto_port: int) -> None:
    address = BrokerAddress("127.0.0.1", mosquitto_port)
    first = listening(address)
    wire = Wire(mosquitto_port, "n1")
    for n in range(5):
        wire.send("data", b"%d" % n)
    batches = taken(first, 5)
    first.ack(Batch(batches[0].messages[:1], batches[0].connection))
    time.sleep(0.3)
    first.stop()
    second = listening(address)
    again = [payload for batch in taken(second, 4) for _, payload, _ in batch.messages]
    assert again == [payload for batch in batches for _, payload, _ in batch.messages][1:]
    # Identifiers of the old connection acknowledge nothing on the new one.
    second.ack(Batch(batches[0].messages, batches[0].connection - 1))
    second.stop()
    third = listening(address)
    assert len([m for batch in taken(third, 4) for m in batch.messages]) == 4
    third.stop()
    wire.close()


def test_reading_stops_while_nobody_takes(mosquitto_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_module, "PENDING", 200)
    one = listening(BrokerAddress("127.0.0.1", mosquitto_port))
    wire = Wire(mosquitto_port, "n1")
    payload = b"x" * 4000
    for _ in range(3000):
        wire._client.publish(wire.root + "data", payload, 1)
    until(lambda: one.waiting >= 200)
    time.sleep(1.0)
    waiting = one.waiting
    assert waiting < 1000, "what was in the socket's buffer and no more"
    time.sleep(0.5)
    assert one.waiting == waiting
    got = 0
    while got < 3000:
        batch = one.take(5.0)
        assert batch is not None
        got += len(batch.messages)
        one.ack(batch)
    one.stop()
    wire.close()


def test_it_connects_again_by_itself(broker: EmbeddedBroker) -> None:
    one = listening(BrokerAddress("127.0.0.1", broker.port))
    before = one.connections
    assert broker._process is not None
    broker._process.kill()
    until(lambda: one.connections > before and one.listening)
    one.stop()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"\x20\x02\x00\x05", "not authorised"),
        (b"\x20\x02\x00\x04", "wrong user or password"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100, "does not speak MQTT"),
        (b"\x20\x02\x00\x00\x90\x09\x00\x01" + b"\x80" * 7, "does not allow the host to subscribe"),
        (b"\x20\x02\x00\x00\x32\xff\xff\xff\xff\x7f", "longer than four bytes"),
    ],
)
def test_a_broker_that_refuses_or_is_none_is_named_and_tried_again(answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        seen: list[int] = []

        def serve() -> None:
            for _ in range(2):
                peer, _ = server.accept()
                peer.recv(4096)
                seen.append(1)
                peer.sendall(answer)
                time.sleep(0.2)
                peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        one = Receiver(BrokerAddress("127.0.0.1", server.getsockname()[1], None, "me", "secret"), "host")
        one.start()
        until(lambda: len(seen) == 2)
        thread.join()
        assert said in one.trouble
        assert "secret" not in one.trouble + repr(one.address)
        one.stop()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere", "no address of a broker"),
        ("http://a:1", "no address of a broker"),
        ("a:99999", "no address of a broker"),
    ],
)
def test_addresses_that_are_none(text: str, said: str) -> None:
    with pytest.raises(BrokerError, match=said):
        BrokerAddress.parse(text)


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nonsense")
    secret = tmp_path / "password"
    secret.write_text("two\nlines\n")
    with pytest.raises(BrokerError, match="is not there"):
        Tls(tmp_path / "none.pem").context()
    with pytest.raises(BrokerError, match="no certificate of an authority"):
        Tls(wrong).context()
    with pytest.raises(BrokerError, match="no certificate with its key"):
        Tls(None, wrong, wrong).context()
    with pytest.raises(BrokerError, match="only line"):
        BrokerAddress.parse("a:1", user="me", password_file=secret)
    with pytest.raises(BrokerError, match="without TLS"):
        BrokerAddress.parse("mqtt://a:1", ca=wrong)
    with pytest.raises(BrokerError, match="without a user"):
        BrokerAddress.parse("a:1", password_file=secret)
